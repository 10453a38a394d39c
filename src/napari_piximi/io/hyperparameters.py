"""Piximi's file of hyper-parameters, which its button Export Hyperparameters writes.

Piximi 1.1.4 only exports it; nothing of it is read back there.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._replace import replace_files
from napari_piximi.io._warn import listed, warn
from napari_piximi.io.settings import piximi_metrics, portable, settings_from
from napari_piximi.model.training import PIXIMI_SETTINGS, Settings

__all__ = ["is_piximis", "read_hyperparameters", "write_hyperparameters"]

OWN = "napariPiximi"
"""Where our settings without a place in Piximi's layout are kept."""
MAX_BYTES = 1 << 20
MOST_KEYS = 1000

PLACES: Mapping[str, tuple[str, ...]] = {
    "shuffle": ("preprocessOptions", "shuffle"),
    "height": ("preprocessOptions", "inputShape", "height"),
    "width": ("preprocessOptions", "inputShape", "width"),
    "rescale": ("preprocessOptions", "rescaleOptions", "rescale"),
    "center": ("preprocessOptions", "rescaleOptions", "center"),
    "num_crops": ("preprocessOptions", "cropOptions", "numCrops"),
    "crop_schema": ("preprocessOptions", "cropOptions", "cropSchema"),
    "training_percentage": ("preprocessOptions", "trainingPercentage"),
    "learning_rate": ("compileOptions", "learningRate"),
    "loss": ("compileOptions", "lossFunction"),
    "metrics": ("compileOptions", "metrics"),
    "optimizer": ("compileOptions", "optimizationAlgorithm"),
    "epochs": ("compileOptions", "epochs"),
    "batch_size": ("compileOptions", "batchSize"),
}
"""Where each of our settings lies in Piximi's file."""
SECOND = {"epochs": ("fitOptions", "epochs"), "batch_size": ("fitOptions", "batchSize")}
"""Piximi writes these twice."""
SECTIONS = ("preprocessOptions", "compileOptions", "fitOptions")


def write_hyperparameters(
    settings: Settings, path: str | os.PathLike[str], *, channels: int = 1, planes: int = 1
) -> None:
    """Write settings in the layout of Piximi; those that it lacks go under one key of ours.

    The file appears whole or not at all. Of a file of weights only its name is told, since
    folders are nobody's business.

    Parameters
    ----------
    settings : Settings
    path : path
    channels, planes : int
        Of the input, which Piximi notes here too.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    document: dict[str, Any] = {}
    values = asdict(portable(settings)) | {"metrics": piximi_metrics(settings.metrics)}
    for name, keys in (*PLACES.items(), *SECOND.items()):
        _put(document, keys, values[name])
    shape = {"planes": planes, **document["preprocessOptions"]["inputShape"], "channels": channels}
    document["preprocessOptions"]["inputShape"] = shape
    document[OWN] = {name: value for name, value in values.items() if name not in PLACES}
    text = json.dumps(document, indent=2, allow_nan=False)
    replace_files({Path(path): text.encode()})


def _put(document: dict[str, Any], keys: tuple[str, ...], value: object) -> None:
    for key in keys[:-1]:
        document = document.setdefault(key, {})
    document[keys[-1]] = value


def read_hyperparameters(
    path: str | os.PathLike[str], start: Settings = PIXIMI_SETTINGS
) -> Settings:
    """Read settings from a file that Piximi exported, or that we wrote.

    Parameters
    ----------
    path : path
    start : Settings
        What is not in the file is as here: Piximi's defaults, if not said otherwise.

    Returns
    -------
    Settings

    Raises
    ------
    ModelFileError
        If it cannot be read, is no JSON, or no file of hyper-parameters; the message names
        file and value.

    Warns
    -----
    PiximiWarning
        Of each value that the setting cannot have, and of keys that mean nothing here.
    """
    path = Path(path)
    document = _document(path)
    found = {}
    for name, keys in (*SECOND.items(), *PLACES.items()):
        value = _get(document, keys, path)
        if value is not None:
            found[name] = value
    own = _section(document, OWN, path)
    known = {field.name for field in fields(Settings)}
    found |= {name: value for name, value in own.items() if name in known and name not in PLACES}
    if odd := [*(document.keys() - {*SECTIONS, OWN}), *(own.keys() - known)]:
        warn(f"{path}: {listed(sorted(odd))} mean nothing here and are passed over")
    return portable(settings_from(found, start, str(path)))


def is_piximis(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file lacks what only we write, so that its settings are Piximi's alone.

    Raises
    ------
    ModelFileError
        As for :func:`read_hyperparameters`.
    """
    return OWN not in _document(Path(path))


def _document(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelFileError(f"{path}: {size} bytes are too many for hyper-parameters")
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: is not a JSON file: {error}") from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise ModelFileError(f"{path}: holds a {kind}, not hyper-parameters")
    if not document.keys() & {*SECTIONS, OWN} or len(document) > MOST_KEYS:
        raise ModelFileError(
            f"{path}: holds no hyper-parameters: none of {', '.join(SECTIONS)} is there; "
            "choose a file that Piximi's Export Hyperparameters wrote"
        )
    return document


def _section(document: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    section = document.get(key, {})
    if not isinstance(section, dict):
        raise ModelFileError(f"{path}: {key} should be an object, not {str(section)[:80]!r}")
    return section


def _get(document: Mapping[str, Any], keys: tuple[str, ...], path: Path) -> Any:  # noqa: ANN401
    for key in keys[:-1]:
        document = _section(document, key, path)
    return document.get(keys[-1])
