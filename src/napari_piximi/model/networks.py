"""Edits of segmentation networks; :mod:`napari_piximi.model.edits` offers them all."""

from dataclasses import replace
from typing import TypeVar

from napari_piximi.errors import EditError
from napari_piximi.model.free_names import numbered_name
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, SegmentationScore
from napari_piximi.model.things import IMAGE_KIND

__all__ = [
    "add_score",
    "check_network_name",
    "delete_network",
    "delete_network_run",
    "delete_score",
    "duplicate_network",
    "free_network_name",
    "is_network_name",
    "put_network",
    "rename_network",
]

T = TypeVar("T")


def is_network_name(name: str) -> bool:
    """Tell whether a network may have a name: not blank, no path, no dots."""
    return bool(name.strip()) and not any(sign in name for sign in "./\\\0")


def free_network_name(project: Project, stem: str = "U-Net", first: int = 1) -> str:
    """Return the first of ``U-Net 1``, ``U-Net 2``, … that no network of the project has."""
    taken = {network.name for network in project.networks}
    return numbered_name(stem, lambda name: name not in taken, first)


def put_network(project: Project, network: SegmentationNetwork) -> Project:
    """Add a segmentation network, or put it in the place of that name; it is then the newest.

    Raises
    ------
    EditError
        If the name is empty or holds a dot, a slash or a NUL; its kind is none of the project's
        objects; it takes no channels; or another kind's network has the name.
    """
    _check_name(network.name)
    if network.kind not in project.kinds or network.kind == IMAGE_KIND:
        raise EditError(f"There is no kind of objects {network.kind!r} for {network.name!r}")
    if not network.channels or min(network.channels) < 0:
        raise EditError(f"{network.name!r} takes the channels {network.channels}, which are none")
    for other in project.networks:
        if other.name == network.name and other.kind != network.kind:
            raise EditError(
                f"The kind {project.kind_name(other.kind)!r} has a network called "
                f"{network.name!r}; choose another name"
            )
    others = tuple(n for n in project.networks if n.name != network.name)
    networks = (*others, network)
    unchanged = len(networks) == len(project.networks) and project.networks[-1] is network
    return project if unchanged else replace(project, networks=networks)


def rename_network(project: Project, name: str, new_name: str) -> Project:
    """Give a segmentation network another name.

    Raises
    ------
    EditError
        If there is no such network, or the new name is taken or no name, as for
        :func:`put_network`.
    """
    old = project.find_network(name)
    if name == new_name:
        return project
    check_network_name(project, new_name)
    return _exchange(project, old, replace(old, name=new_name))


def duplicate_network(project: Project, name: str, new_name: str) -> Project:
    """Copy a segmentation network under another name, to fit the copy on and keep it.

    The copy, which is the newest, has the same model, runs and scores; nothing is in memory
    twice.

    Raises
    ------
    EditError
        If there is no such network, it has no model, or the new name is taken or no name, as
        for :func:`put_network`.
    """
    old = project.find_network(name)
    if old.model is None:
        raise EditError(f"{name!r} has no model, its files are missing: there is nothing to copy")
    check_network_name(project, new_name)
    return put_network(project, replace(old, name=new_name))


def delete_network(project: Project, name: str) -> Project:
    """Delete a segmentation network with its runs and scores.

    Raises
    ------
    EditError
        If there is no such network.
    """
    doomed = project.find_network(name)
    return replace(project, networks=tuple(n for n in project.networks if n is not doomed))


def delete_network_run(project: Project, name: str, index: int) -> Project:
    """Delete the record of one fit of a segmentation network; its model stays as it is.

    Scores that were made after that fit stay, and no longer tell after which.

    Raises
    ------
    EditError
        If there is no such network or run.
    """
    old = project.find_network(name)
    runs = _without(old.runs, index, f"{name!r} has no run {index + 1}")
    moved = {index: None} | {later: later - 1 for later in range(index + 1, len(old.runs))}
    scores = tuple(
        s if s.run is None or s.run < index else replace(s, run=moved.get(s.run))
        for s in old.scores
    )
    return _exchange(project, old, replace(old, runs=runs, scores=scores))


def add_score(project: Project, name: str, score: SegmentationScore) -> Project:
    """Keep a score of a segmentation network, as its newest.

    Raises
    ------
    EditError
        If the network has gone.
    """
    old = project.find_network(name)
    return _exchange(project, old, replace(old, scores=(*old.scores, score)))


def delete_score(project: Project, name: str, index: int) -> Project:
    """Delete one score of a segmentation network.

    Raises
    ------
    EditError
        If there is no such network or score.
    """
    old = project.find_network(name)
    left = _without(old.scores, index, f"{name!r} has no score {index + 1}")
    return _exchange(project, old, replace(old, scores=left))


def _without(values: tuple[T, ...], index: int, trouble: str) -> tuple[T, ...]:
    if not 0 <= index < len(values):
        raise EditError(trouble)
    return (*values[:index], *values[index + 1 :])


def _exchange(project: Project, old: SegmentationNetwork, new: SegmentationNetwork) -> Project:
    """Put a network into the place of another."""
    return replace(project, networks=tuple(new if n is old else n for n in project.networks))


def check_network_name(project: Project, name: str) -> None:
    """Refuse a name that a new segmentation network cannot have.

    Raises
    ------
    EditError
        If it is taken or no name, as for :func:`put_network`.
    """
    _check_name(name)
    if any(network.name == name for network in project.networks):
        raise EditError(f"There is a segmentation network {name!r} already")


def _check_name(name: str) -> None:
    if not is_network_name(name):
        raise EditError(
            f"{name!r} cannot name a segmentation network: it must not be empty, "
            "or hold a dot, a slash or a NUL"
        )
