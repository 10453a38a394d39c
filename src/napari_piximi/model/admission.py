"""What new things must be like: all that could be saved, but not be opened again, is refused."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from napari_piximi.errors import EditError
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, Thing, default_channels

__all__ = ["by_id", "check_annotation", "check_outline", "checked_image"]

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
