"""What the user chose last time, and where napari-piximi keeps what is not a project."""

import json
import os
from pathlib import Path
from typing import Any

import platformdirs
from qtpy.QtCore import QSettings

__all__ = ["get", "put", "state_folder"]

STATE = "NAPARI_PIXIMI_STATE"
"""Environment variable that names another folder for choices and recovery."""


def state_folder() -> Path:
    """Return the folder for choices and what is kept against a crash."""
    given = os.environ.get(STATE)
    return Path(given) if given else Path(platformdirs.user_state_dir("napari-piximi", False))


def get(key: str, default: Any = None) -> Any:  # noqa: ANN401
    """Return what was chosen last, or `default` where nothing, or nothing readable, was kept."""
    text = _settings().value(key)
    if not isinstance(text, str):
        return default
    try:
        value = json.loads(text)
    except ValueError:
        return default
    same = default is None or isinstance(value, type(default))
    return value if same else default


def put(key: str, value: Any) -> None:  # noqa: ANN401
    """Keep a choice: anything that JSON can hold."""
    _settings().setValue(key, json.dumps(value))


def _settings() -> QSettings:
    return QSettings(str(state_folder() / "choices.ini"), QSettings.Format.IniFormat)
