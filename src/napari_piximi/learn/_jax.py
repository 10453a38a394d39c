"""What JAX compiles is kept as long as the process lives.

Keras makes new functions for every model, so that JAX would compile a network anew for each
fit, fold and question. JAX's cache in files tells by what a function computes whether it is
known. Its files go with the process: on another processor they would be of no use.
"""

import atexit
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import jax

from napari_piximi.io._journal_lock import Lock

__all__ = ["keep_compiled"]

PREFIX = "napari-piximi-jax-"


def keep_compiled() -> None:
    """Let JAX keep what it compiles in a folder of this process; one that a user chose stays."""
    if jax.config.jax_compilation_cache_dir is not None:
        return
    with suppress(OSError):  # it only takes longer without
        _remove_left()
        folder, lock = _taken()
        atexit.register(_remove, folder, lock)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _taken() -> tuple[Path, Lock]:
    """Make a folder, and the sign that a process uses it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = Lock.take(folder)
    if lock is None:
        raise OSError(f"{folder} is being removed")
    return folder, lock


def _remove_left() -> None:
    """Remove the folders of processes that were killed, as the engine is."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # as if it is another user's
            lock = None if folder.is_symlink() else Lock.take(folder)
            if lock is not None:
                _remove(folder, lock)


def _remove(folder: Path, lock: Lock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)
