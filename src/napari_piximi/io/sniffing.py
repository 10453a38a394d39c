"""Tell by a few reads, never by all of a file, whether it is Piximi's."""

import os
import re
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from napari_piximi.errors import BundleError
from napari_piximi.io._zip import Directory, find_directory, members

__all__ = [
    "classifier_json",
    "looks_like_bundle",
    "looks_like_classifier",
    "looks_like_dicom",
    "looks_like_network",
]

SAMPLE = 1 << 16
"""Bytes that are looked at where a file begins and where it ends."""

LARGEST_JSON = 64 << 20

MANY = 1000
"""So many names in a folder are looked at."""

ROOT = b".zarr/"
PROJECT = b".zarr/project/"
FOREIGN = (b'"multiscales"', b".zarr/zarr.json", b'"bioformats2raw.layout"')
"""What OME-Zarr has in its root, and Piximi never."""

PROJECT_GROUPS = ("things", "kinds", "categories", "images")
WEIGHTS = ".weights.bin"
SHARD = "group1-shard1of"
"""Begins the name of the first file of weights that TensorFlow.js's converter writes."""
TOPOLOGY, MANIFEST = b'"modelTopology"', b'"weightsManifest"'
NETWORK = re.compile(rb'"napariPiximi"\s*:\s*{\s*"segmentation"')


def looks_like_bundle(path: Path) -> bool:
    """Tell whether a file or folder is a project bundle, be it damaged.

    Parameters
    ----------
    path : Path
        A zip; a ``NAME.zarr`` folder, or the folder that one was unzipped to.

    Returns
    -------
    bool
        False for other zips, OME-Zarr among them, and for what cannot be read.
    """
    try:
        if path.is_dir():
            return _is_bundle_folder(path)
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return _is_bundle_zip(file, path)
    except OSError:
        return False


def _is_bundle_zip(file: BinaryIO, path: Path) -> bool:
    try:
        place = find_directory(file, path)
    except BundleError:
        return _was_bundle(_ends(file, 0, file.seek(0, os.SEEK_END)))
    # Every name of a bundle but a handful begins with NAME.zarr/project/things/.
    names = _ends(file, place.offset, place.size)
    return PROJECT in names.replace(b"\\", b"/")


def _was_bundle(sample: bytes) -> bool:
    """Tell whether a damaged zip is worth a word of ours on what is wrong with it."""
    if PROJECT in sample:
        return True
    return sample[:2] == b"PK" and ROOT in sample and not any(word in sample for word in FOREIGN)


def _ends(file: BinaryIO, start: int, size: int) -> bytes:
    """Read the beginning and the end of a stretch of a file."""
    file.seek(start)
    head = file.read(min(size, SAMPLE))
    if size <= SAMPLE:
        return head
    file.seek(max(start + SAMPLE, start + size - SAMPLE))
    return head + b"\n" + file.read(min(size - SAMPLE, SAMPLE))


def _is_bundle_folder(path: Path) -> bool:
    if path.suffix.lower() == ".zarr":
        return _is_root(path)
    with os.scandir(path) as entries:
        inner = [Path(e.path) for e in islice(entries, MANY) if e.name.endswith(".zarr")]
    return len(inner) == 1 and _is_root(inner[0])


def _is_root(folder: Path) -> bool:
    """Tell whether a folder is the root of a bundle: one with a project in it."""
    project = folder / "project"
    if not any((project / name).is_dir() for name in PROJECT_GROUPS):
        return False
    root = folder / ".zattrs"
    return not (root.is_file() and any(word in _sample(root) for word in FOREIGN))


# --- classifiers ---------------------------------------------------------------------------


def looks_like_classifier(path: Path) -> bool:
    """Tell whether a file is a classifier's JSON file, its weights, or a zip of both.

    Segmentation networks also look like it; ask :func:`looks_like_network` first.
    """
    if not path.is_file():
        return False
    if path.suffix.lower() == ".zip":
        return _is_classifier_zip(path)
    return path.name.endswith(WEIGHTS) or classifier_json(path) is not None


def looks_like_network(path: Path) -> bool:
    """Tell whether a file is a segmentation network's JSON file, or its weights."""
    document = classifier_json(path)
    try:
        return document is not None and NETWORK.search(_sample(document)) is not None
    except OSError:
        return False


def classifier_json(path: Path) -> Path | None:
    """Find the JSON file of a classifier; None where a file belongs to no classifier.

    Parameters
    ----------
    path : Path
        That file itself, or a weights file beside it.
    """
    try:
        if not path.is_file():
            return None
        if path.suffix.lower() == ".json":
            return path if _is_model(_sample(path)) else None
        if path.suffix.lower() != ".bin":
            return None
        named = path.with_name(path.name.removesuffix(WEIGHTS) + ".json")
        if path.name.endswith(WEIGHTS) and named.is_file():
            return named
        return _naming(path)
    except OSError:
        return None


def _naming(weights: Path) -> Path | None:
    """Find the JSON file beside a weights file that names it."""
    with os.scandir(weights.parent) as entries:
        beside = [e.name for e in islice(entries, MANY) if e.name.endswith(".json")]
    name = weights.name.encode()
    for candidate in sorted(beside):
        path = weights.with_name(candidate)
        text = _sample(path)
        if _is_model(text) and (name in text or name in _whole(path)):
            return path
    return None


def _whole(path: Path) -> bytes:
    """Read a JSON file in whose middle the weights of a large model are named."""
    return path.read_bytes() if SAMPLE < path.stat().st_size <= LARGEST_JSON else b""


def _is_model(text: bytes) -> bool:
    return text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and (
        TOPOLOGY in text or MANIFEST in text
    )


def _is_classifier_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            place: Directory = find_directory(file, path)
            if place.size > SAMPLE:
                return False
            names = {member.name for member in members(file, path, place)}
    except (OSError, BundleError):
        return False
    if any(n.endswith(WEIGHTS) and n.removesuffix(WEIGHTS) + ".json" in names for n in names):
        return True
    beside = {name.rpartition("/")[0] for name in names if name.endswith(".json")}
    parts = (name.rpartition("/") for name in names)
    return any(folder in beside and file.startswith(SHARD) for folder, _, file in parts)


# --- images --------------------------------------------------------------------------------


def looks_like_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM: its mark at byte 128, or a first tag of group 2 or 8.

    Files without the mark begin with a low element of one of these groups, little endian.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return False
    group, element = start[:2], start[2:4]
    tagged = group in (b"\x02\x00", b"\x08\x00") and element <= b"\x20" and element[1:] == b"\0"
    return start[128:] == b"DICM" or tagged


def _sample(path: Path) -> bytes:
    with path.open("rb") as file:
        return _ends(file, 0, file.seek(0, os.SEEK_END))
