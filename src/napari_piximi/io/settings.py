"""Settings from what a file says: every value checked before it is believed."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from napari_piximi.io._warn import warn
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.training import Settings

__all__ = ["our_metric", "piximi_metrics", "portable", "settings_from"]

S = TypeVar("S", bound=Settings | UNetSettings)
LONGEST = 80
"""Characters of a value that a warning shows."""

PIXIMI_METRICS = {"Binary cross-entropy": "Binary cros-sentropy"}
"""What Piximi's files, and it alone, spell in another way."""
OUR_METRICS = {theirs: ours for ours, theirs in PIXIMI_METRICS.items()}


def piximi_metrics(metrics: Iterable[str]) -> list[str]:
    """Return names of metrics as Piximi writes and reads them."""
    return [PIXIMI_METRICS.get(name, name) for name in metrics]


def our_metric(name: object) -> object:
    """Return the name of a metric in a file, of Piximi's or ours, as it is spelt here."""
    return OUR_METRICS.get(name, name) if isinstance(name, str) else name


def portable(settings: Settings) -> Settings:
    """Return settings that tell of a file of weights only its name.

    Folders are nobody's business when a file is passed on; and one that is named in a file
    from elsewhere is not to be opened.
    """
    return replace(settings, weights=settings.weights.replace("\\", "/").rpartition("/")[2])


def settings_from(values: object, start: S, where: str) -> S:
    """Return `start` with the values that are valid; the others are warned about and left out.

    Parameters
    ----------
    values : mapping
        As read from JSON, so possibly anything; should have names of settings as keys.
    start : Settings or UNetSettings
    where : str
        For the warning.
    """
    taken: dict[str, Any] = {}
    if not isinstance(values, Mapping):
        found = type(values).__name__
        warn(f"{where}: settings should be an object, not {found}; they are passed over")
        return start
    for setting in fields(start):
        if setting.name not in values:
            continue
        value = values[setting.name]
        checked = _checked(value, getattr(start, setting.name), setting.metadata)
        if checked is None:
            default = getattr(start, setting.name)
            shown = repr(value)
            shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
            warn(f"{where}: {setting.name} {shown} is not valid; {default!r} is used")
        else:
            taken[setting.name] = checked
    return replace(start, **taken)


def _checked(value: object, example: Any, limits: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the value in the type of the example, or None if it does not fit."""
    choices: tuple[str, ...] = limits.get("choices", ())
    if isinstance(example, tuple):
        items = [value] if isinstance(value, str) else value
        known = tuple(map(our_metric, items)) if isinstance(items, list | tuple) else (None,)
        return known if all(item in choices for item in known) else None
    if isinstance(example, bool):
        return value if isinstance(value, bool) else None
    if isinstance(example, str):
        return value if isinstance(value, str) and (not choices or value in choices) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not limits["min"] <= value <= limits["max"]:  # also when it is NaN
        return None
    if isinstance(example, int):
        return int(value) if value == int(value) else None
    return float(value)
