"""The things of a bundle in columns: what reading gathers, and what the index keeps."""

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, TypeVar

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

DESCRIBED: dict[type, str] = {str: "a text", int: "a whole number", list: "a list"}
LARGEST = 1 << 31
MOST_CHANNELS = 4096
BIT_DEPTHS = {"8", "16", "32"}
LOOK: dict[str, tuple[int, ...]] = {
    "color": (3,), "range_min": (), "range_max": (), "visible_B": (),
}  # fmt: skip
"""Arrays that tell how channels are shown, and their shape per channel."""

NATIVE = array("I").itemsize == 4 and sys.byteorder == "little"
Channels = tuple[Channel, ...]
T = TypeVar("T")


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
    names = document.texts("project/things", "thing_names")
    if len(set(names)) != len(names):
        raise document.error("project/things/.zattrs", "thing_names should be distinct")
    rows = _Rows(document, [f"project/things/{name}" for name in names])
    table = ThingTable(
        ids=rows.column("thing_id", str),
        kinds=rows.column("kind", str),
        categories=[renamed.get(c, c) for c in rows.column("class_category_id", str)],
        partitions=rows.column("classifier_partition", str),
        planes=rows.column("active_plane", int),
        arrays=[document.arrays.get(f"{p}/{n}") for p, n in zip(rows.paths, names, strict=True)],
    )
    owns = [document.own(path) for path in rows.paths]
    table.names = [str(own.get("name", name)) for own, name in zip(owns, names, strict=True)]
    _check_planes(document, rows.paths, table)
    _read_images(document, rows.paths, owns, table)
    _read_annotations(rows, owns, table)
    _read_predictions(table, owns, {kind.id: kind.unknown for kind in kinds.values()})
    table.bit_depths = _bit_depths(document, rows.paths, names)
    return table


class _Rows:
    """The attributes of things, from which one column at a time is taken and checked."""

    def __init__(self, document: Document, paths: list[str]) -> None:
        self.document = document
        self.paths = paths
        self.attributes = [document.of(path) for path in paths]

    def part(self, chosen: Sequence[int]) -> "_Rows":
        """Return only some rows."""
        return _Rows(self.document, [self.paths[row] for row in chosen])

    def column(self, name: str, kind: type[T]) -> list[T]:
        """Return an attribute of every row, all of one type; numbers and texts not empty.

        Raises
        ------
        BundleError
            If a row lacks it, or has another type.
        """
        try:
            values = [attributes[name] for attributes in self.attributes]
        except KeyError:
            for path in self.paths:
                self.document.of(path, name)
            raise
        odd = set(map(type, values)) - {kind}
        if odd or (kind is str and "" in values):
            row = next(i for i, v in enumerate(values) if type(v) is not kind or v == "")
            trouble = f"{name} is {values[row]!r}, not {DESCRIBED[kind]}"
            raise self.document.error(f"{self.paths[row]}/.zattrs", trouble)
        return values


def _check_planes(document: Document, paths: Sequence[str], table: ThingTable) -> None:
    for path, plane, pixels in zip(paths, table.planes, table.arrays, strict=True):
        if not 0 <= plane < LARGEST:
            raise document.error(f"{path}/.zattrs", f"active_plane is {plane}")
        if pixels is not None and (len(pixels.shape) != 4 or 0 in pixels.shape):
            shape = list(pixels.shape)
            raise document.error(path, f"its pixels have the shape {shape}, not (Z, Y, X, C)")
        if pixels is not None and pixels.shape[-1] > MOST_CHANNELS:
            raise document.error(path, f"its pixels have {pixels.shape[-1]} channels, too many")


def _read_images(
    document: Document, paths: Sequence[str], owns: Sequence[Attributes], table: ThingTable
) -> None:
    """Fill in what only images have."""
    for row, kind in enumerate(table.kinds):
        if kind != IMAGE_KIND:
            continue
        pixels = table.arrays[row]
        if pixels is None:
            raise document.error(paths[row], "its pixels are missing")
        table.channels[row] = _channels(document, paths[row], pixels.shape[-1])
        if (size := _pixel_size(owns[row].get("pixel_size"))) is not None:
            table.pixel_sizes[row] = size


