"""Piximi's file of hyper-parameters is read, ours can be read by whoever reads Piximi's."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_piximi.errors import ModelFileError, PiximiWarning, SaveError
from napari_piximi.io.hyperparameters import read_hyperparameters, write_hyperparameters
from napari_piximi.model.training import ARCHITECTURES, PIXIMI_SETTINGS, Settings

PIXIMI = {
    "preprocessOptions": {
        "inputShape": {"planes": 1, "height": 48, "width": 32, "channels": 3},
        "shuffle": False,
        "rescaleOptions": {"rescale": True, "center": True},
        "cropOptions": {"numCrops": 4, "cropSchema": "Match"},
        "trainingPercentage": 0.8,
    },
    "compileOptions": {
        "epochs": 12,
        "batchSize": 16,
        "learningRate": 0.001,
        "lossFunction": "Huber",
        "metrics": ["Precision", "Binary cros-sentropy"],
        "optimizationAlgorithm": "RMSProp",
    },
    "fitOptions": {"epochs": 12, "batchSize": 16},
}
"""As Piximi 1.1.4 writes it: what its store holds of a classifier's settings."""
MEANT = replace(
    PIXIMI_SETTINGS, height=48, width=32, shuffle=False, center=True, num_crops=4,
    crop_schema="Match", training_percentage=0.8, epochs=12, batch_size=16, learning_rate=0.001,
    loss="Huber", metrics=("Precision", "Binary cross-entropy"), optimizer="RMSProp",
)  # fmt: skip


def put(folder: Path, document: object) -> Path:
    path = folder / "hyper.json"
    path.write_text(json.dumps(document))
    return path


def test_a_file_of_piximi(tmp_path: Path) -> None:
    assert read_hyperparameters(put(tmp_path, PIXIMI)) == MEANT
    ours = read_hyperparameters(put(tmp_path, PIXIMI), Settings(patience=7))
    assert (ours.patience, ours.epochs) == (7, 12)


def test_ours_has_what_piximi_writes_where_piximi_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_hyperparameters(replace(MEANT, patience=7), path, channels=3)
    found = json.loads(path.read_text())
    own = found.pop("napariPiximi")
    assert found == PIXIMI
    assert own["patience"] == 7
    assert not own.keys() & {"epochs", "height", "loss"}
    assert read_hyperparameters(path) == replace(MEANT, patience=7)


def anything(name: str, example: object, limits: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401
    if name == "weights":
        return st.sampled_from(["", "random", "model.json"])
    if isinstance(example, tuple):
        return st.lists(st.sampled_from(limits["choices"]), max_size=3).map(tuple)
    if isinstance(example, bool):
        return st.booleans()
    if isinstance(example, str):
        return st.sampled_from(limits["choices"])
    if isinstance(example, int):
        return st.integers(limits["min"], limits["max"])
    return st.floats(limits["min"], limits["max"])


ANY = st.builds(
    Settings,
    **{f.name: anything(f.name, getattr(Settings(), f.name), f.metadata) for f in fields(Settings)},
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=ANY, start=st.sampled_from([Settings(), PIXIMI_SETTINGS]))
def test_any_settings_come_back(chosen: Settings, start: Settings, tmp_path: Path) -> None:
    write_hyperparameters(chosen, tmp_path / "x.json")
    assert read_hyperparameters(tmp_path / "x.json", start) == chosen


def test_folders_stay_at_home(tmp_path: Path) -> None:
    for weights in ("/home/me/model.json", "C:\\me\\model.json"):
        write_hyperparameters(Settings(weights=weights), tmp_path / "x.json")
        assert "me" not in json.loads((tmp_path / "x.json").read_text())["napariPiximi"]["weights"]
        assert read_hyperparameters(tmp_path / "x.json").weights == "model.json"
        put(tmp_path, {"napariPiximi": {"weights": weights}})
        assert read_hyperparameters(tmp_path / "hyper.json").weights == "model.json"


@pytest.mark.parametrize(
    ("keys", "value", "word"),
    [
        (("compileOptions", "epochs"), -5, "epochs -5"),
        (("compileOptions", "epochs"), 10**12, "epochs 1000000000000"),
        (("compileOptions", "epochs"), 1.5, "epochs 1.5"),
        (("compileOptions", "epochs"), True, "epochs True"),
        (("compileOptions", "learningRate"), "0.1", "learning_rate '0.1'"),
        (("compileOptions", "learningRate"), float("nan"), "learning_rate nan"),
        (("compileOptions", "lossFunction"), "Cosine distance", "'Cosine distance'"),
        (("compileOptions", "lossFunction"), ["Huber"], "loss"),
        (("compileOptions", "metrics"), ["Speed"], "metrics"),
        (("preprocessOptions", "inputShape", "height"), 0, "height 0"),
        (("preprocessOptions", "cropOptions", "cropSchema"), "x" * 10_000, "crop_schema 'xxx"),
        (("preprocessOptions", "rescaleOptions", "rescale"), "yes", "rescale 'yes'"),
        (("preprocessOptions", "trainingPercentage"), 7, "training_percentage 7"),
        (("napariPiximi", "patience"), [], "patience"),
        (("napariPiximi", "speed"), 1, "'speed'"),
        (("surprise",), 1, "'surprise'"),
    ],
)
def test_values_that_cannot_be_are_told_and_left_out(
    keys: tuple[str, ...], value: object, word: str, tmp_path: Path
) -> None:
    document = json.loads(json.dumps(PIXIMI))
    part = document
    for key in keys[:-1]:
        part = part.setdefault(key, {})
    part[keys[-1]] = value
    path = put(tmp_path, document)
    with pytest.warns(PiximiWarning, match=str(path)) as told:
        found = read_hyperparameters(path)
    assert word in str(told[0].message)
    assert len(told) == 1
    assert len(str(told[0].message)) < 400
    same = [f.name for f in fields(Settings) if getattr(found, f.name) == getattr(MEANT, f.name)]
    assert len(same) >= len(fields(Settings)) - 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not a JSON file"),
        ("{", "not a JSON file"),
        ("[" * 100_000, "not a JSON file"),
        ("[]", "holds a list"),
        ("3", "holds a int"),
        ("{}", "no hyper-parameters"),
        ('{"modelTopology": {}}', "Export Hyperparameters"),
        ('{"compileOptions": 3}', "compileOptions should be an object"),
        ('{"preprocessOptions": {"inputShape": [1, 2, 3, 4]}}', "inputShape should be an object"),
        ('{"compileOptions": {}, "x": "' + "y" * (1 << 20) + '"}', "too many"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=word) as caught:
        read_hyperparameters(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_hyperparameters(tmp_path / "absent.json")
    with pytest.raises(SaveError, match="not saved"):
        write_hyperparameters(Settings(), tmp_path / "absent" / "x.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelFileError, match="not a JSON file"):
        read_hyperparameters(tmp_path / "binary.json")


def test_every_architecture_survives(tmp_path: Path) -> None:
    for architecture in ARCHITECTURES:
        write_hyperparameters(Settings(architecture=architecture), tmp_path / "x.json")
        assert read_hyperparameters(tmp_path / "x.json").architecture == architecture
