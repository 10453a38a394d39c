"""``napari-piximi open`` starts napari; here only what it would start is looked at."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command import Command
from tests.io.tiny_bundle import tiny_project

from napari_piximi.io.bundle import write_bundle


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(arguments: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        assert not check
        calls.append(arguments)
        return subprocess.CompletedProcess(arguments, 3 if len(calls) > 1 else 0)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_napari_opens_it_and_its_end_is_ours(
    command: Command, started: list[list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "a b.zip"
    write_bundle(tiny_project(), path)
    assert command.works("open", path) == ""
    assert started == [[sys.executable, "-m", "napari", "--plugin", "napari-piximi", str(path)]]
    assert command("open", path).code == 3


def test_an_empty_window(command: Command, started: list[list[str]]) -> None:
    command.works("open")
    assert started[0][-3:] == ["--with", "napari-piximi", "Project"]


@pytest.mark.parametrize(("data", "words"), [(None, "no such file"), (b"x", "neither a Piximi")])
def test_nothing_is_started_for_what_cannot_be_opened(
    command: Command, started: list[list[str]], tmp_path: Path, data: bytes | None, words: str
) -> None:
    path = tmp_path / "x.zip"
    if data is not None:
        path.write_bytes(data)
    assert words in command.fails("open", path)
    assert not started
