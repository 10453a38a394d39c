"""The project: one frozen value that holds everything."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import is_not
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import (
    IMAGE_KIND,
    UNKNOWN_COLOR,
    UNKNOWN_NAME,
    Annotation,
    BBox,
    Category,
    Image,
    Kind,
    Pixels,
    Thing,
    new_id,
)
from napari_piximi.model.training import Classifier, Settings

__all__ = ["CroppedPixels", "Project", "new_kind", "new_project", "touched"]


@dataclass(frozen=True, slots=True, eq=False)
class CroppedPixels:
    """A box of one plane of other pixels, cut out when it is read."""

    source: Pixels
    plane: int
    bbox: BBox

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, Y, X, C)."""
        top, left, bottom, right = self.bbox
        return 1, bottom - top, right - left, self.source.shape[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.source.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Read the source and cut the box out."""
        top, left, bottom, right = self.bbox
        box = np.asarray(self.source)[self.plane : self.plane + 1, top:bottom, left:right]
        return np.array(box, dtype=dtype, copy=True if copy else None)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Project:
    """Everything that a user makes: kinds, categories, things, classifiers.

    The mappings keep the order in which things are shown and are never changed; an edit
    returns another project that shares all it did not touch.

    Attributes
    ----------
    name : str
    image_channels : int or None
        Channels that every image has; None until there is one.
    kinds, categories, things : mapping of id to value
    classifiers : tuple of Classifier
        Oldest first.
    segmenter : str
        Piximi's choice of segmenter.
    unread_models : mapping of name to (JSON, weights)
        Files of classifiers that could not be opened, kept as they are so that saving does
        not lose them. Nothing in them is ever run.
    networks : tuple of SegmentationNetwork
        Those that were fitted on its annotations to find objects, oldest first.
    """

    name: str = "Untitled"
    image_channels: int | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    categories: Mapping[str, Category] = field(default_factory=dict)
    things: Mapping[str, Thing] = field(default_factory=dict)
    classifiers: tuple[Classifier, ...] = ()
    segmenter: str = "undefined"
    unread_models: Mapping[str, tuple[bytes, bytes]] = field(default_factory=dict)
    networks: tuple[SegmentationNetwork, ...] = ()

    def images(self) -> Iterator[Image]:
        """Yield the images, in order."""
        return (thing for thing in self.things.values() if isinstance(thing, Image))

    def annotations(self, image: str | None = None) -> Iterator[Annotation]:
        """Yield the annotations, in order; only those of one image if its id is given."""
        for thing in self.things.values():
            if isinstance(thing, Annotation) and image in (None, thing.image):
                yield thing

    def of_kind(self, kind: str) -> Iterator[Thing]:
        """Yield the things of a kind, in order."""
        return (thing for thing in self.things.values() if thing.kind == kind)

    def find_kind(self, name: str) -> Kind:
        """Find a kind by its id, or else by its display name whatever the case.

        Raises
        ------
        EditError
            If there is none, or several have the name.
        """
        if name in self.kinds:
            return self.kinds[name]
        matches = [k for k in self.kinds.values() if k.name.casefold() == name.casefold()]
        if len(matches) == 1:
            return matches[0]
        known = ", ".join(repr(kind.name) for kind in self.kinds.values())
        trouble = "is the name of several kinds; use an id" if matches else "is no kind"
        raise EditError(f"{name!r} {trouble}; this project has {known}")

    def find_classifier(self, name: str, kind: str | None = None) -> Classifier:
        """Find a classifier by its name, and by the id of its kind where several have the name.

        Raises
        ------
        EditError
            If there is none, or classifiers of several kinds have the name.
        """
        own = [c for c in self.classifiers if kind in (None, c.kind)]
        matches = [c for c in own if c.name == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            kinds = ", ".join(repr(self.kind_name(c.kind)) for c in matches)
            raise EditError(f"{name!r} is a classifier of several kinds, {kinds}; say which kind")
        known = ", ".join(repr(c.name) for c in own) or "none"
        where = "this project" if kind is None else f"the kind {self.kind_name(kind)!r}"
        raise EditError(f"{name!r} is no classifier of {where}; it has {known}")

    def find_network(self, name: str) -> SegmentationNetwork:
        """Find a segmentation network by its name.

        Raises
        ------
        EditError
            If there is none.
        """
        for network in self.networks:
            if network.name == name:
                return network
        known = ", ".join(repr(network.name) for network in self.networks) or "none"
        raise EditError(f"{name!r} is no segmentation network of this project; it has {known}")

    def classifier_names(self) -> frozenset[str]:
        """Return all names that classifiers have, also of those that could not be opened."""
        return frozenset((*(c.name for c in self.classifiers), *self.unread_models))

    def kind_name(self, kind: str) -> str:
        """Return the display name of a kind, or the id itself where there is no such kind."""
        return self.kinds[kind].name if kind in self.kinds else kind

    def known_categories(self, kind: str) -> tuple[str, ...]:
        """Return the ids of a kind's categories without Unknown, in order."""
        found = self.kinds[kind]
        return tuple(category for category in found.categories if category != found.unknown)

    def pixels(self, thing: Thing) -> Pixels:
        """Return the pixels of a thing; an annotation without its own gets its image's, cropped."""
        if thing.pixels is not None:
            return thing.pixels
        assert isinstance(thing, Annotation)
        image = self.things[thing.image]
        assert isinstance(image, Image)
        return CroppedPixels(image.pixels, thing.plane, thing.bbox)

    def shape(self, thing: Thing) -> tuple[int, ...]:
        """Return the length of a thing's axes Z, Y, X, C, without reading its pixels."""
        return self.pixels(thing).shape


def new_kind(
    name: str, *, kind_id: str | None = None, settings: Settings | None = None
) -> tuple[Kind, Category]:
    """Make a kind and its Unknown category."""
    unknown = new_id(unknown=True)
    kind_id = kind_id or new_id()
    kind = Kind(kind_id, name, (unknown,), unknown, settings=settings or Settings())
    return kind, Category(unknown, UNKNOWN_NAME, UNKNOWN_COLOR, kind_id)


def new_project(name: str = "Untitled") -> Project:
    """Make a project that holds the kind Image and its Unknown category."""
    kind, unknown = new_kind(IMAGE_KIND, kind_id=IMAGE_KIND)
    return Project(name, kinds={kind.id: kind}, categories={unknown.id: unknown})


def touched(before: Project, after: Project) -> frozenset[str]:
    """Return the ids of the things that were added, removed or replaced.

    The last answer is remembered, since all views ask the same after an edit.
    """
    global _last
    old, new, changed = _last
    if old() is not before or new() is not after:
        changed = _touched(before.things, after.things)
        _last = ref(before), ref(after), changed
    return changed


def _touched(old: Mapping[str, Thing], new: Mapping[str, Thing]) -> frozenset[str]:
    if old is new:
        return frozenset()
    before, after = list(old), list(new)
    shared = min(len(before), len(after))
    if before[:shared] == after[:shared]:
        # The usual edit replaces things in their places, or adds some behind: ten times as fast.
        replaced = compress(after, map(is_not, old.values(), new.values()))
        return frozenset(chain(replaced, before[shared:], after[shared:]))
    changed = {key for key, thing in new.items() if old.get(key) is not thing}
    return frozenset(changed | (old.keys() - new.keys()))


_last: tuple[Callable[[], Project | None], Callable[[], Project | None], frozenset[str]] = (
    lambda: None,
    lambda: None,
    frozenset(),
)