def _read_annotations(rows: _Rows, owns: Sequence[Attributes], table: ThingTable) -> None:
    """Fill in what only annotations have."""
    count = len(table.ids)
    table.images, table.runs = [""] * count, [b""] * count
    table.bboxes = [(0, 0, 0, 0)] * count
    chosen = [row for row, kind in enumerate(table.kinds) if kind != IMAGE_KIND]
    annotations = rows.part(chosen)
    columns = zip(
        chosen, annotations.paths, annotations.column("image_id", str),
        annotations.column("bbox", list), annotations.column("mask", list), strict=True,
    )  # fmt: skip
    for row, path, image, bbox, mask in columns:
        table.images[row] = image
        table.bboxes[row] = _bbox(bbox) or _refuse(rows.document, path, f"bbox {bbox} is no box")
        runs = _runs(mask)
        if runs is None:
            _refuse(rows.document, path, "its mask should be a list of run lengths")
        table.runs[row] = runs
        pixels, plane = table.arrays[row], table.planes[row]
        if isinstance(pixels, StoredArray) and owns[row].get("padded"):
            table.arrays[row] = pixels.at_plane(plane) if pixels.shape[0] > plane else pixels


def _refuse(document: Document, path: str, trouble: str) -> NoReturn:
    raise document.error(path, trouble)


def _bbox(values: list[Any]) -> tuple[int, int, int, int] | None:
    """Turn x1, y1, x2, y2 into rows and columns; None if they are no four numbers."""
    try:
        left, top, right, bottom = map(int, values)
    except (TypeError, ValueError, OverflowError):
        return None
    if max(map(abs, (left, top, right, bottom))) >= LARGEST:
        return None
    return top, left, bottom, right


def _bit_depths(document: Document, paths: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return the bit depths; 8, with a warning, where none is noted."""
    noted: list[Any] = [
        document.attributes.get(f"{path}/{name}", {}).get("bit_depth")
        for path, name in zip(paths, names, strict=True)
    ]
    if set(map(str, noted)) <= BIT_DEPTHS:
        return list(map(int, noted))
    odd = [name for name, depth in zip(names, noted, strict=True) if str(depth) not in BIT_DEPTHS]
    warn(f"{document.source.path}: took 8 bits where none are noted: {listed(odd)}")
    return [int(depth) if str(depth) in BIT_DEPTHS else 8 for depth in noted]


def _runs(values: list[Any]) -> bytes | None:
    """Pack run lengths; None if they are not whole numbers that 32 bits can hold."""
    try:
        return array("I", values).tobytes() if NATIVE else masks.from_lengths(values)
    except (TypeError, ValueError, OverflowError):
        return None


def _read_predictions(
    table: ThingTable, owns: Sequence[Attributes], unknowns: Mapping[str, str]
) -> None:
    """Tell predictions from the user's own categories.

    Piximi shows a prediction as the category of an Inference thing; ours is kept beside the
    user's own category. What we noted is believed only while Piximi's own attributes agree.
    """
    table.predicted = [""] * len(table.ids)
    table.probabilities = [np.nan] * len(table.ids)
    for row, (own, category, partition) in enumerate(
        zip(owns, table.categories, table.partitions, strict=True)
    ):
        noted = _noted_labels(own) if own else None
        if noted is not None and (category, partition) == _as_written(*noted):
            table.predicted[row], table.probabilities[row] = noted[:2]
            table.categories[row], table.partitions[row] = noted[2:]
        elif partition == "Inference" and not is_unknown(category):
            table.predicted[row] = category
            table.categories[row] = unknowns.get(table.kinds[row], category)


def _noted_labels(own: Attributes) -> tuple[str, float, str, str] | None:
    """Return what we noted: predicted category, probability, own category, partition."""
    match own:
        case {
            "prediction": [str(predicted), (float() | int() | None) as probability],
            "category": str(category),
            "partition": str(partition),
        }:
            known = probability is not None and 0 <= probability <= 1
            chance = float(probability) if known and probability is not None else np.nan
            return predicted, chance, category, partition
        case {"category": str(category), "partition": str(partition)}:
            return "", np.nan, category, partition
    return None


def _as_written(
    predicted: str, _probability: float, category: str, partition: str
) -> tuple[str, str]:
    """Return category and partition as we write them for Piximi beside such a note."""
    if predicted and is_unknown(category):
        return predicted, "Inference"
    return category, partition


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
