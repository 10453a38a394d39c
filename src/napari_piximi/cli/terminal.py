"""What the commands share: their common arguments, progress bars, and tables."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Annotated, TextIO

import typer

from napari_piximi.errors import SaveError
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.progress import Progress, silent

__all__ = [
    "Bundle",
    "Json",
    "KindName",
    "Out",
    "naming_file",
    "new_text",
    "print_evaluation",
    "print_json",
    "progress_bar",
]

Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="A project: .zip, or an unzipped .zarr folder")
]
KindName = Annotated[str, typer.Option("--kind", help="Name or id of the kind of things")]
Out = Annotated[Path, typer.Option("--out", help="Where to save the project (.zip or .zarr)")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress on a terminal; say nothing elsewhere."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def show(done: int, total: int, message: str = "", **values: object) -> None:
            figures = [f"{name} {v:.4f}" for name, v in values.items() if isinstance(v, float)]
            text = "  ".join([message, *figures])
            bar.update(task, completed=done, total=total or None, description=text)

        yield show


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


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Make what goes wrong with a file an error that names it."""
    try:
        yield
    except OSError as error:
        raise SaveError(f"{path}: could not be written ({error.strerror})") from error


def print_json(value: object) -> None:
    """Print strict JSON, all or nothing; a terminal that cannot show a letter gets its number."""
    plain = not str(sys.stdout.encoding).lower().startswith("utf")
    print(json.dumps(value, indent=1, ensure_ascii=plain, allow_nan=False))


def print_evaluation(evaluation: Evaluation, names: Sequence[str]) -> None:
    """Print accuracy, and per class precision, recall, F1 and number of things."""
    print(f"{'category':<20}{'precision':>10}{'recall':>10}{'F1':>10}{'things':>8}")
    columns = (evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support)
    for name, precision, recall, f1, support in zip(names, *columns, strict=True):
        print(f"{name:<20}{precision:>10.3f}{recall:>10.3f}{f1:>10.3f}{int(support):>8}")
    averages = "".join(f"{evaluation.averaged(column):>10.3f}" for column in columns[:3])
    print(f"{'mean of classes':<20}{averages}{int(evaluation.support.sum()):>8}")
    print(f"accuracy {evaluation.accuracy:.4f}   cross entropy {evaluation.cross_entropy:.4f}")
