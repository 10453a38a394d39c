"""A model as files: ``NAME.json`` with ``NAME.weights.bin`` beside it."""

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_piximi.progress import Progress, silent
from napari_piximi.ui import messages
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.workspace import Workspace

__all__ = ["save_model"]


def save_model(
    workspace: Workspace,
    path: Path,
    write: Callable[[Path], object],
    parent: QWidget | None = None,
    remark: str = "",
) -> Job | None:
    """Write a model as a job; weights of this name that are there already are asked about.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        ``NAME.json``.
    write : callable
        Writes both files.
    parent : QWidget, optional
        Of the question.
    remark : str
        Follows what is told at the end.

    Returns
    -------
    Job or None
        None if those weights are to stay.
    """
    weights = path.with_name(f"{path.stem}.weights.bin")
    if weights.exists() and not path.exists():
        answer = messages.ask(
            parent,
            "Replace the weights file?",
            f"{weights.name} is there already, without its {path.name}.",
            ["Replace", "Cancel"],
        )
        if answer != "Replace":
            return None

    def written(progress: Progress = silent) -> None:
        progress(0, 1, f"Writing {path.name}")
        write(path)
        progress(1, 1, f"Wrote {path.name}")

    def tell(_: None) -> None:
        messages.info(f"Saved {path.name} and {weights.name}{remark}")

    return workspace.run(f"Save {path.name}", written, done=tell)
