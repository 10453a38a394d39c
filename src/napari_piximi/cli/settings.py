"""A command-line option for every setting, made from the data class that holds them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, replace
from typing import Annotated, Any, TypeVar

import typer

from napari_piximi.errors import FitError
from napari_piximi.model.limits import trouble_with

__all__ = ["changed_settings", "with_settings"]

Command = Callable[..., None]
T = TypeVar("T")


def with_settings(settings: type[Any]) -> Callable[[Command], Command]:
    """Give a command that takes ``**chosen`` an option for every setting of a data class."""

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        options = [_option(setting) for setting in fields(settings)]
        command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        return command

    return decorated


def _option(setting: "Field[Any]") -> inspect.Parameter:
    default: Any = setting.default
    kind = type(default)
    text = setting.metadata["tooltip"]
    if "choices" in setting.metadata:
        text += f" ({', '.join(setting.metadata['choices'])})"
    shown = ", ".join(default) if kind is tuple else str(default)
    option = typer.Option(
        help=f"{text}; default {shown}" if shown else text,
        rich_help_panel=setting.metadata["group"],
        show_default=False,
    )
    annotation: Any = list[str] if kind is tuple else kind | None
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=[] if kind is tuple else None,
        annotation=Annotated[annotation, option],
    )


def changed_settings(start: T, chosen: Mapping[str, Any]) -> T:
    """Change the settings that were named on the command line.

    Raises
    ------
    FitError
        If a value is no choice, or beyond its limits.
    """
    changes: dict[str, Any] = {}
    for setting in fields(start):  # type: ignore[arg-type]
        value = chosen.get(setting.name)
        if value is None or value == []:
            continue
        changes[setting.name] = tuple(value) if isinstance(value, list) else value
        if trouble := trouble_with(setting, changes[setting.name]):
            raise FitError(trouble)
    return replace(start, **changes)  # type: ignore[type-var]
