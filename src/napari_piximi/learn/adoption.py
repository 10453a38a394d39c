"""Take a model that came as files into a project; nothing here needs Keras."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from napari_piximi.errors import FitError
from napari_piximi.io.tfjs import is_network, output_units, settings_from_document
from napari_piximi.model import edits
from napari_piximi.model.free_names import free_name
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST_FORMAT, Classifier, ModelArtifact

__all__ = ["NewCategory", "Target", "adopt_model", "classes_of", "map_to", "suggest_targets"]


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category that is to be created for a class; one of that name is taken instead."""

    name: str


Target = str | NewCategory | None
"""What a class stands for: a category's id, one to be created, or nothing (it is left out)."""


def classes_of(model: ModelArtifact, name: str = "model") -> tuple[str, ...]:
    """Return a name for each class of a model, by output index.

    Returns
    -------
    tuple of str
        ``Class 1``, ``Class 2``, … where the file does not name them.

    Raises
    ------
    FitError
        If the file names none and its layers do not tell how many there are.
    """
    if model.classes:
        return model.classes
    known = model.document.get("format") != FOREST_FORMAT
    units = output_units(model.document) if known else None
    if not units:
        raise FitError(f"Model {name!r} names no classes, so they cannot be mapped to categories")
    return tuple(f"Class {number}" for number in range(1, units + 1))


def suggest_targets(project: Project, kind: str, classes: Sequence[str]) -> tuple[Target, ...]:
    """Map classes to the categories of a kind by name, without regard to case.

    One that has no category is to be created; of two classes alike the second is left out.
    """
    known, taken = _by_name(project, kind), set[str]()
    targets: list[Target] = []
    for name in classes:
        key = name.strip().casefold()
        if key in taken or not key:
            targets.append(None)
        else:
            targets.append(known.get(key) or NewCategory(name.strip()))
        taken.add(key)
    return tuple(targets)


def map_to(project: Project, name: str, kind: str, targets: Sequence[Target]) -> Project:
    """Say what each class of a classifier stands for; categories that are missing are created.

    Parameters
    ----------
    name : str
        Of the classifier.
    kind : str
        Kind id; one that has no kind yet is taken into it.
    targets : sequence of Target
        By class.

    Raises
    ------
    EditError
        If a category cannot be created, is gone, or stands for two classes, all classes are
        left out, or there is no such classifier.
    """
    project, class_map = _created(project, kind, targets)
    return edits.map_classes(project, name, kind, class_map)


def adopt_model(
    project: Project,
    kind: str,
    name: str,
    model: ModelArtifact,
    targets: Sequence[Target] | None = None,
) -> Project:
    """Add a model as the newest classifier of a kind, its classes mapped to categories.

    Where the name is taken, the classifier gets a number, unless the kind has this very model
    under the name: that one is then the newest.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    name : str
        For the classifier; text after the first dot is dropped, as Piximi does.
    model : ModelArtifact
    targets : sequence of Target, optional
        By class; by default categories of the same name, created where the kind lacks them.

    Raises
    ------
    FitError
        If the model is a segmentation network, or names no classes, or two classes alike, and
        nothing is said of them.
    EditError
        If no classifier can have that name; or as for :func:`map_to`.
    """
    if targets is None:
        targets = _targets_by_name(project, kind, name, model)
    project, class_map = _created(project, kind, targets)
    own = {c.name: c for c in project.classifiers if c.kind == kind and _same(c.model, model)}
    taken, stem = project.classifier_names(), name.split(".")[0]
    chosen = free_name(stem, lambda name: name in own or name not in taken)
    if chosen not in own:
        settings, channels, planes = settings_from_document(model.document)
        classifier = Classifier(chosen, kind, settings, channels, planes, model)
        project = edits.put_classifier(project, classifier)
    project = edits.map_classes(project, chosen, kind, class_map)
    return edits.put_classifier(project, project.find_classifier(chosen, kind))


def _targets_by_name(
    project: Project, kind: str, name: str, model: ModelArtifact
) -> tuple[Target, ...]:
    if is_network(model.document):
        raise FitError(f"{name!r} is a segmentation network, not a classifier")
    if not model.classes:
        raise FitError(f"Model {name!r} names no classes, so they cannot be mapped to categories")
    if len({c.casefold() for c in model.classes}) != len(model.classes):
        raise FitError(f"Model {name!r} names two classes alike: {', '.join(model.classes)}")
    return suggest_targets(project, kind, model.classes)


def _created(
    project: Project, kind: str, targets: Sequence[Target]
) -> tuple[Project, tuple[str, ...]]:
    """Create what is missing; return the category id of each class, empty where left out."""
    for target in targets:
        known = _by_name(project, kind)
        if isinstance(target, NewCategory) and target.name.casefold() not in known:
            project = edits.create_category(project, kind, target.name)
    known = _by_name(project, kind)
    class_map = (
        known[t.name.casefold()] if isinstance(t, NewCategory) else t or "" for t in targets
    )
    return project, tuple(class_map)


def _same(known: ModelArtifact | None, new: ModelArtifact) -> bool:
    """Tell whether two models are alike but for the names of their files."""
    if known is None or known.weights != new.weights:
        return False
    return _without_paths(known) == _without_paths(new)


def _without_paths(model: ModelArtifact) -> dict[str, Any]:
    groups = model.document.get("weightsManifest", ())
    return {**model.document, "weightsManifest": [e for g in groups for e in g["weights"]]}


def _by_name(project: Project, kind: str) -> dict[str, str]:
    known = project.known_categories(kind)
    return {project.categories[c].name.casefold(): c for c in known}
