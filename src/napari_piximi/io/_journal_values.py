"""What a journal keeps whole: kinds, categories, classifiers and networks with their histories.

Weights are written once for each model, into a file of their own beside the journal.
"""

import json
import os
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError, RecoveryError
from napari_piximi.io._evaluated import pack_evaluated, read_evaluated
from napari_piximi.io._history import evaluation_values, read_evaluation, read_run, run_values
from napari_piximi.io._journal_file import pack, unpack
from napari_piximi.io._models import artifact_from_bytes, files_of
from napari_piximi.io._network_values import (
    check_network_model,
    network_values,
    read_network_values,
    rows_values,
)
from napari_piximi.io._replace import sync_folder
from napari_piximi.io._warn import warn
from napari_piximi.io.settings import settings_from
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import ScoredImage, SegmentationNetwork, UNetSettings
from napari_piximi.model.things import Category, Kind
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

__all__ = ["Store", "inside", "read_values", "write_values"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]*\.(npy|bin|zip)")
LONG = 1000
"""Figures from which on a history has a file of its own, so that later records are short."""
MODEL = "model"  # what models are called in their own files
Values = dict[str, Any]


def inside(folder: Path, name: object) -> Path:
    """Return the path of a file beside a journal.

    Raises
    ------
    ValueError
        If the name could lead out of the folder.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a file of ours")
    return folder / name


class Store:
    """Bytes in files beside a journal, each object written once.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[int, tuple[object, Values]] = {}  # the object is kept, so is its id

    def put(self, key: object, data: Callable[[], bytes]) -> Values:
        """Write what `data` returns, durably, unless that was done for this very object.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if id(key) not in self._written:
            content, name = data(), f"data-{token_hex(8)}.bin"
            with (self.folder / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self.folder)
            facts = {"file": name, "size": len(content), "crc": zlib.crc32(content)}
            self._written[id(key)] = key, facts
        return self._written[id(key)][1]

    def get(self, facts: Mapping[str, Any]) -> bytes:
        """Read what was put.

        Raises
        ------
        RecoveryError
            If it has gone, or is not what was written.
        """
        path = inside(self.folder, facts["file"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecoveryError(f"{path}: cannot be read ({error.strerror})") from error
        if (len(data), zlib.crc32(data)) != (facts["size"], facts["crc"]):
            raise RecoveryError(f"{path}: is damaged (its checksum is wrong)")
        return data


# --- writing -------------------------------------------------------------------------------


def write_values(before: Project, after: Project, store: Store) -> Values:
    """Return what differs of all that is not things.

    Raises
    ------
    OSError
        If weights cannot be written.
    """
    values: Values = {
        name: getattr(after, name)
        for name in ("name", "image_channels", "segmenter")
        if getattr(before, name) != getattr(after, name)
    }
    if before.kinds != after.kinds or list(before.kinds) != list(after.kinds):
        values["kinds"] = [asdict(kind) for kind in after.kinds.values()]
    if before.categories != after.categories or list(before.categories) != list(after.categories):
        values["categories"] = [asdict(category) for category in after.categories.values()]
    if not _same(before.classifiers, after.classifiers):
        values["classifiers"] = [_write_classifier(c, store) for c in after.classifiers]
    if not _same(before.networks, after.networks):
        values["networks"] = [_write_network(network, store) for network in after.networks]
    if before.unread_models is not after.unread_models and (
        before.unread_models != after.unread_models
    ):
        values["unread_models"] = [
            [name, *(store.put(data, partial(bytes, data)) for data in files)]
            for name, files in after.unread_models.items()
        ]
    return values


def _same(before: tuple[object, ...], after: tuple[object, ...]) -> bool:
    """Tell whether classifiers, or networks, are the very same ones; weights are not compared."""
    pairs = zip(before, after, strict=False)
    return len(before) == len(after) and all(a is b for a, b in pairs)


def _write_classifier(classifier: Classifier, store: Store) -> Values:
    values: Values = {
        "name": classifier.name,
        "kind": classifier.kind,
        "settings": asdict(classifier.settings),
        "channels": classifier.channels,
        "planes": classifier.planes,
        "class_map": classifier.class_map,
        "runs": [_write_run(run, store) for run in classifier.runs],
        "evaluations": [_write_evaluation(e, store) for e in classifier.evaluations],
    }
    return values | _write_model(classifier.model, store)


def _write_network(network: SegmentationNetwork, store: Store) -> Values:
    runs = [_write_run(run, store) for run in network.runs]
    bare = tuple(replace(score, rows=()) for score in network.scores)
    values = network_values(replace(network, runs=(), scores=bare))
    for score, noted in zip(network.scores, values["scores"], strict=True):
        if score.rows:
            noted["rows"] = _write_rows(score.rows, store)
    return {**values, "runs": runs, **_write_model(network.model, store)}


def _write_rows(rows: tuple[ScoredImage, ...], store: Store) -> Values:
    """Write the images of a score once, into a file of their own."""
    return store.put(rows, lambda: json.dumps(rows_values(rows)).encode())


def _write_model(model: ModelArtifact | None, store: Store) -> Values:
    if model is None:
        return {}
    document, weights = model.document, model.weights
    text = store.put(document, lambda: json.dumps(document).encode())
    return {"model": [text, store.put(weights, lambda: weights)]}


def _write_run(run: Run, store: Store) -> Values:
    """Return a run; a long history is written once, into a file of its own."""
    history = run.history
    values = run_values(replace(run, history={}))
    if sum(map(len, history.values())) < LONG:
        return {**values, "history": dict(history)}
    columns = {str(i): np.array(column, np.float64) for i, column in enumerate(history.values())}
    figures = store.put(run, lambda: pack({"names": list(history)}, columns))
    return {**values, "figures": figures}


def _write_evaluation(evaluation: Evaluation, store: Store) -> Values:
    """Return an evaluation; its things are written once, into a file of their own."""
    values = evaluation_values(evaluation)
    if evaluation.ids:
        values["things"] = store.put(evaluation, lambda: pack_evaluated([evaluation]))
    return values


# --- reading -------------------------------------------------------------------------------


def read_values(values: Values, project: Project, store: Store) -> Project:
    """Return a project with the values of a record.

    Raises
    ------
    KeyError, TypeError, ValueError, …
        If they are damaged.

    Warns
    -----
    PiximiWarning
        Of each classifier or network whose weights cannot be had.
    """
    changes: Values = {}
    for name, types in (("name", str), ("segmenter", str), ("image_channels", int | None)):
        if name in values:
            changes[name] = _typed(values[name], types)
    if "kinds" in values:
        kinds = [_read_kind(kind) for kind in values["kinds"]]
        changes["kinds"] = {kind.id: kind for kind in kinds}
    if "categories" in values:
        categories = [_read_category(category) for category in values["categories"]]
        changes["categories"] = {category.id: category for category in categories}
    if "classifiers" in values:
        found = [_read_classifier(classifier, store) for classifier in values["classifiers"]]
        changes["classifiers"] = tuple(found)
    if "networks" in values:
        networks = [_read_network(network, store) for network in values["networks"]]
        changes["networks"] = tuple(networks)
    if "unread_models" in values:
        changes["unread_models"] = _read_unread(values["unread_models"], store)
    return replace(project, **changes) if changes else project


def _typed(value: object, types: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, types):
        raise TypeError(f"{value!r} should be {types}")
    return value


def _texts(values: object) -> tuple[str, ...]:
    return tuple(_typed(value, str) for value in _typed(values, list))


def _read_kind(values: Values) -> Kind:
    return Kind(
        _typed(values["id"], str),
        _typed(values["name"], str),
        _texts(values["categories"]),
        _typed(values["unknown"], str),
        bool(values["visible"]),
        _read_settings(values["settings"], f"kind {values['name']!r}"),
    )


def _read_category(values: Values) -> Category:
    key, name, color, kind = (_typed(values[name], str) for name in ("id", "name", "color", "kind"))
    return Category(key, name, color, kind, bool(values["visible"]))


def _read_settings(values: Values, where: str) -> Settings:
    return settings_from(_typed(values, dict), Settings(), where)


def _read_classifier(values: Values, store: Store) -> Classifier:
    where = f"classifier {values['name']!r}"
    runs = tuple(_read_run(run, store, where) for run in values["runs"])
    found = values["evaluations"]
    return Classifier(
        _typed(values["name"], str),
        _typed(values["kind"], str),
        _read_settings(values["settings"], where),
        _typed(values["channels"], int),
        _typed(values["planes"], int),
        _read_model(values["model"], store, where) if "model" in values else None,
        _texts(values["class_map"]),
        runs,
        tuple(_read_evaluation(evaluation, store, len(runs), where) for evaluation in found),
    )


def _read_network(values: Values, store: Store) -> SegmentationNetwork:
    def model(channels: int) -> ModelArtifact | None:
        if "model" not in values:
            return None
        where = f"network {values['name']!r}"
        return _read_model(values["model"], store, where, channels)

    def run(found: Mapping[str, Any], where: str, start: UNetSettings) -> Run:
        return _read_run(dict(found), store, where, start)

    scores = [_with_rows(score, store) for score in values.get("scores", [])]
    return read_network_values({**values, "scores": scores}, "journal", model, run)


def _with_rows(score: Values, store: Store) -> Values:
    if "rows" not in score:
        return score
    try:
        return {**score, "rows": json.loads(store.get(score["rows"]))}
    except RecoveryError as error:
        warn(f"a score is recovered without its images: {error}")
        return {**score, "rows": {}}


def _read_model(
    facts: list[Values], store: Store, where: str, channels: int | None = None
) -> ModelArtifact | None:
    """Read a model, as strictly as a file that someone sent; None if it is not to be had.

    `channels` are those that the model of a segmentation network must take.
    """
    try:
        document, weights = map(store.get, facts)
        model = ModelArtifact(_typed(json.loads(document), dict), weights)
        text, _ = files_of(MODEL, model)
        artifact_from_bytes(text, weights, MODEL, where)
        if channels is not None:
            check_network_model(model, channels, where)
    except (RecoveryError, ModelFileError) as error:
        warn(f"{where} is recovered without its weights: {error}")
        return None
    return model


def _read_run(
    values: Values, store: Store, where: str, start: Settings | UNetSettings | None = None
) -> Run:
    if "figures" in values:
        history = {}
        try:
            (part,) = unpack(store.get(values["figures"]))
            columns = (part.columns[str(i)] for i in range(len(part.columns)))
            history = dict(zip(part.head["names"], map(_figures, columns), strict=True))
        except RecoveryError as error:
            warn(f"a run of {where} is recovered without its curves: {error}")
            values = {**values, "best_epoch": 0}
        values = {**values, "history": history}
    return read_run(values, where, start or Settings())


def _figures(column: NDArray[Any]) -> list[float]:
    if column.dtype != np.float64 or column.ndim != 1:
        raise ValueError(f"figures of type {column.dtype} and shape {column.shape}")
    figures: list[float] = column.tolist()
    return figures


def _read_evaluation(values: Values, store: Store, runs: int, where: str) -> Evaluation:
    things = None
    if values.get("things") is not None:
        try:
            (things,) = read_evaluated(store.get(values["things"]))
        except RecoveryError as error:
            warn(f"an evaluation of {where} is recovered without its things: {error}")
    return read_evaluation(values, things, runs, where)


def _read_unread(values: list[Any], store: Store) -> dict[str, tuple[bytes, bytes]]:
    found = {}
    for name, *files in values:
        try:
            text, weights = map(store.get, files)
            found[_typed(name, str)] = text, weights
        except RecoveryError as error:
            warn(f"the files of classifier {name!r}, which could not be opened, are lost: {error}")
    return found
