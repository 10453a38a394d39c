"""A project made of a journal: its base, and every record after that."""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from napari_piximi.errors import BundleError, EditError, RecoveryError
from napari_piximi.io._journal_diff import IN_BASE, LOST
from napari_piximi.io._journal_file import UNFIT, Part, Record, read_records
from napari_piximi.io._journal_origin import Origin, things_digest
from napari_piximi.io._journal_things import make_things, read_columns
from napari_piximi.io._journal_values import Store, inside, read_values
from napari_piximi.io._warn import listed, warn
from napari_piximi.io.bundle import read_bundle
from napari_piximi.io.scratch import FilePixels
from napari_piximi.model.admission import check_annotation, checked_image
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Annotation, Image, Thing
from napari_piximi.progress import Progress

__all__ = ["Recovered", "replay"]

_LOST = object()


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal gave.

    Attributes
    ----------
    project : Project
        As it was last.
    start : Project
        As the base has it.
    base : Origin
        Without a mark if it is another than the journal began with.
    edits : int
        How many edits lie between.
    path : Path or None
        The bundle of the project; None where it has none, or somebody else changed it.
    """

    project: Project
    start: Project
    base: Origin
    edits: int
    path: Path | None


@dataclass(slots=True)
class _Outline:
    """What the records of a journal are, and how many can be read."""

    heads: list[dict[str, Any]]
    trouble: RecoveryError | None = None


def replay(path: Path, progress: Progress) -> Recovered:
    """Make a project of a journal.

    Raises
    ------
    RecoveryError
        If nothing can be got.

    Warns
    -----
    PiximiWarning
        Of everything that could not be had.
    """
    outline = _outline(path)
    if not outline.heads:
        raise outline.trouble or RecoveryError(f"{path}: holds nothing that could be read")
    if outline.trouble is not None:
        warn(f"{outline.trouble}; what was done after that is lost")
    try:
        if outline.heads[0]["what"] != "base":
            raise ValueError("it does not begin with its base")
        base, start, first, exact = _start(path, outline.heads, progress)
        project = _replayed(path, start, first, len(outline.heads), progress).project(path)
        edits = int(outline.heads[-1]["edits"])
    except UNFIT as error:
        raise RecoveryError(f"{path}: is damaged ({error!r})") from error
    return Recovered(project, start, base, edits, base.path if exact else None)


def _replayed(path: Path, start: Project, first: int, end: int, progress: Progress) -> "_Replay":
    """Do all records after number `first`, before `end`; one that makes no sense is the end."""
    replayed = _Replay(start, path.parent)
    for number, record in enumerate(islice(_whole(path), end)):
        progress(number, end, "Recovering the edits")
        try:
            if number <= first:
                replayed.learn(record)
            else:
                replayed.take(record)
        except UNFIT as error:
            warn(f"{path}: record {number} is damaged ({error!r}); what came after it is lost")
            return _replayed(path, start, first, number, progress)  # half of it may be done
    return replayed


def _whole(path: Path) -> Iterable[Record]:
    try:
        yield from read_records(path)
    except RecoveryError:
        return  # told already


def _outline(path: Path) -> _Outline:
    outline = _Outline([])
    try:
        outline.heads.extend(record.head for record in read_records(path))
    except RecoveryError as error:
        outline.trouble = error
    return outline


# --- the base ------------------------------------------------------------------------------


def _start(
    path: Path, heads: list[dict[str, Any]], progress: Progress
) -> tuple[Origin, Project, int, bool]:
    """Return the base, what it holds, after which record to go on, and whether all is as it was."""
    base = Origin.from_head(heads[0])
    if base.path is None:
        return base, Project(), 0, True
    place = base.find(path.parent)
    if place is not None:
        try:
            return base, read_bundle(place, progress), 0, True
        except BundleError as error:
            warn(f"{error}; recovered without it")
            return Origin(), Project(), 0, False
    saved = _just_saved(base.path, heads, progress)
    if saved is not None:
        number, start = saved
        return Origin(base.path), start, number, True
    return _changed_base(base, path.parent, progress)


def _just_saved(
    target: Path, heads: list[dict[str, Any]], progress: Progress
) -> tuple[int, Project] | None:
    """Return what a save wrote that was under way when all ended, and which record began it."""
    number = len(heads) - 1
    while number > 0 and heads[number]["what"] == "edit":
        number -= 1
    head = heads[number]
    if head["what"] != "saving" or Path(head["path"]) != target:
        return None
    try:
        project = read_bundle(target, progress)
    except BundleError:
        return None
    return (number, project) if things_digest(project) == head["saved"] else None


def _changed_base(
    base: Origin, folder: Path, progress: Progress
) -> tuple[Origin, Project, int, bool]:
    for place in base.places(folder):
        try:
            project = read_bundle(place, progress)
        except BundleError:
            continue
        warn(
            f"{base.path}: was changed by someone else since the edits that were recovered; "
            "they were made again where they still fit"
        )
        return Origin(place if place == base.path else None), project, 0, False
    warn(f"{base.path}: cannot be read any more; recovered only what was new since it was opened")
    return Origin(), Project(), 0, False


# --- the records ---------------------------------------------------------------------------


class _Replay:
    """A project to which records are done.

    Parameters
    ----------
    start : Project
    folder : Path
        Where the journal lies.
    """

    def __init__(self, start: Project, folder: Path) -> None:
        self._project = start
        self._start = start.things
        self._things = dict(start.things)
        self._ids: list[str] = []
        self._store = Store(folder)
        self._sizes: dict[Path, int] = {}
        self._missing: set[str] = set()
        self._without_pixels: set[str] = set()

    def learn(self, record: Record) -> None:
        """Only take in which numbers stand for which things."""
        for part in record.parts:
            self._ids += _fresh(part)

    def take(self, record: Record) -> None:
        """Do what a record says."""
        for part in record.parts:
            kind = part.head["part"]
            if kind == "values":
                self._project = read_values(part.head["values"], self._project, self._store)
            elif kind == "removed":
                for key in self._keys(part):
                    self._things.pop(key, None)
            elif kind == "order":
                self._reorder(part.columns["rows"].tolist())
            elif kind == "things":
                self._take_things(part)
            else:
                raise ValueError(f"a part called {kind!r}")

    def _keys(self, part: Part) -> list[str]:
        self._ids += _fresh(part)
        return [self._ids[number] for number in part.columns["ids"].tolist()]

    def _take_things(self, part: Part) -> None:
        head, keys = part.head, self._keys(part)
        values = read_columns(head["words"], part.columns, len(keys), self._pixels)
        if "pixels" in values:
            values["pixels"] = [
                self._base_pixels(key) if pixels == IN_BASE else pixels
                for key, pixels in zip(keys, values["pixels"], strict=True)
            ]
            lost = {k for k, p in zip(keys, values["pixels"], strict=True) if p is _LOST}
            self._without_pixels = (self._without_pixels - set(keys)) | lost
            values["pixels"] = [None if p is _LOST else p for p in values["pixels"]]
        if head["whole"]:
            things = make_things(head["class"], keys, values)
            self._things.update(zip(keys, things, strict=True))
            return
        names = tuple(values)
        for key, *row in zip(keys, *values.values(), strict=True):
            thing = self._things.get(key)
            if thing is None or type(thing).__name__ != head["class"]:
                self._missing.add(key)
            else:
                self._things[key] = replace(thing, **dict(zip(names, row, strict=True)))

    def _base_pixels(self, key: str) -> object:
        thing = self._start.get(key)
        return _LOST if thing is None or thing.pixels is None else thing.pixels

    def _pixels(self, place: Any) -> Any:  # noqa: ANN401
        """Make pixels of a place; what stands for the base's is passed on."""
        if place is None or place == IN_BASE:
            return place
        if place == LOST:
            return _LOST
        name, offset, shape, dtype = place
        path, kind = inside(self._store.folder, name), np.dtype(dtype)
        numbers = [offset, *shape]
        if kind.kind not in "biuf" or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"pixels of type {kind} and shape {shape}")
        if path not in self._sizes:
            self._sizes[path] = path.stat().st_size if path.is_file() else 0
        if offset + math.prod(shape) * kind.itemsize > self._sizes[path]:
            return _LOST
        return FilePixels(path, tuple(shape), kind, offset)

    def _reorder(self, rows: list[int]) -> None:
        keys = list(self._things)
        if sorted(rows) == list(range(len(keys))):
            self._things = {keys[row]: self._things[keys[row]] for row in rows}
        # else the base lost some, which is told, and the order is the one thing more

    # --- the end ---------------------------------------------------------------------------

    def project(self, path: Path) -> Project:
        """Return the project; what cannot stand in one is left out, and told."""
        project = self._project
        if IMAGE_KIND not in project.kinds:
            raise RecoveryError(f"{path}: what is left of it has no images, so nothing to recover")
        for kind in project.kinds.values():
            known = (project.categories.get(c) for c in (*kind.categories, kind.unknown))
            if any(category is None or category.kind != kind.id for category in known):
                raise RecoveryError(f"{path}: the categories of kind {kind.name!r} are damaged")
        kept, refused = _fit(replace(project, things=self._things), self._start)
        if self._missing:
            warn(f"{path}: {len(self._missing)} things that were edited are not there any more")
        if refused:
            warn(f"{path}: could not be recovered: {listed(refused)}")
        if odd := self._without_pixels & kept.keys():
            warn(f"{path}: {len(odd)} annotations now have pixels cut out of their images")
        networks = tuple(n for n in project.networks if n.kind in project.kinds)
        if len(networks) < len(project.networks):
            warn(f"{path}: segmentation networks of kinds that are not there are left out")
        return replace(project, things=kept, networks=networks)


