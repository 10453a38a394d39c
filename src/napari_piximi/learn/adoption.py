"""Take a model that came as files into a project; nothing here needs Keras."""

from dataclasses import replace
from itertools import chain, count
from typing import Any

from napari_piximi.errors import FitError
from napari_piximi.io.tfjs import settings_from_document
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier, ModelArtifact

__all__ = ["adopt_model"]


def adopt_model(project: Project, kind: str, name: str, model: ModelArtifact) -> Project:
    """Add a model as the newest classifier of a kind, its classes mapped to categories by name.

    Categories that the kind lacks are created. Where the name is taken, the classifier gets a
    number, unless the kind has this very model under the name: that one is then the newest.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    name : str
        For the classifier; text after the first dot is dropped, as Piximi does.
    model : ModelArtifact

    Raises
    ------
    FitError
        If the model names no classes, or two classes alike.
    EditError
        If no classifier can have that name.
    """
    if not model.classes:
        raise FitError(f"Model {name!r} names no classes, so they cannot be mapped to categories")
    if len({c.casefold() for c in model.classes}) != len(model.classes):
        raise FitError(f"Model {name!r} names two classes alike: {', '.join(model.classes)}")
    known = _by_name(project, kind)
    for new in model.classes:
        if new.casefold() not in known:
            project = edits.create_category(project, kind, new)
    known = _by_name(project, kind)
    class_map = tuple(known[c.casefold()] for c in model.classes)
    own = {c.name: c for c in project.classifiers if c.kind == kind and _same(c.model, model)}
    taken, stem = project.classifier_names(), name.split(".")[0]
    names = chain([stem], (f"{stem} {number}" for number in count(2)))
    chosen = next(name for name in names if name in own or name not in taken)
    if chosen in own:
        return edits.put_classifier(project, replace(own[chosen], class_map=class_map))
    settings, channels, planes = settings_from_document(model.document)
    classifier = Classifier(chosen, kind, settings, channels, planes, model, class_map)
    return edits.put_classifier(project, classifier)


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
