"""Models that the ``stardist`` package publishes under a name, fetched from where it says."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

from napari_piximi.errors import (
    DownloadError,
    SaveError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.io._replace import replace_files
from napari_piximi.io.download import Downloads
from napari_piximi.progress import Progress, silent

__all__ = ["HOST", "REGISTERED", "fetch_registered", "model_path", "registered_folder"]

REGISTERED = ("2D_versatile_fluo", "2D_versatile_he", "2D_paper_dsb2018", "2D_demo")
"""Names that can stand for a model, with one, three, one and one channel."""
HOST = "github.com"

_FILES = ("weights_best.h5", "thresholds.json", "config.json")
"""What is kept of an archive; the one that tells that a model is here comes last."""
_LARGEST = 2**26


def registered_folder(name: str) -> Path | None:
    """Return where a published model lies, or will lie; None if the name is none of theirs."""
    if name not in REGISTERED:
        return None
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    folder = home / "models" / "StarDist2D" / name
    places = (folder / name, folder / f"{name}_extracted", folder)
    return next((place for place in places if (place / "config.json").is_file()), places[0])


def model_path(own: str) -> Path:
    """Return where a network lies that the user named: by its path, or as a published one."""
    return registered_folder(own) or Path(own).expanduser()


def fetch_registered(name: str, progress: Progress = silent, *, timeout: float = 30.0) -> Path:
    """Download one of the package's models. This asks nobody: ask the user first.

    Address and checksum are those of the package's registry; the model is kept where the
    package looks for it too.

    Parameters
    ----------
    name : str
        Of :data:`REGISTERED`.
    progress : Progress
        Told of bytes; may raise Cancelled.
    timeout : float
        Seconds without a byte after which the server counts as down.

    Returns
    -------
    Path
        Folder of the model.

    Raises
    ------
    SegmentError
        If there is no such model, or the package is not installed.
    WeightsUnavailableError
        If the model cannot be had or kept, or is another than was published; the message names
        the address, and the folder where its files can be put by hand.
    """
    folder = registered_folder(name)
    if folder is None:
        raise SegmentError(f"There is no model {name!r}; there are {', '.join(REGISTERED)}")
    if (folder / "config.json").is_file():
        return folder
    progress(0, 0, f"Looking {name} up in the stardist package")
    address, digest = _published(name)
    try:
        archive = Downloads(timeout, _LARGEST, progress).fetch(address)
        _check(archive, digest, address)
        contents = _unpacked(archive, address)
        folder.mkdir(parents=True, exist_ok=True)
        replace_files({folder / file: data for file, data in contents.items()})
    except (DownloadError, SaveError, OSError) as error:
        raise WeightsUnavailableError(
            f"The StarDist model {name} is not available: {error}. Try again, or unpack {address} "
            f"into {folder}"
        ) from error
    return folder


def _published(name: str) -> tuple[str, str]:
    """Return address and checksum, as the package has them."""
    try:
        from csbdeep.models.pretrained import get_model_details
        from stardist.models import StarDist2D
    except ImportError as error:
        raise SegmentError(
            f"Where {name} lies is known to the stardist package, which is not installed; "
            "pip install stardist"
        ) from error
    found = get_model_details(StarDist2D, name)[2]
    return found["url"], found["hash"]


def _check(archive: bytes, digest: str, address: str) -> None:
    kind = "sha256" if len(digest) == 64 else "md5"
    found = hashlib.new(kind, archive, usedforsecurity=False).hexdigest()
    if found != digest:
        raise DownloadError(f"{address}: is another file ({kind} {found}, not {digest})")


def _unpacked(archive: bytes, address: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            listed = {Path(member.filename).name: member for member in members.infolist()}
            found = {name: listed[name] for name in _FILES if name in listed}
            if sum(member.file_size for member in found.values()) > _LARGEST:
                raise DownloadError(f"{address}: unpacks to more than {_LARGEST} bytes")
            contents = {name: members.read(member) for name, member in found.items()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise DownloadError(f"{address}: is no archive that can be unpacked: {error}") from error
    if not {"config.json", "weights_best.h5"} <= contents.keys():
        raise DownloadError(f"{address}: has no config.json and weights_best.h5")
    return contents
