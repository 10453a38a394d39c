"""What fits run on, as a button with which it is chosen."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QActionGroup, QResizeEvent
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget

from napari_piximi.ui.learning import Learning
from napari_piximi.ui.shown_names import tip

__all__ = ["DeviceButton"]

CHOICES = {
    "auto": ("Automatic", "A GPU where there is one, else the CPU"),
    "cpu": ("CPU", "Always the CPU; the same seed then gives the same weights, bit for bit"),
    "gpu": ("GPU", "A GPU, or a message that says why there is none"),
}
STARTING = "Starting the engine"


class DeviceButton(QPushButton):
    """The device in use; a press opens the choice between automatic, CPU and GPU.

    Parameters
    ----------
    learning : Learning
    parent : QWidget, optional
    """

    def __init__(self, learning: Learning, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._learning = learning
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(80)
        self.setStyleSheet("text-align: left;")
        self.choices = QMenu(self)
        self.choices.setToolTipsVisible(True)
        self._group = QActionGroup(self.choices)
        for device, (text, meaning) in CHOICES.items():
            action = self.choices.addAction(text)
            assert action is not None
            action.setCheckable(True)
            action.setToolTip(meaning)
            action.setData(device)
            self._group.addAction(action)
        self._group.triggered.connect(self._choose)
        self.choices.aboutToShow.connect(self._mark)
        self.setMenu(self.choices)

    def show_device(self, device: str, *, fixed: bool = False) -> None:
        """Show what is in use.

        Parameters
        ----------
        device : str
            Empty while the engine has not told.
        fixed : bool
            There is nothing to choose, or a fit is under way.
        """
        self._whole = device or STARTING
        self.setEnabled(not fixed)
        choice = "" if fixed else ". Press to choose another for the next fit"
        self.setToolTip(tip(f"What fits run on: {self._whole}{choice}"))
        self.setAccessibleName(f"What fits run on: {self._whole}")
        self._elide()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show as much of the text as there is room for."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(self.width() - 24, 20)
        text = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        self.setText(text.replace("&", "&&"))

    def _choose(self, action: QAction) -> None:
        device = action.data()
        if device != self._learning.device_choice:
            self._learning.choose_device(device)

    def _mark(self) -> None:
        for action in self._group.actions():
            action.setChecked(action.data() == self._learning.device_choice)
