import csv
import importlib
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from tests.cli.command import Command

from napari_piximi.cli import app, main
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.samples import digits_project
from napari_piximi.io.tfjs import write_model
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import PIXIMI_SETTINGS, Classifier, Settings

pytestmark = pytest.mark.keras

QUICK = (
    "--epochs", 2, "--height", 16, "--width", 16, "--patience", 0, "--averaging", 0,
    "--batch-size", 50,
)  # fmt: skip
FIRST = 'a "nasty", name'


def digits() -> Project:
    """Forty labelled digits and sixty that are not, with names that a table must quote."""
    sample = digits_project(per_class=4)
    project = sample.project
    zero = project.known_categories(IMAGE_KIND)[0]
    project = edits.edit_category(project, zero, name=FIRST)
    labelled = [t.id for t in project.things.values() if t.category == sample.truth[t.id]]
    waiting = [t.id for t in project.things.values() if t.partition == Partition.INFERENCE][:60]
    kept = {*labelled, *waiting}
    project = edits.delete_things(project, [key for key in project.things if key not in kept])
    return edits.rename_thing(project, waiting[0], 'a "thing", renamed\nin two lines')


@pytest.fixture(scope="module")
def unfitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "digits.zip"
    write_bundle(digits(), path)
    return path


@pytest.fixture(scope="module")
def fitted(unfitted: Path) -> Path:
    path = unfitted.with_name("fitted.zip")
    with pytest.raises(SystemExit) as end:
        main(["fit", str(unfitted), "--kind", "image", "--out", str(path), *map(str, QUICK)])
    assert not end.value.code
    return path


# --- fit -----------------------------------------------------------------------------------


