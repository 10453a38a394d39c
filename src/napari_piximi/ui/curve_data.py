"""Training curves as plain data: what is drawn, and what is exported."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.forest import grown_trees, tree_counts
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST, Run
from napari_piximi.ui.fit_course import FitUnderWay

__all__ = [
    "COLORS",
    "Curves",
    "Fitted",
    "Key",
    "along",
    "best_value",
    "curves_csv",
    "curves_of",
    "live_curves",
    "moved_runs",
    "run_curves",
    "runs_of",
    "same_curves",
]

Floats = NDArray[np.float64]
Key = tuple[str, str, int]

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
"""Okabe and Ito's (2008), which people of any colour vision tell apart, on dark and on light."""


class Fitted(Protocol):
    """What keeps its fits: a classifier, or a segmentation network."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> str:
        """Id of the kind that it is of."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its fits, oldest first."""


@dataclass(frozen=True, eq=False)
class Curves:
    """The figures of one fit.

    Attributes
    ----------
    key : tuple
        Kind, name of the model and number of the run; -1 for the one that is under way.
    title : str
    figures : mapping of str to ((N,) epochs, (N,) values)
        Epochs count from 1; in their place, forests have numbers of trees.
    best : int or None
        The epoch whose weights were kept, from 1; 0: those that the fit began with.
    own : bool
        Of the model that is chosen.
    epochs : int
        How many there are.
    stopped : str
        How it ended; see :class:`napari_piximi.model.training.Run`.
    trees : bool
        It is of a forest, which has trees in place of epochs.
    run : Run or None
        Where they come from; None for the one that is under way.
    """

    key: Key
    title: str
    figures: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    best: int | None = None
    own: bool = True
    epochs: int = 0
    stopped: str = ""
    trees: bool = False
    run: Run | None = None

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return any(len(values) for _, values in self.figures.values())


def run_curves(model: Fitted, number: int, *, own: bool = True) -> Curves:
    """Return the curves of a run that a model keeps."""
    run = model.runs[number]
    places = _places(run.settings, max(map(len, run.history.values()), default=0))
    figures = {
        name: (places[: len(values)], np.asarray(values, np.float64))
        for name, values in run.history.items()
    }
    best, trees = run.best_epoch, grown_trees(run)
    return Curves(
        (model.kind, model.name, number),
        f"{model.name} · fit {number + 1}",
        figures,
        (int(places[best]) if 0 <= best < len(places) else best + 1) if run.history else None,
        own,
        run.epochs if trees is None else trees,
        run.stopped,
        trees is not None,
        run,
    )


def _places(settings: Any, epochs: int) -> Floats:  # noqa: ANN401
    """Return where the figures of a fit stand: at its epochs, or numbers of trees."""
    if getattr(settings, "architecture", "") == FOREST:
        counts = tree_counts(settings.trees)
        if epochs <= len(counts):
            return np.array(counts[:epochs], np.float64)
    return np.arange(1.0, epochs + 1)


def live_curves(fit: FitUnderWay) -> Curves:
    """Return the curves of a fit that is under way, as far as they are known."""
    figures = {}
    places = _places(fit.settings, max((max(v) for v in fit.history.values() if v), default=0))
    for name, values in fit.history.items():
        epochs = np.fromiter(values.keys(), np.intp, len(values))
        figures[name] = places[epochs - 1], np.fromiter(values.values(), np.float64, len(values))
    epochs_now = int(max((part[0][-1] for part in figures.values() if len(part[0])), default=0))
    key = (fit.kind, fit.name, -1)
    trees = getattr(fit.settings, "architecture", "") == FOREST
    return Curves(key, f"{fit.name} · now", figures, None, True, epochs_now, "running", trees)


def runs_of(project: Project, kind: str, chosen: str | None) -> list[Curves]:
    """Return all runs of classifiers of a kind: those of the chosen one first, newest first."""
    return curves_of([c for c in project.classifiers if c.kind == kind], chosen)


def curves_of(models: Iterable[Fitted], chosen: str | None) -> list[Curves]:
    """Return all runs of models: those of the chosen one first, the newest first."""
    found: list[Curves] = []
    for model in sorted(models, key=lambda model: model.name != chosen):
        own = model.name == chosen
        numbers = range(len(model.runs) - 1, -1, -1)
        found += [run_curves(model, number, own=own) for number in numbers]
    return found


def same_curves(known: Iterable[Curves], fresh: Iterable[Curves]) -> list[Curves]:
    """Return fresh curves; those that are known, and have not changed, as the known ones."""
    before = {curves.key: curves for curves in known}
    return [_same(before.get(curves.key), curves) for curves in fresh]


def _same(known: Curves | None, fresh: Curves) -> Curves:
    if known is None or (known.title, known.own) != (fresh.title, fresh.own):
        return fresh
    return known if known.run is fresh.run else fresh


def moved_runs(before: Iterable[Curves], after: Iterable[Curves]) -> dict[Key, Key]:
    """Return, by its key now, the key before of each run that has another: of a deleted one's."""
    held = {curves.key: curves.run for curves in before}
    holds = {curves.key: curves.run for curves in after}
    was = {id(run): key for key, run in held.items() if run is not None}
    return {
        key: was[id(run)]
        for key, run in holds.items()
        if id(run) in was and held.get(key) is not run and holds.get(was[id(run)]) is not run
    }


def best_value(curves: Curves, figure: str = "accuracy") -> float | None:
    """Return a figure at the best epoch, of the validation things where there are any."""
    for name in (f"val_{figure}", figure):
        if name in curves.figures:
            epochs, values = curves.figures[name]
            at = np.flatnonzero(epochs == (curves.best or 0))
            if at.size:
                return float(values[at[0]])
            return float(values[-1]) if curves.best is None and len(values) else None
    return None


def along(shown: Iterable[Curves]) -> str:
    """Return what curves go along: epochs, or the trees of forests."""
    kinds = {curves.trees for curves in shown}
    return "Epoch or trees" if len(kinds) > 1 else "Trees" if True in kinds else "Epoch"


def curves_csv(chosen: Sequence[Curves]) -> str:
    """Return curves as a table: run, epoch, whether its weights were kept, and each figure."""
    names = list(dict.fromkeys(name for curves in chosen for name in curves.figures))
    out = StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["run", along(chosen).lower(), "kept", *names])
    for curves in chosen:
        table.writerows(_rows(curves, names))
    return out.getvalue()


def _rows(curves: Curves, names: Iterable[str]) -> Iterator[list[object]]:
    columns = {
        name: dict(zip(epochs.tolist(), values.tolist(), strict=True))
        for name, (epochs, values) in curves.figures.items()
    }
    every = sorted({epoch for column in columns.values() for epoch in column})
    for epoch in every:
        values = (columns.get(name, {}).get(epoch, "") for name in names)
        yield [curves.title, int(epoch), int(epoch == curves.best), *values]
