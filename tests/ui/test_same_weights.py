"""One seed, one model: from the Fit button of the dock, the command line, and Python."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QComboBox, QSpinBox
from tests.ui.conftest import Wait
from tests.ui.pressing import click

from napari_piximi.io.bundle import read_bundle
from napari_piximi.io.samples import digits_project
from napari_piximi.learn.device_choice import VARIABLE
from napari_piximi.model.project import Project
from napari_piximi.ui import documents
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.fit_page import FitPage
from napari_piximi.ui.workspace import Workspace

CHOSEN: dict[str, int | str] = {
    "epochs": 3,
    "patience": 0,
    "batch_size": 16,
    "seed": 11,
    "optimizer": "Adamax",
}
"""The rest is what the dock begins with: shifts, turns and zooms that the seed draws, too."""

COMMAND = "from napari_piximi.cli import main; main()"
IN_PYTHON = """
import sys
from dataclasses import replace
from napari_piximi import Settings, fit, read_bundle
settings = replace(Settings(), **{chosen!r})
model = fit(read_bundle({path!r}), "Image", settings, name="digits").classifier.model
sys.stdout.buffer.write(model.weights)
"""


def run(*arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, VARIABLE: "cpu"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def set_form(page: FitPage) -> None:
    """Set the controls of the form, as a user does."""
    for name, value in CHOSEN.items():
        control = page.form.editor(name).control
        if isinstance(value, str):
            assert isinstance(control, QComboBox)
            control.setCurrentText(value)
            control.activated.emit(control.currentIndex())
        else:
            assert isinstance(control, QSpinBox)
            control.setValue(value)
        assert getattr(page.choice.settings, name) == value


def weights(project: Project) -> bytes:
    (classifier,) = project.classifiers
    assert classifier.model is not None
    return classifier.model.weights


def test_the_same_seed_gives_the_same_weights_from_the_dock_a_command_and_python(
    workspace: Workspace, qtbot: QtBot, finish: Wait, tmp_path: Path,
    notifications: list[Notification],
) -> None:  # fmt: skip
    workspace.learning.choose_device("cpu")
    workspace.open_project(digits_project(per_class=8).project)
    saved, fitted = tmp_path / "digits.zip", tmp_path / "fitted.zip"
    documents.save_as(workspace, saved)
    finish(workspace)
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.resize(360, 900)
    panel.show()
    page = panel.page("Fit")
    assert isinstance(page, FitPage)
    set_form(page)
    page.refresh()
    assert page.buttons.button.isEnabled()
    click(page.buttons.button)
    finish(workspace)
    (classifier,) = workspace.project.classifiers
    assert classifier.runs[-1].epochs == 3
    assert [note.message for note in notifications] == []
    docked = weights(workspace.project)
    assert read_bundle(saved).classifiers == ()

    options = [f"--{name.replace('_', '-')}={value}" for name, value in CHOSEN.items()]
    names = ["--kind", "Image", "--name", "digits", "--out", str(fitted)]
    run("-c", COMMAND, "fit", str(saved), *names, *options)
    assert read_bundle(fitted).classifiers[0].settings == classifier.settings
    in_python = run("-c", IN_PYTHON.format(chosen=CHOSEN, path=str(saved)))

    found = {
        who: hashlib.sha256(what).hexdigest()
        for who, what in {
            "dock": docked,
            "command": weights(read_bundle(fitted)),
            "python": in_python,
        }.items()
    }
    assert len(docked) > 10_000
    assert set(found.values()) == {found["dock"]}, found
