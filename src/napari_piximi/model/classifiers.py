"""Edits of classifiers; :mod:`napari_piximi.model.edits` offers them all."""

from dataclasses import replace

from napari_piximi.errors import EditError
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier

__all__ = ["delete_classifier", "put_classifier", "rename_classifier"]


def put_classifier(project: Project, classifier: Classifier) -> Project:
    """Add a classifier, or put it in the place of the one with its name; it is then the newest.

    Raises
    ------
    EditError
        If the name is empty or holds a dot, which Piximi cannot read back.
    """
    _check_classifier_name(classifier.name)
    others = tuple(c for c in project.classifiers if c.name != classifier.name)
    if (*others, classifier) == project.classifiers:
        return project
    return _without_files(replace(project, classifiers=(*others, classifier)), classifier.name)


def rename_classifier(project: Project, name: str, new_name: str) -> Project:
    """Give a classifier another name, which must be free."""
    old = project.find_classifier(name)
    if name == new_name:
        return project
    _check_classifier_name(new_name)
    if any(c.name == new_name for c in project.classifiers):
        raise EditError(f"There is a classifier {new_name!r} already")
    if {name, new_name} & project.unread_models.keys():
        raise EditError(f"The files of {name!r} could not be opened, so it cannot be renamed")
    renamed = tuple(replace(c, name=new_name) if c is old else c for c in project.classifiers)
    return replace(project, classifiers=renamed)


def delete_classifier(project: Project, name: str) -> Project:
    """Delete a classifier with its runs and evaluations, or one that could not be opened."""
    if name not in project.unread_models:
        project.find_classifier(name)
    left = tuple(c for c in project.classifiers if c.name != name)
    return _without_files(replace(project, classifiers=left), name)


def _without_files(project: Project, name: str) -> Project:
    """Drop the files that could not be opened, if there are any of this name."""
    if name not in project.unread_models:
        return project
    files = {key: value for key, value in project.unread_models.items() if key != name}
    return replace(project, unread_models=files)


def _check_classifier_name(name: str) -> None:
    if not name.strip() or "." in name or name == "base-model":
        raise EditError(
            f"{name!r} cannot name a classifier: it must not be empty, 'base-model', or hold a dot"
        )
