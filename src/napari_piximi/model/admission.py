"""What new things must be like: all that could be saved, but not be opened again, is refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from napari_piximi.errors import EditError
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, Thing, default_channels

__all__ = ["by_id", "check_annotation", "check_annotations", "check_outline", "checked_image"]

T = TypeVar("T", Image, Annotation)
BIT_DEPTHS = (8, 16, 32)


def by_id(present: Mapping[str, Thing], things: Iterable[T]) -> dict[str, T]:
    """Arrange new things by id.

    Raises
    ------
    EditError
        If an id is empty, taken, or comes twice.
    """
    added: dict[str, T] = {}
    for thing in things:
        if not thing.id:
            raise EditError(f"{thing.name!r}: its id {thing.id!r} is empty")
        if thing.id in present or thing.id in added:
            raise EditError(f"{thing.name!r}: there is a thing with the id {thing.id!r} already")
        added[thing.id] = thing
    return added


def checked_image(image: Image) -> Image:
    """Return a new image, with Piximi's first look if it has no channels to show.

    Raises
    ------
    EditError
        If its pixels are not (Z, Y, X, C) or none, or bit depth, plane or channels do not suit.
    """
    shape = image.pixels.shape
    if len(shape) != 4 or not all(shape):
        raise EditError(f"Image {image.name!r}: pixels of shape {shape} are not (Z, Y, X, C)")
    _check_bit_depth(image)
    if not 0 <= image.plane < shape[0]:
        raise EditError(f"Image {image.name!r}: plane {image.plane} is none of its {shape[0]}")
    if not image.channels:
        return replace(image, channels=default_channels(shape[-1]))
    if len(image.channels) != shape[-1]:
        raise EditError(
            f"Image {image.name!r}: {len(image.channels)} channels to show, "
            f"but its pixels have {shape[-1]}"
        )
    return image


def check_annotations(project: Project, annotations: Sequence[Annotation]) -> None:
    """Check many new annotations at once.

    Raises
    ------
    EditError
        As :func:`check_annotation` for the first one that does not suit.
    """
    if not _are_sound(project, annotations):
        for annotation in annotations:
            check_annotation(project, annotation)


def _are_sound(project: Project, annotations: Sequence[Annotation]) -> bool:
    """Say whether all suit; if not, it may be because that is not told quickly."""
    shapes: dict[str, tuple[int, ...]] = {}
    for key in {annotation.image for annotation in annotations}:
        image = project.things.get(key)
        if not isinstance(image, Image):
            return False
        shapes[key] = image.pixels.shape[:3]
    if any(a.pixels is not None or a.bit_depth not in BIT_DEPTHS for a in annotations):
        return False
    sizes = np.fromiter((len(a.runs) for a in annotations), np.int64, len(annotations))
    if not annotations or (sizes % masks.RUN.itemsize).any() or not sizes.all():
        return False
    places = np.array([(a.plane, *a.bbox) for a in annotations])
    if places.shape[1:] != (5,) or places.dtype.kind != "i":
        return False
    starts = (np.cumsum(sizes) - sizes) // masks.RUN.itemsize
    lengths = masks.lengths(b"".join([a.runs for a in annotations])).astype(np.int64)
    filled = np.add.reduceat(lengths, starts)
    plane, top, left, bottom, right = places.T
    planes, height, width = np.array([shapes[a.image] for a in annotations]).T
    inside = (top >= 0) & (top < bottom) & (bottom <= height)
    inside &= (left >= 0) & (left < right) & (right <= width) & (plane >= 0) & (plane < planes)
    return bool((inside & (filled == (bottom - top) * (right - left))).all())


def check_annotation(project: Project, annotation: Annotation) -> None:
    """Check a new annotation.

    Raises
    ------
    EditError
        If its outline or bit depth does not suit, or the pixels of its own do not fill its box.
    """
    check_outline(project, annotation)
    _check_bit_depth(annotation)
    if annotation.pixels is None:
        return
    shape, image = annotation.pixels.shape, project.things[annotation.image]
    top, left, bottom, right = annotation.bbox
    expected = bottom - top, right - left, project.shape(image)[-1]
    if len(shape) != 4 or not all(shape) or shape[1:] != expected:
        raise EditError(
            f"Annotation {annotation.name!r}: pixels of shape {shape} are not (Z, Y, X, C) "
            f"with Y, X of its box {annotation.bbox} and the {expected[-1]} channels of its image"
        )


def check_outline(project: Project, annotation: Annotation) -> None:
    """Check box, plane and mask of an annotation against its image."""
    image = project.things.get(annotation.image)
    if not isinstance(image, Image):
        raise EditError(f"Annotation {annotation.name!r}: no image {annotation.image!r}")
    planes, height, width, _ = image.pixels.shape
    top, left, bottom, right = annotation.bbox
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise EditError(
            f"Annotation {annotation.name!r}: the box {annotation.bbox} does not lie in its "
            f"image of {height} × {width} pixels"
        )
    if not 0 <= annotation.plane < planes:
        raise EditError(
            f"Annotation {annotation.name!r}: its image has no plane {annotation.plane}"
        )
    filled = int(masks.lengths(annotation.runs).sum())
    if filled != (bottom - top) * (right - left):
        raise EditError(
            f"Annotation {annotation.name!r}: its mask has {filled} pixels, "
            f"but its box {(bottom - top) * (right - left)}"
        )


def _check_bit_depth(thing: Thing) -> None:
    if thing.bit_depth not in BIT_DEPTHS:
        raise EditError(f"{thing.name!r}: a bit depth of {thing.bit_depth} is neither 8 nor 16")
