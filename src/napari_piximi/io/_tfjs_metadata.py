"""Piximi's own keys in a classifier's JSON file, as settings, and settings as those keys."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, fields, replace
from math import isfinite
from typing import Any

from napari_piximi.io._tfjs_graph import is_graph
from napari_piximi.io._tfjs_topology import class_names, input_shape, model_node
from napari_piximi.io._warn import warn
from napari_piximi.io.settings import our_metric, piximi_metrics
from napari_piximi.model.training import FOREST, FOREST_FORMAT, PIXIMI_SETTINGS, Settings

__all__ = [
    "EXTRA_KEY",
    "SEGMENTATION",
    "is_network",
    "piximi_metadata",
    "settings_from_document",
]

EXTRA_KEY = "napariPiximi"
"""Where our settings without a place in Piximi's format are kept; Piximi ignores it."""
SEGMENTATION = "segmentation"
"""Stands there in place of settings where the model is a segmentation network."""

_PREPROCESS = {
    "num_crops": "numCrops",
    "crop_schema": "cropSchema",
    "shuffle": "shuffle",
    "rescale": "rescale",
}
_OPTIMIZER = {
    "epochs": "epochs",
    "batch_size": "batchSize",
    "learning_rate": "learningRate",
    "loss": "lossFunction",
    "metrics": "metrics",
    "optimizer": "optimizationAlgorithm",
}
_FIELDS: dict[str, Field[Any]] = {field.name: field for field in fields(Settings)}
_EXTRA = tuple(
    name for name in _FIELDS if name not in {*_PREPROCESS, *_OPTIMIZER, "height", "width"}
)
_MISSING = object()


def is_network(document: Mapping[str, Any]) -> bool:
    """Tell whether the JSON file of a model says that it is a segmentation network."""
    return isinstance(_section(document, EXTRA_KEY).get(SEGMENTATION), dict)


def piximi_metadata(
    settings: Settings, channels: int, planes: int, classes: Sequence[str]
) -> dict[str, Any]:
    """Write settings and classes in the form that Piximi's own check accepts.

    Parameters
    ----------
    settings : Settings
    channels, planes : int
        Of the model's input.
    classes : sequence of str
        Names, by output index.

    Returns
    -------
    dict
        ``preprocessSettings``, ``classes``, ``optimizerSettings``, and ours under
        ``napariPiximi``.
    """
    shape = {
        "planes": planes,
        "height": settings.height,
        "width": settings.width,
        "channels": channels,
    }
    preprocess = {key: getattr(settings, name) for name, key in _PREPROCESS.items()}
    optimizer = {key: getattr(settings, name) for name, key in _OPTIMIZER.items()}
    extra = {name: getattr(settings, name) for name in _EXTRA}
    # A path on this machine means nothing elsewhere, and need not be known there.
    extra["weights"] = "random" if settings.weights == "random" else ""
    return {
        "preprocessSettings": {
            "inputShape": shape,
            **preprocess,
            "batchSize": settings.batch_size,
        },
        "classes": [str(name) for name in classes],
        "optimizerSettings": {**optimizer, "metrics": piximi_metrics(settings.metrics)},
        EXTRA_KEY: extra,
    }


