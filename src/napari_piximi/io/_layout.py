"""A project laid out as members of a bundle, in the form that Piximi 1.1 reads."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from napari_piximi.io._document import OWN, Attributes
from napari_piximi.io._names import unicode_name
from napari_piximi.io._packed import BLOCK_BYTES, packed_blocks
from napari_piximi.io._table import Placed
from napari_piximi.io._writers import Writer
from napari_piximi.io._zarr import SIMPLE, StoredArray, simple_metadata
from napari_piximi.io._zip import Member
from napari_piximi.io._zip_or_folder import ZipSource
from napari_piximi.io.disk import DiskStack, open_stack
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, Partition, Pixels, Thing, is_unknown

__all__ = ["GROUP", "Labels", "ThingWriter", "json_bytes", "labels_of", "write_array"]

GROUP = b'{"zarr_format":2}'


def json_bytes(value: object) -> bytes:
    """Return strict JSON, as Piximi's reader needs it: what is not a number becomes null."""
    try:
        return orjson.dumps(value)
    except TypeError:  # a text that is no Unicode, such as a file name in no encoding
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Labels:
    """How Piximi is to see a thing's labels, and what it cannot hold of them."""

    category: str
    partition: str
    own: Attributes


def labels_of(thing: Thing) -> Labels:
    """Return a thing's labels for Piximi.

    A prediction for a thing without a category becomes the category of an Inference thing,
    which is how Piximi shows what is predicted and not yet accepted.
    """
    prediction, unknown = thing.prediction, is_unknown(thing.category)
    if prediction is None and (unknown or thing.partition != Partition.INFERENCE):
        return Labels(thing.category, thing.partition, {})
    # Also for an Inference thing that has a category: Piximi would take it for a prediction.
    own: Attributes = {"category": thing.category, "partition": str(thing.partition)}
    if prediction is None:
        return Labels(thing.category, thing.partition, own)
    own["prediction"] = [prediction.category, prediction.probability]
    if unknown:
        return Labels(prediction.category, Partition.INFERENCE, own)
    return Labels(thing.category, thing.partition, own)


class ThingWriter:
    """Write things one after another; pixels that a bundle holds already are copied as they are.

    Parameters
    ----------
    writer : Writer
    root : str
        ``NAME.zarr/``
    project : Project
    compress : bool
        Deflate pixels that are new.
    """

    def __init__(self, writer: Writer, root: str, project: Project, *, compress: bool) -> None:
        self._writer = writer
        self._prefix = f"{root}project/things/"
        self._project = project
        self._compress = compress
        self._contents = _contents(project.things.values())
        self._stack = ExitStack()
        self._files: dict[ZipSource, BinaryIO] = {}
        self._view = ExitStack()
        self._seen: tuple[str, NDArray[Any] | DiskStack] | None = None

    def __enter__(self) -> "ThingWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._view.close()
        self._stack.close()

    def write(self, thing: Thing, name: str, labels: Labels) -> Placed:
        """Write a thing under `name`; return where its pixels went."""
        write, group = self._writer.write, f"{self._prefix}{name}"
        array = f"{group}/{name}"
        own = dict(labels.own)
        if name != thing.name:
            own["name"] = unicode_name(thing.name)
        padded = isinstance(thing, Annotation) and _is_padded(thing)
        if padded:
            own["padded"] = True
        write(f"{group}/.zgroup", GROUP)
        if isinstance(thing, Image):
            write(f"{group}/.zattrs", json_bytes(self._image_attributes(thing, labels, own)))
            self._write_look(f"{group}/colors", thing)
        else:
            write(f"{group}/.zattrs", _annotation_attributes(thing, labels, own))
        member, shape = self._write_pixels(f"{array}/0.0.0.0", thing)
        write(f"{array}/.zarray", simple_metadata(shape))
        write(f"{array}/.zattrs", b'{"bit_depth":%d}' % thing.bit_depth)
        return Placed(member, shape, thing.plane if padded else None)

    def _image_attributes(self, image: Image, labels: Labels, own: Attributes) -> Attributes:
        if image.pixel_size is not None:
            own["pixel_size"] = [float(length) for length in image.pixel_size]
        return {
            "thing_id": image.id,
            "active_plane": image.plane,
            "class_category_id": labels.category,
            "classifier_partition": labels.partition,
            "kind": image.kind,
            "contents": self._contents.get(image.id, []),
            **({OWN: own} if own else {}),
        }

    def _write_look(self, group: str, image: Image) -> None:
        """Write colours, ranges and visibility of the channels."""
        self._writer.write(f"{group}/.zgroup", GROUP)
        channels = image.channels
        columns: dict[str, NDArray[Any]] = {
            "range_min": np.array([c.minimum for c in channels], "<f4"),
            "range_max": np.array([c.maximum for c in channels], "<f4"),
            "visible_B": np.array([c.visible for c in channels], "|u1"),
            "color": np.array([c.color for c in channels], "<f4").reshape(-1, 3),
        }
        for name, column in columns.items():
            write_array(self._writer, f"{group}/{name}", column)

    def _write_pixels(self, name: str, thing: Thing) -> tuple[Member, tuple[int, ...]]:
        pixels = thing.pixels
        if isinstance(pixels, StoredArray) and pixels.simple:
            shown = pixels.plane
            fits = shown == thing.plane if shown is not None else pixels.shape[0] > thing.plane
            if fits or isinstance(thing, Image):
                return self._copy(name, pixels), pixels.stored_shape
        if isinstance(thing, Annotation):
            return self._write_crop(name, thing)
        assert pixels is not None
        shape = pixels.shape
        size = math.prod(shape) * SIMPLE.itemsize
        if self._compress or size <= BLOCK_BYTES:
            data = b"".join(float_blocks(pixels, thing.bit_depth))
            return self._writer.write(name, data, compress=self._compress), shape
        blocks = float_blocks(pixels, thing.bit_depth)
        return self._writer.write_blocks(name, size, blocks), shape

    def _write_crop(self, name: str, thing: Annotation) -> tuple[Member, tuple[int, ...]]:
        """Write an annotation's pixels, with the planes before its own if they are padded."""
        image = self._project.things[thing.image]
        top, left, bottom, right = thing.bbox
        if thing.pixels is None or _is_padded(thing):
            assert isinstance(image, Image)
            seen = self._pixels_of(image)
            if isinstance(seen, np.ndarray):
                box = seen[: thing.plane + 1, top:bottom, left:right]
            else:
                planes = map(seen.__getitem__, range(min(thing.plane + 1, len(seen))))
                box = np.stack([plane[top:bottom, left:right] for plane in planes])
            data = to_float(box, image.bit_depth)
        if thing.pixels is not None:
            own = to_float(np.asarray(thing.pixels), thing.bit_depth)
            if _is_padded(thing):
                data = np.array(data)
                data[thing.plane] = own[-1]
            else:
                data = own
        block = np.ascontiguousarray(data, SIMPLE)
        return self._writer.write(name, block.tobytes(), compress=self._compress), block.shape

    def _pixels_of(self, image: Image) -> NDArray[Any] | DiskStack:
        """Open an image once for all objects on it that follow each other."""
        if self._seen is None or self._seen[0] != image.id:
            self._seen = None  # let go of one before the next is read
            self._view.close()
            self._seen = image.id, self._view.enter_context(open_stack(image.pixels))
        return self._seen[1]

    def _copy(self, name: str, pixels: StoredArray) -> Member:
        member, source = pixels.chunks[0], pixels.source
        if not (isinstance(source, ZipSource) and self._writer.packs):
            if member.size <= BLOCK_BYTES:
                return self._writer.write(name, source.read(member))
            return self._writer.write_blocks(name, member.size, source.blocks(member))
        if source not in self._files:
            self._files[source] = self._stack.enter_context(source.open())
        packed = packed_blocks(self._files[source], member, source.path)
        return self._writer.copy(member._replace(name=name), packed)


