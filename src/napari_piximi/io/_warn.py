"""Tell of repairs."""

import warnings
from collections.abc import Sequence

from napari_piximi.errors import PiximiWarning

__all__ = ["listed", "warn"]


def warn(message: str) -> None:
    """Warn the caller of the public function."""
    warnings.warn(message, PiximiWarning, stacklevel=2)


def listed(names: Sequence[str], most: int = 3) -> str:
    """List a few names, and count the rest."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
