import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import Command
from tests.io.tiny_bundle import CELL, edit_json, tiny_members, write_zip
from tests.model.cells import cells_project
from tests.shared_data import shared

from napari_piximi.cli import main
from napari_piximi.cli.info import evaluation_facts
from napari_piximi.cli.terminal import print_json, progress_bar
from napari_piximi.errors import BundleError
from napari_piximi.io.bundle import PIXIMI_VERSION, read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Annotation
from napari_piximi.model.training import Classifier, Settings

BUNDLES = {
    "digits_project": "1.1.4",
    "gray16_project": "1.1.4",
    "legacy_v020": "0.2.0",
    "legacy_v100": "1.0.0",
    "multi_channel_project": "1.1.4",
    "rgb_project": "1.1.4",
    "zstack_project": "1.1.4",
    "zstack_plane_annotations_padded": "1.1.4",
}

SCRIPT = "from napari_piximi.cli import main; main()"


def cells_with_evaluation() -> Project:
    matrix = ((3, 1), (0, 4))
    net = Classifier(
        "net", "cell", Settings(height=16, width=24), channels=3, class_map=("1round", "1long"),
        evaluations=(Evaluation(matrix, 0.5, ("1round", "1long")),),
    )  # fmt: skip
    return edits.put_classifier(cells_project(), net)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "cells.zip"
    write_bundle(cells_with_evaluation(), path)
    return path


# --- info --json ---------------------------------------------------------------------------


def test_json_is_printed_whole_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"fine": 1, "probability": float("nan")})
    assert capsys.readouterr().out == ""
    print_json({"fine": 1})
    assert json.loads(capsys.readouterr().out) == {"fine": 1}


def test_json_tells_all_of_a_project(command: Command, bundle: Path) -> None:
    project = cells_with_evaluation()
    facts = json.loads(command.works("info", bundle, "--json"))
    things, kinds, classifiers = (facts.pop(key) for key in ("things", "kinds", "classifiers"))
    assert facts.pop("networks") == []
    assert facts == {"name": "Cells", "version": PIXIMI_VERSION, "image_channels": 3}
    # ids of Unknown categories are made anew each time
    shown = [
        (k["id"], k["name"], [(c["name"], c["color"], c["count"]) for c in k["categories"]])
        for k in kinds
    ]
    unknown = ("Unknown", "#AAAAAA")
    assert shown == [
        ("Image", "Image", [(*unknown, 1), ("good", "#C84C4C", 1)]),
        ("cell", "cell", [(*unknown, 2), ("round", "#C84C4C", 1), ("long", "#E60000", 1)]),
        ("nucleus", "nucleus", [(*unknown, 0), ("Round", "#C84C4C", 0)]),
    ]
    assert kinds[1]["categories"][1]["id"] == "1round"
    assert [thing["id"] for thing in things] == list(project.things)
    assert things[0] == {
        "id": "image0", "name": "image0.tif", "kind": "Image", "category": "1good",
        "partition": "Inference", "shape": [2, 20, 30, 3], "bit_depth": 16,
    }  # fmt: skip
    assert things[2] == {
        "id": "cell0", "name": "name of cell0", "kind": "cell", "category": "1round",
        "partition": "Unassigned", "shape": [1, 2, 3, 3], "bit_depth": 16,
        "image": "image0", "plane": 0, "bbox": [4, 6, 6, 9], "area": 5,
    }  # fmt: skip
    assert things[5]["prediction"] == {"category": "1long", "probability": 0.75}
    assert "prediction" not in things[4]
    (net,) = classifiers
    evaluations = net.pop("evaluations")
    assert net == {
        "name": "net", "kind": "cell", "input_shape": [1, 16, 24, 3], "classes": ["round", "long"],
        "model": None, "runs": [],
    }  # fmt: skip
    assert evaluations == [
        {
            "partition": "Validation", "run": None, "folds": None, "things": 8,
            "accuracy": 0.875, "balanced_accuracy": 0.875, "cross_entropy": 0.5,
            "precision": pytest.approx(0.9), "recall": pytest.approx(0.875),
            "f1": pytest.approx(55 / 63), "roc_auc": None,
            "weighted_precision": pytest.approx(0.9), "weighted_recall": pytest.approx(0.875),
            "weighted_f1": pytest.approx(55 / 63), "weighted_roc_auc": None,
            "per_class": {
                "precision": [1, 0.8], "recall": [0.75, 1],
                "f1": [pytest.approx(6 / 7), pytest.approx(8 / 9)], "roc_auc": [None, None],
                "things": [4, 4],
            },
            "confusion_matrix": [[3, 1], [0, 4]],
        }
    ]  # fmt: skip


