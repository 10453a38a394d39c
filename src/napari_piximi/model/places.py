"""Where the annotations of a project lie: looked up once for all views, not by each of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from weakref import ref

from napari_piximi.model.project import Project, touched
from napari_piximi.model.things import Annotation, Image, Thing

__all__ = ["Places", "places_of"]

Plane = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Places:
    """Ids of annotations by kind, and by image and plane.

    Attributes
    ----------
    images : tuple of str
        Ids of all images, in order.
    planes : mapping of kind id to mapping of (image id, plane) to ids
        In the project's order; only kinds and planes that have annotations.
    """

    images: tuple[str, ...]
    planes: Mapping[str, Mapping[Plane, Sequence[str]]]

    def count(self, kind: str) -> int:
        """Count the annotations of a kind."""
        return sum(map(len, self.planes.get(kind, {}).values()))

    def images_of(self, kind: str) -> frozenset[str]:
        """Return the ids of the images that have annotations of a kind."""
        return frozenset(image for image, _ in self.planes.get(kind, {}))

    def kinds_on(self, image: str) -> frozenset[str]:
        """Return the ids of the kinds that have annotations on an image."""
        return frozenset(
            kind
            for kind, planes in self.planes.items()
            if any(other == image for other, _ in planes)
        )


def places_of(project: Project) -> Places:
    """Return where the annotations lie.

    The last answers are remembered, for a project that is open and one that is being opened. One
    is the answer again, the very same, for a project in which none came, went or moved.
    """
    global _last
    known = [(before, found) for remembered, found in _last if (before := remembered())]
    same = (found for before, found in known if before.things is project.things)
    alike = (found for before, found in known if _alike(before, project))
    grown = (more for before, found in known if (more := _grown(before, found, project)))
    places = next(same, None) or next(alike, None) or next(grown, None)
    places = places or _places(project.things.values())
    others = [(ref(before), found) for before, found in known if found is not places]
    _last = [(ref(project), places), *others[:1]]
    return places


def _places(things: Iterable[Thing]) -> Places:
    planes: dict[str, dict[Plane, list[str]]] = {}
    images = []
    for thing in things:
        if isinstance(thing, Image):
            images.append(thing.id)
            continue
        there = planes.get(thing.kind)
        if there is None:
            there = planes[thing.kind] = {}
        place = thing.image, thing.plane
        if place in there:
            there[place].append(thing.id)
        else:
            there[place] = [thing.id]
    return Places(tuple(images), planes)


def _alike(before: Project, after: Project) -> bool:
    """Tell whether the same things are in the same places, in the same order."""
    old, new = before.things, after.things
    return (
        len(old) == len(new)
        and all(_stays(old.get(key), new.get(key)) for key in touched(before, after))
        and list(old) == list(new)
    )


def _grown(before: Project, found: Places, after: Project) -> Places | None:
    """Return the places where annotations were added behind all other things; else None."""
    begun, keys = len(before.things), list(after.things)
    if len(keys) <= begun or keys[:begun] != list(before.things):
        return None
    added = keys[begun:]
    if len(touched(before, after)) != len(added):
        return None
    new = _places(map(after.things.__getitem__, added))
    planes = dict(found.planes)
    for kind, there in new.planes.items():
        known = planes.get(kind, {})
        more = {place: [*known.get(place, ()), *ids] for place, ids in there.items()}
        planes[kind] = {**known, **more}
    return Places(found.images + new.images, planes)


def _stays(old: Thing | None, new: Thing | None) -> bool:
    if isinstance(old, Annotation) and isinstance(new, Annotation):
        return old.kind == new.kind and old.image == new.image and old.plane == new.plane
    return isinstance(old, Image) and isinstance(new, Image)


_last: list[tuple["ref[Project]", Places]] = []
