"""The README says nothing that does not work."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from napari_piximi.cli import app
from napari_piximi.io.bundle import PIXIMI_VERSION, read_bundle
from napari_piximi.model.session import Session
from napari_piximi.model.training import PRESETS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.keras
def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    session = names["session"]
    assert isinstance(session, Session)
    assert not session.dirty
    assert session.undo_label == "Predict"
    out = capsys.readouterr().out
    assert out.count("changed\n") == 5
    assert float(re.findall(r"validation accuracy ([\d.]+)", out)[0]) > 0.6
    saved = read_bundle(tmp_path / "predicted.zip")
    assert sum(thing.prediction is not None for thing in saved.things.values()) == 1597
    assert "nought" in {category.name for category in saved.categories.values()}


def test_the_example_uses_the_public_face_and_shows_its_main_names() -> None:
    (code,) = blocks("python")
    homes = set(re.findall(r"^from (\S+) import", code, re.MULTILINE))
    assert homes == {"collections", "napari_piximi", "napari_piximi.io.samples"}
    for name in ("read_bundle", "write_bundle", "Session", "Classifier", "edits"):
        assert name in code


def test_every_command_and_option_that_is_shown_exists() -> None:
    group: Any = typer.main.get_command(app)
    shown = [line for block in blocks("") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in shown if line.startswith("napari-")]
    assert {words[1] for words in commands} == set(group.commands)
    for _, name, *arguments in commands:
        with group.commands[name].make_context(name, list(arguments)) as context:
            assert context.params
    options = {
        o for c in group.commands.values() for p in c.params for o in (*p.opts, *p.secondary_opts)
    }
    assert set(re.findall(r"(?<!\S)`?(--[a-z-]+)", TEXT)) <= options | {"--debug", "--help"}


def test_facts() -> None:
    for preset in re.findall(r'--preset "([^"]+)"', TEXT):
        assert preset in PRESETS
    assert PIXIMI_VERSION in TEXT
    weights = (ROOT / "src/napari_piximi/learn/weights.py").read_text("utf-8")
    (address,) = re.findall(r'"(https://[^"]+)"', weights)
    assert address in TEXT
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in re.findall(r"napari-piximi\[(\w+)\]", TEXT):
        assert f"\n{extra} = " in project
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", TEXT, re.MULTILINE):
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("page", ["README.md", "docs/workbench.md", "docs/keyboard.md"])
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link