@pytest.mark.parametrize("name", BUNDLES)
def test_json_equals_what_piximi_holds(command: Command, name: str) -> None:
    expected = json.loads(shared(f"bundles/{name}.expected.json").read_text())
    outcome = command("info", shared(f"bundles/{name}.zip"), "--json")
    assert outcome.code == 0
    facts = json.loads(outcome.out)
    assert facts["name"] == expected["project"]["name"]
    assert facts["version"] == BUNDLES[name]
    assert facts["image_channels"] == expected["project"]["imageChannels"]
    assert [(k["id"], k["name"]) for k in facts["kinds"]] == [
        (k["id"], k["displayName"]) for k in expected["kinds"]
    ]
    categories = [(c["id"], c["name"], c["color"]) for k in facts["kinds"] for c in k["categories"]]
    assert sorted(categories) == sorted(
        (c["id"], c["name"], c["color"]) for c in expected["categories"]
    )
    for thing, theirs in zip(facts["things"], expected["things"], strict=True):
        check_thing(thing, theirs)
    assert {c["name"]: c["classes"] for c in facts["classifiers"]} == {
        c["name"]: c["classes"] for c in expected["classifiers"]
    }


def check_thing(thing: dict[str, Any], expected: dict[str, Any]) -> None:
    for ours, theirs in (
        ("id", "id"), ("name", "name"), ("kind", "kind"), ("partition", "partition"),
        ("bit_depth", "bitDepth"), ("shape", "tensorShape"),
    ):  # fmt: skip
        assert thing[ours] == expected[theirs], ours
    shown = thing.get("prediction", thing)["category"]
    assert shown == expected["categoryId"]
    if "boundingBox" in expected:
        left, top, right, bottom = expected["boundingBox"]
        assert thing["bbox"] == [top, left, bottom, right]
        assert thing["image"] == expected["imageId"]
        assert thing["area"] == sum(expected["encodedMask"][1::2])
    else:
        assert "area" not in thing


def test_a_count_is_of_the_users_own_categories(command: Command) -> None:
    facts = json.loads(command("info", shared("bundles/digits_project.zip"), "--json").out)
    (kind,) = facts["kinds"]
    assert [c["count"] for c in kind["categories"]] == [40, 20, 20, 20, 20]
    (classifier,) = facts["classifiers"]
    assert classifier["input_shape"] == [1, 24, 28, 1]
    assert classifier["classes"] == ["zero", "one", "two", "three"]
    assert classifier["evaluations"][0]["accuracy"] == 1


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_json_has_no_word_for_nan(loss: float) -> None:
    facts = evaluation_facts(Evaluation(((1,),), loss))
    assert json.loads(json.dumps(facts, allow_nan=False))["cross_entropy"] is None


# --- info ----------------------------------------------------------------------------------


def test_info_in_words(command: Command, bundle: Path) -> None:
    assert command.works("info", bundle).splitlines() == [
        f"Cells: Piximi {PIXIMI_VERSION}, 3 channels, 6 things",
        "  Image: Unknown 1, good 1",
        "  cell: Unknown 2, round 1, long 1",
        "  nucleus: Unknown 0, Round 0",
        "  classifier net: 16×24×3, round, long, accuracy 0.875",
    ]


