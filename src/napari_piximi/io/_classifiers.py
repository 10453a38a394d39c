"""The classifier group of a bundle: Piximi's settings, and what Piximi cannot hold beside them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from napari_piximi.io._document import OWN, Attributes, Document
from napari_piximi.io._kinds import Kinds
from napari_piximi.io._settings import settings_from
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import (
    PIXIMI_SETTINGS,
    Classifier,
    ModelArtifact,
    Run,
    Settings,
)

__all__ = ["BASE_MODEL", "read_classifiers", "write_classifiers"]

BASE_MODEL = "base-model"
MAX_CLASSES = 100_000
SHAPE = "input_shape"
"""Written as an array; the index keeps it as an attribute of its group."""


def read_classifiers(
    document: Document, kinds: Kinds, models: Mapping[str, ModelArtifact]
) -> tuple[Kinds, tuple[Classifier, ...]]:
    """Read the classifiers, and into the kinds what new ones start from.

    Parameters
    ----------
    document : Document
    kinds : dict
    models : mapping
        The classifier files of the bundle, by name.
    """
    kinds = dict(kinds)
    found: list[Classifier] = []
    for kind_id, name in _listed(document):
        info = f"classifier/{kind_id}/{name}/model_info"
        settings, shape = _settings(document, info)
        if name != BASE_MODEL:
            owner = kind_id if kind_id in kinds else ""
            classifier = Classifier(name, owner, settings, shape[3], shape[0], models.get(name))
            found.append(_with_history(classifier, document, info))
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
            for name in document.texts(group, "models"):
                if f"{group}/{name}/model_info" in document.attributes:
                    yield kind_id, name


def _without_info(models: Mapping[str, ModelArtifact], known: set[str]) -> Iterable[Classifier]:
    """Make classifiers of model files that no kind lists; Piximi asks for their class map."""
    from napari_piximi.io.tfjs import settings_from_document

    for name in [name for name in models if name not in known]:
        settings, channels, planes = settings_from_document(models[name].document)
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
    return settings_from(fields, start, where), shape


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


def _with_history(classifier: Classifier, document: Document, info: str) -> Classifier:
    """Add class map, evaluations and runs."""
    attributes, own = document.attributes[info], document.own(info)
    try:
        class_map = _class_map(attributes.get("class_map") or [])
        notes = own.get("evaluations", [])
        evaluations = tuple(
            _evaluation(result, notes[i] if i < len(notes) else {})
            for i, result in enumerate(attributes.get("eval_results") or [])
        )
        runs = tuple(_run(run) for run in own.get("runs", []))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise document.error(
            info, f"its class map, evaluations or runs are damaged ({error})"
        ) from error
    return replace(classifier, class_map=class_map, evaluations=evaluations, runs=runs)


def _class_map(pairs: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """Return category ids by class index; empty where an index has none."""
    by_index = {int(index): str(category) for index, category in pairs}
    if by_index and not 0 <= min(by_index) <= max(by_index) < MAX_CLASSES:
        raise ValueError(f"class indices {min(by_index)} to {max(by_index)}")
    return tuple(by_index.get(i, "") for i in range(max(by_index, default=-1) + 1))


def _evaluation(result: Mapping[str, Any], note: Mapping[str, Any]) -> Evaluation:
    matrix = tuple(tuple(int(n) for n in row) for row in result["confusionMatrix"])
    if any(len(row) != len(matrix) for row in matrix):
        raise ValueError(f"a confusion matrix of {len(matrix)} rows is not square")
    if any(not 0 <= count < 1 << 53 for row in matrix for count in row):
        raise ValueError("a confusion matrix holds what is no count")
    loss = result["crossEntropy"]  # of a fit that diverged JSON can only say null
    return Evaluation(
        matrix,
        math.nan if loss is None else float(loss),
        tuple(note.get("classes", ())),
        str(note.get("partition", "Validation")),
        note.get("run"),
    )


def _run(noted: Mapping[str, Any]) -> Run:
    values = dict(noted)
    settings = settings_from(values.pop("settings"), PIXIMI_SETTINGS, "run")
    history = {
        name: tuple(math.nan if v is None else float(v) for v in column)
        for name, column in values.pop("history").items()
    }
    return Run(settings=settings, history=history, **values)


# --- writing -------------------------------------------------------------------------------


def write_classifiers(project: Project) -> dict[str, Attributes]:
    """Return the attributes of the classifier group and all groups in it, by path.

    Piximi needs an entry for every kind, and in each the model ``base-model``.
    """
    groups: dict[str, Attributes] = {}
    order = [[c.kind, c.name] for c in project.classifiers if c.kind]
    groups["classifier"] = {"classifier_kinds": list(project.kinds), OWN: {"order": order}}
    channels = project.image_channels or 1
    for kind in project.kinds.values():
        base = Classifier(BASE_MODEL, kind.id, kind.settings, channels)
        models = [base, *(c for c in project.classifiers if c.kind == kind.id)]
        groups[f"classifier/{kind.id}"] = {"models": [model.name for model in models]}
        for model in models:
            groups.update(_write_model(f"classifier/{kind.id}/{model.name}", model))
    return groups


def _write_model(path: str, classifier: Classifier) -> dict[str, Attributes]:
    settings, info = classifier.settings, f"{path}/model_info"
    pre = f"{info}/preprocessing_settings"
    return {
        path: {"name": classifier.name},
        info: {
            "eval_results": [_write_evaluation(e) for e in classifier.evaluations],
            "class_map": [[i, c] for i, c in enumerate(classifier.class_map) if c],
            OWN: {
                "settings": _write_settings(settings),
                "evaluations": [
                    {"classes": e.classes, "partition": e.partition, "run": e.run}
                    for e in classifier.evaluations
                ],
                "runs": [_write_run(run) for run in classifier.runs],
            },
        },
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
            "metrics": list(settings.metrics),
            "epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "optimization_algorithm": settings.optimizer,
            "learning_rate": settings.learning_rate,
            "loss_function": settings.loss,
        },
    }


def _write_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """Return what Piximi shows of an evaluation: macro averages, here the right way round."""
    return {
        "confusionMatrix": [list(row) for row in evaluation.confusion_matrix],
        "accuracy": evaluation.accuracy,
        "crossEntropy": evaluation.cross_entropy,
        "precision": evaluation.averaged(evaluation.precision),
        "recall": evaluation.averaged(evaluation.recall),
        "f1Score": evaluation.averaged(evaluation.f1),
    }


def _write_run(run: Run) -> dict[str, Any]:
    history = {
        name: [v if math.isfinite(v) else None for v in column]
        for name, column in run.history.items()
    }
    return {**asdict(run), "settings": _write_settings(run.settings), "history": history}


def _write_settings(settings: Settings) -> dict[str, Any]:
    """Return all settings, of a weights file only the name: folders are nobody's business."""
    weights = settings.weights.replace("\\", "/").rpartition("/")[2]
    return {**asdict(settings), "weights": weights}
