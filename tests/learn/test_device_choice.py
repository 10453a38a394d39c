"""The choice of a device, which is made before Keras is there."""

import os

import pytest

from napari_piximi.errors import FitError
from napari_piximi.learn import device_choice
from napari_piximi.learn.device_choice import VARIABLE, choose, chosen, hide_gpus


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    own = {"PATH": os.environ["PATH"]}
    monkeypatch.setattr(os, "environ", own)
    return own


def test_without_a_choice_it_is_auto(environment: dict[str, str]) -> None:
    assert chosen() == "auto"
    hide_gpus()
    assert not {"CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", VARIABLE} & set(environment)


@pytest.mark.parametrize("device", device_choice.DEVICES)
def test_a_choice_is_inherited(environment: dict[str, str], device: str) -> None:
    choose(device)
    assert chosen() == device
    assert environment[VARIABLE] == device


def test_on_the_cpu_every_gpu_is_hidden(environment: dict[str, str]) -> None:
    choose("cpu")
    hide_gpus()
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["JAX_PLATFORMS"] == environment["KERAS_TORCH_DEVICE"] == "cpu"


@pytest.mark.parametrize("device", ["", "cuda:0", "CPU "])
def test_anything_else_is_refused(environment: dict[str, str], device: str) -> None:
    with pytest.raises(FitError, match="is no device; choose auto, cpu, gpu"):
        choose(device)
    assert VARIABLE not in environment


def test_a_variable_with_anything_else_is_refused(environment: dict[str, str]) -> None:
    environment[VARIABLE] = "tpu"
    with pytest.raises(FitError, match="'tpu' is no device"):
        hide_gpus()
    environment[VARIABLE] = " GPU "
    assert chosen() == "gpu"
