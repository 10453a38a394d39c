"""What settings may be, as the metadata of their fields says."""

from dataclasses import Field, fields
from numbers import Integral, Real
from typing import Any

__all__ = ["first_trouble", "trouble_with", "usual_value"]


def first_trouble(settings: object) -> str:
    """Say what is wrong with settings; empty if nothing is.

    Parameters
    ----------
    settings : object
        Of a data class each field of which has a default of its type, and in its metadata
        `min` and `max` or `choices`, where there are limits. A default may also be None, where
        the metadata have what is `usual` in its place.
    """
    told = (
        trouble_with(setting, getattr(settings, setting.name))
        for setting in fields(settings)  # type: ignore[arg-type]
    )
    return next(filter(None, told), "")


def trouble_with(setting: "Field[Any]", value: object) -> str:
    """Say what is wrong with the value of a setting, in one line; empty if nothing is."""
    kind, limits = type(usual_value(setting)), setting.metadata
    if value is None is setting.default:
        return ""
    choices = limits.get("choices")
    for single in value if kind is tuple and isinstance(value, tuple | list) else (value,):
        wrong = f"{setting.name} cannot be {single!r}; "
        if choices:
            if single not in choices:
                return f"{wrong}choose one of {', '.join(map(str, choices))}"
        elif not _is_of(kind, single):
            return f"{wrong}it is {WORDS.get(kind, kind.__name__)}"
        elif "min" in limits and not limits["min"] <= single <= limits["max"]:
            return f"{wrong}it goes from {limits['min']} to {limits['max']}"
    return ""


def usual_value(setting: "Field[Any]") -> Any:  # noqa: ANN401
    """Return the default of a setting; for None, what usually stands in its place."""
    return setting.metadata.get("usual", setting.default)


WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}


def _is_of(kind: type, value: object) -> bool:
    """Say whether a value may stand where another of a type does; whole numbers are numbers."""
    if kind in (int, float):
        number = Integral if kind is int else Real
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, kind)
