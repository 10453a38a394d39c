"""What the commands share: their common arguments, progress bars, and tables."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.progress import Progress, silent

__all__ = ["Bundle", "Json", "KindName", "Out", "print_evaluation", "print_json", "progress_bar"]

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


def print_json(value: object) -> None:
    """Print strict JSON; a terminal that cannot show a letter gets its number."""
    plain = not str(sys.stdout.encoding).lower().startswith("utf")
    json.dump(value, sys.stdout, indent=1, ensure_ascii=plain, allow_nan=False)
    print()


def print_evaluation(evaluation: Evaluation, names: Sequence[str]) -> None:
    """Print accuracy, and per class precision, recall, F1 and number of things."""
    print(f"{'category':<20}{'precision':>10}{'recall':>10}{'F1':>10}{'things':>8}")
    columns = (evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support)
    for name, precision, recall, f1, support in zip(names, *columns, strict=True):
        print(f"{name:<20}{precision:>10.3f}{recall:>10.3f}{f1:>10.3f}{int(support):>8}")
    averages = "".join(f"{evaluation.averaged(column):>10.3f}" for column in columns[:3])
    print(f"{'mean of classes':<20}{averages}{int(evaluation.support.sum()):>8}")
    print(f"accuracy {evaluation.accuracy:.4f}   cross entropy {evaluation.cross_entropy:.4f}")
