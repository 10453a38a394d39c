"""The examples run, and say what they should."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_piximi.io.bundle import write_bundle
from napari_piximi.io.samples import digits_project

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def test_there_is_a_test_for_each() -> None:
    source = Path(__file__).read_text("utf-8")
    assert all(f'"{path.name}"' in source for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("given", [False, True])
def test_open_and_count(
    given: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["open_and_count.py"]
    if given:
        write_bundle(digits_project(per_class=5).project, tmp_path / "few.zip")
        arguments.append(str(tmp_path / "few.zip"))
    monkeypatch.setattr(sys, "argv", arguments)
    first, *counts = run("open_and_count.py", capsys)
    assert first == "Digits: 1797 things"
    unknown, known = (1747, 5) if given else (1597, 20)
    assert counts[0].split() == ["Image", "Unknown", str(unknown)]
    assert [line.split()[2] for line in counts[1:]] == [str(known)] * 10


def test_label_and_undo(capsys: pytest.CaptureFixture[str]) -> None:
    changed = "  the project has changed"
    assert run("label_and_undo.py", capsys) == [
        changed,
        changed,
        "smudged: 10",
        changed,
        "undone: Categorize 10 images",
        "smudged: 0",
        "left to undo: Create category | to redo: Categorize 10 images",
    ]


def test_cross_validate_a_forest(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run("cross_validate_a_forest.py", capsys)
    assert first.startswith("100 digits, cross-validated accuracy 0.")
    assert float(first.split()[-1]) > 0.8
    assert second == "['Cross-validation', 'Validation']"


@pytest.mark.keras
def test_fit_and_predict(capsys: pytest.CaptureFixture[str]) -> None:
    accuracy, right, saved = run("fit_and_predict.py", capsys)
    assert float(accuracy.removeprefix("validation accuracy ")) > 0.6
    count, total = map(int, re.findall(r"\d+", right))
    assert total == 1597
    assert np.isclose(count / total, 0.85, atol=0.15)
    assert saved == "saved with the classifier 'digits'"
