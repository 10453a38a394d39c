"""What the networks run on."""

import shutil
import subprocess
from functools import cache
from typing import Any

from napari_piximi.learn._keras import keras
from napari_piximi.progress import Progress, silent

__all__ = ["backend", "describe", "on_gpu", "report"]

NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def backend() -> str:
    """Return the name of the Keras backend: ``tensorflow``, ``jax`` or ``torch``."""
    return str(keras.backend.backend())


def describe() -> str:
    """Name the device in use: the GPU with its memory, or the CPU and why."""
    return _gpu() or f"CPU (no GPU was found by {NAMES.get(backend(), backend())})"


def on_gpu() -> bool:
    """Tell whether a GPU is in use."""
    return _gpu() is not None


@cache
def _gpu() -> str | None:
    find = {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}.get(backend())
    return find() if find else None


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
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout.split()
    return int(answer[0]) * 2**20 if answer and answer[0].isdigit() else None


def report(progress: Progress = silent) -> str:
    """Do as :func:`describe`, with a `progress` as every long function has."""
    progress(0, 1, "Looking for a GPU")
    return describe()
