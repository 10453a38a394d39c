"""The classifier group of a bundle: Piximi's settings, and what Piximi cannot hold beside them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from napari_piximi.io._document import OWN, Attributes, Document
from napari_piximi.io._evaluated import Evaluated
from napari_piximi.io._history import evaluation_values, read_evaluation, read_run, run_values
from napari_piximi.io._kinds import Kinds
from napari_piximi.io._models import artifact_settings, is_ours
from napari_piximi.io.settings import piximi_metrics, portable, settings_from
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import (
    PIXIMI_SETTINGS,
    Classifier,
    ModelArtifact,
    Settings,
)

__all__ = ["BASE_MODEL", "read_classifiers", "with_things", "write_classifiers"]

BASE_MODEL = "base-model"
MAX_CLASSES = 100_000
SHAPE = "input_shape"
"""Written as an array; the index keeps it as an attribute of its group."""


def read_classifiers(
    document: Document,
    kinds: Kinds,
    models: Mapping[str, ModelArtifact],
    evaluated: Sequence[Evaluated] | None = None,
) -> tuple[Kinds, tuple[Classifier, ...]]:
    """Read the classifiers, and into the kinds what new ones start from.

    Parameters
    ----------
    document : Document
    kinds : dict
    models : mapping
        The classifier files of the bundle, by name.
    evaluated : sequence, optional
        The things of evaluations; without them these are only counts.
    """
    kinds = dict(kinds)
    found: list[Classifier] = []
    for kind_id, name in _listed(document):
        info = f"classifier/{kind_id}/{name}/model_info"
        settings, shape = _settings(document, info)
        if name != BASE_MODEL:
            owner = kind_id if kind_id in kinds else ""
            classifier = Classifier(name, owner, settings, shape[3], shape[0], models.get(name))
            found.append(_with_history(classifier, document, info, evaluated))
        elif kind_id in kinds:
            kinds[kind_id] = replace(kinds[kind_id], settings=settings)
    found += _without_info(models, {classifier.name for classifier in found})
    keys = document.own("classifier").get("order")
    order = {str(key): number for number, key in enumerate(keys if isinstance(keys, list) else [])}
    found.sort(key=lambda c: order.get(str([c.kind, c.name]), -1))
    return kinds, tuple(found)


def _listed(document: Document) -> Iterator[tuple[str, str]]:
    """Yield kind id and name of every model that the bundle tells of."""
    if "classifier" not in document.attributes:
        return
    for kind_id in document.texts("classifier", "classifier_kinds"):
        group = f"classifier/{kind_id}"
        if group in document.attributes:
            ours = document.own(group).get("models", [])
            if not isinstance(ours, list) or not all(isinstance(name, str) for name in ours):
                raise document.error(f"{group}/.zattrs", "our models should be a list of texts")
            for name in dict.fromkeys((*document.texts(group, "models"), *ours)):
                if f"{group}/{name}/model_info" in document.attributes:
                    yield kind_id, name


def _without_info(models: Mapping[str, ModelArtifact], known: set[str]) -> Iterable[Classifier]:
    """Make classifiers of model files that no kind lists; Piximi asks for their class map."""
    for name in [name for name in models if name not in known]:
        settings, channels, planes = artifact_settings(models[name], name)
        yield Classifier(name, "", settings, channels, planes, models[name])


def _settings(document: Document, info: str) -> tuple[Settings, list[int]]:
    """Read settings; where Piximi has a field of its own, that one counts."""
    pre = f"{info}/preprocessing_settings"
    attributes = document.attributes
    flat = {
        **attributes.get(pre, {}),
        **attributes.get(f"{pre}/rescale_options", {}),
        **attributes.get(f"{pre}/crop_options", {}),
        **attributes.get(f"{info}/optimizer_settings", {}),
    }
    fields = {FIELDS[name]: value for name, value in flat.items() if name in FIELDS}
    for name in ("shuffle", "rescale", "center"):
        if fields.get(name) in (0, 1):
            fields[name] = bool(fields[name])
    shape = _input_shape(document, pre, flat.get(SHAPE))
    fields.update(height=shape[1], width=shape[2])
    where = f"{document.source.path}: {info}"
    noted = document.own(info).get("settings")
    start = settings_from(noted, PIXIMI_SETTINGS, where) if noted else PIXIMI_SETTINGS
    return portable(settings_from(fields, start, where)), shape


def _input_shape(document: Document, group: str, shape: object) -> list[int]:
    """Return planes, height, width, channels: from the index, or the array in the bundle."""
    array = document.arrays.get(f"{group}/{SHAPE}")
    if shape is None and array is not None and array.shape == (4,):
        shape = array.read().tolist()
    if shape is None:
        return [1, PIXIMI_SETTINGS.height, PIXIMI_SETTINGS.width, 1]
    numbers = shape if isinstance(shape, list) else []
    if len(numbers) != 4 or not all(type(n) is int and 0 < n < 1 << 16 for n in numbers):
        raise document.error(group, f"input_shape {shape!r} is not planes, height, width, channels")
    return numbers


FIELDS = {
    "shuffle_B": "shuffle",
    "training_percent": "training_percentage",
    "rescale_B": "rescale",
    "center_B": "center",
    "num_crops": "num_crops",
    "crop_schema": "crop_schema",
    "metrics": "metrics",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "optimization_algorithm": "optimizer",
    "learning_rate": "learning_rate",
    "loss_function": "loss",
}
"""Piximi's names of settings → ours."""


