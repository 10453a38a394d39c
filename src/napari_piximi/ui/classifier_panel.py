"""The Classifier dock: fit, predict, evaluate, and what to label next."""

import threading
from collections.abc import Callable

from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.model_choice import ModelChoice
from napari_piximi.ui.panel import Panel

__all__ = ["ClassifierPanel", "warm_up"]

PAGES = {
    "Fit": "Teach a model what the categories look like",
    "Predict": "Let the model say what the other things are",
    "Evaluate": "See how good the model is, and where it errs",
    "Next": "What to label next, labels that look wrong, and the feature map",
}


GLANCE = 50
"""Milliseconds in sight after which it counts: a dock made behind another one flashes up."""


class ClassifierPanel(Panel):
    """The classifiers of the kind on show.

    Its parts are made when it is first in sight, each page when it is first looked at.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("classifier")
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        bar = self.pages.tabBar()
        if bar is not None:
            bar.setDrawBase(False)
        self._homes: dict[str, QWidget] = {}
        for name, meaning in PAGES.items():
            home = QWidget()
            layout = QVBoxLayout(home)
            layout.setContentsMargins(0, 0, 0, 0)
            self._homes[name] = home
            self.pages.setTabToolTip(self.pages.addTab(home, name), meaning)
        self.pages.currentChanged.connect(self._fill)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.pages, 1)
        self._made: dict[str, QWidget] = {}
        self._seen = QTimer(self)
        self._seen.setSingleShot(True)
        self._seen.setInterval(GLANCE)
        self._seen.timeout.connect(self._look_on)
        self._warming: threading.Thread | None = None
        EditKeys(self, self.workspace)

    @property
    def learning(self) -> Learning:
        """What runs the fits of this viewer."""
        return self.workspace.learning

    @property
    def choice(self) -> ModelChoice:
        """The model that the dock is about."""
        return self.learning.choice

    def page(self, name: str) -> QWidget:
        """Show a page, one of ``Fit``, ``Predict``, ``Evaluate``, ``Next``, and return it."""
        self.pages.setCurrentWidget(self._homes[name])
        self._fill()
        return self._made[name]

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make what is in sight, and start the engine, unless another tab is put in front."""
        super().showEvent(event)
        self._seen.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave what was to be made."""
        super().hideEvent(event)
        self._seen.stop()

    def look(self) -> None:
        """Make what is in sight, and start the engine."""
        self._pick()
        self._fill()
        self.learning.warm()

    def _look_on(self) -> None:
        """Do as :meth:`look`, a part in each turn, once all is imported in a thread."""
        if self._warming is None:
            self._warming = threading.Thread(target=warm_up, daemon=True)
            self._warming.start()
        if self._warming.is_alive():
            self._seen.start()
        elif "picker" not in self._made:
            self._pick()
            self._seen.start()
        elif self._name not in self._made:
            self._fill()
            self._seen.start()
        else:
            self.learning.warm()

    def _pick(self) -> None:
        """Make the row that a model is picked in, if it is not there yet."""
        if "picker" not in self._made:
            from napari_piximi.ui.model_picker import ModelPicker

            self._made["picker"] = ModelPicker(self)
            layout = self.layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(0, self._made["picker"])

    @property
    def _name(self) -> str:
        """The page that is looked at."""
        return list(PAGES)[self.pages.currentIndex()]

    def _fill(self, *_: object) -> None:
        """Make the page that is looked at, if it is not there yet."""
        name = self._name
        if name in self._made:
            return
        page = self._made[name] = _page_class(name)(self)
        layout = self._homes[name].layout()
        assert layout is not None
        layout.addWidget(page)


def warm_up() -> None:
    """Import what the parts need; for a thread, since it takes too long for the window's."""
    from napari_piximi.ui import model_picker  # noqa: F401

    for name in PAGES:
        _page_class(name)


def _page_class(name: str) -> Callable[[ClassifierPanel], QWidget]:
    """Import a page when it is needed first."""
    if name == "Fit":
        from napari_piximi.ui.fit_page import FitPage

        return FitPage
    if name == "Predict":
        from napari_piximi.ui.predict_page import PredictPage

        return PredictPage
    if name == "Evaluate":
        from napari_piximi.ui.evaluate_page import EvaluatePage

        return EvaluatePage
    from napari_piximi.ui.suggest_page import SuggestPage

    return SuggestPage
