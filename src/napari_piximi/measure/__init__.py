"""Numbers about things: shape, intensity, texture."""
