"""The question how many channels a stack has that does not tell, with a look at each outcome."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.io.images import ImageFacts
from napari_piximi.model.rendering import render, shrink
from napari_piximi.model.things import default_channels
from napari_piximi.ui.image_reading import read_pages
from napari_piximi.ui.workspace import Workspace

__all__ = ["ImageDialog", "ask_channels", "outcome"]

SIDE = 72
SCROLL_BAR = 32
WIDEST, TALLEST = 640, 440


def ask_channels(
    workspace: Workspace, facts: Sequence[ImageFacts], parent: QWidget | None = None
) -> dict[Path, int] | None:
    """Ask once for all files that have equally many pages.

    Parameters
    ----------
    workspace : Workspace
        Its project's channel count is offered first, where it fits.
    facts : sequence of ImageFacts
        Of files that do not tell.
    parent : QWidget, optional

    Returns
    -------
    dict of Path to int, or None
        Channels by file; None if the user does not want to import.
    """
    answers: dict[Path, int] = {}
    left = list(facts)
    while left:
        alike = [f for f in left if (f.pages, f.choices) == (left[0].pages, left[0].choices)]
        dialog = ImageDialog(workspace, alike, parent)
        try:
            if not dialog.exec():
                return None
            taken = alike if dialog.for_all else alike[:1]
            answers |= {fact.path: dialog.channels for fact in taken}
        finally:
            dialog.deleteLater()
        left = [fact for fact in left if fact.path not in answers]
    return answers


def outcome(facts: ImageFacts, channels: int) -> str:
    """Tell in words what a stack becomes with so many channels."""
    planes, rest = divmod(_pages(facts), channels)
    assert not rest, "this channel count does not fit"
    of_each = "1 channel" if channels == 1 else f"{channels} channels"
    if planes == 1:
        return f"{of_each}, 1 plane: one picture" + (" in grey" if channels == 1 else "")
    if channels == 1:
        return f"{of_each}, {planes} planes: a stack of grey pictures"
    return f"{of_each}, {planes} planes: pages 1 to {channels} are the first plane"


class ImageDialog(QDialog):
    """One choice for each channel count that fits, with its first plane.

    Parameters
    ----------
    workspace : Workspace
        Reads the preview in one of its jobs.
    facts : sequence of ImageFacts
        Of files alike; the first is shown.
    parent : QWidget, optional
    """

    def __init__(
        self, workspace: Workspace, facts: Sequence[ImageFacts], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._facts = facts[0]
        self._pictures: dict[int, QLabel] = {}
        self._choices = QButtonGroup(self)
        self._all = QCheckBox(f"Do so for all {len(facts):,} files like this")
        self._all.setChecked(True)
        self._all.setVisible(len(facts) > 1)
        self._build(workspace.project.image_channels)
        self._job = workspace.jobs.run(
            f"Preview of {self._facts.path.name}",
            read_pages,
            self._facts,
            done=self._show_pages,
            failed=lambda _: None,  # without pictures, the words are enough
        )
        self.finished.connect(self._stop)

    @property
    def channels(self) -> int:
        """The channel count that is chosen."""
        return self._choices.checkedId()

    @property
    def for_all(self) -> bool:
        """Whether the choice is for all files alike."""
        return self._all.isChecked()

    def choose(self, channels: int) -> None:
        """Choose a channel count, as a click on it does."""
        button = self._choices.button(channels)
        assert button is not None, "this channel count does not fit"
        button.setChecked(True)

    def choose_for_all(self, yes: bool) -> None:
        """Say whether the choice is for all files alike."""
        self._all.setChecked(yes)

    def _build(self, wanted: int | None) -> None:
        name, pages = self._facts.path.name, _pages(self._facts)
        self.setWindowTitle("How many channels?")
        words = QLabel(
            f"{name} has {pages} pages, and does not tell which of them are channels of one "
            "picture and which are planes of a stack. What shall it be?"
        )
        words.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (words, self._list_choices(), self._all, buttons):
            layout.addWidget(widget)
        choices = self._facts.choices
        guess = self._facts.shape[-1]
        self.choose(next((c for c in (wanted, guess) if c in choices), choices[0]))

    def _list_choices(self) -> QWidget:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setColumnStretch(1, 1)
        for row, count in enumerate(self._facts.choices):
            picture = self._pictures[count] = QLabel()
            picture.setFixedSize(SIDE, SIDE)
            picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
            choice = QRadioButton(outcome(self._facts, count))
            choice.setToolTip("The picture shows the first plane that this would make")
            self._choices.addButton(choice, count)
            grid.addWidget(picture, row, 0)
            grid.addWidget(choice, row, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setAccessibleName("Channel counts that fit")
        needed = inner.sizeHint()
        area.setMinimumSize(
            min(needed.width() + SCROLL_BAR, WIDEST), min(needed.height() + 8, TALLEST)
        )
        return area

    def _stop(self) -> None:
        self._pictures.clear()  # a preview that is ready only now has nowhere to go
        self._job.cancel()

    def _show_pages(self, pages: NDArray[Any] | None) -> None:
        if pages is None:
            return
        for count, label in self._pictures.items():
            label.setPixmap(_picture(pages[:count]))


def _pages(facts: ImageFacts) -> int:
    return facts.shape[0] * facts.shape[-1]


def _picture(pages: NDArray[Any]) -> QPixmap:
    """Draw pages as the channels of one plane, each in its colour and stretched to its range."""
    small = np.stack([shrink(page, SIDE) for page in pages], axis=-1).astype(np.float32)
    low = small.min((0, 1))
    values = (small - low) / np.maximum(small.max((0, 1)) - low, 1e-6)
    looks = [replace(look, visible=True) for look in default_channels(len(pages))]
    drawn = render(values, looks)
    height, width = drawn.shape[:2]
    image = QImage(drawn.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image).scaled(
        SIDE,
        SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
