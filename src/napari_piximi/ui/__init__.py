"""The docks in napari: the only home of Qt, magicgui and napari."""
