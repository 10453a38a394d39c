"""The manifest: everything that it names is there, and is named as a user would name it."""

import importlib
from pathlib import Path

import pytest
from npe2 import PluginManager, PluginManifest
from qtpy.QtWidgets import QWidget

import napari_piximi
from napari_piximi.ui import commands
from napari_piximi.ui.docks import DOCKS, dock_name
from napari_piximi.ui.reading import SAMPLE_ADDRESS
from napari_piximi.ui.sample_data import sample_project

MANIFEST = PluginManifest.from_file(Path(napari_piximi.__file__).with_name("napari.yaml"))
OFFERED = MANIFEST.contributions


def test_every_command_leads_somewhere() -> None:
    for command in OFFERED.commands or ():
        assert command.python_name is not None
        module, _, name = str(command.python_name).partition(":")
        assert callable(getattr(importlib.import_module(module), name)), command.id


def test_every_command_is_used_and_every_use_has_a_command() -> None:
    known = {command.id for command in OFFERED.commands or ()}
    in_menus = {item.command for items in OFFERED.menus.values() for item in items}
    elsewhere = {
        contribution.command
        for group in (OFFERED.readers, OFFERED.writers, OFFERED.widgets)
        for contribution in group or ()
    }
    assert known == (in_menus | elsewhere)


def test_the_commands_of_the_menus_are_those_of_the_module() -> None:
    named = {str(command.python_name).partition(":") for command in OFFERED.commands or ()}
    own = {name for module, _, name in named if module == commands.__name__}
    assert own == set(commands.__all__)


def test_widgets_are_our_docks() -> None:
    widgets = {widget.display_name: widget.command for widget in OFFERED.widgets or ()}
    assert widgets.keys() == DOCKS.keys()
    python_names = {c.id: str(c.python_name) for c in OFFERED.commands or ()}
    for command in widgets.values():
        module, _, name = python_names[command].partition(":")
        assert issubclass(getattr(importlib.import_module(module), name), QWidget)
    assert dock_name("Gallery") == f"Gallery ({MANIFEST.display_name})"


@pytest.mark.parametrize("sample", OFFERED.sample_data or (), ids=lambda sample: sample.key)
def test_every_sample_can_be_built_offline(sample: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("this needs a network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    address = getattr(sample, "uri", "")
    assert address.startswith(SAMPLE_ADDRESS)
    assert len(sample_project(address.removeprefix(SAMPLE_ADDRESS)).things) > 20


def test_titles_are_plain() -> None:
    titles = [command.title for command in OFFERED.commands or ()]
    assert len(set(titles)) == len(titles)
    for title in titles:
        assert title[0].isupper()
        assert "Piximi" not in title or title.startswith(("Open a", "Write")), "napari adds it"


@pytest.mark.parametrize(
    ("layers", "path", "ours"),
    [
        (["image"], "x.zip", True),
        (["image", "labels", "labels"], "x.zarr", True),
        (["labels"], "x.zip", True),
        (["image", "points"], "x.zip", False),
        (["image"], "x.tif", False),
    ],
)
def test_what_the_writer_takes(
    npe2pm: PluginManager, layers: list[str], path: str, ours: bool
) -> None:
    npe2pm.register(MANIFEST)
    writer, _ = npe2pm.get_writer(path, layers)
    assert (writer is not None) == ours