def _fresh(part: Part) -> list[str]:
    """Return the ids that a part tells for the first time."""
    fresh: list[str] = part.head.get("new", [])
    if not all(isinstance(key, str) and key for key in fresh):
        raise ValueError("an id is no text")
    return fresh


def _fit(project: Project, start: Mapping[str, Thing]) -> tuple[dict[str, Thing], list[str]]:
    """Return the things that can be in the project, and the names of those that cannot.

    Those that are as the bundle has them were looked at when it was read.
    """
    images = {thing.id: thing for thing in project.things.values() if isinstance(thing, Image)}
    sound = {key for key, image in images.items() if image is start.get(key) or _is_sound(image)}
    with_images = replace(project, things={key: images[key] for key in images if key in sound})
    kept: dict[str, Thing] = {}
    refused: list[str] = []
    for key, thing in project.things.items():
        if isinstance(thing, Image):
            fits = key in sound
        else:
            as_read = thing is start.get(key) and images.get(thing.image) is start.get(thing.image)
            fits = as_read or _lies_on(with_images, thing)
        if fits and thing.kind in project.kinds:
            kept[key] = _labelled(project, thing)
        else:
            refused.append(thing.name)
    return kept, refused


def _is_sound(image: Image) -> bool:
    with suppress(EditError):
        return image.pixels is not None and bool(checked_image(image))
    return False


def _lies_on(project: Project, annotation: Annotation) -> bool:
    with suppress(EditError):
        check_annotation(project, annotation)
        return True
    return False


def _labelled(project: Project, thing: Thing) -> Thing:
    """Return a thing whose category and prediction are its kind's."""
    kind = project.kinds[thing.kind]
    if thing.category not in kind.categories:
        thing = replace(thing, category=kind.unknown)
    if thing.prediction is not None and thing.prediction.category not in kind.categories:
        thing = replace(thing, prediction=None)
    return thing
