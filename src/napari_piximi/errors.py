"""The errors that napari-piximi raises on purpose.

Every leaf also inherits the built-in error that a caller would think of, and every
message names the file, the member or thing, and the value at fault.
"""

from typing import Any

__all__ = [
    "AnnotationFileError",
    "BundleError",
    "Cancelled",
    "DeviceMemoryError",
    "DownloadError",
    "EditError",
    "EngineError",
    "FitError",
    "ImageFileError",
    "ModelFileError",
    "PiximiError",
    "PiximiWarning",
    "RecoveryError",
    "SaveError",
    "SegmentError",
    "WeightsUnavailableError",
]


class PiximiError(Exception):
    """Anything that napari-piximi refuses; its text is fit to be shown to a user."""


class BundleError(PiximiError, ValueError):
    """A project bundle that cannot be read: damaged, hostile, or of an unknown version."""


class ModelFileError(PiximiError, ValueError):
    """A classifier file that cannot be read, or holds what we do not run."""


class ImageFileError(PiximiError, ValueError):
    """An image file that cannot be read, or whose axes are not what was asked for."""


class AnnotationFileError(PiximiError, ValueError):
    """An annotation file that cannot be read, or does not suit the project."""


class RecoveryError(PiximiError, OSError):
    """What was kept against a crash cannot be read or written."""


class SaveError(PiximiError, OSError):
    """A file that could not be written; what was there before is untouched."""


class EditError(PiximiError, ValueError):
    """An edit that the project cannot take, such as a category name used twice."""


class FitError(PiximiError, ValueError):
    """Things, categories or settings on which no classifier can be fitted or used."""


class SegmentError(PiximiError, ValueError):
    """An image, settings or a network with which no objects can be found."""


class DeviceMemoryError(FitError):
    """The memory of the device does not suffice.

    Attributes
    ----------
    batch_size : int or None
        A batch size that it does suffice for.
    """

    def __init__(self, text: str, batch_size: int | None = None) -> None:
        super().__init__(text, batch_size)
        self.batch_size = batch_size

    def __str__(self) -> str:
        return str(self.args[0])


class EngineError(PiximiError, RuntimeError):
    """The process that computes died, or failed for a reason that is not the user's.

    Attributes
    ----------
    kept : object
        What the work had put aside before the process died; None where there is nothing.
    details : str
        Where it failed, for a report of the fault.
    """

    kept: Any = None
    details: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross to another process with everything."""
        return type(self), self.args, {"kept": self.kept, "details": self.details}


class DownloadError(PiximiError, OSError):
    """A file that cannot be fetched from its address, or must not be."""


class WeightsUnavailableError(PiximiError, OSError):
    """Pretrained weights that are neither on this machine nor to be had now."""


class Cancelled(PiximiError):
    """Raised by a progress callback to stop the work that reports to it."""


class PiximiWarning(UserWarning):
    """A repair, or a setting without effect, that the user should know of."""
