"""The things of a bundle in columns: what reading gathers, and what the index keeps."""

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from napari_piximi.io._document import Attributes, Document
from napari_piximi.io._kinds import Kinds
from napari_piximi.io._warn import listed, warn
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io._zip import Member
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    Channel,
    Image,
    default_channels,
    is_unknown,
)

__all__ = ["Placed", "ThingTable", "read_table", "table_of"]

REQUIRED = ("thing_id", "active_plane", "class_category_id", "classifier_partition", "kind")
REQUIRED_OF_ANNOTATION = ("bbox", "mask", "image_id")
LOOK: dict[str, tuple[int, ...]] = {
    "color": (3,), "range_min": (), "range_max": (), "visible_B": (),
}  # fmt: skip
"""Arrays that tell how channels are shown, and their shape per channel."""

NATIVE = array("I").itemsize == 4 and sys.byteorder == "little"
Channels = tuple[Channel, ...]


class Placed(NamedTuple):
    """Where a thing's pixels were written: their member, stored shape, and shown plane."""

    member: Member
    shape: tuple[int, ...]
    plane: int | None


@dataclass(slots=True)
class ThingTable:
    """One row per thing, in the project's order.

    Attributes
    ----------
    ids, names, kinds, categories, partitions : list of str
    images : list of str
        Id of the image an annotation lies on; empty for an image.
    predicted : list of str
        Category id; empty where nothing is predicted.
    probabilities : list of float
        NaN where not known.
    planes, bit_depths : list of int
    bboxes : list of (min_row, min_col, max_row, max_col)
        Zeros for images.
    runs : list of bytes
        Masks; empty for images.
    arrays : list of StoredArray, Placed or None
        Placed only while writing.
    channels : dict
        Row → channels, of images.
    pixel_sizes : dict
        Row → (z, y, x), of images where it is known.
    """

    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    predicted: list[str] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    planes: list[int] = field(default_factory=list)
    bit_depths: list[int] = field(default_factory=list)
    bboxes: list[tuple[int, ...]] = field(default_factory=list)
    runs: list[bytes] = field(default_factory=list)
    arrays: list[StoredArray | Placed | None] = field(default_factory=list)
    channels: dict[int, Channels] = field(default_factory=dict)
    pixel_sizes: dict[int, tuple[float, ...]] = field(default_factory=dict)


def read_table(document: Document, kinds: Kinds, renamed: Mapping[str, str]) -> ThingTable:
    """Gather the things of a document.

    Raises
    ------
    BundleError
        If a thing, or an attribute of it, is missing or of the wrong form.
    """
    table = ThingTable()
    unknowns = {kind.id: kind.unknown for kind in kinds.values()}
    depthless: list[str] = []
    names = document.texts("project/things", "thing_names")
    if len(set(names)) != len(names):
        raise document.error("project/things/.zattrs", "thing_names should be distinct")
    for name in names:
        path = f"project/things/{name}"
        attributes = document.of(path, *REQUIRED)
        pixels = document.arrays.get(f"{path}/{name}")
        _append(table, document, path, attributes, pixels)
        _append_labels(table, document, path, unknowns, renamed)
        depth = document.attributes.get(f"{path}/{name}", {}).get("bit_depth")
        if depth not in (8, 16, 32, "8", "16"):
            depthless.append(name)
            depth = 8
        table.bit_depths.append(int(depth))
    if depthless:
        warn(f"{document.source.path}: took 8 bits where none are noted: {listed(depthless)}")
    return table


def _append(
    table: ThingTable,
    document: Document,
    path: str,
    attributes: Attributes,
    pixels: StoredArray | None,
) -> None:
    """Append what a thing is, apart from its labels."""
    own = document.own(path)
    row = len(table.ids)
    plane = _integer(document, path, "active_plane", attributes["active_plane"])
    if pixels is not None and (len(pixels.shape) != 4 or 0 in pixels.shape):
        shape = list(pixels.shape)
        raise document.error(path, f"its pixels have the shape {shape}, not (Z, Y, X, C)")
    table.ids.append(_text(document, path, "thing_id", attributes["thing_id"]))
    table.names.append(str(own.get("name", path.removeprefix("project/things/"))))
    table.kinds.append(_text(document, path, "kind", attributes["kind"]))
    table.planes.append(plane)
    if attributes["kind"] == IMAGE_KIND:
        if pixels is None:
            raise document.error(path, "its pixels are missing")
        table.channels[row] = _channels(document, path, pixels.shape[-1])
        if (size := _pixel_size(own.get("pixel_size"))) is not None:
            table.pixel_sizes[row] = size
        bbox, runs, image = (0, 0, 0, 0), b"", ""
    else:
        bbox, runs, image = _annotation(document, path)
        if pixels is not None and own.get("padded") and pixels.shape[0] > plane:
            pixels = pixels.at_plane(plane)
    table.bboxes.append(bbox)
    table.runs.append(runs)
    table.images.append(image)
    table.arrays.append(pixels)


