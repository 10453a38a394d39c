"""Models that the ``stardist`` package publishes under a name, fetched by the package itself."""

import os
from pathlib import Path

from napari_piximi.errors import DownloadError, SegmentError
from napari_piximi.progress import Progress, silent

__all__ = ["HOST", "REGISTERED", "fetch_registered", "registered_folder"]

REGISTERED = ("2D_versatile_fluo", "2D_versatile_he", "2D_paper_dsb2018", "2D_demo")
"""Names that can stand for a model, with one, three, one and one channel."""
HOST = "github.com"


def registered_folder(name: str) -> Path | None:
    """Return where a published model lies, or will lie; None if the name is none of theirs."""
    if name not in REGISTERED:
        return None
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    folder = home / "models" / "StarDist2D" / name
    places = (folder / name, folder / f"{name}_extracted", folder)
    return next((place for place in places if (place / "config.json").is_file()), places[0])


def fetch_registered(name: str, progress: Progress = silent) -> Path:
    """Let the ``stardist`` package download one of its models. This asks nobody: ask first.

    Parameters
    ----------
    name : str
        Of :data:`REGISTERED`.
    progress : Progress

    Returns
    -------
    Path
        Folder of the model.

    Raises
    ------
    SegmentError
        If there is no such model, or the package is not installed.
    DownloadError
        If the model cannot be had.
    """
    folder = registered_folder(name)
    if folder is None:
        raise SegmentError(f"There is no model {name!r}; there are {', '.join(REGISTERED)}")
    if (folder / "config.json").is_file():
        return folder
    progress(0, 0, f"downloading {name} from {HOST}")
    try:
        from csbdeep.models.pretrained import get_model_folder
        from stardist.models import StarDist2D
    except ImportError as error:
        raise SegmentError(
            f"{name} is fetched by the stardist package, which is not installed; "
            "pip install stardist"
        ) from error
    try:
        return Path(get_model_folder(StarDist2D, name))
    except Exception as error:
        raise DownloadError(f"{name} cannot be fetched from {HOST}: {error}") from error
