from dataclasses import Field, fields, replace
from typing import Any, get_args

import pytest

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.training import (
    ARCHITECTURES,
    FOREST,
    PIXIMI_SETTINGS,
    PRESETS,
    Classifier,
    Group,
    ModelArtifact,
    Run,
    Settings,
)

every_setting = pytest.mark.parametrize("setting", fields(Settings), ids=lambda f: f.name)


@every_setting
def test_each_setting_has_a_group_and_a_tooltip(setting: "Field[Any]") -> None:
    assert setting.metadata["group"] in get_args(Group)
    tooltip = setting.metadata["tooltip"]
    assert len(tooltip) > 10
    assert not tooltip.endswith(".")


@every_setting
def test_numbers_have_limits_and_only_they(setting: "Field[Any]") -> None:
    is_number = type(setting.default) in (int, float)
    assert ("min" in setting.metadata, "max" in setting.metadata) == (is_number, is_number)
    if is_number:
        assert setting.metadata["min"] < setting.metadata["max"]
        assert type(setting.default) is type(setting.metadata["min"])
        assert type(setting.default) is type(setting.metadata["max"])


@every_setting
def test_choices_are_distinct_words(setting: "Field[Any]") -> None:
    choices = setting.metadata.get("choices", ("one",))
    assert len(set(choices)) == len(choices) > 0
    assert all(isinstance(choice, str) and choice for choice in choices)
    is_free_text = setting.name == "weights"
    is_text = isinstance(setting.default, str | tuple) and not is_free_text
    assert ("choices" in setting.metadata) == is_text


@every_setting
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_within_the_limits(setting: "Field[Any]", preset: str) -> None:
    value = getattr(PRESETS[preset], setting.name)
    assert type(value) is type(setting.default)
    if "choices" in setting.metadata:
        assert set(value if isinstance(value, tuple) else [value]) <= set(
            setting.metadata["choices"]
        )
    if "min" in setting.metadata:
        assert setting.metadata["min"] <= value <= setting.metadata["max"]


def test_piximis_preset_is_what_piximi_does() -> None:
    # the table of defaults in Piximi's own form, and its fault of a second softmax
    expected = {
        "architecture": "SimpleCNN",
        "height": 20,
        "width": 20,
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 0.01,
        "optimizer": "Adam",
        "loss": "Categorical (softmax) cross entropy",
        "metrics": ("Categorical accuracy",),
        "shuffle": True,
        "training_percentage": 0.75,
        "rescale": True,
        "center": False,
        "num_crops": 1,
        "crop_schema": "None",
        "softmax_twice": True,
        "patience": 0,
        "keep_best": False,
        "shift": 0.0,
        "rotation": 0.0,
        "zoom": 0.0,
        "label_smoothing": 0.0,
        "averaging": 0.0,
        "class_weights": False,
    }
    assert {name: getattr(PIXIMI_SETTINGS, name) for name in expected} == expected
    assert PRESETS["Piximi defaults"] is PIXIMI_SETTINGS


@every_setting
def test_only_names_architectures(setting: "Field[Any]") -> None:
    only = setting.metadata.get("only", ARCHITECTURES)
    assert set(only) <= set(ARCHITECTURES)
    assert len(only) > 0


def heeded_by(architecture: str) -> set[str]:
    return {
        setting.name
        for setting in fields(Settings)
        if architecture in setting.metadata.get("only", ARCHITECTURES)
    }


def test_each_architecture_heeds_its_own_settings() -> None:
    trees = {"trees", "min_samples_leaf", "max_features"}
    split = {"architecture", "training_percentage", "seed", "shuffle", "metrics", "class_weights"}
    assert heeded_by(FOREST) == trees | split
    assert heeded_by("MobileNet") == {setting.name for setting in fields(Settings)} - trees
    assert heeded_by("SimpleCNN") == heeded_by("MobileNet") - {"weights"}


def test_our_defaults_use_the_true_loss() -> None:
    assert PRESETS["few labels"] == Settings()
    assert not Settings().softmax_twice
    assert Settings().keep_best


def test_settings_are_values() -> None:
    assert replace(Settings(), epochs=5) == Settings(epochs=5)
    assert hash(Settings()) == hash(Settings())


@pytest.mark.parametrize(
    ("document", "classes"),
    [
        ({"classes": ["a", "b"]}, ("a", "b")),
        ({"classes": ("a",)}, ("a",)),
        ({"classes": [0]}, ()),
        ({"classes": ["a", None]}, ()),
        ({"classes": 5}, ()),
        ({"classes": "ab"}, ()),
        ({"classes": {"a": 0}}, ()),
        ({"classes": None}, ()),
        ({}, ()),
    ],
)
def test_classes_of_a_model_file(document: dict[str, Any], classes: tuple[str, ...]) -> None:
    assert ModelArtifact(document, b"").classes == classes


def test_a_run_counts_its_epochs() -> None:
    assert Run(Settings(), {"loss": (0.5, 0.25), "val_loss": (0.75, 0.5)}).epochs == 2
    assert Run(Settings(), {}).epochs == 0


def test_the_input_shape_of_a_classifier() -> None:
    classifier = Classifier("net", "cell", Settings(height=30, width=40), channels=3, planes=2)
    assert classifier.input_shape == (2, 30, 40, 3)
    assert (classifier.runs, classifier.evaluations, classifier.class_map) == ((), (), ())


def test_a_classifier_is_a_value() -> None:
    first = Classifier("net", "cell", evaluations=(Evaluation(((1,),), 0.0),))
    assert first == replace(first, name="net")
    assert first != replace(first, channels=3)