def test_one_channel_is_singular(command: Command) -> None:
    lines = command("info", shared("bundles/digits_project.zip")).out.splitlines()
    assert lines[0] == "digits_project: Piximi 1.1.4, 1 channel, 120 things"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_names_in_any_script_on_any_terminal(
    tmp_path: Path, encoding: str, options: list[str]
) -> None:
    path = tmp_path / "names.zip"
    write_bundle(edits.rename_project(cells_project(), "Zellen 細胞"), path)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "info", path, *options],
        capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.stderr == b""
    out = done.stdout.decode(encoding)
    if options:
        assert json.loads(out)["name"] == "Zellen 細胞"
    assert ("Zellen 細胞" in out) == (encoding == "utf-8")


# --- convert -------------------------------------------------------------------------------


def same(first: Path, second: Path) -> None:
    """Compare everything of two bundles but where they are."""
    one, other = read_bundle(first), read_bundle(second)
    assert (one.name, one.kinds, one.categories, one.classifiers) == (
        other.name,
        other.kinds,
        other.categories,
        other.classifiers,
    )
    assert list(one.things) == list(other.things)
    for a, b in zip(one.things.values(), other.things.values(), strict=True):
        assert one.shape(a) == other.shape(b)
        assert (one.pixels(a).__array__() == other.pixels(b).__array__()).all()
        if isinstance(a, Annotation):
            assert isinstance(b, Annotation)
            assert replace(a, pixels=None) == replace(b, pixels=None)


@pytest.mark.parametrize("options", [[], ["--compress"]])
def test_zip_to_folder_and_back(command: Command, bundle: Path, options: list[str]) -> None:
    folder, again = bundle.with_suffix(".zarr"), bundle.with_name("again.zip")
    assert command.works("convert", bundle, folder, *options) == ""
    assert (folder / ".zattrs").is_file()
    command.works("convert", folder, again, *options)
    same(bundle, folder)
    same(bundle, again)


@pytest.mark.parametrize("name", ["legacy_v020", "legacy_v100", "legacy_v010_no_annotations"])
def test_an_old_version_becomes_the_newest(command: Command, tmp_path: Path, name: str) -> None:
    source, target = shared(f"bundles/{name}.zip"), tmp_path / "new.zip"
    assert command("convert", source, target).code == 0
    before, after = (json.loads(command("info", path, "--json").out) for path in (source, target))
    assert before.pop("version") in ("0.1.0", "0.2.0", "1.0.0")
    assert after.pop("version") == PIXIMI_VERSION
    if name == "legacy_v010_no_annotations":  # whose Unknown categories get new ids each time
        before, after = (
            json.loads(re.sub('"0[0-9a-f-]{35}"', '"0"', json.dumps(f))) for f in (before, after)
        )
    assert after == before


def test_a_bundle_can_be_converted_in_its_place(command: Command, bundle: Path) -> None:
    before = json.loads(command.works("info", bundle, "--json"))
    command.works("convert", bundle, bundle)
    assert json.loads(command.works("info", bundle, "--json")) == before


def test_a_classifier_file_is_written_in_one_shard(command: Command, tmp_path: Path) -> None:
    source = next(shared("classifiers/mnist_classifier").glob("*.json"))
    target = tmp_path / "net.json"
    assert command.works("convert", source, target) == ""
    assert {path.name for path in tmp_path.iterdir()} == {"net.json", "net.weights.bin"}
    (group,) = json.loads(target.read_text())["weightsManifest"]
    assert group["paths"] == ["./net.weights.bin"]


# --- what goes wrong -----------------------------------------------------------------------


def test_a_file_that_is_not_there(command: Command, tmp_path: Path) -> None:
    for arguments in (["info"], ["info", "--json"], ["convert", "--compress"]):
        name, *options = arguments
        outs = [tmp_path / "out.zip"] if name == "convert" else []
        line = command.fails(name, tmp_path / "gone.zip", *outs, *options)
        assert line == f"{tmp_path / 'gone.zip'}: cannot be opened (No such file or directory)"


