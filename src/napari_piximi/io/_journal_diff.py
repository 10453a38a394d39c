"""What one project has that another had not, as the parts of a record.

It runs in a thread beside the window, so it works in pieces and lets go of the interpreter
between them.
"""

import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from operator import is_not
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import PiximiError
from napari_piximi.io._journal_file import pack
from napari_piximi.io._journal_things import FIELDS, changed_fields, write_columns
from napari_piximi.io._journal_values import Store, write_values
from napari_piximi.io.scratch import FilePixels, Scratch
from napari_piximi.model.project import Project
from napari_piximi.model.things import ArrayPixels, Pixels, Thing

__all__ = ["IN_BASE", "LOST", "Ledger", "breathe", "difference", "pixels_of"]

IN_BASE = "="
"""Place of pixels: those that the base has for the thing of the same id."""
LOST = "?"
"""Place of pixels that could not be read when they were to be kept."""
PIECE = 2048
REST = 0.0005  # seconds; a mere yield lets the same thread go on at once

Things = Mapping[str, Thing]


def breathe() -> None:
    """Let other threads run."""
    time.sleep(REST)


class Ledger:
    """What is in a journal's files already.

    Parameters
    ----------
    folder : Path
    base : mapping of thing id to Pixels
        Pixels that need not be kept, as the journal's base has them.

    Attributes
    ----------
    trouble : Exception or None
        Why pixels could not be read, and so not be kept.
    """

    def __init__(self, scratch: Scratch, store: Store, base: Mapping[str, Pixels]) -> None:
        self.store = store
        self.trouble: Exception | None = None
        self._scratch = scratch
        self._base = base
        self._numbers: dict[str, int] = {}
        self._kept: dict[int, tuple[Callable[[], object], object]] = {}

    def __len__(self) -> int:
        """Return how many things have a number."""
        return len(self._numbers)

    def forget(self, size: int) -> None:
        """Take back all numbers from `size` on: the record that told them was not written."""
        while len(self._numbers) > size:
            self._numbers.popitem()

    def number(self, ids: Iterable[str]) -> tuple[list[str], NDArray[np.uint32]]:
        """Return the numbers that stand for ids, and those ids that have none before this."""
        known, numbers = len(self._numbers), self._numbers
        rows = [numbers.setdefault(key, len(numbers)) for key in ids]
        fresh = list(islice(reversed(numbers), len(numbers) - known))
        return fresh[::-1], np.array(rows, np.uint32)

    def places(self, things: Sequence[Thing]) -> list[object]:
        """Return where the pixels of each thing lie, after writing those that lie nowhere yet.

        Raises
        ------
        RecoveryError
            If they cannot be written.
        """
        missing = {
            id(t.pixels): t.pixels for t in things if t.pixels is not None and not self._place(t)
        }
        if missing:
            read: list[Pixels] = []
            written = self._scratch.put_all(self._readable(missing.values(), read))
            for pixels, file in zip(read, written, strict=True):
                self._kept[id(_anchor(pixels))] = _reference(_anchor(pixels)), _facts(file)
        return [None if t.pixels is None else self._place(t) or LOST for t in things]

    def _place(self, thing: Thing) -> object:
        pixels = thing.pixels
        if self._base.get(thing.id) is pixels:
            return IN_BASE
        if isinstance(pixels, FilePixels) and pixels.path.parent == self._scratch.folder:
            return _facts(pixels)
        anchor = _anchor(pixels)
        reference, place = self._kept.get(id(anchor), (None, None))
        return place if reference is not None and reference() is anchor else None

    def _readable(self, missing: Iterable[Pixels], read: list[Pixels]) -> Iterator[NDArray[Any]]:
        for pixels in missing:
            try:
                array = np.asarray(pixels)
            except PiximiError as error:
                self.trouble = error
                continue
            read.append(pixels)
            yield array


def pixels_of(project: Project) -> dict[str, Pixels]:
    """Return the pixels of all things that have their own, by thing id."""
    found: dict[str, Pixels] = {}
    things = list(project.things.values())
    for start in range(0, len(things), PIECE):
        piece = things[start : start + PIECE]
        found.update((thing.id, thing.pixels) for thing in piece if thing.pixels is not None)
        if start:
            breathe()
    return found


