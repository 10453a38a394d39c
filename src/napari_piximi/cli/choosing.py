"""Which classifier a command is about."""

from pathlib import Path
from typing import Annotated

import typer

from napari_piximi.errors import FitError
from napari_piximi.model.free_names import numbered_name
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier

__all__ = ["ClassifierName", "choose_classifier", "free_name"]

ClassifierName = Annotated[
    str, typer.Option("--classifier", help="Name, or a model .json file; the newest by default")
]
MODEL_SUFFIXES = (".json", ".bin")


def choose_classifier(project: Project, kind: str, name: str) -> tuple[Project, Classifier]:
    """Return the classifier that is meant, in a project that has its categories.

    Raises
    ------
    FitError
        If there is none.
    """
    own = [c for c in project.classifiers if c.kind == kind and name in ("", c.name)]
    if own:
        return project, own[-1]
    if name and any(c.name == name and not c.kind for c in project.classifiers):
        raise FitError(
            f"Classifier {name!r} belongs to no kind yet: map its classes to categories of "
            f"{project.kinds[kind].name!r} in the window first"
        )
    if Path(name).suffix not in MODEL_SUFFIXES:
        wanted = f"classifier {name!r}" if name else "classifier yet; fit one first"
        raise FitError(f"The kind {project.kinds[kind].name!r} has no {wanted}")
    from napari_piximi.io.tfjs import read_model
    from napari_piximi.learn.adoption import adopt_model

    project = adopt_model(project, kind, Path(name).name, read_model(Path(name)))
    return project, project.classifiers[-1]


def free_name(project: Project, kind: str, base: str, architecture: str) -> str:
    """Name a fit: as the classifier that it continues, if no other kind has that name."""
    if base and all(c.kind == kind for c in project.classifiers if c.name == base):
        return base
    taken, stem = project.classifier_names(), base or architecture
    first = 2 if base else 1
    return numbered_name(stem, lambda name: name not in taken, first)
