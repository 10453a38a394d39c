"""A session: the current project, the ones before it, and word of every change."""

import sys
from collections import deque
from dataclasses import dataclass

from psygnal import Signal

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project, new_project, touched
from napari_piximi.model.things import ArrayPixels, Thing
from napari_piximi.model.training import ModelArtifact, Run

__all__ = ["Session"]

THING_BYTES = 300
"""About what one replaced thing costs in memory."""
NOTHING = None, None, (0, 0)
POINTER_BYTES, NUMBER_BYTES = 8, 32
"""What an item of a tuple costs, alone and with a number of its own."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A project to go to, the edit between, what keeping it costs, and how many things differ."""

    project: Project
    label: str
    cost: int
    things: int


class Session:
    """Hold one project and let edits replace it.

    Parameters
    ----------
    project : Project, optional
        What to start with; a new, empty one by default.
    history_bytes : int
        About how much memory undo and redo may take; the oldest steps go first.

    Examples
    --------
    >>> from napari_piximi import Session, edits
    >>> session = Session()
    >>> session.apply(edits.rename_project(session.project, "Cells"), "Rename project")
    >>> session.undo()
    'Rename project'
    """

    changed = Signal(Project, Project)
    """Emitted after every change as ``changed(before, after)``."""

    def __init__(self, project: Project | None = None, *, history_bytes: int = 256 << 20) -> None:
        self._project = project if project is not None else new_project()
        self._saved: Project | None = self._project
        self._undo: deque[_Step] = deque()
        self._redo: deque[_Step] = deque()
        self._history_bytes = history_bytes
        self._foreseen: tuple[Project | None, Project | None, tuple[int, int]] = NOTHING

    @property
    def project(self) -> Project:
        """The current project."""
        return self._project

    @property
    def dirty(self) -> bool:
        """Whether the project differs from the one last saved."""
        return self._project is not self._saved

    @property
    def undo_label(self) -> str | None:
        """Name of the edit that :meth:`undo` would take back; None when there is none."""
        return self._undo[-1].label if self._undo else None

    @property
    def redo_label(self) -> str | None:
        """Name of the edit that :meth:`redo` would bring back; None when there is none."""
        return self._redo[-1].label if self._redo else None

    def ahead(self, *, redo: bool) -> tuple[Project, int] | None:
        """Return where :meth:`undo` or :meth:`redo` would lead, and how many things differ there.

        Parameters
        ----------
        redo : bool

        Returns
        -------
        (Project, int) or None
            None where there is nothing to take or bring back.
        """
        steps = self._redo if redo else self._undo
        return (steps[-1].project, steps[-1].things) if steps else None

    def apply(self, project: Project, label: str) -> None:
        """Make `project` the current one, as one undoable edit called `label`.

        Nothing happens when it is the current project already.
        """
        if project is self._project:
            return
        self._undo.append(self._noted(project, label))
        self._redo.clear()
        self._forget_oldest()
        self._switch(project)

    def amend(self, project: Project) -> None:
        """Make `project` the current one as a part of the last edit, done or taken back.

        For what follows from an edit by itself, such as a forest that is fitted anew after each
        label: undo and redo go on from edit to edit, as if it were not there.
        """
        if project is not self._project:
            self._switch(project)

    def undo(self) -> str | None:
        """Go back before the last edit and return its name; None when there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> str | None:
        """Bring back the edit last undone and return its name; None when there is none."""
        return self._step(self._redo, self._undo)

    def mark_saved(self, project: Project | None = None) -> None:
        """Note that `project` (the current one by default) is what the file holds now."""
        self._saved = self._project if project is None else project

    def mark_changed(self) -> None:
        """Note that no file holds this project, as after a recovery."""
        self._saved = None

    def foresee(self, project: Project) -> None:
        """Work out in a thread what keeping the current project beside another one will cost."""
        current = self._project
        self._foreseen = current, project, _weight(current, project)

    def _noted(self, project: Project, label: str) -> _Step:
        """Return a step back to the current project."""
        (current, other, weight), self._foreseen = self._foreseen, NOTHING
        if current is not self._project or other is not project:
            weight = _weight(self._project, project)
        return _Step(self._project, label, *weight)

    def _step(self, source: deque[_Step], target: deque[_Step]) -> str | None:
        if not source:
            return None
        step = source.pop()
        target.append(self._noted(step.project, step.label))
        self._forget_oldest()
        self._switch(step.project)
        return step.label

    def _switch(self, project: Project) -> None:
        before, self._project = self._project, project
        self.changed.emit(before, project)

    def _forget_oldest(self) -> None:
        total = sum(step.cost for step in (*self._undo, *self._redo))
        while total > self._history_bytes and len(self._undo) > 1:
            total -= self._undo.popleft().cost


def _weight(kept: Project, current: Project) -> tuple[int, int]:
    """Return the bytes that keeping `kept` takes, and how many things differ."""
    return _cost(kept, current), len(touched(kept, current))


def _cost(kept: Project, current: Project) -> int:
    """Estimate the bytes that keeping `kept` beside `current` takes."""
    cost = THING_BYTES + _model_bytes(kept, current)
    if kept.things is current.things:
        return cost
    changed = touched(kept, current)
    old = map(kept.things.__getitem__, filter(kept.things.__contains__, changed))
    pixels = sum(_pixel_bytes(thing, current) for thing in old if thing.pixels is not None)
    return cost + sys.getsizeof(kept.things) + THING_BYTES * len(changed) + pixels


def _model_bytes(kept: Project, current: Project) -> int:
    """Count what only `kept` holds of weights, and of evaluations and runs."""
    if kept.classifiers is current.classifiers and kept.networks is current.networks:
        return 0
    old, new = _parts(kept), _parts(current)
    return sum(_part_bytes(part) for key, part in old.items() if key not in new)


def _parts(project: Project) -> dict[int, ModelArtifact | Evaluation | Run]:
    """Return the large values of all classifiers and networks, each once, by their address."""
    found: list[ModelArtifact | Evaluation | Run | None] = []
    for classifier in project.classifiers:
        found += (classifier.model, *classifier.evaluations, *classifier.runs)
    for network in project.networks:
        found += (network.model, *network.runs)
    return {id(part): part for part in found if part is not None}


def _part_bytes(part: ModelArtifact | Evaluation | Run) -> int:
    if isinstance(part, ModelArtifact):
        return len(part.weights)
    if isinstance(part, Run):
        return NUMBER_BYTES * sum(map(len, part.history.values()))
    # Ids are texts of the things, and class indices numbers that Python has once.
    return POINTER_BYTES * (3 * len(part.ids) + len(part.confusion_matrix) ** 2)


def _pixel_bytes(old: Thing, current: Project) -> int:
    """Count the pixels in memory that only `old` holds; those in a file cost nothing."""
    pixels, new = old.pixels, current.things.get(old.id)
    if not isinstance(pixels, ArrayPixels) or (new and new.pixels is pixels):
        return 0
    return pixels.array.nbytes