def settings_from_document(
    document: Mapping[str, Any], source: str = "model"
) -> tuple[Settings, int, int]:
    """Read back what :func:`piximi_metadata` wrote, or what Piximi did, leniently.

    Parameters
    ----------
    document : mapping
        The parsed JSON file.
    source : str
        Name of the file, for messages.

    Returns
    -------
    settings : Settings
        What the file does not tell is as in Piximi's defaults. The input size is the
        topology's, where it has one.
    channels, planes : int

    Raises
    ------
    ModelFileError
        If the topology has no input shape.

    Warns
    -----
    PiximiWarning
        For each value that no such setting can have; the default takes its place.
    """
    preprocess = _section(document, "preprocessSettings")
    optimizer = _section(document, "optimizerSettings")
    extra = _section(document, EXTRA_KEY)
    found = {name: preprocess.get(key, _MISSING) for name, key in _PREPROCESS.items()}
    found |= {name: optimizer.get(key, _MISSING) for name, key in _OPTIMIZER.items()}
    found |= {name: extra.get(name, _MISSING) for name in _EXTRA}
    if found["batch_size"] is _MISSING:
        found["batch_size"] = preprocess.get("batchSize", _MISSING)
    if found["architecture"] is _MISSING:
        found["architecture"] = _architecture(document, source)
    known = {
        name: _accept(_FIELDS[name], value, source)
        for name, value in found.items()
        if value is not _MISSING
    }
    stated = _section(preprocess, "inputShape")
    # A forest takes things of any size.
    built = () if document.get("format") == FOREST_FORMAT else input_shape(document, source)
    height, width, channels = _size(built, stated, source)
    planes = stated.get("planes", 1)
    settings = replace(PIXIMI_SETTINGS, **known, height=height, width=width)
    return settings, channels, planes if _is_length(planes) else 1


def _section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = document.get(key)
    return section if isinstance(section, dict) else {}


def _architecture(document: Mapping[str, Any], source: str) -> str:
    if document.get("format") == FOREST_FORMAT:
        return FOREST
    if is_graph(document):  # whatever it was made from, it is not built anew
        return PIXIMI_SETTINGS.architecture
    # Of Piximi's two, only MobileNet has depthwise convolutions.
    layers = class_names(model_node(document, source))
    return "MobileNet" if "DepthwiseConv2D" in layers else "SimpleCNN"


def _size(
    shape: tuple[int | None, ...], stated: Mapping[str, Any], source: str
) -> tuple[int, int, int]:
    """Height, width and channels: what the model will take, else what the file says of it."""
    axes = ("height", "width", "channels")
    built = dict(zip(axes, shape, strict=True)) if len(shape) == len(axes) else {}
    defaults = {
        "height": PIXIMI_SETTINGS.height,
        "width": PIXIMI_SETTINGS.width,
        "channels": 1,
    }
    said = {axis: stated[axis] for axis in axes if _is_length(stated.get(axis))}
    sizes = {axis: built.get(axis) or said.get(axis) or defaults[axis] for axis in axes}
    if any(said[axis] != sizes[axis] for axis in said):
        warn(
            f"{source}: preprocessSettings.inputShape says {said}, but the model takes "
            f"{sizes}; the model's size is used"
        )
    return sizes["height"], sizes["width"], sizes["channels"]


def _is_length(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _accept(field: Field[Any], value: object, source: str) -> Any:  # noqa: ANN401
    """Return `value` in the field's type if the field can have it, else its default."""
    default = getattr(PIXIMI_SETTINGS, field.name)
    if isinstance(default, tuple):
        items = [our_metric(item) for item in (value if isinstance(value, list) else [value])]
        good: Any = tuple(item for item in items if item in field.metadata["choices"])
        valid = len(good) == len(items)
        good = good or default
    else:
        good = _coerce(value, default)
        valid = good is not None and _in_limits(good, field.metadata)
        good = good if valid else default
    if not valid:
        warn(f"{source}: {field.name} cannot be {value!r}; {good!r} is used")
    return good


def _coerce(value: object, default: object) -> Any:  # noqa: ANN401
    if isinstance(default, bool) or isinstance(value, bool):
        return value if isinstance(default, bool) and isinstance(value, bool) else None
    if isinstance(default, str):
        return value if isinstance(value, str) else None
    if not isinstance(value, int | float) or not isfinite(value):
        return None
    if isinstance(default, int):
        return int(value) if value == int(value) else None
    return float(value)


def _in_limits(value: Any, metadata: Mapping[str, Any]) -> bool:  # noqa: ANN401
    if "choices" in metadata:
        return value in metadata["choices"]
    return bool(metadata.get("min", value) <= value <= metadata.get("max", value))
