import csv
import json
from pathlib import Path

import pytest
from tests.cli.command import Command

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.samples import coins_project
from napari_piximi.model import edits
from napari_piximi.model.segmentation import THRESHOLDS

pytestmark = pytest.mark.keras

QUICK = (
    "--epochs", 2, "--depth", 2, "--filters", 4, "--tile", 64, "--patience", 0, "--batch-size", 4,
)  # fmt: skip


@pytest.fixture(scope="module")
def coins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coins") / "coins.zip"
    write_bundle(coins_project(), path)
    return path


def test_a_network_is_fitted_saved_continued_scored_and_asked(
    command: Command, coins: Path, tmp_path: Path
) -> None:
    out, table = tmp_path / "out.zip", tmp_path / "score.csv"
    said = command.works("fit-network", coins, "--kind", "coin", "--out", out, *QUICK).splitlines()
    assert said[0].startswith("U-Net 1: 2 epochs in ")
    assert said[1].startswith("held out: IoU ")
    assert said[2].startswith("evaluated on it: F1 ")
    (network,) = read_bundle(out).networks
    (held,) = network.scores
    assert (held.partition, held.run, held.images) == ("Validation", 0, 1)
    assert 0 < held.annotated == network.runs[0].validation < 24
    assert len(held.rows) == 1
    assert (network.name, network.settings.depth, network.settings.filters) == ("U-Net 1", 2, 4)
    assert network.channels == (0,)

    on = ("--continue", "U-Net 1", "--epochs", 1)
    command.works("fit-network", out, "--kind", "coin", "--out", out, *on)
    (network,) = read_bundle(out).networks
    assert [run.epochs for run in network.runs] == [2, 1]

    asked = ("--kind", "coin", "--network", "U-Net 1")
    lines = command.works("score", out, *asked, "--out", out, "--csv", table).splitlines()
    assert lines[0].split() == ["IoU", "precision", "recall", "F1", "mean", "IoU"]
    assert [line.split()[0] for line in lines[1:4]] == ["0.50", "0.75", "0.95"]
    (network,) = read_bundle(out).networks
    *_, kept = network.scores
    assert [one.run for one in network.scores] == [0, 1, 1]
    assert kept.annotated == 24
    assert lines[4] == f"{kept.found} found, 24 annotated, on 1 image"
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] == ""]
    found = [float(row["value"]) for row in rows if row["figure"].lower() == "recall"]
    assert found == pytest.approx(list(kept.recall))
    assert len(found) == len(THRESHOLDS)

    told = command.works("info", out)
    score = network.held_out_score
    assert score is not None
    assert score is not kept
    assert f"network U-Net 1: coin, 1 of the channels, 2 runs, F1 {score.f1[0]:.3f}" in told
    (facts,) = json.loads(command.works("info", out, "--json"))["networks"]
    assert facts["scores"][-1]["matched"] == list(kept.matched)
    assert [run["architecture"] for run in facts["runs"]] == ["U-Net", "U-Net"]

    command.works("segment", out, "--segmenter", "own", "--kind", "mine", "--out", out)
    project = read_bundle(out)
    mine = sum(1 for _ in project.of_kind(project.find_kind("mine").id))
    assert mine == kept.found


def test_the_default_segmenter_is_scored_without_a_network(command: Command, coins: Path) -> None:
    lines = command.works("score", coins, "--kind", "coin").splitlines()
    assert float(lines[1].split()[3]) > 0.9
    text = command.fails("score", coins, "--kind", "coin", "--out", coins)
    assert text == "--out: only scores of a project's own networks are saved"


def test_a_network_is_scored_by_no_other_segmenter(
    command: Command, coins: Path, tmp_path: Path
) -> None:
    asked = ("score", coins, "--kind", "coin", "--network", "mine")
    for segmenter in ("threshold", "stardist-fluo"):
        text = command.fails(*asked, "--segmenter", segmenter)
        assert text.endswith(" asks no network 'mine': choose the segmenter 'own'")
    assert "'mine'" in command.fails(*asked)
    assert command.fails(*asked, "--segmenter", "own") == command.fails(*asked)


def test_what_cannot_be_fitted_is_said_before_the_work(
    command: Command, coins: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    fit = ("fit-network", coins, "--out", out)
    assert "'cell' is no kind" in command.fails(*fit, "--kind", "cell")
    assert "depth cannot be 9" in command.fails(*fit, "--kind", "coin", "--depth", 9)
    assert "none" in command.fails(*fit, "--kind", "coin", "--continue", "gone")
    assert "channel 3" in command.fails(*fit, "--kind", "coin", "--channels", 3)
    for numbers in ("0", "1,0", "-1"):
        text = command.fails(*fit, "--kind", "coin", "--channels", numbers)
        assert text == f"--channels '{numbers}': channels are counted from 1"
    assert "0 for one" not in command.works("fit-network", "--help")
    empty = tmp_path / "empty.zip"
    write_bundle(edits.create_kind(coins_project(), "cell"), empty)
    said = command.fails("fit-network", empty, "--out", out, "--kind", "cell")
    assert "cell" in said
    assert not out.exists()
