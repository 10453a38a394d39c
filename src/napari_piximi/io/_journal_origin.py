"""The bundle that a journal begins with, and how to find that very one again."""

import glob
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from napari_piximi.errors import BundleError, PiximiError
from napari_piximi.io._journal_diff import PIECE, breathe
from napari_piximi.io._journal_values import inside
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io._zip import find_directory
from napari_piximi.io._zip_or_folder import open_source
from napari_piximi.model.project import Project

__all__ = ["Origin", "opened", "things_digest"]

BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """A bundle as it was at a time.

    Attributes
    ----------
    path : Path or None
        None: nothing, the journal holds all of the project.
    mark : mapping
        By what the file is known again.
    link : str or None
        Name of a hard link beside the journal: it keeps the bytes even if the bundle is
        replaced or deleted. Where the system cannot link, there is none.
    """

    path: Path | None = None
    mark: Mapping[str, Any] | None = None
    link: str | None = None

    @classmethod
    def note(cls, path: Path | None, folder: Path, number: int) -> "Origin":
        """Take note of a bundle as it is now."""
        if path is None:
            return cls()
        path = path.resolve()
        link: str | None = f"bundle-{number}.zip"
        try:
            target = inside(folder, link)
            target.unlink(missing_ok=True)
            os.link(path, target)
        except OSError:  # a folder, or on another disk
            link = None
        return cls(path, _mark(path), link)

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> "Origin":
        """Read what :meth:`head` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is damaged.
        """
        path, mark, link = head["path"], head["mark"], head["link"]
        if path is None:
            return cls()
        if link is not None:
            inside(Path(), link)
        return cls(Path(path), mark if isinstance(mark, dict) else None, link)

    def head(self) -> dict[str, Any]:
        """Return it as JSON."""
        path = None if self.path is None else str(self.path)
        return {"path": path, "mark": self.mark, "link": self.link}

    def renewed(self, folder: Path, number: int) -> "Origin":
        """Return the same with a new link, if that can be made."""
        again = Origin.note(self.path, folder, number)
        return again if self.path and _is_same(self.path, self.mark) else replace(self, link=None)

    def places(self, folder: Path) -> Iterator[Path]:
        """Yield where a bundle may be: its path, our link, or moved aside while being saved."""
        assert self.path is not None
        if self.path.is_file() or self.path.is_dir():
            yield self.path
        links = [] if self.link is None else [inside(folder, self.link)]
        yield from (place for place in [*links, *self._asides()] if place.is_file())

    def _asides(self) -> list[Path]:
        """Return what was moved aside when the bundle was saved."""
        assert self.path is not None
        folder = self.path.parent
        pattern = f".{glob.escape(self.path.name)}.kept-*"
        return sorted(folder.glob(pattern)) if folder.is_dir() else []

    def find(self, folder: Path) -> Path | None:
        """Return where the very same bundle is now; None where it is nowhere.

        A folder that was moved aside, to be replaced by one that never came, is moved back.
        """
        if self.path is not None and not self.path.exists():
            for aside in self._asides():
                if aside.is_dir() and _is_same(aside, self.mark):
                    os.rename(aside, self.path)
                    break
        return next((place for place in self.places(folder) if _is_same(place, self.mark)), None)


def opened(project: Project, path: Path, folder: Path, number: int) -> Origin:
    """Take note of the bundle that a project was read from, which may be another by now.

    Returns
    -------
    Origin
        None at all if the project reads from what was moved aside when the bundle was replaced;
        one that is never found again, but by its name, if nothing of it can be read any more.
    """
    target = path.resolve()
    sources = {thing.pixels.source for thing in project.images() if _is_stored(thing.pixels)}
    aside = f".{target.name}.kept-"
    if any(s.path.parent == target.parent and s.path.name.startswith(aside) for s in sources):
        return Origin()
    if any(source.path == target and source.has_changed() for source in sources):
        return Origin(target)
    return Origin.note(path, folder, number)


def _is_stored(pixels: object) -> TypeGuard[StoredArray]:
    return isinstance(pixels, StoredArray)


def _is_same(path: Path, mark: Mapping[str, Any] | None) -> bool:
    found = _mark(path, deep=False)
    if mark is None or found is None:
        return False
    if all(found[name] == mark.get(name) for name in found):
        return True
    if found.get("size") is None or found["size"] != mark.get("size") or not mark.get("digest"):
        return False
    return bool(_digest(path) == mark["digest"])


def _mark(path: Path, *, deep: bool = True) -> dict[str, Any] | None:
    """Return size, time and place of a file, of a folder the same of what is in it.

    A deep mark also has a checksum of the zip's directory, by which a copy is known.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            return {"entries": _entries(open_source(path).path)}
    except (OSError, PiximiError):
        return None
    mark: dict[str, Any] = {"size": found.st_size, "time": found.st_mtime_ns, "node": found.st_ino}
    return {**mark, "digest": _digest(path)} if deep else mark


def _entries(folder: Path) -> list[list[Any]]:
    """List the uppermost files and folders of a bundle; saving makes all of them anew."""
    found: list[list[Any]] = []
    for inner in (folder, folder / "project"):
        for entry in sorted(inner.iterdir()):
            facts = entry.stat(follow_symlinks=False)
            size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
            found.append([entry.name, size, facts.st_mtime_ns, facts.st_ino])
    return found


def _digest(path: Path) -> str | None:
    """Return a checksum of a zip's directory: it has those of all members."""
    checksum = hashlib.blake2b(digest_size=32)
    try:
        with path.open("rb") as file:
            place = find_directory(file, path)
            file.seek(place.offset)
            while block := file.read(BLOCK):
                checksum.update(block)
    except (OSError, BundleError):
        return None
    return checksum.hexdigest()


def things_digest(project: Project) -> str:
    """Return a checksum of what things a project has, by which a bundle just saved is known."""
    checksum = hashlib.blake2b(digest_size=16)
    ids = list(project.things)
    for start in range(0, len(ids), PIECE):
        text = "\n".join(ids[start : start + PIECE])
        checksum.update(f"{text}\n".encode("utf-8", "surrogatepass"))
        if start:
            breathe()
    return checksum.hexdigest()
