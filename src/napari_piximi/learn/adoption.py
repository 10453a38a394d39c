"""Take a model that came as files into a project; nothing here needs Keras."""

from napari_piximi.errors import FitError
from napari_piximi.io.tfjs import settings_from_document
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier, ModelArtifact

__all__ = ["adopt_model"]


def adopt_model(project: Project, kind: str, name: str, model: ModelArtifact) -> Project:
    """Add a model as the newest classifier of a kind, its classes mapped to categories by name.

    Categories that the kind lacks are created. A classifier of the same name is replaced.

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
    settings, channels, planes = settings_from_document(model.document)
    stem = name.split(".")[0]
    classifier = Classifier(stem, kind, settings, channels, planes, model, class_map)
    return edits.put_classifier(project, classifier)


def _by_name(project: Project, kind: str) -> dict[str, str]:
    known = project.known_categories(kind)
    return {project.categories[c].name.casefold(): c for c in known}