def _is_padded(thing: Annotation) -> bool:
    """Tell whether planes before an annotation's own are written only for Piximi's sake.

    Piximi cannot open an annotation on a plane that its array lacks.
    """
    if thing.plane == 0:
        return False
    pixels = thing.pixels
    if isinstance(pixels, StoredArray) and pixels.plane is not None:
        return True
    return pixels is None or pixels.shape[0] <= thing.plane


def write_array(writer: Writer, path: str, array: NDArray[Any]) -> None:
    """Write a small array."""
    writer.write(f"{path}/.zarray", simple_metadata(array.shape, array.dtype))
    writer.write(f"{path}/{'.'.join('0' * array.ndim)}", array.tobytes())


def _annotation_attributes(thing: Annotation, labels: Labels, own: Attributes) -> bytes:
    top, left, bottom, right = thing.bbox
    return json_bytes(
        {
            "thing_id": thing.id,
            "active_plane": thing.plane,
            "class_category_id": labels.category,
            "classifier_partition": labels.partition,
            "kind": thing.kind,
            "bbox": [left, top, right, bottom],
            "mask": masks.lengths(thing.runs).tolist(),
            "image_id": thing.image,
            **({OWN: own} if own else {}),
        }
    )


def to_float(values: NDArray[Any], bit_depth: int) -> NDArray[np.float32]:
    """Return values in 0…1 as Piximi stores them: float32(k / (2**bit_depth − 1))."""
    if values.dtype.kind == "f":
        return np.asarray(values, np.float32)
    if values.dtype.kind == "u" and values.itemsize * 8 <= bit_depth <= 16:
        scale = (np.arange(1 << bit_depth) / (2**bit_depth - 1)).astype(np.float32)
        return np.asarray(scale[values])
    return np.asarray(values / (2**bit_depth - 1), np.float32)


def float_blocks(pixels: Pixels, bit_depth: int) -> Iterator[memoryview]:
    """Yield pixels as float32 bytes, in blocks of rows that stay small in memory."""
    values = np.asarray(pixels)
    rows = values.reshape(-1, math.prod(values.shape[2:]))
    step = max(1, BLOCK_BYTES // max(1, rows.shape[1] * SIMPLE.itemsize))
    for start in range(0, len(rows), step):
        block = np.ascontiguousarray(to_float(rows[start : start + step], bit_depth), SIMPLE)
        yield block.data.cast("B")


def _contents(things: Iterable[Thing]) -> dict[str, list[str]]:
    """Return image id → ids of its annotations."""
    found: dict[str, list[str]] = {}
    for thing in things:
        if isinstance(thing, Annotation):
            found.setdefault(thing.image, []).append(thing.id)
    return found