def test_a_file_that_is_no_zip(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "text.zip"
    path.write_text("no zip\n" * 100)
    assert str(path) in command.fails("info", path)
    target = tmp_path / "out.zip"
    assert str(path) in command.fails("convert", path, target)
    assert not target.exists()


def test_a_bundle_cut_short(command: Command, bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-100])
    assert str(bundle) in command.fails("info", bundle)


def test_a_folder_that_does_not_exist_cannot_be_written_to(command: Command, bundle: Path) -> None:
    target = bundle.parent / "gone" / "out.zip"
    assert str(target.parent) in command.fails("convert", bundle, target)


@pytest.mark.parametrize("place", [0, 2])
def test_debug_shows_where_an_error_came_from(tmp_path: Path, place: int) -> None:
    arguments = ["info", str(tmp_path / "gone.zip")]
    arguments.insert(place, "--debug")
    with pytest.raises(BundleError, match="cannot be opened"):
        main(arguments)


def test_debug_in_a_process_of_its_own_prints_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "info", str(tmp_path / "gone.zip"), "--debug"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "BundleError" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["info", "a.zip", "--colour"],
        ["inform", "a.zip"],
        ["convert", "a.zip"],
        ["fit", "a.zip", "--out", "b.zip"],
        ["fit", "a.zip", "--kind", "cell"],
        ["fit", "a.zip", "--kind", "cell", "--out", "b.zip", "--epochs", "many"],
        ["predict", "a.zip", "--kind", "cell"],
        ["evaluate", "a.zip"],
    ],
)
def test_wrong_usage_is_told_apart_from_errors(command: Command, arguments: list[str]) -> None:
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "Usage:" in outcome.err
    assert "Traceback" not in outcome.err


def test_help_names_every_command(command: Command) -> None:
    out = command.works("--help")
    for name in ("info", "fit", "predict", "evaluate", "convert", "demo"):
        assert re.search(rf"\b{name}\b", out)


def test_a_terminal_gets_a_progress_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    with progress_bar() as progress:
        progress(3, 4, "Fitting", loss=0.25, epoch=7)
        progress(1, 0, "Downloading")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Downloading" in captured.err


def test_elsewhere_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as progress:
        progress(3, 4, "Fitting", loss=0.25)
    assert capsys.readouterr() == ("", "")


def test_help_tells_each_settings_default_and_choices(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    lines = command.works("fit", "--help").splitlines()
    for setting in fields(Settings):
        option = f"--{setting.name.replace('_', '-')} "
        (line,) = [line for line in lines if option in line]
        shown = setting.default if type(setting.default) is not tuple else setting.default[0]
        assert setting.metadata["tooltip"] in line
        assert f"default {shown}" in line or shown == ""
        assert all(choice in line for choice in setting.metadata.get("choices", ()))


def test_warnings_are_a_line_each(command: Command, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    edit_json(members, f"{CELL}/.zattrs", lambda attributes: attributes.update(kind="ghost"))
    outcome = command("info", write_zip(tmp_path / "tiny.zip", members))
    assert outcome.code == 0
    assert "  ghost: Unknown 1" in outcome.out.splitlines()
    warned = outcome.err.splitlines()
    assert any("'ghost'" in line for line in warned)
    assert all(line.startswith("napari-piximi: warning: ") for line in warned)


def test_kinds_are_counted_by_their_own_categories(command: Command, tmp_path: Path) -> None:
    project = edits.categorize(cells_project(), ["image1"], "1good")
    write_bundle(project, tmp_path / "a.zip")
    facts = json.loads(command.works("info", tmp_path / "a.zip", "--json"))
    (images,) = [kind for kind in facts["kinds"] if kind["id"] == IMAGE_KIND]
    assert {c["name"]: c["count"] for c in images["categories"]} == {"Unknown": 0, "good": 2}
