"""Training curves as plain data: what is drawn, and what is exported."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.project import Project
from napari_piximi.model.training import Run
from napari_piximi.ui.fit_course import FitUnderWay

__all__ = [
    "COLORS",
    "Curves",
    "Fitted",
    "best_value",
    "curves_csv",
    "curves_of",
    "live_curves",
    "run_curves",
    "runs_of",
    "same_curves",
]

Floats = NDArray[np.float64]

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
        Epochs count from 1.
    best : int or None
        The epoch whose weights were kept, from 1; 0: those that the fit began with.
    own : bool
        Of the model that is chosen.
    """

    key: tuple[str, str, int]
    title: str
    figures: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    best: int | None = None
    own: bool = True
    epochs: int = 0
    stopped: str = ""

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return any(len(values) for _, values in self.figures.values())


def run_curves(model: Fitted, number: int, *, own: bool = True) -> Curves:
    """Return the curves of a run that a model keeps."""
    run = model.runs[number]
    figures = {
        name: (np.arange(1.0, len(values) + 1), np.asarray(values, np.float64))
        for name, values in run.history.items()
    }
    return Curves(
        (model.kind, model.name, number),
        f"{model.name} · fit {number + 1}",
        figures,
        _best_epoch(run),
        own,
        run.epochs,
        run.stopped,
    )


def live_curves(fit: FitUnderWay) -> Curves:
    """Return the curves of a fit that is under way, as far as they are known."""
    figures = {}
    for name, values in fit.history.items():
        epochs = np.fromiter(values.keys(), np.float64, len(values))
        figures[name] = epochs, np.fromiter(values.values(), np.float64, len(values))
    epochs_now = int(max((part[0][-1] for part in figures.values() if len(part[0])), default=0))
    key = (fit.kind, fit.name, -1)
    return Curves(key, f"{fit.name} · now", figures, None, True, epochs_now, "running")


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
    if known is None or (known.title, known.own, known.best) != (
        fresh.title, fresh.own, fresh.best
    ):  # fmt: skip
        return fresh
    same = known.epochs == fresh.epochs and known.stopped == fresh.stopped
    return known if same else fresh


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


def curves_csv(chosen: Sequence[Curves]) -> str:
    """Return curves as a table: run, epoch, and a column per figure."""
    names = list(dict.fromkeys(name for curves in chosen for name in curves.figures))
    out = StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["run", "epoch", *names])
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
        yield [curves.title, int(epoch), *(columns.get(n, {}).get(epoch, "") for n in names)]


def _best_epoch(run: Run) -> int | None:
    return run.best_epoch + 1 if run.history else None
