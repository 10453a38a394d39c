"""Segmentation networks as plain values, for a bundle, a journal and a file of their own.

Reading trusts nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._history import MAX_COUNT, read_run, run_values
from napari_piximi.io._tfjs_topology import input_shape
from napari_piximi.io.settings import settings_from
from napari_piximi.model.networks import is_network_name
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.training import LAYERS_FORMAT, ModelArtifact, Run

__all__ = [
    "channels_from",
    "check_network_model",
    "network_values",
    "read_network_values",
    "rows_values",
]

MAX_CHANNELS = 1 << 16
ROW = ("image", "name", "annotated", "found", "matched", "mean_iou", "trouble")
Values = dict[str, Any]


def check_network_model(model: ModelArtifact, channels: int, where: str) -> None:
    """Refuse a model that no segmentation network can have.

    Parameters
    ----------
    model : ModelArtifact
        Read as strictly as :func:`napari_piximi.io.tfjs.read_model` does.
    channels : int
        How many the network takes.
    where : str
        For messages.

    Raises
    ------
    ModelFileError
        If it is no layers model, or takes no images of that many channels.
    """
    form = model.document.get("format", LAYERS_FORMAT)
    if form != LAYERS_FORMAT:
        raise ModelFileError(f"{where}: is a {form}, not a {LAYERS_FORMAT}")
    shape = input_shape(model.document, where)
    if len(shape) != 3 or shape[2] != channels:
        raise ModelFileError(f"{where}: takes {shape}, not images of {channels} channels")


def network_values(network: SegmentationNetwork) -> Values:
    """Return all of a network but its model as what strict JSON can hold."""
    return {
        "name": network.name,
        "kind": network.kind,
        "settings": asdict(network.settings),
        "channels": list(network.channels),
        "runs": [run_values(run) for run in network.runs],
        "scores": [_score_values(score) for score in network.scores],
    }


def _score_values(score: SegmentationScore) -> Values:
    values = asdict(replace(score, rows=()))
    del values["rows"]
    return values | ({"rows": rows_values(score.rows)} if score.rows else {})


def rows_values(rows: Sequence[ScoredImage]) -> Values:
    """Return the rows of a score in columns."""
    return {name: [getattr(row, name) for row in rows] for name in ROW}


def read_network_values(
    values: Mapping[str, Any],
    where: str,
    model: Callable[[int], ModelArtifact | None],
    run: Callable[[Mapping[str, Any], str, UNetSettings], Run] = read_run,
) -> SegmentationNetwork:
    """Read a network; keys that this version does not know are passed over.

    Parameters
    ----------
    values : mapping
        As :func:`network_values` returns it; what is missing has its default.
    where : str
        For warnings.
    model : callable
        Given how many channels it must take.
    run : callable
        Reads one run.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is damaged: a name that is none, channels or counts that are none.

    Warns
    -----
    PiximiWarning
        Of settings that are not valid.
    """
    name, kind = _typed(values["name"], str), _typed(values["kind"], str)
    if not is_network_name(name):
        raise ValueError(f"{name!r} cannot name a segmentation network")
    where = f"{where}: network {name!r}"
    channels = channels_from(values["channels"])
    runs = tuple(run(_typed(r, dict), where, UNetSettings()) for r in _listed(values, "runs"))
    return SegmentationNetwork(
        name,
        kind,
        settings_from(values.get("settings", {}), UNetSettings(), where),
        channels,
        model(len(channels)),
        runs,
        tuple(_score(_typed(score, dict), len(runs)) for score in _listed(values, "scores")),
    )


def channels_from(values: object) -> tuple[int, ...]:
    """Return the channels that a file names.

    Raises
    ------
    TypeError, ValueError
        If they are none.
    """
    found = tuple(_typed(values, list))
    if not found or not all(type(n) is int and 0 <= n < MAX_CHANNELS for n in found):
        raise ValueError(f"{str(found)[:80]} are no channels")
    return found


def _score(values: Values, runs: int) -> SegmentationScore:
    run = values.get("run")
    known = type(run) is int and 0 <= run < runs
    return SegmentationScore(
        _typed(values["partition"], str),
        _number(values["images"]),
        *_pairs(values),
        run if known else None,
        _rows(_typed(values.get("rows", {}), dict)),
    )


def _rows(columns: Values) -> tuple[ScoredImage, ...]:
    if not columns:
        return ()
    rows = zip(*(_typed(columns[name], list) for name in ROW), strict=True)
    return tuple(_row(dict(zip(ROW, row, strict=True))) for row in rows)


def _row(values: Values) -> ScoredImage:
    image, name, trouble = (_typed(values[key], str) for key in ("image", "name", "trouble"))
    return ScoredImage(image, name, *_pairs(values), trouble)


def _pairs(values: Values) -> tuple[int, int, tuple[int, ...], tuple[float, ...]]:
    """Return how many objects are annotated, found and matched, and their mean IoU."""
    annotated, found = _number(values["annotated"]), _number(values["found"])
    matched = tuple(map(_number, _columns(values, "matched")))
    ious = tuple(_columns(values, "mean_iou"))
    for pairs, iou in zip(matched, ious, strict=True):
        if pairs > min(annotated, found):
            raise ValueError(f"{pairs} of {annotated} and {found} objects are matched")
        if type(iou) not in (int, float) or not (isfinite(iou) and 0 <= iou <= 1):
            raise ValueError(f"an intersection over union of {iou!r} is not between 0 and 1")
    return annotated, found, matched, tuple(map(float, ious))


def _columns(values: Values, name: str) -> list[Any]:
    column = _listed(values, name)
    if len(column) != len(THRESHOLDS):
        raise ValueError(f"{name} of {len(column)} thresholds, not {len(THRESHOLDS)}")
    return column


def _listed(values: Mapping[str, Any], name: str) -> list[Any]:
    found: list[Any] = _typed(values.get(name, []), list)
    return found


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < MAX_COUNT:
        raise ValueError(f"{value!r} is no count")
    return value


def _typed(value: object, types: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, types):
        raise TypeError(f"{str(value)[:80]!r} should be {types}")
    return value
