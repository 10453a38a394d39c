"""Finding objects in images."""
