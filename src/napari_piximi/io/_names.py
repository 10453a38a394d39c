"""Names as Piximi's bundles need them: each the path of a group, unique, and harmless."""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["leads_astray", "path_names", "root_name", "unicode_name"]

MOST_BYTES = 200
"""File systems take 255; a number may have to be added."""

MOST_SLASHES = 8
RESERVED = {"", ".", "..", "colors", ".zattrs", ".zgroup", ".zarray", ".zmetadata"}


def root_name(path: Path) -> str:
    """Return the root group's name for a bundle at `path`; Piximi wants no dots in it."""
    stem = unicode_name(path.name)
    for suffix in (".zip", ".zarr"):
        stem = stem.removesuffix(suffix)
    return stem.replace(".", "_").replace("\\", "_") or "project"


def leads_astray(name: str) -> bool:
    """Tell whether an id, used as the name of a group, would lead out of its place."""
    parts = name.replace("\\", "/").split("/")
    return not {"", ".", ".."}.isdisjoint(parts) or "\0" in name


def unicode_name(name: str) -> str:
    """Return a name that JSON can hold: what no character stands for becomes a question mark.

    Names of files that are not in the system's encoding come with lone surrogates.
    """
    return name.encode("utf-8", "replace").decode()


def path_names(names: Iterable[str]) -> list[str]:
    """Return for each name one that Piximi can use as the path of a group.

    They differ from all others, whatever the case and also where a slash makes one the
    beginning of another, and from the given ones only where they must.
    """
    taken: set[str] = set()
    ancestors: set[str] = set()
    last: dict[str, int] = {}
    found = []
    for name in map(_harmless, map(unicode_name, names)):
        number = last.get(name, 0)
        unique = _numbered(name, number) if number else name
        while (key := unique.casefold()) in taken or key in ancestors or taken & _ancestors(key):
            number += 1
            unique = _numbered(name.replace("/", "_") if number > 1 else name, number)
        last[name] = number
        taken.add(key)
        ancestors |= _ancestors(key)
        found.append(unique)
    return found


def _harmless(name: str) -> str:
    name = name.replace("\0", "_")
    if len(name.encode()) > MOST_BYTES or name.count("/") > MOST_SLASHES:
        name = name.replace("/", "_").encode()[:MOST_BYTES].decode(errors="ignore")
    if "/" not in name and "\\" not in name:
        return f"_{name}" if name in RESERVED else name
    parts = name.replace("\\", "/").split("/")
    return "/".join(f"_{part}" if part in RESERVED else part for part in parts)


def _ancestors(name: str) -> set[str]:
    """Return the groups that a name with slashes lies in."""
    if "/" not in name:
        return set()
    parts = name.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}


def _numbered(name: str, number: int) -> str:
    """Put a number before the extension, as in ``cells_1.tif``."""
    stem, dot, extension = name.rpartition(".")
    if dot and stem and extension.isalnum() and len(extension) <= 4:
        return f"{stem}_{number}.{extension}"
    return f"{name}_{number}"
