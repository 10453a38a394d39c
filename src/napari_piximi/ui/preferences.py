"""What the user chose last time, and where napari-piximi keeps what is not a project."""

import atexit
import json
import os
from pathlib import Path
from typing import Any

import platformdirs
from qtpy.QtCore import QSettings, QTimer

__all__ = ["get", "put", "put_soon", "state_folder"]

STATE = "NAPARI_PIXIMI_STATE"
"""Environment variable that names another folder for choices and recovery."""
CHOICES = "choices.ini"
SOON = 500
"""Milliseconds after which choices are written that change while a control is dragged."""

_waiting: dict[tuple[Path, str], Any] = {}
"""What :func:`put_soon` has not written yet, by folder and key."""


def state_folder() -> Path:
    """Return the folder for choices and what is kept against a crash."""
    given = os.environ.get(STATE)
    return Path(given) if given else Path(platformdirs.user_state_dir("napari-piximi", False))


def get(key: str, default: Any = None) -> Any:  # noqa: ANN401
    """Return what was chosen last, or `default` where nothing, or nothing readable, was kept."""
    waiting = _waiting.get((state_folder(), key))
    text = json.dumps(waiting) if waiting is not None else _settings().value(key)
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
    _waiting.pop((state_folder(), key), None)
    _settings().setValue(key, json.dumps(value))


def put_soon(key: str, value: Any) -> None:  # noqa: ANN401
    """Keep a choice as :func:`put` does, but let the disk wait until it has settled.

    Each writing takes 10 ms and more, since it is brought to the disk for sure.
    """
    if not _waiting:
        QTimer.singleShot(SOON, _write)
    _waiting[state_folder(), key] = value


@atexit.register
def _write() -> None:
    """Write what waits."""
    by_folder: dict[Path, QSettings] = {}
    while _waiting:
        (folder, key), value = _waiting.popitem()
        if folder not in by_folder:
            by_folder[folder] = _settings(folder)
        by_folder[folder].setValue(key, json.dumps(value))


def _settings(folder: Path | None = None) -> QSettings:
    path = (folder or state_folder()) / CHOICES
    return QSettings(str(path), QSettings.Format.IniFormat)
