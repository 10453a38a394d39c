"""Replace files as one step: all of them, or none; make new names durable."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from napari_piximi.errors import SaveError

__all__ = ["replace_files", "sync_folder"]


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write every file beside its target, then move all into place, in order.

    Parameters
    ----------
    contents : mapping of Path to bytes
        All in existing folders.

    Raises
    ------
    SaveError
        If any cannot be written or moved; all targets are then as they were.
    """
    fresh = {path: _beside(path, "new") for path in contents}
    old = {path: _beside(path, "old") for path in contents}
    begun: list[Path] = []
    path = Path()
    try:
        for path, data in contents.items():
            _write(fresh[path], data)
        for path in contents:
            _keep(path, old[path])
            begun.append(path)
            os.replace(fresh[path], path)
    except OSError as error:
        _restore({path: old[path] for path in begun})
        raise SaveError(f"{path}: not saved: {error.strerror or error}") from error
    finally:
        for leftover in (*fresh.values(), *old.values()):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where the system lets a folder be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _beside(path: Path, role: str) -> Path:
    return path.with_name(f".{path.name}.{token_hex(4)}.{role}")


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path, old: Path) -> None:
    """Keep the old file under a second name, so that it can be put back."""
    if not path.exists():
        return
    try:
        os.link(path, old)
    except OSError:
        # File systems such as FAT have no hard links.
        shutil.copy2(path, old)


def _restore(kept: Mapping[Path, Path]) -> None:
    for path, old in kept.items():
        with suppress(OSError):
            if old.exists():
                os.replace(old, path)
            else:
                path.unlink(missing_ok=True)
