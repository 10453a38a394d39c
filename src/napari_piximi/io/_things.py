"""Columns to things: checked and mended all at once, then made one by one."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io._kinds import Categories, Kinds
from napari_piximi.io._table import Placed, ThingTable
from napari_piximi.io._warn import listed, warn
from napari_piximi.io._zarr import StoredArray
from napari_piximi.model import masks
from napari_piximi.model.things import Annotation, Image, Partition, Prediction, Thing

__all__ = ["make_things"]

MAX_AREA = 1 << 32
MAX_CLIPPED = 1 << 28
PARTITIONS = {str(partition): partition for partition in Partition}


def make_things(
    table: ThingTable, kinds: Kinds, categories: Categories, path: Path
) -> dict[str, Thing]:
    """Make the things of a table, whose kinds all exist.

    Raises
    ------
    BundleError
        If an id occurs twice, an annotation's image is missing, its box is empty or off the
        image, or its mask overflows its box.
    """
    check = _Check(table, path)
    check.ids()
    check.labels(kinds, categories)
    check.masks()
    check.places()
    rows = range(len(table.ids))
    predictions = map(_prediction, table.predicted, table.probabilities)
    labels = zip(table.partitions, predictions, strict=True)
    return {
        table.ids[row]: _thing(table, row, PARTITIONS[partition], prediction)
        for row, (partition, prediction) in zip(rows, labels, strict=True)
    }


def _prediction(category: str, probability: float) -> Prediction | None:
    if not category:
        return None
    return Prediction(category, None if math.isnan(probability) else probability)


def _thing(
    table: ThingTable, row: int, partition: Partition, prediction: Prediction | None
) -> Thing:
    array = table.arrays[row]
    assert not isinstance(array, Placed)
    if not table.images[row]:
        assert isinstance(array, StoredArray)
        size = table.pixel_sizes.get(row)
        return Image(
            table.ids[row], table.names[row], table.categories[row], array,
            table.bit_depths[row], table.channels[row], partition, table.planes[row], prediction,
            None if size is None else (size[0], size[1], size[2]),
        )  # fmt: skip
    top, left, bottom, right = table.bboxes[row]
    return Annotation(
        table.ids[row], table.names[row], table.kinds[row], table.categories[row],
        table.images[row], (top, left, bottom, right), table.runs[row], table.bit_depths[row],
        array, partition, table.planes[row], prediction,
    )  # fmt: skip


class _Check:
    """Finds the rows of a table that break a rule, all rows at a time, and mends them."""

    def __init__(self, table: ThingTable, path: Path) -> None:
        self.table = table
        self.path = path
        self.is_annotation = np.fromiter(map(bool, table.images), bool, len(table.ids))

    def _names(self, rows: NDArray[np.intp]) -> str:
        return listed([self.table.names[row] for row in rows])

    def _refuse(self, wrong: NDArray[np.bool_], trouble: str) -> None:
        rows = np.flatnonzero(wrong)
        if rows.size:
            raise BundleError(f"{self.path}: {self._names(rows)}: {trouble}")

    def _mend(self, wrong: NDArray[np.bool_], trouble: str, mend: Callable[[int], None]) -> None:
        rows = np.flatnonzero(wrong)
        for row in rows.tolist():
            mend(row)
        if rows.size:
            warn(f"{self.path}: {self._names(rows)}: {trouble}")

    def ids(self) -> None:
        """Ids are unique, and annotations lie on images."""
        table = self.table
        if len(set(table.ids)) != len(table.ids):
            twice = [thing for thing, count in Counter(table.ids).items() if count > 1]
            raise BundleError(f"{self.path}: the thing ids {listed(twice)} are there twice")
        images = set(compress(table.ids, ~self.is_annotation))
        wrong = [bool(image) and image not in images for image in table.images]
        self._refuse(np.array(wrong, bool), "lies on an image that is not there")

    def labels(self, kinds: Kinds, categories: Categories) -> None:
        """Categories belong to the kinds of their things; partitions have known names."""
        table = self.table
        owner = {category.id: category.kind for category in categories.values()}

        def to_unknown(row: int) -> None:
            table.categories[row] = kinds[table.kinds[row]].unknown

        def unpredict(row: int) -> None:
            table.predicted[row], table.probabilities[row] = "", math.nan

        def unassign(row: int) -> None:
            table.partitions[row] = Partition.UNASSIGNED

        strangers = _strangers(table.categories, table.kinds, owner)
        self._mend(strangers, "has a category that its kind lacks; now Unknown", to_unknown)
        strangers = _strangers(table.predicted, table.kinds, owner)
        strangers &= np.fromiter(map(bool, table.predicted), bool, len(table.ids))
        self._mend(strangers, "is predicted to be what its kind lacks; dropped", unpredict)
        odd = [partition not in PARTITIONS for partition in table.partitions]
        self._mend(np.array(odd, bool), "is in an unknown partition; now Unassigned", unassign)

    def places(self) -> None:
        """Boxes and planes lie within their images."""
        table = self.table
        shapes = self._image_shapes()
        boxes = np.array(table.bboxes, np.int64).reshape(-1, 4)
        clipped = np.clip(boxes, 0, shapes[:, [1, 2, 1, 2]])
        extent = clipped[:, 2:] - clipped[:, :2]
        original = boxes[:, 2:] - boxes[:, :2]
        empty = (extent <= 0).any(axis=1) & self.is_annotation
        self._refuse(empty, "has a box that is empty or outside its image")

        def clip(row: int) -> None:
            self._clip(row, tuple(clipped[row].tolist()))

        outside = (boxes != clipped).any(axis=1) & self.is_annotation
        absurd = outside & (original.prod(axis=1) > MAX_CLIPPED)
        self._refuse(absurd, "has a box far larger than its image")
        self._mend(outside, "reached beyond its image; clipped to it", clip)

        def first_plane(row: int) -> None:
            table.planes[row] = int(shapes[row, 0]) - 1

        absent = np.array(table.planes, np.int64) >= shapes[:, 0]
        self._mend(absent, "is on a plane that its image lacks; moved to the last", first_plane)

    def _image_shapes(self) -> NDArray[np.int64]:
        """Return per thing the shape of its image, or of itself if it is one."""
        table = self.table
        known = {
            thing: array.stored_shape
            for thing, array, image in zip(table.ids, table.arrays, table.images, strict=True)
            if not image and isinstance(array, StoredArray)
        }
        keys = (i or t for i, t in zip(table.images, table.ids, strict=True))
        return np.array([known[key] for key in keys], np.int64).reshape(-1, 4)

    def _clip(self, row: int, box: tuple[int, ...]) -> None:
        table = self.table
        top, left, bottom, right = table.bboxes[row]
        mask = self._decode(row, (bottom - top, right - left))
        inner = mask[box[0] - top : box[2] - top, box[1] - left : box[3] - left]
        table.bboxes[row], table.runs[row] = box, masks.encode(inner)
        table.arrays[row] = None

    def _decode(self, row: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
        try:
            return masks.decode(self.table.runs[row], shape)
        except ValueError as error:
            name = self.table.names[row]
            raise BundleError(f"{self.path}: {name!r}: its mask does not fill its box") from error

    def masks(self) -> None:
        """Masks fill their boxes, and stored pixels have their size."""
        table = self.table
        boxes = np.array(table.bboxes, np.int64).reshape(-1, 4)
        size = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        filled = _sums(table.runs)
        empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1) & self.is_annotation
        self._refuse(empty, "has a box that is empty or outside its image")
        self._refuse(filled > size, "has a mask larger than its box")
        self._refuse(size > MAX_AREA, "has a box that is absurdly large")

        def fill(row: int) -> None:
            self._fill(row, int(size[row] - filled[row]))

        self._mend(filled < size, "has a mask that ends early; the rest is background", fill)

        def drop(row: int) -> None:
            table.arrays[row] = None

        misfit = [
            isinstance(array, StoredArray)
            and bool(image)
            and array.shape[1:3] != (box[2] - box[0], box[3] - box[1])
            for array, image, box in zip(table.arrays, table.images, table.bboxes, strict=True)
        ]
        trouble = "stores pixels of another size than its box; taken from its image instead"
        self._mend(np.array(misfit, bool), trouble, drop)

    def _fill(self, row: int, missing: int) -> None:
        lengths = masks.lengths(self.table.runs[row]).tolist()
        if len(lengths) % 2:
            lengths[-1] += missing
        else:
            lengths.append(missing)
        self.table.runs[row] = masks.from_lengths(lengths)


def _strangers(
    categories: list[str], kinds: list[str], owner: Mapping[str, str]
) -> NDArray[np.bool_]:
    wrong = (owner.get(c) != k for c, k in zip(categories, kinds, strict=True))
    return np.fromiter(wrong, bool, len(categories))


def _sums(runs: list[bytes]) -> NDArray[np.int64]:
    """Add up the run lengths of each mask."""
    counts = np.fromiter(map(len, runs), np.int64, len(runs)) // masks.RUN.itemsize
    flat = np.concatenate(([0], np.cumsum(masks.lengths(b"".join(runs)), dtype=np.int64)))
    ends = np.cumsum(counts)
    return np.asarray(flat[ends] - flat[ends - counts])
