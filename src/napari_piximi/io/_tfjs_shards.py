"""The weights files of a TensorFlow.js model: found, measured, and only then read."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from napari_piximi.errors import ModelFileError
from napari_piximi.io._tfjs_manifest import ShardGroup
from napari_piximi.io._warn import warn

__all__ = ["check_length", "gather_shards"]


def check_length(groups: tuple[ShardGroup, ...], weights: bytes, source: str) -> None:
    """Refuse weights that are more or fewer bytes than their manifest says."""
    needed = sum(group.nbytes for group in groups)
    if len(weights) != needed:
        raise ModelFileError(
            f"{source}: the manifest needs {needed} bytes of weights, there are {len(weights)}"
        )


def gather_shards(
    groups: tuple[ShardGroup, ...],
    sizes: Mapping[str, int],
    read: Callable[[str], bytes],
    spare: str,
    source: str,
) -> bytes:
    """Read all shards, once their lengths are known to be right.

    Parameters
    ----------
    groups : tuple of ShardGroup
    sizes : mapping of str to int
        Bytes of the files that are there, by name.
    read : callable
        Returns the bytes of a file.
    spare : str
        The one file that may stand in for a missing one.
    source : str
        Name for messages.

    Raises
    ------
    ModelFileError
        If a file is missing, or the files are longer or shorter than the manifest says.
    """
    groups = _with_spare(groups, sizes, spare, source)
    for group in groups:
        _check_shards(group, sizes, source)
    chunks = [read(name) for group in groups for name in group.paths]
    weights = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    # A file may have changed since its length was taken.
    check_length(groups, weights, source)
    return weights


def _with_spare(
    groups: tuple[ShardGroup, ...], sizes: Mapping[str, int], spare: str, source: str
) -> tuple[ShardGroup, ...]:
    group = groups[0]
    if len(groups) != 1 or len(group.paths) != 1 or group.paths[0] in sizes:
        return groups
    if sizes.get(spare) != group.nbytes:
        return groups
    warn(f"{source}: its weights file {group.paths[0]!r} is missing; {spare!r} is used instead")
    return (replace(group, paths=(spare,)),)


def _check_shards(group: ShardGroup, sizes: Mapping[str, int], source: str) -> None:
    missing = [name for name in group.paths if name not in sizes]
    if missing:
        raise ModelFileError(
            f"{source}: its weights file {missing[0]!r} is missing; put it beside the JSON file "
            "under exactly that name (a renamed one must be renamed back)"
        )
    found = sum(sizes[name] for name in group.paths)
    if found != group.nbytes:
        files = " + ".join(f"{name!r} ({sizes[name]} bytes)" for name in group.paths)
        raise ModelFileError(
            f"{source}: {group.nbytes} bytes of weights expected, {found} found in "
            f"{files or 'no file'}; truncated, or not this model's"
        )
