"""What another process needs of a project: few things, and pixels that it reads itself."""

from dataclasses import replace

import numpy as np

from napari_piximi.io.scratch import Scratch
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, ArrayPixels, Thing

__all__ = ["lend"]

LARGE = 1 << 20
"""Bytes from which on pixels in memory go through a file instead of a pipe."""


def lend(project: Project, kind: str, scratch: Scratch) -> Project:
    """Return a project with the things of one kind, and the images that they lie on.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    scratch : Scratch
        Takes large pixels that are only in memory; whoever made it empties it afterwards.

    Returns
    -------
    Project
        Small when it is pickled: pixels are references into files.

    Raises
    ------
    RecoveryError
        If pixels cannot be written.
    """
    wanted = {thing.id: thing for thing in project.of_kind(kind)}
    images = {thing.image for thing in wanted.values() if isinstance(thing, Annotation)}
    for key in images - wanted.keys():
        wanted[key] = project.things[key]
    things = {key: _lent(thing, scratch) for key, thing in wanted.items()}
    classifiers = tuple(c for c in project.classifiers if c.kind == kind)
    return replace(project, things=things, classifiers=classifiers, unread_models={})


def _lent(thing: Thing, scratch: Scratch) -> Thing:
    pixels = thing.pixels
    if isinstance(pixels, ArrayPixels) and pixels.array.nbytes >= LARGE:
        return replace(thing, pixels=scratch.put(np.asarray(pixels)))
    return thing
