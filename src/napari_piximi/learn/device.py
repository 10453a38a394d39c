"""What the networks run on."""

import os
import shutil
import subprocess
import sys
from functools import cache
from typing import Any

from napari_piximi.errors import FitError
from napari_piximi.learn._keras import keras
from napari_piximi.learn.device_choice import chosen
from napari_piximi.progress import Progress, silent

__all__ = ["backend", "describe", "on_gpu", "report"]

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
SECONDS = 10
"""How long the driver may take to answer."""


def backend() -> str:
    """Return the name of the Keras backend: ``tensorflow``, ``jax`` or ``torch``."""
    return str(keras.backend.backend())


def describe() -> str:
    """Name the device in use: the GPU with its memory, or the CPU and why."""
    return _gpu() or f"CPU ({_why_no_gpu()})"


def on_gpu() -> bool:
    """Tell whether a GPU is in use."""
    return _gpu() is not None


@cache
def _gpu() -> str | None:
    if chosen() == "cpu":
        return None
    find = {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}.get(backend())
    return find() if find else None


@cache
def _why_no_gpu() -> str:
    name = NAMES.get(backend(), backend())
    if chosen() == "cpu":
        return "as chosen"
    if backend() == "tensorflow" and sys.platform == "win32":
        return "TensorFlow uses no GPU on Windows"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    card = _nvidia("name")
    if card is None:
        return f"no GPU was found by {name}"
    return f"{name} cannot use the {card}: its CUDA libraries are missing or do not fit the driver"


def _named(name: str, size: int | None) -> str:
    return f"{name}, {size / 2**30:.1f} GiB" if size else name


def _tensorflow_gpu() -> str | None:
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        return _named(str(details.get("device_name", "GPU")), _nvidia_memory())
    return None


def _jax_gpu() -> str | None:
    import jax

    device: Any = jax.devices()[0]
    if device.platform == "cpu":
        return None
    limits = device.memory_stats() or {}
    return _named(str(device.device_kind), limits.get("bytes_limit"))


def _torch_gpu() -> str | None:
    import torch  # type: ignore[import-not-found, unused-ignore]

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return _named(str(found.name), found.total_memory)


def _nvidia_memory() -> int | None:
    """Ask the driver: TensorFlow tells only how much it has taken so far."""
    size = _nvidia("memory.total")
    return int(size) * 2**20 if size and size.isdigit() else None


def _nvidia(fact: str) -> str | None:
    """Ask the driver about the first card; None where there is no driver, or no card."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, f"--query-gpu={fact}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            query, capture_output=True, text=True, check=True, timeout=SECONDS
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    return answer[0].strip() if answer else None


def report(progress: Progress = silent) -> str:
    """Do as :func:`describe`, with a `progress` as every long function has."""
    progress(0, 1, "Looking for a GPU")
    return describe()


def _insist() -> None:
    """Refuse to go on without the GPU that was asked for; so does every import of this."""
    if chosen() == "gpu" and not on_gpu():
        raise FitError(
            f"No GPU can be used here: {_why_no_gpu()}. Choose the device 'cpu' or 'auto' instead"
        )


_insist()
