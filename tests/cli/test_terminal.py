"""What the commands share: where a project can be saved is known before the work."""

import os
from pathlib import Path

import pytest
from tests.cli.command import Command

from napari_piximi.cli.terminal import counted

COMMANDS = {
    "fit": "learning",
    "predict": "predicting",
    "evaluate": "evaluating",
    "fit-network": "networks",
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("gone/out.zip", "cannot be saved, there is no folder {0}/gone"),
        ("locked/out.zip", "cannot be saved, the folder {0}/locked cannot be written to"),
        ("bad.txt", "cannot be saved, the name of a project ends in .zip or .zarr"),
        ("none", "cannot be saved, the name of a project ends in .zip or .zarr"),
        ("folder", "is a folder; name a file that ends in .zip, or in .zarr"),
    ],
)
def test_nothing_begins_whose_result_cannot_be_saved(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    place: str,
    text: str,
) -> None:
    for folder in ("locked", "folder"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked")
    monkeypatch.setattr(f"napari_piximi.cli.{COMMANDS[name]}.read_bundle", pytest.fail)
    line = command.fails(name, tmp_path / "in.zip", "--kind", "Image", "--out", tmp_path / place)
    assert line == f"{tmp_path / place}: {text.format(tmp_path)}"


def test_a_project_is_converted_to_no_other_ending(command: Command, tmp_path: Path) -> None:
    line = command.fails("convert", tmp_path / "in.zip", tmp_path / "out.txt")
    assert line.endswith("out.txt: cannot be saved, the name of a project ends in .zip or .zarr")


def test_one_is_singular() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