def test_fit_saves_a_project_with_the_classifier_and_says_how_it_went(
    command: Command, unfitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    before = unfitted.read_bytes()
    lines = command.works(
        "fit", unfitted, "--kind", "Image", "--out", out, "--name", "net", *QUICK
    ).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("net: 2 epochs in ")
    assert lines[1].startswith("accuracy 0.")
    assert lines[1].endswith(" on 10 validation things")
    project = read_bundle(out)
    net = project.find_classifier("net")
    assert net.settings == Settings(
        epochs=2, height=16, width=16, patience=0, averaging=0.0, batch_size=50
    )
    assert net.class_map == project.known_categories(IMAGE_KIND)
    assert net.model is not None
    assert net.model.classes[0] == FIRST
    (run,), (evaluation,) = net.runs, net.evaluations
    assert (run.epochs, run.training, run.validation, run.stopped) == (2, 30, 10, "finished")
    assert evaluation.support.sum() == 10
    partitions = [thing.partition for thing in project.things.values()]
    assert [partitions.count(p) for p in Partition] == [0, 30, 10, 60]
    assert unfitted.read_bytes() == before


def test_a_fit_is_the_same_again_with_the_same_seed(
    command: Command, unfitted: Path, fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    command.works("fit", unfitted, "--kind", "Image", "--out", out, *QUICK)
    first, second = (read_bundle(path).classifiers[0] for path in (fitted, out))
    assert first.runs[0].history == second.runs[0].history
    assert weights(first) == weights(second)
    command.works("fit", unfitted, "--kind", "Image", "--out", out, *QUICK, "--seed", 1)
    assert weights(read_bundle(out).classifiers[0]) != weights(first)


def weights(classifier: Classifier) -> bytes:
    assert classifier.model is not None
    return classifier.model.weights


def test_names_of_classifiers_count_on(command: Command, fitted: Path, tmp_path: Path) -> None:
    assert [c.name for c in read_bundle(fitted).classifiers] == ["SimpleCNN 1"]
    out = tmp_path / "out.zip"
    command.works("fit", fitted, "--kind", "Image", "--out", out, *QUICK)
    assert [c.name for c in read_bundle(out).classifiers] == ["SimpleCNN 1", "SimpleCNN 2"]


def test_a_fit_can_be_continued(command: Command, fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    command.works(
        "fit", fitted, "--kind", "Image", "--out", out, "--continue", "SimpleCNN 1", "--epochs", 3
    )
    (before,), (after,) = read_bundle(fitted).classifiers, read_bundle(out).classifiers
    assert after.name == "SimpleCNN 1"
    assert [run.epochs for run in after.runs] == [2, 3]
    assert len(after.evaluations) == 2
    assert after.settings == replace(before.settings, epochs=3)
    assert after.runs[0] == before.runs[0]
    assert after.runs[1].history["loss"][-1] < before.runs[0].history["loss"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--height", 64], "--height 64"),
        (["--width", 64], "--width 64"),
        (["--architecture", "MobileNet"], "--architecture 'MobileNet'"),
        (["--no-rescale"], "--rescale False"),
        (["--center"], "--center True"),
        (["--crop-schema", "Match"], "--crop-schema 'Match'"),
    ],
)
def test_a_fit_that_is_continued_refuses_another_input(
    command: Command, fitted: Path, tmp_path: Path, options: list[object], said: str
) -> None:
    out = tmp_path / "out.zip"
    fit = ("fit", fitted, "--kind", "Image", "--out", out, "--continue", "SimpleCNN 1")
    line = command.fails(*fit, *options)
    assert line.startswith(f"{said} cannot go with --continue: ")
    assert not out.exists()


def test_a_network_is_not_continued_as_a_forest(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    fit = ("fit", fitted, "--kind", "Image", "--out", out, "--continue", "SimpleCNN 1")
    line = command.fails(*fit, "--forest")
    assert line.startswith("--forest cannot go with --continue 'SimpleCNN 1', which is no forest")
    assert not out.exists()


@pytest.fixture
def twins(fitted: Path, tmp_path: Path) -> Path:
    """Two kinds that share a classifier's name and model, the other kind's the newest."""
    project = edits.create_kind(read_bundle(fitted), "cell")
    (net,) = project.classifiers
    kind = project.find_kind("cell").id
    path = tmp_path / "twins.zip"
    write_bundle(edits.put_classifier(project, replace(net, kind=kind, class_map=())), path)
    return path


def test_a_classifier_is_looked_up_in_its_kind(
    command: Command, twins: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    fit = ("fit", twins, "--kind", "Image", "--out", out, "--continue", "SimpleCNN 1")
    said = command.works(*fit, "--epochs", 1)
    # a bundle cannot hold the new model under a name that another kind has
    assert said.startswith("SimpleCNN 1 2: 1 epoch in ")
    project = read_bundle(out)
    assert [c.name for c in project.classifiers] == ["SimpleCNN 1", "SimpleCNN 1", "SimpleCNN 1 2"]
    assert project.classifiers[-1].kind == IMAGE_KIND
    line = command.fails(*fit, "--name", "SimpleCNN 1")
    assert "another model called 'SimpleCNN 1'" in line
    assert line.endswith("choose another name")
    chosen = ("--kind", "Image", "--classifier", "SimpleCNN 1")
    assert command.works("evaluate", twins, *chosen).startswith("SimpleCNN 1, validation things")
    said = command.works("predict", twins, *chosen, "--out", out)
    assert said == "SimpleCNN 1: predicted 60 things\n"


def test_the_name_of_a_new_fit_is_free_in_all_kinds(
    command: Command, twins: Path, tmp_path: Path
) -> None:
    project = read_bundle(twins)
    project = edits.delete_classifier(project, "SimpleCNN 1", IMAGE_KIND)
    project = replace(project, unread_models={"SimpleCNN 2": (b"?", b"")})
    path, out = tmp_path / "names.zip", tmp_path / "out.zip"
    write_bundle(project, path)
    code, said, _ = vars(command("fit", path, "--kind", "Image", "--out", out, *QUICK)).values()
    assert code == 0
    assert said.startswith("SimpleCNN 3: ")


def test_a_preset_is_where_the_options_start(
    command: Command, unfitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    command.works(
        "fit", unfitted, "--kind", "Image", "--out", out, "--preset", "Piximi defaults",
        "--epochs", 1, "--no-softmax-twice", "--metrics", "Precision", "--metrics", "Recall",
    )  # fmt: skip
    settings = read_bundle(out).classifiers[0].settings
    assert settings == replace(
        PIXIMI_SETTINGS, epochs=1, softmax_twice=False, metrics=("Precision", "Recall")
    )


FAILURES: list[tuple[list[object], str]] = [
    (["--preset", "best"], "'best' is no preset; there are 'few labels', 'Piximi defaults'"),
    (["--epochs", 0], "epochs cannot be 0; it goes from 1 to 100000"),
    (["--learning-rate", 11], "learning_rate cannot be 11.0; it goes from 1e-07 to 10.0"),
    (["--training-percentage", 1.5], "training_percentage cannot be 1.5; it goes from 0.05 to 1.0"),
    (["--architecture", "ResNet"], "architecture cannot be 'ResNet'; choose one of SimpleCNN"),
    (["--metrics", "Recall", "--metrics", "F1"], "metrics cannot be 'F1'; choose one of Binary"),
    (["--continue", "gone"], "'gone' is no classifier of the kind 'Image'; it has none"),
    (["--name", "a.b"], "'a.b' cannot name a classifier"),
    (["--height", 8], "SimpleCNN needs an input of at least 16 by 16 pixels, not 8 by 28"),
]


@pytest.mark.parametrize(("options", "message"), FAILURES, ids=[m for _, m in FAILURES])
def test_a_fit_that_cannot_be_done(
    command: Command, unfitted: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    out = tmp_path / "out.zip"
    line = command.fails("fit", unfitted, "--kind", "Image", "--out", out, *options)
    assert message in line
    assert not out.exists()


def test_a_kind_is_named_by_name_or_id(command: Command, fitted: Path, tmp_path: Path) -> None:
    project = edits.edit_kind(
        edits.create_kind(read_bundle(fitted), "my cells"), IMAGE_KIND, visible=True
    )
    key = project.find_kind("my cells").id
    path = tmp_path / "kinds.zip"
    write_bundle(project, path)
    for name in ("my cells", "MY CELLS", key):
        line = command.fails("evaluate", path, "--kind", name)
        assert line == "The kind 'my cells' has no classifier yet; fit one first"
    line = command.fails("evaluate", path, "--kind", "cell")
    assert line == "'cell' is no kind; this project has 'Image', 'my cells'"


def test_every_setting_is_an_option_named_as_it_is() -> None:
    group: Any = typer.main.get_command(app)
    options = {name for parameter in group.commands["fit"].params for name in parameter.opts}
    assert {f"--{setting.name.replace('_', '-')}" for setting in fields(Settings)} <= options
    helped = {parameter.name: parameter.help for parameter in group.commands["fit"].params}
    for setting in fields(Settings):
        assert helped[setting.name].startswith(setting.metadata["tooltip"])


def test_a_network_is_cross_validated_without_noise(
    command: Command, unfitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_PIXIMI_DEVICE", "auto")
    out = tmp_path / "out.zip"
    said = command.works(
        "fit", unfitted, "--kind", "Image", "--out", out, *QUICK, "--cross-validate", 3,
        "--device", "cpu",
    )  # fmt: skip
    assert said.splitlines()[1].endswith(" on 40 labelled things")
    crossed, validated = read_bundle(out).classifiers[0].evaluations
    assert (crossed.partition, validated.partition) == ("Cross-validation", "Validation")
    assert len(set(crossed.ids)) == 40


# --- predict -------------------------------------------------------------------------------


def table_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def test_predict_fills_in_what_has_no_category_and_writes_a_table(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    out, table = tmp_path / "out.zip", tmp_path / "table.csv"
    said = command.works("predict", fitted, "--kind", "Image", "--out", out, "--csv", table)
    assert said == "SimpleCNN 1: predicted 60 things\n"
    project = read_bundle(out)
    names = {c.id: c.name for c in project.categories.values()}
    classes = [names[c] for c in project.known_categories(IMAGE_KIND)]
    header, rows = table_of(table)
    assert header == ["id", "name", "image", "category", "prediction", "probability", *classes]
    assert header[6] == FIRST
    waiting = [t for t in project.things.values() if t.partition == Partition.INFERENCE]
    assert [row[0] for row in rows] == [thing.id for thing in waiting]
    for row, thing in zip(rows, waiting, strict=True):
        assert row[1:4] == [thing.name, thing.name, "Unknown"]
        values = np.array(row[6:], dtype=np.float64)
        assert values.sum() == pytest.approx(1, abs=1e-5)
        assert float(row[5]) == values.max()
        assert row[4] == classes[int(values.argmax())]
        assert thing.prediction is not None
        assert names[thing.prediction.category] == row[4]
        assert thing.prediction.probability == pytest.approx(float(row[5]))
    assert rows[0][1] == 'a "thing", renamed\nin two lines'
    labelled = [t for t in project.things.values() if t.partition != Partition.INFERENCE]
    assert len(labelled) == 40
    assert all(thing.prediction is None for thing in labelled)


def test_a_classifier_can_be_chosen_by_name(command: Command, fitted: Path, tmp_path: Path) -> None:
    project = read_bundle(fitted)
    newer = replace(project.classifiers[0], name="newer")
    path, out = tmp_path / "two.zip", tmp_path / "out.zip"
    write_bundle(edits.put_classifier(project, newer), path)
    predict = ("predict", path, "--kind", "Image", "--out", out)
    assert command.works(*predict).startswith("newer: ")
    assert command.works(*predict, "--classifier", "SimpleCNN 1").startswith("SimpleCNN 1: ")
    line = command.fails(*predict, "--classifier", "gone")
    assert line == "The kind 'Image' has no classifier 'gone'"


def test_a_classifier_file_brings_the_categories_that_are_missing(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    model = read_bundle(fitted).classifiers[0].model
    assert model is not None
    file, out, table = tmp_path / "foreign.json", tmp_path / "out.zip", tmp_path / "t.csv"
    write_model(model, file)
    project = read_bundle(fitted)
    for category in project.known_categories(IMAGE_KIND)[:3]:
        project = edits.delete_category(project, category)
    project = edits.delete_classifier(project, "SimpleCNN 1")
    path = tmp_path / "fewer.zip"
    write_bundle(project, path)
    said = command.works(
        "predict", path, "--kind", "Image", "--out", out, "--classifier", file, "--csv", table
    )
    assert said == "foreign: predicted 72 things\n"
    after = read_bundle(out)
    (foreign,) = after.classifiers
    assert [after.categories[c].name for c in foreign.class_map] == list(model.classes)
    assert len(after.known_categories(IMAGE_KIND)) == 10
    assert table_of(table)[0][6:] == list(model.classes)


def test_a_table_that_cannot_be_written_is_one_clear_error(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    table = tmp_path / "gone" / "table.csv"
    line = command.fails(
        "predict", fitted, "--kind", "Image", "--out", tmp_path / "out.zip", "--csv", table
    )
    assert line == f"{table}: could not be written (No such file or directory)"
    assert not (tmp_path / "out.zip").exists()
    line = command.fails(
        "predict", fitted, "--kind", "Image", "--out", tmp_path / "out.zip", "--csv", tmp_path
    )
    assert line == f"{tmp_path}: could not be written (Is a directory)"
    assert list(tmp_path.iterdir()) == []


def test_a_table_stays_as_it_was_if_the_project_cannot_be_saved(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("old")
    out = tmp_path / "gone" / "out.zip"
    command.fails("predict", fitted, "--kind", "Image", "--out", out, "--csv", table)
    assert table.read_text() == "old"
    assert list(tmp_path.iterdir()) == [table]
    command.works("predict", fitted, "--kind", "Image", "--out", tmp_path / "o.zip", "--csv", table)
    assert len(table_of(table)[1]) == 60


def test_a_classifier_file_takes_no_other_classifiers_name(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    project = read_bundle(fitted)
    (net,) = project.classifiers
    assert net.model is not None
    write_model(net.model, tmp_path / "digits_cnn.json")
    other = replace(
        net, name="digits_cnn", model=replace(net.model, weights=net.model.weights[::-1])
    )
    path, out, again = (tmp_path / name for name in ("path.zip", "out.zip", "again.zip"))
    write_bundle(edits.put_classifier(project, other), path)
    predict = ("--kind", "Image", "--classifier", tmp_path / "digits_cnn.json", "--out")
    for source, target in ((path, out), (out, again)):
        said = command.works("predict", source, *predict, target)
        assert said == "digits_cnn 2: predicted 60 things\n"
        names = [c.name for c in read_bundle(target).classifiers]
        assert names == ["SimpleCNN 1", "digits_cnn", "digits_cnn 2"]
    kept = read_bundle(again).find_classifier("digits_cnn")
    assert kept.runs == net.runs


def test_a_classifier_file_that_is_not_there(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gone.json"
    line = command.fails(
        "predict", fitted, "--kind", "Image", "--out", tmp_path / "o.zip", "--classifier", file
    )
    assert str(file) in line


# --- evaluate ------------------------------------------------------------------------------


def test_evaluate_agrees_with_what_the_fit_noted(command: Command, fitted: Path) -> None:
    facts = json.loads(command.works("evaluate", fitted, "--kind", "Image", "--json"))
    noted = read_bundle(fitted).classifiers[0].evaluations[-1]
    assert facts["classifier"] == "SimpleCNN 1"
    assert facts["classes"] == [FIRST, *digits_names()[1:]]
    assert facts["confusion_matrix"] == [list(row) for row in noted.confusion_matrix]
    assert facts["cross_entropy"] == pytest.approx(noted.cross_entropy, abs=1e-6)
    assert facts["accuracy"] == noted.accuracy
    assert {"partition", "precision", "recall", "f1"} <= facts.keys()


def digits_names() -> list[str]:
    project = digits_project(per_class=1).project
    return [project.categories[c].name for c in project.known_categories(IMAGE_KIND)]


@pytest.mark.parametrize(
    ("partition", "count"), [("Validation", 10), ("Training", 30), ("Labelled", 40)]
)
def test_evaluate_on_a_partition(
    command: Command, fitted: Path, partition: str, count: int
) -> None:
    out = command.works("evaluate", fitted, "--kind", "Image", "--partition", partition)
    lines = out.splitlines()
    assert lines[0] == f"SimpleCNN 1, {partition.lower()} things"
    assert [line.split()[0] for line in lines[3:12]] == digits_names()[1:]
    assert lines[-2].split()[-1] == str(count)
    assert lines[-1].startswith("accuracy ")


def test_evaluate_on_nothing(command: Command, fitted: Path, unfitted: Path) -> None:
    line = command.fails("evaluate", unfitted, "--kind", "Image")
    assert line == "The kind 'Image' has no classifier yet; fit one first"
    line = command.fails("evaluate", fitted, "--kind", "Image", "--partition", "Inference")
    assert "'Inference' cannot be evaluated" in line


# --- demo ----------------------------------------------------------------------------------


def test_the_demo_in_small(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = importlib.import_module("napari_piximi.cli.demo")
    small = replace(Settings(), epochs=8, patience=0)
    monkeypatch.setattr(demo, "Settings", lambda seed: replace(small, seed=seed))
    out = command.works("demo", "--out", tmp_path / "made")
    assert out.startswith("24 coins found on a photograph in ")
    assert "1797 images of digits, 200 of them labelled" in out
    assert "Predicted and withheld from the fit: 1597 digits" in out
    accuracy = float(out.partition("\naccuracy ")[2].split()[0])
    assert 0.5 < accuracy <= 1
    made = {path.name for path in (tmp_path / "made").iterdir()}
    model = {"digits_classifier.json", "digits_classifier.weights.bin"}
    assert made == {"coins.zip", "digits.zip", *model}
    coins = read_bundle(tmp_path / "made" / "coins.zip")
    assert sum(1 for _ in coins.of_kind(coins.find_kind("coin").id)) == 24
    project = read_bundle(tmp_path / "made" / "digits.zip")
    assert len(project.things) == 1797
    assert sum(thing.prediction is not None for thing in project.things.values()) == 1597
    (classifier,) = project.classifiers
    assert (classifier.name, len(classifier.evaluations)) == ("digits_classifier", 1)