def _annotation(document: Document, path: str) -> tuple[tuple[int, int, int, int], bytes, str]:
    """Return box, mask and image of an annotation."""
    attributes = document.of(path, *REQUIRED_OF_ANNOTATION)
    image = _text(document, path, "image_id", attributes["image_id"])
    try:
        left, top, right, bottom = (int(v) for v in attributes["bbox"])
    except (TypeError, ValueError, OverflowError) as error:
        raise document.error(path, f"bbox {attributes['bbox']!r} is no box") from error
    runs = _runs(attributes["mask"])
    if runs is None:
        raise document.error(path, "its mask should be a list of run lengths")
    return (top, left, bottom, right), runs, image


def _runs(values: object) -> bytes | None:
    """Pack run lengths; None if they are not whole numbers that 32 bits can hold."""
    if not isinstance(values, list):
        return None
    try:
        return array("I", values).tobytes() if NATIVE else masks.from_lengths(values)
    except (TypeError, ValueError, OverflowError):
        return None


def _append_labels(
    table: ThingTable,
    document: Document,
    path: str,
    unknowns: Mapping[str, str],
    renamed: Mapping[str, str],
) -> None:
    """Append category, partition and prediction.

    Piximi shows a prediction as the category of an Inference thing; ours is kept beside the
    user's own category. What we noted is believed only while Piximi's own attributes agree.
    """
    attributes = document.attributes[path]
    category = str(attributes["class_category_id"])
    category = renamed.get(category, category)
    partition = str(attributes["classifier_partition"])
    noted = _noted_labels(document.own(path))
    predicted, probability = "", np.nan
    if noted is not None and category in (noted[0], noted[2]):
        predicted, probability, category, partition = noted
    elif partition == "Inference" and not is_unknown(category):
        predicted = category
        category = unknowns.get(str(attributes["kind"]), category)
    table.categories.append(category)
    table.partitions.append(partition)
    table.predicted.append(predicted)
    table.probabilities.append(probability)


def _noted_labels(own: Attributes) -> tuple[str, float, str, str] | None:
    """Return what we noted: predicted category, probability, own category, partition."""
    match own:
        case {
            "prediction": [str(predicted), (float() | int() | None) as probability],
            "category": str(category),
            "partition": str(partition),
        }:
            chance = np.nan if probability is None else float(probability)
            return predicted, chance, category, partition
        case {"category": str(category), "partition": str(partition)}:
            return "", np.nan, category, partition
    return None


def _pixel_size(noted: object) -> tuple[float, ...] | None:
    if isinstance(noted, list) and len(noted) == 3 and all(isinstance(v, float) for v in noted):
        return tuple(noted)
    return None


def _channels(document: Document, path: str, count: int) -> Channels:
    """Read how an image's channels are shown; the default look where a part is missing."""
    parts: list[list[Any]] = []
    for name, shape in LOOK.items():
        values = document.arrays.get(f"{path}/colors/{name}")
        if values is None or values.shape != (count, *shape):
            return default_channels(count)
        parts.append(values.read().tolist())
    return tuple(
        Channel((rgb[0], rgb[1], rgb[2]), low, high, bool(seen))
        for rgb, low, high, seen in zip(*parts, strict=True)
    )


def _text(document: Document, path: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise document.error(f"{path}/.zattrs", f"{name} is {value!r}, not a text")
    return value


def _integer(document: Document, path: str, name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise document.error(f"{path}/.zattrs", f"{name} is {value!r}, not a whole number")
    return value


def table_of(project: Project, placed: Sequence[Placed]) -> ThingTable:
    """Return the things of a project in columns, with the places their pixels were written to."""
    things = list(project.things.values())
    predictions = [thing.prediction for thing in things]
    images = [(row, thing) for row, thing in enumerate(things) if isinstance(thing, Image)]
    boxes = [thing.bbox if isinstance(thing, Annotation) else (0, 0, 0, 0) for thing in things]
    return ThingTable(
        ids=[thing.id for thing in things],
        names=[thing.name for thing in things],
        kinds=[thing.kind for thing in things],
        categories=[thing.category for thing in things],
        partitions=[str(thing.partition) for thing in things],
        images=[thing.image if isinstance(thing, Annotation) else "" for thing in things],
        predicted=[p.category if p else "" for p in predictions],
        probabilities=[
            np.nan if p is None or p.probability is None else p.probability for p in predictions
        ],
        planes=[thing.plane for thing in things],
        bit_depths=[thing.bit_depth for thing in things],
        bboxes=list(boxes),
        runs=[thing.runs if isinstance(thing, Annotation) else b"" for thing in things],
        arrays=list(placed),
        channels={row: image.channels for row, image in images},
        pixel_sizes={row: image.pixel_size for row, image in images if image.pixel_size},
    )