def _with_history(
    classifier: Classifier, document: Document, info: str, evaluated: Sequence[Evaluated] | None
) -> Classifier:
    """Add class map, evaluations and runs."""
    attributes, own = document.attributes[info], document.own(info)
    where = f"{document.source.path}: {info}"
    try:
        runs = tuple(read_run(run, where) for run in _listed_values(own, "runs"))
        notes = _listed_values(own, "evaluations")
        if not notes or not all("confusion_matrix" in note for note in notes):
            notes = _merged(attributes.get("eval_results") or [], notes)
        evaluations = tuple(
            read_evaluation(note, _things(note, evaluated), len(runs), where) for note in notes
        )
        class_map = _own_class_map(own) or _class_map(attributes.get("class_map") or [])
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise document.error(
            info, f"its class map, evaluations or runs are damaged ({error})"
        ) from error
    return replace(classifier, class_map=class_map, evaluations=evaluations, runs=runs)


def _listed_values(own: Attributes, name: str) -> list[dict[str, Any]]:
    values = own.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise TypeError(f"{name} should be a list of objects")
    return values


def _merged(results: Sequence[Any], notes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return evaluations as Piximi has them, with what was noted beside each."""
    return [
        {
            **(notes[i] if i < len(notes) else {}),
            "confusion_matrix": result["confusionMatrix"],
            "cross_entropy": result["crossEntropy"],  # null where a fit diverged
        }
        for i, result in enumerate(results)
    ]


def _things(note: Mapping[str, Any], evaluated: Sequence[Evaluated] | None) -> Evaluated | None:
    place = note.get("things")
    if place is None or evaluated is None:
        return None
    if type(place) is not int or not 0 <= place < len(evaluated):
        raise ValueError(f"an evaluation of things {place!r}, but there are {len(evaluated)}")
    return evaluated[place]


def _own_class_map(own: Attributes) -> tuple[str, ...]:
    """Return the class map that we noted: Piximi's has no place for a class that is left out."""
    found = own.get("class_map", [])
    if not isinstance(found, list) or not all(isinstance(key, str) for key in found):
        raise TypeError("class_map should be a list of texts")
    return tuple(found)


def _class_map(pairs: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """Return category ids by class index; empty where an index has none."""
    by_index = {int(index): str(category) for index, category in pairs}
    if by_index and not 0 <= min(by_index) <= max(by_index) < MAX_CLASSES:
        raise ValueError(f"class indices {min(by_index)} to {max(by_index)}")
    return tuple(by_index.get(i, "") for i in range(max(by_index, default=-1) + 1))


# --- writing -------------------------------------------------------------------------------


def with_things(project: Project) -> list[Evaluation]:
    """Return the evaluations that know their things, each once."""
    found = (e for c in project.classifiers if c.kind for e in c.evaluations if e.ids)
    return list({id(evaluation): evaluation for evaluation in found}.values())


def write_classifiers(project: Project) -> dict[str, Attributes]:
    """Return the attributes of the classifier group and all groups in it, by path.

    Piximi needs an entry for every kind, and in each the model ``base-model``. It is not told
    of classifiers that it cannot have; their groups are listed in an attribute of ours.
    """
    groups: dict[str, Attributes] = {}
    order = [[c.kind, c.name] for c in project.classifiers if c.kind]
    groups["classifier"] = {"classifier_kinds": list(project.kinds), OWN: {"order": order}}
    channels = project.image_channels or 1
    places = {id(evaluation): place for place, evaluation in enumerate(with_things(project))}
    for kind in project.kinds.values():
        base = Classifier(BASE_MODEL, kind.id, kind.settings, channels)
        models = [base, *(c for c in project.classifiers if c.kind == kind.id)]
        ours = [model.name for model in models if is_ours(model) and model is not base]
        theirs = [model.name for model in models if model.name not in ours]
        groups[f"classifier/{kind.id}"] = {"models": theirs}
        if ours:
            groups[f"classifier/{kind.id}"][OWN] = {"models": ours}
        known = project.known_categories(kind.id)
        for model in models:
            path = f"classifier/{kind.id}/{model.name}"
            groups.update(_write_model(path, model, known, places))
    return groups


def _write_model(
    path: str, classifier: Classifier, known: Sequence[str], places: Mapping[int, int]
) -> dict[str, Attributes]:
    settings, info = classifier.settings, f"{path}/model_info"
    shown = (_shown(evaluation, classifier, known) for evaluation in classifier.evaluations)
    return {
        path: {"name": classifier.name},
        info: {
            "eval_results": [result for result in shown if result is not None],
            "class_map": _shown_class_map(classifier, known),
            OWN: {
                "settings": asdict(portable(settings)),
                "class_map": list(classifier.class_map),
                "evaluations": [
                    {**evaluation_values(e), "things": places.get(id(e))}
                    for e in classifier.evaluations
                ],
                "runs": [
                    {**run_values(run), "settings": asdict(portable(run.settings))}
                    for run in classifier.runs
                ],
            },
        },
        **_write_options(info, classifier),
    }


def _write_options(info: str, classifier: Classifier) -> dict[str, Attributes]:
    settings, pre = classifier.settings, f"{info}/preprocessing_settings"
    return {
        pre: {
            "shuffle_B": int(settings.shuffle),
            "training_percent": settings.training_percentage,
            SHAPE: list(classifier.input_shape),
        },
        f"{pre}/rescale_options": {
            "rescale_B": int(settings.rescale),
            "center_B": int(settings.center),
        },
        f"{pre}/crop_options": {
            "num_crops": settings.num_crops,
            "crop_schema": settings.crop_schema,
        },
        f"{info}/optimizer_settings": {
            "metrics": piximi_metrics(settings.metrics),
            "epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "optimization_algorithm": settings.optimizer,
            "learning_rate": settings.learning_rate,
            "loss_function": settings.loss,
        },
    }


def _shown_class_map(classifier: Classifier, known: Sequence[str]) -> list[list[Any]]:
    """Return the class map if Piximi can use it; empty otherwise, and Piximi asks for it.

    It counts the entries and passes over their indices: a class that is left out would move
    all after it, and a category that has gone ends its window.
    """
    whole = set(classifier.class_map) <= set(known)
    return [[i, c] for i, c in enumerate(classifier.class_map)] if whole else []


def _shown(
    evaluation: Evaluation, classifier: Classifier, known: Sequence[str]
) -> dict[str, Any] | None:
    """Return what Piximi shows of an evaluation: macro averages, here the right way round.

    None where it would fail to: its table has a row for each category that the kind has now,
    in their order, and a figure that is no number ends the window that shows it.
    """
    classes = evaluation.classes or classifier.class_map
    size = len(evaluation.confusion_matrix)
    if size != len(known) or (classes and sorted(classes) != sorted(known)):
        return None
    order = [classes.index(key) for key in known] if classes else range(size)
    matrix = [[evaluation.confusion_matrix[i][j] for j in order] for i in order]
    figures = {
        "accuracy": evaluation.accuracy,
        "crossEntropy": evaluation.cross_entropy,
        "precision": evaluation.averaged(evaluation.precision),
        "recall": evaluation.averaged(evaluation.recall),
        "f1Score": evaluation.averaged(evaluation.f1),
    }
    sound = all(map(math.isfinite, figures.values()))
    return {"confusionMatrix": matrix, **figures} if sound else None
