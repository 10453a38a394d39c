"""The README and the pages of docs say nothing that does not work."""

import re
import shlex
from functools import partial
from glob import glob
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import pytest
import typer.main
from tests.segment.nuclei import KIND, nuclei, nuclei_project
from tests.segment.trained_star import STAR

from napari_piximi.cli import app, main, networks
from napari_piximi.io.bundle import PIXIMI_VERSION, read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.session import Session
from napari_piximi.model.things import Annotation, Image
from napari_piximi.model.training import PRESETS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
ALL = ["README.md", *PAGES]
TEXT = (ROOT / "README.md").read_text("utf-8")
ELSEWHERE = ("open", "demo", "--download")
"""Words of commands that open a window, take their time, or fetch files; others test those."""


def blocks(language: str, page: str = "README.md") -> list[str]:
    """Return the blocks of a language; without one, they are commands."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def commands(page: str) -> list[list[str]]:
    """Return the words of the commands that a page shows."""
    shown = [line for block in blocks("", page) for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in shown if line.startswith("napari-")]


WITH_COMMANDS = [page for page in ALL if commands(page)]


def some_cells() -> Project:
    """Return images with nuclei, two in three of which have one of two categories."""
    project = edits.edit_kind(nuclei_project([1, 2, 3], 96, 5), KIND, name="nucleus")
    for name in ("round", "long"):
        project = edits.create_category(project, KIND, name)
    ids = [thing.id for thing in project.of_kind(KIND)]
    for start, category in enumerate(project.known_categories(KIND)):
        project = edits.categorize(project, ids[start::3], category)
    return project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that we are in: with all files that the pages begin with."""
    monkeypatch.chdir(tmp_path)
    for name in ("cells.zip", "old.zip"):
        write_bundle(some_cells(), tmp_path / name)
    for name in ("images", "plate"):
        (tmp_path / name).mkdir()
        for seed in (1, 2, 3):
            imageio.imwrite(tmp_path / name / f"{seed}.tif", nuclei(seed, 96, 5)[0])
    (tmp_path / "my_stardist").symlink_to(STAR)
    return tmp_path


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


@pytest.mark.parametrize("page", [page for page in PAGES if blocks("python", page)])
def test_the_python_examples_of_docs_run(folder: Path, page: str) -> None:
    before = set(folder.iterdir())
    for code in blocks("python", page):
        exec(compile(code, page, "exec"), {})
    written = set(folder.iterdir()) - before
    assert written, "each saves what it made"
    for path in written:
        things = read_bundle(path).things.values()
        assert sum(isinstance(thing, Annotation) for thing in things) > 5
        assert sum(isinstance(thing, Image) for thing in things) == 3


@pytest.mark.keras
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_run(
    folder: Path, page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, as far as they open no window and fetch nothing; networks learn less."""
    monkeypatch.setattr(networks, "UNetSettings", partial(UNetSettings, epochs=12, tiles=32))
    cells = (folder / "cells.zip").read_bytes()
    shown = [words for words in commands(page) if not set(words) & set(ELSEWHERE)]
    assert shown
    for words in shown:
        (folder / "cells.zip").write_bytes(cells)
        there = [sorted(glob(word)) if "*" in word else [word] for word in words]
        with pytest.raises(SystemExit) as ended:
            main([word for found in there for word in found])
        assert ended.value.code == 0, (words, capsys.readouterr().err)
        if "--out" in words:
            assert read_bundle(folder / words[words.index("--out") + 1]).things


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_and_option_that_is_shown_exists(page: str) -> None:
    group: Any = typer.main.get_command(app)
    for name, *arguments in commands(page):
        with group.commands[name].make_context(name, list(arguments)) as context:
            assert context.params
    options = {
        o for c in group.commands.values() for p in c.params for o in (*p.opts, *p.secondary_opts)
    }
    text = (ROOT / page).read_text("utf-8")
    ours = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", text))
    assert ours <= options | {"--debug", "--help", "--upgrade"}


def test_the_readme_shows_every_command() -> None:
    group: Any = typer.main.get_command(app)
    assert {words[0] for words in commands("README.md")} == set(group.commands)


@pytest.mark.parametrize("page", ALL)
def test_facts(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for preset in re.findall(r'--preset "([^"]+)"', text):
        assert preset in PRESETS
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for extra in re.findall(r"napari-piximi\[(\w+)\]", text):
        assert f"\n{extra} = " in project
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_facts_of_the_readme() -> None:
    assert PIXIMI_VERSION in TEXT
    weights = (ROOT / "src/napari_piximi/learn/weights.py").read_text("utf-8")
    (address,) = re.findall(r'"(https://[^"]+)"', weights)
    assert address in TEXT


@pytest.mark.parametrize("page", ALL)
def test_links_to_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link
