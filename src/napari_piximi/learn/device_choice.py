"""What networks are to run on: said before Keras is imported, as it cannot be changed later."""

import os

from napari_piximi.errors import FitError

__all__ = ["DEVICES", "VARIABLE", "choose", "chosen", "hide_gpus"]

DEVICES = ("auto", "cpu", "gpu")
VARIABLE = "NAPARI_PIXIMI_DEVICE"
"""Environment variable with one of :data:`DEVICES`; child processes inherit it."""

HIDING = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}


def choose(device: str) -> None:
    """Choose what networks run on in this process, and in those that it starts.

    Parameters
    ----------
    device : str
        ``"auto"``: a GPU where there is one; ``"cpu"``; or ``"gpu"``, and no network runs
        where there is none.

    Raises
    ------
    FitError
        If it is none of these.
    """
    _check(device)
    os.environ[VARIABLE] = device


def chosen() -> str:
    """Return the choice.

    Raises
    ------
    FitError
        If the environment variable holds something else.
    """
    device = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    _check(device)
    return device


def hide_gpus() -> None:
    """Let no backend of Keras see a GPU, if that is the choice; before they are imported."""
    if chosen() == "cpu":
        os.environ.update(HIDING)


def _check(device: str) -> None:
    if device not in DEVICES:
        raise FitError(f"{device!r} is no device; choose {', '.join(DEVICES)}")
