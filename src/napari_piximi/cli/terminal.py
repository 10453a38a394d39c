"""What the commands share: their common arguments, progress bars, and tables."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from secrets import token_hex
from typing import Annotated, TextIO

import typer

from napari_piximi.cli.stopping import Stoppable, stoppable
from napari_piximi.errors import SaveError
from napari_piximi.learn import device_choice
from napari_piximi.learn.report import FIGURES, averages_of, class_figures
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.progress import silent

__all__ = [
    "Bundle",
    "Device",
    "Json",
    "KindName",
    "Out",
    "check_out",
    "choose_device",
    "counted",
    "naming_file",
    "new_text",
    "one_line",
    "print_evaluation",
    "print_json",
    "progress_bar",
]

Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A project: .zip, or an unzipped .zarr folder")
]
KindName = Annotated[str, typer.Option("--kind", help="Name or id of the kind of things")]
Out = Annotated[Path, typer.Option("--out", help="Where to save the project (.zip or .zarr)")]
Device = Annotated[
    str,
    typer.Option("--device", help="What networks run on: auto, cpu or gpu", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


def choose_device(device: str) -> None:
    """Choose what networks run on, before Keras is imported; what the user has set stays.

    Raises
    ------
    FitError
        If there is no such device.
    """
    if device:
        device_choice.choose(device)


@contextmanager
def progress_bar() -> Iterator[Stoppable]:
    """Show progress on a terminal, say nothing elsewhere; Ctrl+C stops what reports to it."""
    if not sys.stderr.isatty():
        with stoppable(silent) as progress:
            yield progress
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def show(done: int, total: int, message: str = "", **values: object) -> None:
            figures = [f"{name} {v:.4f}" for name, v in values.items() if isinstance(v, float)]
            text = "  ".join([message, *figures])
            bar.update(task, completed=done, total=total or None, description=text)

        with stoppable(show) as progress:
            yield progress


@contextmanager
def new_text(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of `path` when all has gone well.

    Raises
    ------
    SaveError
        At once if nothing can be written there; at the end if the file cannot be finished.
    """
    target = path.resolve()
    plain = target.is_file() or not target.exists()
    # What is no plain file, such as /dev/stdout or a pipe, cannot be replaced.
    fresh = target.with_name(f".{target.name}.{token_hex(4)}.new") if plain else target
    with naming_file(path):
        file = fresh.open("x" if plain else "w", newline="", encoding="utf-8")
    try:
        with file:
            yield file
            with naming_file(path):
                file.close()
        if plain:
            with naming_file(path):
                os.replace(fresh, target)
    finally:
        if plain:
            fresh.unlink(missing_ok=True)


def check_out(path: Path) -> None:
    """Tell before the work, not after it, that a project cannot be saved at a place.

    Raises
    ------
    SaveError
        If its folder is not there or cannot be written to, a folder of that name is there that
        is no project, or the name ends otherwise than projects do.
    """
    target = path.resolve()
    folder = target.parent
    if not folder.is_dir():
        raise SaveError(f"{path}: cannot be saved, there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise SaveError(f"{path}: cannot be saved, the folder {folder} cannot be written to")
    if target.is_dir() and target.suffix != ".zarr":
        raise SaveError(f"{path}: is a folder; name a file that ends in .zip, or in .zarr")
    if target.suffix.lower() != ".zip" and target.suffix != ".zarr":
        raise SaveError(f"{path}: cannot be saved, the name of a project ends in .zip or .zarr")


def counted(count: int, noun: str) -> str:
    """Return how many there are, with the noun in the plural where that is not one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Make what goes wrong with a file an error that names it."""
    try:
        yield
    except OSError as error:
        raise SaveError(f"{path}: could not be written ({error.strerror})") from error


def one_line(name: str) -> str:
    """Return a name of the user's without its line breaks, for lists and tables."""
    return " ".join(name.split())


def print_json(value: object) -> None:
    """Print strict JSON, all or nothing; a terminal that cannot show a letter gets its number."""
    plain = not str(sys.stdout.encoding).lower().startswith("utf")
    print(json.dumps(value, indent=1, ensure_ascii=plain, allow_nan=False))


def print_evaluation(evaluation: Evaluation, names: Sequence[str]) -> None:
    """Print accuracy, and per class precision, recall, F1, ROC-AUC and number of things."""
    titles = "".join(f"{title:>10}" for title in FIGURES)
    print(f"{'category':<20}{titles}{'things':>8}")
    support = evaluation.support.astype(int).tolist()
    for name, values, things in zip(
        names, class_figures(evaluation).tolist(), support, strict=True
    ):
        print(_line(name, values, things))
    for name, weighted in (("mean of classes", False), ("weighted mean", True)):
        print(_line(name, averages_of(evaluation, weighted=weighted), sum(support)))
    print(
        f"accuracy {evaluation.accuracy:.4f}   balanced {evaluation.balanced_accuracy:.4f}   "
        f"cross entropy {evaluation.cross_entropy:.4f}"
    )


def _line(name: str, values: Sequence[float], things: int) -> str:
    cells = "".join(f"{'–' if isnan(v) else format(v, '.3f'):>10}" for v in values)
    return f"{one_line(name):<20}{cells}{things:>8}"