def _anchor(pixels: object) -> object:
    """Return what is one and the same as long as the pixels are, and can be pointed at weakly."""
    return pixels.array if isinstance(pixels, ArrayPixels) else pixels


def _reference(anchor: object) -> Callable[[], object]:
    """Point at an object, weakly if it lets us, so that its memory can be freed."""
    try:
        return weakref.ref(anchor)
    except TypeError:
        return lambda: anchor


def _facts(pixels: FilePixels) -> tuple[Any, ...]:
    return pixels.path.name, pixels.offset, pixels.shape, pixels.dtype.str


def difference(before: Project, after: Project, ledger: Ledger) -> list[bytes]:
    """Return the parts of a record that make `after` of `before`; none where they are the same.

    Raises
    ------
    OSError
        If pixels or weights cannot be written.
    """
    values = write_values(before, after, ledger.store)
    parts = [pack({"part": "values", "values": values})] if values else []
    if before.things is not after.things:
        parts += _thing_parts(before.things, after.things, ledger)
    return parts


@dataclass(slots=True)
class _Changes:
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    in_place: bool = False


def _thing_parts(old: Things, new: Things, ledger: Ledger) -> Iterator[bytes]:
    changes = _compare(old, new)
    for ids in _pieces(changes.removed):
        fresh, numbers = ledger.number(ids)
        yield pack({"part": "removed", "new": fresh}, {"ids": numbers})
    appended: list[str] = []
    for ids in _pieces([*changes.changed, *changes.added]):
        for cls, whole, keys in _groups(old, new, ids):
            yield _table(cls, whole, keys, old, new, ledger)
            appended += [key for key in keys if key not in old]
        breathe()
    if not changes.in_place:
        order = _order([key for key in old if key in new] + appended, new)
        if order is not None:
            yield pack({"part": "order"}, {"rows": order})


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + PIECE] for start in range(0, len(ids), PIECE))


def _compare(old: Things, new: Things) -> _Changes:
    changes = _Changes()
    if len(old) == len(new) and _compare_in_place(old, new, changes):
        changes.in_place = True
        return changes
    changes = _Changes()
    for ids in _pieces(list(new)):
        changes.added += [key for key in ids if key not in old]
        changes.changed += [key for key in ids if old.get(key, new[key]) is not new[key]]
        breathe()
    for ids in _pieces(list(old)):
        changes.removed += [key for key in ids if key not in new]
        breathe()
    return changes


def _compare_in_place(old: Things, new: Things, changes: _Changes) -> bool:
    """Find what was replaced; False where the ids are not the same ones in the same order."""
    old_ids, new_ids, before, after = iter(old), iter(new), iter(old.values()), iter(new.values())
    for start in range(0, len(old), PIECE * 4):
        if list(islice(old_ids, PIECE * 4)) != (ids := list(islice(new_ids, PIECE * 4))):
            return False
        changes.changed += compress(ids, map(is_not, islice(before, len(ids)), after))
        if start:
            breathe()
    return True


def _order(expected: Sequence[str], new: Things) -> NDArray[np.uint32] | None:
    """Return per thing the row at which a reader would have it; None where that is right."""
    if len(expected) == len(new) and all(a == b for a, b in zip(expected, new, strict=True)):
        return None
    rows = {key: row for row, key in enumerate(expected)}
    return np.fromiter((rows[key] for key in new), np.uint32, len(new))


def _groups(old: Things, new: Things, ids: Iterable[str]) -> Iterator[tuple[str, bool, list[str]]]:
    """Sort things by class, and whether all of them or only what changed is to be told."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for key in ids:
        cls = type(new[key]).__name__
        whole = key not in old or type(old[key]) is not type(new[key])
        groups.setdefault((cls, whole), []).append(key)
    return ((cls, whole, keys) for (cls, whole), keys in groups.items())


def _table(
    cls: str, whole: bool, ids: list[str], old: Things, new: Things, ledger: Ledger
) -> bytes:
    things = [new[key] for key in ids]
    names = FIELDS[cls] if whole else changed_fields([old[key] for key in ids], things, cls)
    places = ledger.places(things) if "pixels" in names else []
    words, columns = write_columns(things, names, places)
    fresh, numbers = ledger.number(ids)
    head = {"part": "things", "class": cls, "whole": whole, "new": fresh, "words": words}
    return pack(head, {"ids": numbers, **columns})
