"""Annotations from files of their own: Piximi's JSON and COCO's."""

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import orjson

from napari_piximi.errors import AnnotationFileError, EditError
from napari_piximi.io._annotation_file import AnnotationFile
from napari_piximi.io._annotation_merge import merged
from napari_piximi.io._coco import read_coco
from napari_piximi.io._piximi_json import read_piximi
from napari_piximi.io._warn import warn
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress, silent

__all__ = ["annotation_format", "read_annotations"]

Format = Literal["piximi", "coco"]

MAX_BYTES = 1 << 30
MAX_PARSED_BYTES = 12 << 30
MAX_PARSED_TO_TELL = 1 << 20
TABLES = ("images", "categories", "annotations")
BOM = b"\xef\xbb\xbf"
COSTS = {b"[": 96, b"{": 300, b",": 40}
"""Bytes of memory, roughly, that each of these makes of itself when it is parsed."""


def annotation_format(path: str | os.PathLike[str]) -> Format | None:
    """Tell what annotations a file holds, by its content.

    A file above 1 MiB is not parsed, only searched for the names of its members.

    Returns
    -------
    "piximi", "coco" or None
        None for everything else, unreadable files, other JSON and classifiers included.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if not path.is_file() or not 2 < size <= MAX_BYTES:
            return None
        with path.open("rb") as file:
            if not file.read(4096).removeprefix(BOM).lstrip().startswith(b"{"):
                return None
            if size > MAX_PARSED_TO_TELL:
                return _format_at_a_glance(file.fileno())
            file.seek(0)
            return _format_of(orjson.loads(file.read().removeprefix(BOM)))
    except (OSError, ValueError):
        return None


def read_annotations(
    path: str | os.PathLike[str], project: Project, progress: Progress = silent
) -> Project:
    """Add the annotations of a file to a project.

    Parameters
    ----------
    path : path
        Piximi's annotation JSON, of any version, or COCO's with polygons, run lengths
        (compressed or not) or just boxes.
    project : Project
        That has the images. They are found by id (Piximi), else by name, else by the name's
        last part, else by that without its extension; each only where there is no doubt.
    progress : Progress, optional

    Returns
    -------
    Project
        The project itself if nothing was added. Kinds and categories that annotations need
        and the project lacks are created. A COCO category's supercategory is its kind; where
        it has none the kind is ``object``. Annotations partly outside of their image are
        clipped.

    Raises
    ------
    AnnotationFileError
        If the file is missing, too large, neither of the formats, or breaks its rules. The
        message names the file, the member and the value; nothing is added then.

    Warns
    -----
    PiximiWarning
        Once, with how many annotations were left out and why: because of their image (not in
        the project, or of another size), a plane that it does not have, an outline without
        pixels in it, or an id that is there already.
    """
    path = Path(path)
    progress(0, 0, f"Reading {path.name}")
    with without_garbage_collection():
        file = AnnotationFile(str(path), _load(path))
        form = _format_of(file.document)
        if form is None:
            raise AnnotationFileError(
                f"{path}: holds neither Piximi's annotations nor COCO's: it needs the lists "
                f"{', '.join(TABLES)} as one of them writes them"
            )
        read = read_piximi if form == "piximi" else read_coco
        found = read(file, project, progress)
        try:
            result = merged(file, project, found)
        except EditError as error:
            raise AnnotationFileError(f"{path}: {error}") from error
    if file.skipped:
        warn(file.summary(len(file.document["annotations"])))
    return result


def _load(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AnnotationFileError(
                f"{path}: has {size:,} bytes, more than the {MAX_BYTES:,} that can be read at "
                f"once; split it"
            )
        data = path.read_bytes().removeprefix(BOM)
    except OSError as error:
        raise AnnotationFileError(f"{path}: {error.strerror or error}") from error
    parsed = sum(data.count(mark) * cost for mark, cost in COSTS.items())
    if parsed > MAX_PARSED_BYTES:
        raise AnnotationFileError(f"{path}: would take {parsed >> 30} GiB of memory; split it")
    try:
        document = orjson.loads(data)
    except ValueError as error:
        raise AnnotationFileError(f"{path}: is no valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise AnnotationFileError(f"{path}: holds a {type(document).__name__}, not annotations")
    return document


def _format_of(document: object) -> Format | None:
    if not isinstance(document, dict) or "modelTopology" in document:
        return None
    tables = [document.get(name) for name in TABLES]
    images, _, annotations = tables
    if not isinstance(images, list) or not isinstance(annotations, list):
        return None
    first = next((row for row in annotations if isinstance(row, dict)), None)
    if first is not None:
        return _format_of_row(first)
    if annotations or not isinstance(tables[1], list):
        return None
    if "kinds" in document:
        return "piximi"
    named = any(isinstance(row, dict) and "file_name" in row for row in images)
    return "coco" if named or "info" in document else None


def _format_of_row(row: Mapping[str, object]) -> Format | None:
    if "categoryId" in row and ("boundingBox" in row or "mask" in row):
        return "piximi"
    return "coco" if "image_id" in row and ("segmentation" in row or "bbox" in row) else None


def _format_at_a_glance(file: int) -> Format | None:
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as text:

        def has(*names: str) -> bool:
            return all(text.find(f'"{name}"'.encode()) >= 0 for name in names)

        if not has("images", "annotations") or has("modelTopology"):
            return None
        if has("image_id") and (has("segmentation") or has("bbox")):
            return "coco"
        return "piximi" if has("categoryId", "boundingBox", "mask") else None
