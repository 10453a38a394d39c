"""Models that came from files or the net, into the project: asked about where it is not clear."""

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtWidgets import QWidget

from napari_piximi.errors import EditError, FitError, ModelFileError
from napari_piximi.learn.adoption import (
    Target,
    adopt_model,
    classes_of,
    map_to,
    suggest_targets,
)
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier, ModelArtifact
from napari_piximi.ui import mapping_dialog, messages
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["Then", "adopt_models", "map_classifier", "unmapped"]

Then = Callable[[str, str], object]
"""Gets kind and name of a classifier that came in."""


def adopt_models(
    workspace: Workspace,
    models: Mapping[str, ModelArtifact],
    parent: QWidget | None = None,
    then: Then | None = None,
) -> None:
    """Add models to the project as one edit; the user may be asked what their classes stand for.

    Parameters
    ----------
    workspace : Workspace
    models : mapping of str to ModelArtifact
        By name.
    parent : QWidget, optional
    then : callable, optional
        Gets kind and name of each classifier that came in.
    """
    session = workspace.session
    try:
        answers = _asked(workspace.project, models, parent)
        if workspace.session is not session:  # while a question was on the screen
            return
        workspace.settle()
        before = project = workspace.project
        for name, (kind, targets) in answers.items():
            project = adopt_model(project, kind, name, models[name], targets)
    except (EditError, FitError, ModelFileError) as error:
        messages.error(error)
        return
    if not answers:
        return
    names = ", ".join(answers)
    if project is before:
        messages.info(f"The project has the classifier {names} already")
    workspace.session.apply(project, f"Import classifier {names}")
    for classifier in project.classifiers[-len(answers) :]:
        if then is not None:
            then(classifier.kind, classifier.name)
        elif project is not before:
            _tell(workspace, classifier)


def _tell(workspace: Workspace, classifier: Classifier) -> None:
    """Choose a model that came in by itself, as by a drop, and say what came of it."""
    choice = workspace.learning.choice
    if choice.kind == classifier.kind:
        choice.choose(classifier.name)
    count, mapped = len(classifier.class_map), sum(1 for key in classifier.class_map if key)
    kind = one_line(workspace.project.kind_name(classifier.kind))
    which = "all" if mapped == count else f"{mapped} of"
    messages.info(
        f"{one_line(classifier.name)} is in the Classifier dock now, for {kind}; {which} its "
        f"{count} classes stand for categories"
    )


def map_classifier(
    workspace: Workspace, classifier: Classifier, kind: str, parent: QWidget | None = None
) -> bool:
    """Ask what the classes of a classifier of the project stand for; one edit.

    Parameters
    ----------
    kind : str
        Offered for a classifier that has no kind yet.

    Returns
    -------
    bool
        False where nothing was changed.
    """
    if classifier.model is None:
        messages.error(
            f"“{classifier.name}” has no model, its files are missing; nothing can be mapped"
        )
        return False
    session, name = workspace.session, classifier.name
    try:
        classes = classes_of(classifier.model, name)
    except (FitError, ModelFileError) as error:
        messages.error(error)
        return False
    kind = classifier.kind or kind
    targets = _present_targets(workspace.project, classifier, kind, classes)
    answer = mapping_dialog.ask_mapping(
        workspace.project, name, classes, kind, parent, fixed=bool(classifier.kind), targets=targets
    )
    if answer is None or workspace.session is not session:
        return False
    return workspace.edit(f"Map the classes of {name}", map_to, name, answer.kind, answer.targets)


def unmapped(project: Project, classifier: Classifier, kind: str) -> int:
    """Return how many classes have no category: those of deleted ones, or all if none is mapped.

    A class that was left out on purpose does not count.
    """
    if classifier.model is None:
        return 0
    if not classifier.class_map:
        return max(1, len(classifier.model.classes))
    known = set(project.known_categories(kind)) if kind in project.kinds else set()
    return sum(key not in known for key in classifier.class_map if key)


def _asked(
    project: Project, models: Mapping[str, ModelArtifact], parent: QWidget | None
) -> dict[str, tuple[str, Sequence[Target]]]:
    """Return kind and targets of each model; without those that the user does not want."""
    answers: dict[str, tuple[str, Sequence[Target]]] = {}
    for name, model in models.items():
        classes = classes_of(model, name)
        kind = _kind_for(project, classes)
        targets = suggest_targets(project, kind, classes)
        if not all(isinstance(target, str) for target in targets):
            answer = mapping_dialog.ask_mapping(project, name, classes, kind, parent)
            if answer is None:
                continue
            kind, targets = answer.kind, answer.targets
        answers[name] = kind, targets
    return answers


def _present_targets(
    project: Project, classifier: Classifier, kind: str, classes: Sequence[str]
) -> tuple[Target, ...] | None:
    """Return what is mapped already, with suggestions for the classes whose category is gone."""
    if len(classifier.class_map) != len(classes):
        return None
    known = project.known_categories(kind)
    used = {key for key in classifier.class_map if key in known}
    suggested = suggest_targets(project, kind, classes)
    return tuple(
        key if key in known else None if not key or hint in used else hint
        for key, hint in zip(classifier.class_map, suggested, strict=True)
    )


def _kind_for(project: Project, classes: Sequence[str]) -> str:
    """Return the kind that has all classes as categories; Image where none has."""
    wanted = {name.casefold() for name in classes}
    for kind in sorted(project.kinds, key=lambda k: k != IMAGE_KIND):
        own = {project.categories[c].name.casefold() for c in project.known_categories(kind)}
        if wanted and wanted <= own:
            return kind
    return IMAGE_KIND
