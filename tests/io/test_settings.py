"""Only values that a setting can have become settings."""

import warnings
from dataclasses import asdict, replace

import pytest

from napari_piximi.errors import PiximiWarning
from napari_piximi.io.settings import piximi_metrics, portable, settings_from
from napari_piximi.model.training import METRICS, PIXIMI_SETTINGS, Settings


def test_all_settings_come_back() -> None:
    chosen = Settings(epochs=7, metrics=("Recall",), center=True, learning_rate=1, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert settings_from(asdict(chosen), PIXIMI_SETTINGS, "x") == chosen


def test_a_metric_that_piximi_misspells_is_spelt_right_here() -> None:
    (right,) = (name for name in METRICS if name.startswith("Binary c"))
    assert right == "Binary cross-entropy"
    for spelling in (right, "Binary cros-sentropy"):
        found = settings_from({"metrics": [spelling, "Recall"]}, PIXIMI_SETTINGS, "x")
        assert found.metrics == (right, "Recall")
    assert piximi_metrics(found.metrics) == ["Binary cros-sentropy", "Recall"]


def test_unknown_names_are_passed_over_and_missing_ones_kept() -> None:
    found = settings_from({"novelty": 1, "epochs": 3.0}, PIXIMI_SETTINGS, "x")
    assert found == replace(PIXIMI_SETTINGS, epochs=3)
    assert isinstance(found.epochs, int)


@pytest.mark.parametrize(
    "values",
    [{"epochs": 0}, {"epochs": "9"}, {"shift": float("nan")}, {"loss": "x"}, {"rescale": 1},
     {"metrics": [[]]}, {"seed": 10**400}, {"architecture": None}],
)  # fmt: skip
def test_values_that_cannot_be_are_told(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.warns(PiximiWarning, match=f"^some file: {name} .* is not valid"):
        assert settings_from(values, Settings(), "some file") == Settings()


@pytest.mark.parametrize("values", [None, [], 3, "epochs"])
def test_what_is_no_object_is_passed_over(values: object) -> None:
    with pytest.warns(PiximiWarning, match="should be an object"):
        assert settings_from(values, Settings(), "some file") == Settings()


def test_only_the_name_of_a_file_of_weights_goes_elsewhere() -> None:
    for path in ("/home/me/model.json", "C:\\Users\\me\\model.json", "\\\\server\\x\\model.json"):
        assert portable(Settings(weights=path)).weights == "model.json"
    assert portable(Settings(weights="random")) == Settings(weights="random")
