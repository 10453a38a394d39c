"""``napari-piximi open``: napari in a process of its own, with a project in it."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_piximi.errors import BundleError
from napari_piximi.io.sniffing import looks_like_bundle, looks_like_classifier

__all__ = ["open_window"]

Opened = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="A project, or a classifier; none opens an empty window"),
]


def open_window(path: Opened = None) -> None:
    """Start napari with a project, and wait until its window is closed."""
    arguments = [sys.executable, "-m", "napari"]
    if path is None:
        arguments += ["--with", "napari-piximi", "Project"]
    else:
        if not path.exists():
            raise BundleError(f"{path}: there is no such file or folder")
        if not (looks_like_bundle(path) or looks_like_classifier(path)):
            raise BundleError(f"{path}: is neither a Piximi project nor a classifier")
        arguments += ["--plugin", "napari-piximi", str(path.resolve())]
    ended = subprocess.run(arguments, check=False)
    raise typer.Exit(ended.returncode)
