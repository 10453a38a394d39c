"""What another process needs of a project: few things, and pixels that it reads itself."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SaveError
from napari_piximi.io._columnar import columns_of, values_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, ArrayPixels, Thing
from napari_piximi.progress import Progress, silent

__all__ = ["Loan", "lend"]

LARGE = 1 << 20
"""Bytes from which on pixels in memory go through a file instead of a pipe."""
BLOCK = 1000
"""Things that are packed in one go, before other threads get their turn."""
ALIGNED = 64
WRITTEN = 4 << 20
"""Bytes that are written in one go."""


def lend(
    project: Project,
    kind: str,
    folder: Path,
    progress: Progress = silent,
    *,
    only: Iterable[str] | None = None,
) -> "Loan":
    """Prepare the things of one kind, and the images that they lie on, for another process.

    The kind's classifiers and segmentation networks go along, those of other kinds do not.

    Parameters
    ----------
    project : Project
        Must live until the other process has read its pixels: what is saved over meanwhile is
        kept as long as it does.
    kind : str
        Kind id.
    folder : Path
        Takes pixels that are only in memory, where they are many, in one file; whoever made
        it empties it afterwards.
    progress : Progress
        May raise Cancelled, which is passed on.
    only : iterable of str, optional
        Ids of the things to send, of whatever kind, instead of all of the kind; those that are
        not there are passed over.

    Returns
    -------
    Loan
        Once it has crossed to the other process, it is a :class:`Project`.

    Raises
    ------
    SaveError
        If pixels cannot be written.
    """
    if only is None:
        wanted = {thing.id: thing for thing in project.of_kind(kind)}
    else:
        wanted = {key: project.things[key] for key in only if key in project.things}
    images = {thing.image for thing in wanted.values() if isinstance(thing, Annotation)}
    for key in images - wanted.keys():
        wanted[key] = project.things[key]
    classifiers = tuple(c for c in project.classifiers if c.kind == kind)
    networks = tuple(n for n in project.networks if n.kind == kind)
    rest = replace(project, things={}, classifiers=classifiers, unread_models={}, networks=networks)
    return Loan(rest, _packed(list(wanted.values()), folder, progress))


class Loan:
    """A project that is about to go to another process; small and quick to pickle.

    Parameters
    ----------
    rest : Project
        Without things.
    blocks : list
        Things as columns.
    """

    def __init__(self, rest: Project, blocks: list[Any]) -> None:
        self._rest = rest
        self._blocks = blocks

    def project(self) -> Project:
        """Return the project that arrives."""
        things: list[Thing] = [thing for block in self._blocks for thing in values_of(block)]
        return replace(self._rest, things={thing.id: thing for thing in things})

    def __reduce__(self) -> tuple[Any, ...]:
        """Arrive as a project."""
        return _arrived, (self._rest, self._blocks)


def _arrived(rest: Project, blocks: list[Any]) -> Project:
    return Loan(rest, blocks).project()


def _packed(things: list[Thing], folder: Path, progress: Progress) -> list[Any]:
    """Pack things in blocks, between which other threads run."""
    size = 0
    for thing in things:
        if isinstance(thing.pixels, ArrayPixels):
            size += thing.pixels.array.nbytes
    rest = iter(things)
    blocks: list[Any] = []
    with _Shelf.filled(folder) if size >= LARGE else nullcontext() as shelf:
        while block := list(islice(rest, BLOCK)):
            progress(len(blocks) * BLOCK, len(things), "Preparing")
            blocks.append(columns_of(block, None if shelf is None else shelf.put))
    return blocks


class _Shelf:
    """A file with the values of many arrays.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._known: dict[int, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Cross to another process as the name of the file."""
        return {"path": self.path}

    @classmethod
    @contextmanager
    def filled(cls, folder: Path) -> Iterator["_Shelf"]:
        """Make one, that takes arrays as long as the context lasts."""
        shelf = cls(folder / f"lent-{token_hex(8)}.bin")
        try:
            with shelf.path.open("xb") as shelf._file:
                yield shelf
        except OSError as error:
            reason = error.strerror or error
            raise SaveError(f"{shelf.path}: pixels cannot be put there ({reason})") from error
        finally:
            shelf._file = None

    def put(self, arrays: list[NDArray[Any]]) -> "_Shelved | list[NDArray[Any]]":
        """Write arrays, each once."""
        if any(array.dtype.hasobject for array in arrays):
            return arrays
        starts = [self._start(array) for array in arrays]
        return _Shelved(self, starts, [a.shape for a in arrays], [a.dtype for a in arrays])

    def _start(self, array: NDArray[Any]) -> int:
        known = self._known.get(id(array))
        if known is None:
            assert self._file is not None
            known = self._known[id(array)] = self._file.tell()
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            for at in range(0, len(data), WRITTEN):
                self._file.write(data[at : at + WRITTEN])
            self._file.write(bytes(-self._file.tell() % ALIGNED))
        return known

    @cached_property
    def values(self) -> NDArray[np.uint8]:
        """All bytes of the file, mapped into memory."""
        return np.memmap(self.path, np.uint8, "r").view(np.ndarray)


@dataclass(frozen=True)
class _Shelved:
    """Arrays on a shelf."""

    shelf: _Shelf
    starts: list[int]
    shapes: list[tuple[int, ...]]
    dtypes: list[np.dtype[Any]]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for start, shape, dtype in zip(self.starts, self.shapes, self.dtypes, strict=True):
            end = start + math.prod(shape) * dtype.itemsize
            yield self.shelf.values[start:end].view(dtype).reshape(shape)
