"""The planes that objects of a kind are annotated on, and which of them a network learns from.

A plane counts as annotated in all: what no annotation covers is background there. So images
and planes without an annotation of the kind are not looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.things import Annotation, BBox, Image

__all__ = ["Piece", "Split", "annotated_planes", "split_of", "split_pieces"]

SEGMENTATION, SPLIT = "segmentation", "split"


@dataclass(frozen=True, slots=True)
class Piece:
    """A plane of an image with annotations, or a part of it.

    Attributes
    ----------
    image : Image
    plane : int
    region : (min_row, min_col, max_row, max_col)
        Only this of the plane.
    annotations : tuple of Annotation
        Those of the plane that reach into the region, in order.
    """

    image: Image
    plane: int
    region: BBox
    annotations: tuple[Annotation, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the region."""
        top, left, bottom, right = self.region
        return bottom - top, right - left

    def cut(self, region: BBox) -> "Piece":
        """Take a smaller region, in coordinates of the plane."""
        inside = tuple(a for a in self.annotations if _meet(a.bbox, region))
        return Piece(self.image, self.plane, region, inside)


@dataclass(frozen=True, slots=True)
class Split:
    """What a network learns from, and what is held out to judge it by.

    Attributes
    ----------
    training, validation : tuple of str
        Image ids; one that is divided is in both.
    region : (min_row, min_col, max_row, max_col) or None
        Where a single image is divided: what of its planes is held out.
    """

    training: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    region: BBox | None = None

    @property
    def note(self) -> dict[str, Any]:
        """As it is kept with the model."""
        return {
            "training": list(self.training),
            "validation": list(self.validation),
            "region": None if self.region is None else list(self.region),
        }


def annotated_planes(project: Project, kind: str) -> tuple[Piece, ...]:
    """Find the planes with annotations of a kind.

    Parameters
    ----------
    kind : str
        Kind id.

    Returns
    -------
    tuple of Piece
        Whole planes, by image id and plane, whatever the order in the project: a fit of what was
        lent to another process is then the same.
    """
    found, things = places_of(project).planes.get(kind, {}), project.things
    pieces = []
    for key in sorted(found):
        image = things.get(key[0])
        if isinstance(image, Image) and 0 <= key[1] < image.pixels.shape[0]:
            height, width = image.pixels.shape[1:3]
            whole = (0, 0, height, width)
            annotations = map(things.__getitem__, found[key])
            pieces.append(
                Piece(image, key[1], whole, cast("tuple[Annotation, ...]", tuple(annotations)))
            )
    return tuple(pieces)


def split_of(network: SegmentationNetwork) -> Split:
    """Return what the newest run of a network learnt from, as it is kept with its model.

    It is empty where nothing is known, as of a network from a file.
    """
    document: Mapping[str, Any] = network.model.document if network.model else {}
    note: Any = document
    for key in (EXTRA_KEY, SEGMENTATION, SPLIT):
        note = note.get(key) if isinstance(note, Mapping) else None
    if not isinstance(note, Mapping):
        return Split()
    training, validation = _texts(note.get("training")), _texts(note.get("validation"))
    region = note.get("region")
    if isinstance(region, list) and all(type(n) is int for n in region) and len(region) == 4:
        return Split(training, validation, (region[0], region[1], region[2], region[3]))
    return Split(training, validation)


def split_pieces(
    pieces: Sequence[Piece], settings: UNetSettings, before: Split | None = None
) -> tuple[Split, tuple[Piece, ...], tuple[Piece, ...]]:
    """Divide pieces by image, or a single image by region: what trains, and what validates.

    Parameters
    ----------
    pieces : sequence of Piece
        Whole planes.
    settings : UNetSettings
        Share and seed.
    before : Split, optional
        That of the network that is continued: it stays, and new images train.

    Returns
    -------
    split : Split
    training, validation : tuple of Piece
        No piece validates where the share is 1 or an image cannot be divided.
    """
    images = list(dict.fromkeys(piece.image.id for piece in pieces))
    if before is not None and {*before.training} & {*images}:
        held = tuple(key for key in images if key in before.validation)
        trained = tuple(key for key in images if key not in held or key in before.training)
        split = Split(trained, held, before.region if held else None)
    elif settings.training_percentage >= 1:
        split = Split(tuple(images))
    elif len(images) == 1:
        region = _held_region(pieces, settings)
        split = Split(tuple(images), tuple(images) if region else (), region)
    else:
        drawn = sorted(images, key=lambda key: _draw(settings.seed, key))
        count = round(settings.training_percentage * len(images))
        count = min(max(count, 1), len(images) - 1)
        chosen = {*drawn[:count]}
        split = Split(
            tuple(key for key in images if key in chosen),
            tuple(key for key in images if key not in chosen),
        )
    return split, *_divided(pieces, split)


def _divided(pieces: Sequence[Piece], split: Split) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    training, validation = [], []
    for piece in pieces:
        trains, validates = piece.image.id in split.training, piece.image.id in split.validation
        if trains and validates and split.region is not None:
            held = _common(piece.region, split.region)  # the image may have another size now
            training.append(piece.cut(_rest(piece.region, held)))
            validation.append(piece.cut(held))
        elif trains:
            training.append(piece)
        elif validates:
            validation.append(piece)
    return _with_objects(training), _with_objects(validation)


def _with_objects(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.annotations and min(piece.shape) > 0)


def _held_region(pieces: Sequence[Piece], settings: UNetSettings) -> BBox | None:
    """Find a strip at one end of the image's longer axis with the share of its objects."""
    _, _, height, width = pieces[0].region
    across = width > height
    boxes = [annotation.bbox for piece in pieces for annotation in piece.annotations]
    centers = sorted((box[across] + box[across + 2]) // 2 for box in boxes)
    if len(centers) < 2:
        return None
    at_end = _draw(settings.seed, pieces[0].image.id) % 2 == 0
    share = settings.training_percentage if at_end else 1 - settings.training_percentage
    count = min(max(round(share * len(centers)), 1), len(centers) - 1)
    line = (centers[count - 1] + centers[count] + 1) // 2
    if not centers[0] < line <= centers[-1]:
        return None
    low, high = (line, width if across else height) if at_end else (0, line)
    return (0, low, height, high) if across else (low, 0, high, width)


def _rest(whole: BBox, held: BBox) -> BBox:
    """Return what a strip at one end leaves."""
    top, left, bottom, right = whole
    if held[0] > top:
        return top, left, held[0], right
    if held[1] > left:
        return top, left, bottom, held[1]
    return (held[2], left, bottom, right) if held[2] < bottom else (top, held[3], bottom, right)


def _common(one: BBox, other: BBox) -> BBox:
    top, left = max(one[0], other[0]), max(one[1], other[1])
    return top, left, max(min(one[2], other[2]), top), max(min(one[3], other[3]), left)


def _draw(seed: int, key: str) -> int:
    """Draw a number for an image that does not depend on what other images there are."""
    return int.from_bytes(blake2b(f"{seed} {key}".encode(), digest_size=8).digest(), "big")


def _texts(values: object) -> tuple[str, ...]:
    return tuple(v for v in values if isinstance(v, str)) if isinstance(values, list) else ()


def _meet(one: BBox, other: BBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
