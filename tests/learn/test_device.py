import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from napari_piximi.learn import device

pytestmark = pytest.mark.keras


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    device._gpu.cache_clear()
    device._why_no_gpu.cache_clear()


def only_for(name: str) -> None:
    if device.backend() != name:
        pytest.skip(f"asks {name}; Keras runs on {device.backend()} here")


def test_the_cpu_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_tensorflow_gpu", lambda: None)
    monkeypatch.setattr(device, "_jax_gpu", lambda: None)
    name = device.NAMES[device.backend()]
    assert device.describe() == f"CPU (no GPU was found by {name})"
    assert not device.on_gpu()


def test_a_gpu_of_tensorflow_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    only_for("tensorflow")
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu:0"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "RTX 1"}
    )
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/nvidia-smi")
    answer = SimpleNamespace(stdout="24576\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: answer)
    assert device.describe() == "RTX 1, 24.0 GiB"
    assert device.on_gpu()


def test_without_the_drivers_tool_only_the_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    only_for("tensorflow")
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu:0"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {})
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert device.describe() == "GPU"


def test_a_gpu_of_jax_is_named_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    gpu = SimpleNamespace(
        platform="gpu", device_kind="A100", memory_stats=lambda: {"bytes_limit": 2**34}
    )
    monkeypatch.setattr(device, "backend", lambda: "jax")
    monkeypatch.setattr(jax, "devices", lambda: [gpu])
    assert device.describe() == "A100, 16.0 GiB"


def test_jax_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    monkeypatch.setattr(device, "backend", lambda: "jax")
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(platform="cpu")])
    assert device.describe() == "CPU (no GPU was found by JAX)"


@pytest.mark.parametrize("available", [True, False])
def test_a_gpu_of_pytorch(monkeypatch: pytest.MonkeyPatch, available: bool) -> None:
    found = SimpleNamespace(name="H100", total_memory=80 * 2**30)
    cuda = SimpleNamespace(
        is_available=lambda: available, get_device_properties=lambda index: found
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(device, "backend", lambda: "torch")
    expected = "H100, 80.0 GiB" if available else "CPU (no GPU was found by PyTorch)"
    assert device.describe() == expected


def lines_on_stderr(level: str | None, code: str = "import napari_piximi.learn._keras") -> str:
    environment = {**os.environ, "PYTHONPATH": "src"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment).stderr


def test_starting_tensorflow_is_silent() -> None:
    only_for("tensorflow")
    assert lines_on_stderr(None) == ""


def test_a_user_who_asks_for_the_log_gets_it() -> None:
    only_for("tensorflow")
    assert "tensorflow" in lines_on_stderr("0").lower() or "cuda" in lines_on_stderr("0").lower()


def test_an_import_that_fails_tells_all() -> None:
    code = """
import os
import builtins
real = builtins.__import__
def broken(name, *rest, **more):
    if name == "keras":
        os.write(2, b"the reason\\n")
        raise ImportError("keras is broken")
    return real(name, *rest, **more)
builtins.__import__ = broken
import napari_piximi.learn._keras
"""
    said = lines_on_stderr(None, code)
    assert "the reason" in said
    assert "keras is broken" in said


def test_without_an_error_stream_keras_is_imported_all_the_same() -> None:
    code = "import os; os.close(2); import napari_piximi.learn._keras; print('fine')"
    environment = {**os.environ, "PYTHONPATH": "src"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == "fine\n"


def described(choice: str, **more: str) -> subprocess.CompletedProcess[str]:
    code = "from napari_piximi.learn.device import describe; print(describe())"
    environment = {**os.environ, "PYTHONPATH": "src", "NAPARI_PIXIMI_DEVICE": choice, **more}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_the_cpu_can_be_chosen() -> None:
    assert described("cpu").stdout == "CPU (as chosen)\n"


def test_a_gpu_that_is_wanted_and_hidden_is_one_clear_error() -> None:
    done = described("gpu", CUDA_VISIBLE_DEVICES="-1")
    assert done.stdout == ""
    assert "FitError: No GPU can be used here: CUDA_VISIBLE_DEVICES hides every GPU." in done.stderr


def test_a_card_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device, "_gpu", lambda: None)
    monkeypatch.setattr(device, "backend", lambda: "tensorflow")
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/nvidia-smi")
    monkeypatch.setattr(sys, "platform", "linux")
    answer = SimpleNamespace(stdout="RTX 1\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: answer)
    assert device.describe().startswith("CPU (TensorFlow cannot use the RTX 1: its CUDA libraries")


def test_a_driver_that_does_not_answer_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", 10)

    monkeypatch.setattr(shutil, "which", lambda name: "/bin/nvidia-smi")
    monkeypatch.setattr(subprocess, "run", fail)
    assert device._nvidia_memory() is None
