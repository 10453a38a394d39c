"""Edits of classifiers; :mod:`napari_piximi.model.edits` offers them all.

A classifier is known by its kind and name, but a bundle keeps the files of its model by the
name alone. Classifiers of several kinds may therefore share a name only if they share the model.
"""

from collections.abc import Iterable
from dataclasses import replace

from napari_piximi.errors import EditError
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier

__all__ = ["delete_classifier", "put_classifier", "rename_classifier"]


def put_classifier(project: Project, classifier: Classifier) -> Project:
    """Add a classifier, or put it in the place of its kind's of that name; it is then the newest.

    Raises
    ------
    EditError
        If the name is empty, holds a dot, which Piximi cannot read back, or leads astray as a
        path; or if another kind's classifier of that name has another model.
    """
    name = classifier.name
    _check_classifier_name(name)
    key = classifier.kind, name
    others = tuple(c for c in project.classifiers if (c.kind, c.name) != key)
    if (*others, classifier) == project.classifiers:
        return project
    _check_files(project, classifier, others)
    put = replace(project, classifiers=(*others, classifier))
    return put if any(c.name == name for c in others) else _without_files(put, name)


def rename_classifier(
    project: Project, name: str, new_name: str, kind: str | None = None
) -> Project:
    """Give a classifier another name, which must be free in its kind.

    Parameters
    ----------
    kind : str, optional
        Kind id; needed where classifiers of several kinds have the name.

    Raises
    ------
    EditError
        If there is no such classifier, or as for :func:`put_classifier`.
    """
    old = project.find_classifier(name, kind)
    if name == new_name:
        return project
    _check_classifier_name(new_name)
    others = [c for c in project.classifiers if c is not old]
    if any((c.kind, c.name) == (old.kind, new_name) for c in others):
        raise EditError(f"There is a classifier {new_name!r} already")
    if {name, new_name} & project.unread_models.keys():
        raise EditError(f"The files of {name!r} could not be opened, so it cannot be renamed")
    new = replace(old, name=new_name)
    _check_files(project, new, others)
    renamed = tuple(new if c is old else c for c in project.classifiers)
    return replace(project, classifiers=renamed)


def delete_classifier(project: Project, name: str, kind: str | None = None) -> Project:
    """Delete a classifier with its runs and evaluations, or one that could not be opened.

    Parameters
    ----------
    kind : str, optional
        Kind id; needed where classifiers of several kinds have the name.
    """
    if name in project.unread_models and all(c.name != name for c in project.classifiers):
        return _without_files(project, name)
    doomed = project.find_classifier(name, kind)
    left = tuple(c for c in project.classifiers if c is not doomed)
    deleted = replace(project, classifiers=left)
    return deleted if any(c.name == name for c in left) else _without_files(deleted, name)


def _without_files(project: Project, name: str) -> Project:
    """Drop the files that could not be opened, if there are any of this name."""
    if name not in project.unread_models:
        return project
    files = {key: value for key, value in project.unread_models.items() if key != name}
    return replace(project, unread_models=files)


def _check_classifier_name(name: str) -> None:
    parts = {"", ".", ".."} & set(name.replace("\\", "/").split("/"))
    if not name.strip() or "." in name or name == "base-model" or parts or "\0" in name:
        raise EditError(
            f"{name!r} cannot name a classifier: it must not be empty, 'base-model', "
            "begin or end with a slash, or hold a dot, two slashes or a NUL"
        )


def _check_files(project: Project, classifier: Classifier, others: Iterable[Classifier]) -> None:
    """Refuse a model whose files would be those of another kind's classifier."""
    name, model = classifier.name, classifier.model
    if model is None:
        return
    for other in others:
        if other.name != name:
            continue
        unread = other.model is None and name in project.unread_models
        if unread or other.model not in (None, model):
            raise EditError(
                f"The kind {project.kind_name(other.kind)!r} has another model called {name!r}, "
                "and a bundle can hold only one of a name; choose another name"
            )
