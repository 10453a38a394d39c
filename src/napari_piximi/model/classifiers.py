"""Edits of classifiers; :mod:`napari_piximi.model.edits` offers them all.

A classifier is known by its kind and name, but a bundle keeps the files of its model by the
name alone. Classifiers of several kinds may therefore share a name only if they share the model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from napari_piximi.errors import EditError
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier

__all__ = [
    "add_evaluation",
    "delete_classifier",
    "delete_evaluation",
    "delete_run",
    "duplicate_classifier",
    "map_classes",
    "put_classifier",
    "rename_classifier",
]

T = TypeVar("T")


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


def duplicate_classifier(
    project: Project, name: str, new_name: str, kind: str | None = None
) -> Project:
    """Copy a classifier under another name, to train from it and keep it; the copy is the newest.

    The copy has the same model, settings and classes, and also the runs and evaluations, which
    are about that very model: its curves begin where the original's end. Nothing is in memory
    twice.

    Parameters
    ----------
    kind : str, optional
        Kind id; needed where classifiers of several kinds have the name.

    Raises
    ------
    EditError
        If there is no such classifier, it has no model, the new name is taken in its kind, or
        as for :func:`put_classifier`.
    """
    old = project.find_classifier(name, kind)
    if old.model is None:
        raise EditError(f"{name!r} has no model, its files are missing: there is nothing to copy")
    taken = {c.name for c in project.classifiers if c.kind == old.kind}
    if new_name in taken or new_name in project.unread_models:
        raise EditError(f"There is a classifier {new_name!r} already")
    return put_classifier(project, replace(old, name=new_name))


def map_classes(project: Project, name: str, kind: str, class_map: Sequence[str]) -> Project:
    """Say which category each class of a classifier stands for.

    A class that is left out is never predicted; the others keep the probabilities that the
    model gives them.

    Parameters
    ----------
    kind : str
        Kind id. A classifier without a kind is taken into it.
    class_map : sequence of str
        Category id by class; ``""`` leaves the class out.

    Raises
    ------
    EditError
        If there is no such classifier or kind, a category is not one of the kind's or used
        twice, none is used at all, or there are more or fewer than classes.
    """
    if kind not in project.kinds:
        raise EditError(f"There is no kind {kind!r}")
    owner = kind if any((c.kind, c.name) == (kind, name) for c in project.classifiers) else ""
    old = project.find_classifier(name, owner)
    _check_class_map(project, old, kind, class_map)
    # What was counted before was counted for the classes as they were.
    size = len(old.class_map)
    evaluations = tuple(
        replace(e, classes=old.class_map)
        if size and not e.classes and len(e.confusion_matrix) == size
        else e
        for e in old.evaluations
    )
    mapped = replace(old, kind=kind, class_map=tuple(class_map))
    if mapped == old:
        return project
    return _exchange(project, old, replace(mapped, evaluations=evaluations))


def _check_class_map(
    project: Project, classifier: Classifier, kind: str, class_map: Sequence[str]
) -> None:
    model = classifier.model
    size = len(model.classes if model is not None else ()) or len(classifier.class_map)
    if size and len(class_map) != size:
        raise EditError(f"{classifier.name!r} has {size} classes, but {len(class_map)} are mapped")
    used = [category for category in class_map if category]
    known = project.known_categories(kind)
    if strange := [category for category in used if category not in known]:
        raise EditError(f"{strange[0]!r} is no category of {project.kind_name(kind)!r}")
    if twice := [category for category in used if used.count(category) > 1]:
        shown = project.categories[twice[0]].name
        raise EditError(f"Category {shown!r} stands for two classes; choose one of them")
    if not used:
        raise EditError("All classes are left out; map at least one of them to a category")


def add_evaluation(
    project: Project, name: str, kind: str | None, evaluation: Evaluation
) -> Project:
    """Keep an evaluation of a classifier, as its newest.

    Raises
    ------
    EditError
        If the classifier has gone.
    """
    old = project.find_classifier(name, kind)
    if evaluation.ids:  # from another process they are copies of the ids that are here
        own = dict(zip(project.things, project.things, strict=True))
        evaluation = replace(evaluation, ids=tuple(own.get(key, key) for key in evaluation.ids))
    return _exchange(project, old, replace(old, evaluations=(*old.evaluations, evaluation)))


def delete_evaluation(project: Project, name: str, kind: str | None, index: int) -> Project:
    """Delete one evaluation of a classifier.

    Raises
    ------
    EditError
        If there is no such classifier or evaluation.
    """
    old = project.find_classifier(name, kind)
    left = _without(old.evaluations, index, f"{name!r} has no evaluation {index + 1}")
    return _exchange(project, old, replace(old, evaluations=left))


def delete_run(project: Project, name: str, kind: str | None, index: int) -> Project:
    """Delete the record of one fit of a classifier; its model stays as it is.

    Evaluations that were made after that fit stay, and no longer tell after which.

    Raises
    ------
    EditError
        If there is no such classifier or run.
    """
    old = project.find_classifier(name, kind)
    runs = _without(old.runs, index, f"{name!r} has no run {index + 1}")
    moved = {index: None} | {later: later - 1 for later in range(index + 1, len(old.runs))}
    evaluations = tuple(
        e if e.run is None or e.run < index else replace(e, run=moved.get(e.run))
        for e in old.evaluations
    )
    return _exchange(project, old, replace(old, runs=runs, evaluations=evaluations))


def _without(values: tuple[T, ...], index: int, trouble: str) -> tuple[T, ...]:
    if not 0 <= index < len(values):
        raise EditError(trouble)
    return (*values[:index], *values[index + 1 :])


def _exchange(project: Project, old: Classifier, new: Classifier) -> Project:
    """Put a classifier into the place of another."""
    return replace(project, classifiers=tuple(new if c is old else c for c in project.classifiers))


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
