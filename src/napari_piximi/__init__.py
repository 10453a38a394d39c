"""Piximi inside napari: classify, segment and measure microscopy images and objects."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Classifier": "napari_piximi.model.training",
    "Session": "napari_piximi.model.session",
    "Settings": "napari_piximi.model.training",
    "apply_fit": "napari_piximi.learn.classifier",
    "edits": "napari_piximi.model",
    "evaluate": "napari_piximi.learn.classifier",
    "find_objects": "napari_piximi.segment.asking",
    "fit": "napari_piximi.learn.classifier",
    "predict": "napari_piximi.learn.classifier",
    "read_bundle": "napari_piximi.io.bundle",
    "write_bundle": "napari_piximi.io.bundle",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a public name on first use, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    if name == "edits":
        return import_module("napari_piximi.model.edits")
    return getattr(import_module(home), name)
