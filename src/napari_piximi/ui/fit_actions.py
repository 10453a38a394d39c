"""The buttons that fit, and how far a fit is."""

import time

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui.fit_course import FitUnderWay
from napari_piximi.ui.live_line import LiveLine
from napari_piximi.ui.progress_bar import thin_bar
from napari_piximi.ui.rest import Pace
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.start_button import StartButton

__all__ = ["FIT_KEYS", "FitActions"]

FIT_KEYS = "Ctrl+Return"


class FitActions(QWidget):
    """The big button that fits or stops, *Continue*, and a bar with the time left.

    Parameters
    ----------
    examples : str
        What a model learns from.
    """

    fit = QtSignal()
    """Fit a new model, or the chosen one from its beginning."""
    more = QtSignal()
    """Go on with the chosen model."""
    stop = QtSignal()

    def __init__(self, examples: str = "labels") -> None:
        super().__init__()
        self._examples = examples
        self._under_way: FitUnderWay | None = None
        self.button = StartButton()
        self.button.clicked.connect(self._pressed)
        self.go_on = QPushButton("Continue")
        self.go_on.setStyleSheet("padding: 6px 8px;")
        self.go_on.clicked.connect(self.more.emit)
        self.bar = thin_bar("Progress of the fit")
        self.line = LiveLine()
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.go_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.line)
        self._pace = Pace(self.show_progress, owner=self)

    def show_fit(
        self,
        fit: FitUnderWay | None,
        name: str,
        *,
        anew: bool,
        can_fit: bool,
        can_go_on: bool | None,
        why: str = "",
    ) -> None:
        """Offer to stop the fit that is under way, or else to fit.

        Parameters
        ----------
        fit : FitUnderWay or None
        name : str
            Of the model.
        anew : bool
            It is there already, and would be fitted from its beginning.
        can_fit : bool
        can_go_on : bool or None
            None: there is nothing to go on with.
        why : str
            What is in the way of what cannot be done.
        """
        if fit is not None:
            self._show_running(fit)
            return
        self._under_way = None
        self._pace.forget()
        shown = one_line(name, 22)
        self.button.setText(f"Fit {shown} anew" if anew else f"Fit {shown}")
        keys = QKeySequence(FIT_KEYS).toString(QKeySequence.SequenceFormat.NativeText)
        what = "from its beginning; its earlier fits stay in the list" if anew else ""
        does = f"Fit {one_line(name)} {what}".rstrip() + f" ({keys})"
        self.button.setToolTip(tip(does if can_fit or not why else why))
        self.button.setAccessibleName(f"Fit {one_line(name)}")
        self.button.setEnabled(can_fit)
        self.go_on.setVisible(can_go_on is not None)
        self.go_on.setEnabled(bool(can_go_on))
        further = (
            f"Go on with the weights of {one_line(name)}: more epochs, and new {self._examples}"
        )
        self.go_on.setToolTip(tip(further if can_go_on or not why else why))
        self.bar.setVisible(False)
        self._say("")

    def _show_running(self, fit: FitUnderWay) -> None:
        """Offer to stop."""
        self._under_way = fit
        self.go_on.setVisible(False)
        self.button.setText("Stopping…" if fit.stopping else "Stop and keep the best")
        self.button.setToolTip(tip(f"End the fit of {one_line(fit.name)} and keep the best so far"))
        self.button.setAccessibleName("Stop and keep the best")
        self.button.setEnabled(not fit.stopping)
        self.bar.setVisible(True)
        self.show_progress()

    def show_progress(self) -> None:
        """Show how far it is."""
        fit = self._under_way
        if fit is not None:
            self.bar.show_progress(fit.done, fit.total)
            self._say(fit.line(time.monotonic()))
            self._pace.ask()

    def _say(self, text: str) -> None:
        if self.line.text() != text:
            self.line.setText(text)
        self.line.setVisible(bool(text))

    def _pressed(self) -> None:
        (self.stop if self._under_way is not None else self.fit).emit()
