"""What napari makes with the first layers of a session, made before them in a thread."""

import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

__all__ = ["use_units", "warm_up"]

NEEDED = (
    "napari.components.histogram",
    "pandas",
    "scipy.ndimage",
    "scipy.spatial",
    "skimage.color.colorconv",
)
"""What napari imports with the first layers."""

_lock = threading.Lock()
_units: object = None


def warm_up() -> None:
    """Import what the first layers need, and make what all layers share; for threads.

    No layer is made here: the units of its first one are defined without a lock, and two
    threads that do so at once fail. So there is another registry of units, which takes the
    place of the one that is not used yet, by :func:`use_units`.
    """
    global _units
    for name in NEEDED:
        import_module(name)
    with suppress(ImportError):  # the dashes of lines, which vispy remembers
        from vispy.visuals.line.dash_atlas import DashAtlas

        DashAtlas()
    with _lock:
        if _units is None and _is_unused():
            from pint import UnitRegistry

            _units = UnitRegistry(on_redefinition="raise")


def use_units() -> None:
    """Let the units that were made ready be those of all layers, if none has any yet.

    To be called in the window's thread, which makes the layers. Reading their definitions
    takes 0.1 s.
    """
    global _units
    ready = _units
    if ready is not None and _is_unused():
        import pint

        untyped: Any = pint
        untyped.set_application_registry(ready)


def _is_unused() -> bool:
    """Tell whether nobody has asked for a unit yet, so that they are not defined."""
    import pint
    from pint.registry import LazyRegistry

    untyped: Any = pint
    return isinstance(untyped.get_application_registry().get(), LazyRegistry)
