"""``predict`` with a forest; nothing here needs Keras."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.cli.command import Command
from tests.learn.projects import bars

from napari_piximi.cli import main
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model.things import IMAGE_KIND, Partition, is_unknown

FIT = ("--kind", "Image", "--forest", "--trees", 7)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.zip"
    write_bundle(bars(60), path)
    with pytest.raises(SystemExit) as end:
        main(["fit", str(path), "--out", str(path), *map(str, FIT)])
    assert not end.value.code
    return path


def test_things_without_a_category_are_asked_about_or_all(
    command: Command, fitted: Path, tmp_path: Path
) -> None:
    before, out = read_bundle(fitted), tmp_path / "out.zip"
    waiting = {t.id for t in before.of_kind(IMAGE_KIND) if is_unknown(t.category)}
    assert 0 < len(waiting) < 60
    for options, count in ([], len(waiting)), (["--things", "ALL"], 60):
        said = command.works("predict", fitted, "--kind", "image", "--out", out, *options)
        assert said.endswith(f": predicted {count} things\n")
        things = list(read_bundle(out).of_kind(IMAGE_KIND))
        assert sum(thing.prediction is not None for thing in things) == count
        for thing in things:
            old = before.things[thing.id]
            assert thing.category == old.category
            if thing.id in waiting:
                assert thing.prediction is not None
                assert thing.partition == Partition.INFERENCE
            else:
                assert thing.partition == old.partition


def test_other_things_are_wrong_usage(command: Command, fitted: Path, tmp_path: Path) -> None:
    asked = ("predict", fitted, "--kind", "image", "--out", tmp_path / "o.zip")
    ended = command(*asked, "--things", "some")
    assert ended.code == 2
    assert "unlabelled" in ended.err


@pytest.mark.parametrize("things", ["unlabelled", "all"])
def test_sure_predictions_become_categories_of_what_has_none(
    command: Command, fitted: Path, tmp_path: Path, things: str
) -> None:
    out, table = tmp_path / "out.zip", tmp_path / "table.csv"
    asked = ("predict", fitted, "--kind", "image", "--things", things, "--csv", table, "--out", out)
    command.works(*asked)
    told = read_bundle(out)
    chances = {
        t.id: t.prediction.probability
        for t in told.of_kind(IMAGE_KIND)
        if is_unknown(t.category) and t.prediction and t.prediction.probability
    }
    # One of the probabilities in as few digits as told: it is no less than itself.
    least = str(np.float32(np.median(list(chances.values()))))
    sure = {key for key, chance in chances.items() if np.float32(chance) >= np.float32(least)}
    assert 0 < len(sure) < len(chances)
    said = command.works(*asked, "--accept", least)
    assert said.endswith(f", accepted {len(sure)}\n")
    after = read_bundle(out)
    for key in chances:
        thing, prediction = after.things[key], told.things[key].prediction
        assert prediction
        if key in sure:
            assert (thing.category, thing.prediction) == (prediction.category, None)
            assert thing.partition == Partition.UNASSIGNED
        else:
            assert (thing.category, thing.prediction) == (told.things[key].category, prediction)
            assert thing.partition == Partition.INFERENCE
    others = {key for key in after.things if key not in chances}
    assert all(after.things[key].category == told.things[key].category for key in others)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (60 if things == "all" else len(chances))
    known = Counter(row["id"] for row in rows if row["category"] != "Unknown")
    assert set(known) == ({row["id"] for row in rows} - (chances.keys() - sure))


def test_nothing_is_sure_enough(command: Command, fitted: Path, tmp_path: Path) -> None:
    asked = ("predict", fitted, "--kind", "image", "--out", tmp_path / "o.zip")
    for wrong, shown in (("1.5", "1.5"), ("-0.1", "-0.1"), ("nan", "nan")):
        line = command.fails(*asked, "--accept", wrong)
        assert line == f"--accept {shown}: a probability goes from 0 to 1"
    assert not (tmp_path / "o.zip").exists()
