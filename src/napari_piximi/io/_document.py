"""A bundle as it lies on disk: the attributes and arrays of every group, nothing interpreted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_piximi.errors import BundleError
from napari_piximi.io._packed import check_expansion
from napari_piximi.io._source import Source
from napari_piximi.io._zarr import Layout, StoredArray, parse_json, read_layout, stored_array
from napari_piximi.io._zip import STORED, Member

__all__ = [
    "OWN",
    "Attributes",
    "Document",
    "find_models",
    "find_root",
    "list_files",
    "read_document",
]

GROUPS = ("project/", "classifier/", "segmenter/")
MOST_ROOTS_NAMED = 3
SHORT = 64
DENSE_BYTES, DENSE_RATIO = 4 << 20, 100
"""Attributes that long do not deflate that well, unless they are made to fill the memory."""
MAX_METADATA = 64 << 20
MAX_ALL_METADATA = 2 << 30
METADATA = ("/.zattrs", "/.zarray")

OWN = "napari_piximi"
"""The attribute that holds what Piximi cannot; Piximi ignores it."""

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """The groups and arrays below the root, by path (``project/things/cell.png``).

    Attributes
    ----------
    source : Source
    attributes : dict
        Path → parsed ``.zattrs``; the root's path is empty.
    arrays : dict
        Path → array, not yet read.
    """

    source: Source
    attributes: dict[str, Attributes]
    arrays: dict[str, StoredArray]

    def of(self, path: str, *names: str) -> Attributes:
        """Return the attributes of a group, of which those in `names` must be there.

        Raises
        ------
        BundleError
            If the group or an attribute is missing.
        """
        if path not in self.attributes:
            raise BundleError(f"{self.source.path}: {path}/.zattrs is missing")
        found = self.attributes[path]
        for name in names:
            if name not in found:
                raise BundleError(
                    f"{self.source.path}: {path or 'root'}/.zattrs lacks the attribute {name!r}"
                )
        return found

    def texts(self, path: str, name: str) -> list[str]:
        """Return an attribute that is a list of texts.

        Raises
        ------
        BundleError
            If it is missing or anything else.
        """
        values = self.of(path, name)[name]
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise self.error(f"{path}/.zattrs", f"{name} should be a list of texts")
        return values

    def own(self, path: str) -> Attributes:
        """Return what we noted at a group; empty where we did not."""
        own = self.attributes.get(path, {}).get(OWN)
        return own if isinstance(own, dict) else {}

    def error(self, path: str, trouble: str) -> BundleError:
        """Make an error that names the file, the group and what is wrong with it."""
        return BundleError(f"{self.source.path}: {path}: {trouble}")


def list_files(members: Sequence[Member], path: Path) -> dict[str, Member]:
    """Map names to members, with forward slashes and without leading ``./``.

    Raises
    ------
    BundleError
        If a name leads out of the bundle, or occurs twice.
    """
    names = [member.name for member in members]
    files = dict(zip(names, members, strict=True))
    # All names are looked at in one piece; one by one only where something is odd.
    text = "\n" + "\n".join(names)
    if len(files) == len(names) and not any(odd in text for odd in ("\\", "..", "\n.", "\n/")):
        return files
    files = {}
    for member in members:
        name = member.name.replace("\\", "/").removeprefix("./")
        if ".." in name.split("/") or name.startswith("/"):
            raise BundleError(f"{path}: the name {member.name!r} leads out of the bundle")
        if name in files and not name.endswith("/"):
            raise BundleError(f"{path}: {name} is there twice")
        files[name] = member
    return files


def find_root(files: Iterable[str], path: Path) -> str:
    """Find the one ``NAME.zarr/`` that holds the project.

    Raises
    ------
    BundleError
        If there is none, or more than one.
    """
    roots: list[str] = []
    rest = list(files)
    while inside := next((name for name in rest if ".zarr/" in name), None):
        root = inside[: inside.index(".zarr/") + 6]
        roots.append(root)
        rest = [name for name in rest if not name.startswith(root)]
        if len(roots) > MOST_ROOTS_NAMED:
            break
    if len(roots) != 1:
        found = " and ".join(sorted(roots)) or "no .zarr folder"
        raise BundleError(f"{path}: should hold one NAME.zarr folder, but there is {found}")
    return roots[0]


def read_document(source: Source, files: Mapping[str, Member], root: str) -> Document:
    """Read the attributes and array descriptions of all groups.

    Raises
    ------
    BundleError
        If one is damaged or absurdly large, or a chunk is missing.
    """
    # All metadata are called .zattrs or .zarray; the last letter tells which.
    wanted = {
        name: member
        for name, member in files.items()
        if name.endswith(METADATA) and name.startswith(root)
    }
    _check_size(source, wanted.values())
    attributes: dict[str, Attributes] = {}
    arrays: dict[str, StoredArray] = {}
    # Thousands of arrays have one and the same description and attributes.
    short: dict[bytes, Attributes] = {}
    layouts: dict[bytes, Layout] = {}
    for name, text in source.read_many(wanted):
        path = name[len(root) : -8]
        if name[-1] == "s":
            found = short.get(text)
            if found is None:
                found = parse_json(text, source, name)
                if len(text) < SHORT:
                    short[text] = found
            attributes[path] = found
        else:
            layout = layouts.get(text)
            if layout is None:
                layout = layouts[text] = read_layout(text, source, name)
            arrays[path] = stored_array(source, name[:-8], layout, files)
    return Document(source, attributes, arrays)


def _check_size(source: Source, metadata: Iterable[Member]) -> None:
    """Refuse metadata that would fill the memory before anything is unpacked."""
    total = 0
    for member in metadata:
        total += member.size
        if member.method != STORED:
            check_expansion(member, source.path)
        dense = member.size > DENSE_BYTES and member.size > DENSE_RATIO * member.packed
        if dense or member.size > MAX_METADATA or total > MAX_ALL_METADATA:
            raise BundleError(
                f"{source.path}: {member.name} brings the metadata to {total} bytes; "
                "this looks like a zip bomb and is refused"
            )


def find_models(files: Mapping[str, Member], root: str) -> dict[str, tuple[Member, Member]]:
    """Find the classifier files: name → (JSON member, weights member).

    Piximi keeps them beside the root; in a folder they lie in it. The name is what comes
    before the first dot, as Piximi has it.
    """
    found: dict[str, tuple[Member, Member]] = {}
    for name in [name for name in files if name.endswith(".json")]:
        inner = name.removeprefix(root)
        weights = files.get(name[:-5] + ".weights.bin")
        if weights is None or inner.startswith(GROUPS):
            continue
        folder, slash, file = inner.rpartition("/")
        found.setdefault(f"{folder}{slash}{file.split('.')[0]}", (files[name], weights))
    return found
