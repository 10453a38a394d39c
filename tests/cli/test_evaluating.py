"""The forest from the command line; nothing here needs Keras."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)
from tests.cli.command import Command
from tests.learn.projects import bars

from napari_piximi.cli import main
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.hyperparameters import write_hyperparameters
from napari_piximi.model import edits
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import (
    FOREST,
    GRAPH_FORMAT,
    PIXIMI_SETTINGS,
    PRESETS,
    Classifier,
    ModelArtifact,
)

FIT = ("--kind", "Image", "--forest", "--trees", 30)


@pytest.fixture(scope="module")
def unfitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.zip"
    project = bars(60)
    first = project.known_categories(IMAGE_KIND)[0]
    write_bundle(edits.edit_category(project, first, name="name"), path)
    return path


@pytest.fixture(scope="module")
def fitted(unfitted: Path) -> Path:
    path = unfitted.with_name("fitted.zip")
    with pytest.raises(SystemExit) as end:
        main(["fit", str(unfitted), "--out", str(path), *map(str, FIT), "--cross-validate", "3"])
    assert not end.value.code
    return path


def table_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


# --- fit -----------------------------------------------------------------------------------


def test_a_forest_is_fitted_cross_validated_and_kept(
    command: Command, unfitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    said = command.works("fit", unfitted, "--out", out, *FIT, "--cross-validate", 3)
    first, second, third = said.splitlines()
    assert first.startswith(f"{FOREST} 1: 30 trees in ")
    project = read_bundle(out)
    (forest,) = project.classifiers
    crossed, validated = forest.evaluations
    assert (crossed.partition, len(crossed.ids)) == ("Cross-validation", 45)
    assert (validated.partition, validated.run) == ("Validation", 0)
    f1 = crossed.averaged(crossed.f1)
    assert second == (
        f"cross-validated accuracy {crossed.accuracy:.4f}, F1 {f1:.4f} on 45 labelled things"
    )
    assert third == f"accuracy {validated.accuracy:.4f} on {len(validated.ids)} validation things"
    assert forest.settings.trees == 30


def test_names_of_several_lines_are_shown_on_one(
    command: Command, unfitted: Path, tmp_path: Path
) -> None:
    project = read_bundle(unfitted)
    category = project.known_categories(IMAGE_KIND)[0]
    path = tmp_path / "lines.zip"
    write_bundle(edits.edit_category(project, category, name="two\nlines"), path)
    assert command("fit", path, *FIT, "--out", path).code == 0
    said = command("evaluate", path, "--kind", "Image")
    assert any(line.startswith("two lines   ") for line in said.out.splitlines())
    told = command("info", path).out.splitlines()
    assert len(told) == 2 + len(project.kinds)
    assert ", two lines, " in told[-1]


def test_the_long_name_of_a_forest_is_the_same(
    command: Command, unfitted: Path, fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    long = ("--kind", "Image", "--architecture", FOREST, "--trees", 30, "--forest")
    command.works("fit", unfitted, "--out", out, *long)
    models = [read_bundle(path).classifiers[0].model for path in (fitted, out)]
    assert models[0] == models[1], "the same seed gives the same forest"


def test_a_forest_is_continued(command: Command, fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    name = f"{FOREST} 1"
    said = command.works(
        "fit", fitted, "--kind", "Image", "--out", out, "--continue", name, "--forest"
    )
    assert said.startswith(f"{name}: 30 trees")
    assert len(read_bundle(out).classifiers[0].runs) == 2


REFUSED: list[tuple[list[object], str]] = [
    (["--forest", "--architecture", "MobileNet"], "--forest cannot go with --architecture 'Mob"),
    (["--cross-validate", 1], "--cross-validate 1: it takes at least 2 folds"),
    (["--device", "quantum"], "'quantum' is no device; choose auto, cpu, gpu"),
    (["--continue", f"{FOREST} 1", "--preset", "few labels"], "--preset 'few labels' cannot go"),
    (["--continue", f"{FOREST} 1", "--settings", "a.json"], "--settings 'a.json' cannot go with"),
    (["--continue", f"{FOREST} 1", "--weights", "a.json"], "--weights 'a.json' cannot go with"),
    (["--continue", f"{FOREST} 1", "--architecture", "SimpleCNN"], "--architecture 'SimpleCNN'"),
    (["--continue", f"{FOREST} 1", "--name", "other"], "--name 'other' is another classifier"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_does_not_go_together_is_refused(
    command: Command, fitted: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    project = read_bundle(fitted)
    path, out = tmp_path / "two.zip", tmp_path / "out.zip"
    other = replace(project.classifiers[0], name="other")
    write_bundle(edits.put_classifier(project, other), path)
    line = command.fails("fit", path, "--kind", "Image", "--out", out, *options)
    assert line.startswith(message)
    assert not out.exists()


def test_a_file_of_hyper_parameters_is_where_the_options_start(
    command: Command, unfitted: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "settings.json", tmp_path / "out.zip"
    theirs = replace(PIXIMI_SETTINGS, training_percentage=0.6, trees=9, seed=4)
    write_hyperparameters(theirs, file)
    fit = ("fit", unfitted, "--kind", "Image", "--out", out, "--settings", file, "--forest")
    command.works(*fit)
    (forest,) = read_bundle(out).classifiers
    assert forest.settings == replace(theirs, architecture=FOREST)
    command.works(*fit, "--trees", 5, "--preset", "few labels")
    (forest,) = read_bundle(out).classifiers
    assert forest.settings == replace(theirs, architecture=FOREST, trees=5)
    document = json.loads(file.read_text())
    del document["napariPiximi"], document["preprocessOptions"]["trainingPercentage"]
    file.write_text(json.dumps(document))
    for preset, start in PRESETS.items():
        command.works(*fit, "--trees", 5, "--preset", preset)
        (forest,) = read_bundle(out).classifiers
        assert forest.settings.training_percentage == start.training_percentage
    file.write_text("[]")
    out.unlink()
    assert command.fails(*fit) == f"{file}: holds a list, not hyper-parameters"
    assert not out.exists()


def test_one_tree_is_singular(command: Command, unfitted: Path, tmp_path: Path) -> None:
    fit = ("fit", unfitted, "--kind", "Image", "--out", tmp_path / "out.zip", "--forest")
    assert command.works(*fit, "--trees", 1).startswith(f"{FOREST} 1: 1 tree in ")


def test_a_forest_needs_no_keras(unfitted: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from napari_piximi.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "loaded = {'keras', 'tensorflow', 'qtpy', 'napari'} & sys.modules.keys()\n"
        "assert not loaded, loaded"
    )
    arguments = ("fit", unfitted, "--out", tmp_path / "o.zip", *FIT, "--device", "cpu")
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True)


# --- evaluate ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "count"), [(["--partition", "Labelled"], 45), (["--cross-validate", 3], 45)]
)
def test_the_table_gives_the_figures_of_json(
    command: Command, fitted: Path, tmp_path: Path, options: list[object], count: int
) -> None:
    table = tmp_path / "table.csv"
    said = command.works("evaluate", fitted, "--kind", "Image", "--json", "--csv", table, *options)
    facts: dict[str, Any] = json.loads(said)
    header, rows = table_of(table)
    classes = ["name (class)", "lying"]
    assert header == ["id", "name", "image", "category", "prediction", "probability", *classes]
    assert len(rows) == count == facts["things"]
    names = facts["classes"]
    true = [names.index(row[3]) for row in rows]
    predicted = [names.index(row[4]) for row in rows]
    chances = np.array([row[6:] for row in rows], dtype=np.float32)
    assert facts["accuracy"] == pytest.approx(np.mean(np.equal(true, predicted)))
    assert facts["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, predicted))
    assert facts["confusion_matrix"] == confusion_matrix(true, predicted).tolist()
    assert facts["cross_entropy"] == pytest.approx(log_loss(true, chances), rel=1e-4)
    figures = precision_recall_fscore_support(true, predicted)
    for key, values in zip(("precision", "recall", "f1", "things"), figures, strict=True):
        assert facts["per_class"][key] == pytest.approx(values.tolist())
    area = roc_auc_score(true, chances[:, 1])
    assert facts["per_class"]["roc_auc"][1] == pytest.approx(area)
    for average, begun in (("macro", ""), ("weighted", "weighted_")):
        means = precision_recall_fscore_support(true, predicted, average=average)
        for key, value in zip(("precision", "recall", "f1"), means, strict=False):
            assert facts[f"{begun}{key}"] == pytest.approx(value)
        assert facts[f"{begun}roc_auc"] == pytest.approx(area)


def test_evaluate_says_it_for_people_and_keeps_it(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    said = command.works("evaluate", fitted, "--kind", "Image", "--cross-validate", 3, "--out", out)
    lines = said.splitlines()
    assert lines[0] == f"{FOREST} 1, cross-validation 3 folds"
    assert lines[1].split() == ["category", "precision", "recall", "F1", "ROC-AUC", "things"]
    assert [line.split()[0] for line in lines[2:4]] == ["name", "lying"]
    kept = read_bundle(out).classifiers[0].evaluations
    before = read_bundle(fitted).classifiers[0].evaluations
    assert kept[:2] == before
    assert kept[2] == before[0], "the same seed, the same folds"
    assert len(kept[2].ids) == 45


def test_more_folds_than_examples_are_told_as_many_as_are_made(
    command: Command, unfitted: Path, fitted: Path, tmp_path: Path
) -> None:
    project = read_bundle(fitted)
    counts = [
        sum(t.category == c for t in project.things.values())
        for c in project.known_categories(IMAGE_KIND)
    ]
    most = max(counts)
    asked = ("evaluate", fitted, "--kind", "Image", "--cross-validate")
    said = command(*asked, 500)
    assert said.code == 0
    assert said.out.splitlines()[0] == f"{FOREST} 1, cross-validation {most} folds"
    line = f"--cross-validate 500: {most} folds were made, as many as the largest category has"
    assert said.err.splitlines()[-1] == f"napari-piximi: warning: {line} examples"
    assert json.loads(command(*asked, 500, "--json").out)["folds"] == most
    assert json.loads(command.works(*asked, 3, "--json"))["folds"] == 3
    out = tmp_path / "out.zip"
    assert (
        f"{line} examples\n"
        in command("fit", unfitted, "--out", out, *FIT, "--cross-validate", 500).err
    )


@pytest.mark.parametrize("partition", ["validation", "VALIDATION", "Validation"])
def test_a_partition_is_named_whatever_the_case(
    command: Command, fitted: Path, partition: str
) -> None:
    asked = ("evaluate", fitted, "--kind", "Image", "--partition")
    assert command.works(*asked, partition) == command.works("evaluate", fitted, "--kind", "Image")
    said = command.fails(*asked, "Tuesday")
    assert said == "'Tuesday' cannot be evaluated; choose Validation, Training, Labelled"


def test_the_evaluations_of_a_bundle_are_right_after_a_round_trip(fitted: Path) -> None:
    for found in read_bundle(fitted).classifiers[0].evaluations:
        counted = confusion_matrix(found.true, found.predicted, labels=[0, 1])
        assert found.confusion_matrix == tuple(map(tuple, counted.tolist()))
        assert len(found.ids) == len(found.true) == int(found.support.sum())
        assert len(found.roc_auc) == 2
        assert np.isfinite(found.roc_auc).all()


def test_partition_and_folds_do_not_go_together(command: Command, fitted: Path) -> None:
    both = ("--partition", "Labelled", "--cross-validate", 3)
    line = command.fails("evaluate", fitted, "--kind", "Image", *both)
    assert line.startswith("--partition 'Labelled' cannot go with --cross-validate")


def test_too_few_examples_are_one_clear_error(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    project = read_bundle(fitted)
    first, second = project.known_categories(IMAGE_KIND)
    things = [t.id for t in project.things.values() if t.category in (first, second)]
    unknown = project.kinds[IMAGE_KIND].unknown
    path = tmp_path / "none.zip"
    write_bundle(edits.categorize(project, things, unknown), path)
    line = command.fails("evaluate", path, "--kind", "Image", "--cross-validate", 3)
    assert line == "No thing of kind 'Image' has a category yet; label some first"
    table = tmp_path / "table.csv"
    line = command.fails("evaluate", path, "--kind", "Image", "--csv", table)
    assert "nothing to be evaluated on" in line
    assert not table.exists()


def test_a_graph_model_is_not_cross_validated(
    command: Command, unfitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = read_bundle(unfitted)
    graph = ModelArtifact({"format": GRAPH_FORMAT}, b"")
    classes = project.known_categories(IMAGE_KIND)
    found = edits.put_classifier(
        project, Classifier("graph", IMAGE_KIND, model=graph, class_map=classes)
    )
    monkeypatch.setattr("napari_piximi.cli.evaluating.read_bundle", lambda _: found)
    line = command.fails("evaluate", tmp_path, "--kind", "Image", "--cross-validate", 3)
    assert line.startswith("'graph' is a graph model, which cannot be fitted")


# --- info ----------------------------------------------------------------------------------


def test_info_tells_of_forests_runs_and_evaluations(command: Command, fitted: Path) -> None:
    line = command.works("info", fitted).splitlines()[-1]
    accuracy = read_bundle(fitted).classifiers[0].evaluations[-1].accuracy
    assert line == (
        f"  classifier {FOREST} 1: forest, name, lying, accuracy {accuracy:.3f} (validation)"
    )
    facts = json.loads(command.works("info", fitted, "--json"))["classifiers"][0]
    (run,) = facts["runs"]
    assert (run["architecture"], run["stopped"]) == (FOREST, "finished")
    assert run["training"] + run["validation"] == 45
    assert run["trees"] == 30
    assert not {"epochs", "best_epoch"} & run.keys()
    assert [e["partition"] for e in facts["evaluations"]] == ["Cross-validation", "Validation"]
    assert [e["folds"] for e in facts["evaluations"]] == [3, None]
    assert facts["evaluations"][1]["run"] == 0
