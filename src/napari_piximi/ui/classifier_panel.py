"""The Classifier dock: fit, predict, evaluate, and what to label next."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.components import ViewerModel
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.model_choice import ModelChoice
from napari_piximi.ui.page_tabs import PageTabs
from napari_piximi.ui.panel import Panel

if TYPE_CHECKING:
    from napari_piximi.ui.model_picker import ModelPicker

__all__ = ["ClassifierPanel", "warm_up"]

PAGES = {
    "Fit": "Teach a model what the categories look like",
    "Predict": "Let the model say what the other things are",
    "Evaluate": "See how good the model is, and where it errs",
    "Next": "What to label next, labels that look wrong, and the feature map",
}


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
        self.picker: ModelPicker | None = None
        self.pages = PageTabs(self, PAGES, _page_class, warm_up)
        self.pages.in_sight.connect(self._look_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.pages, 1)
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
        return self.pages.page(name)

    def look(self) -> None:
        """Make what is in sight, and start the engine."""
        self._pick()
        self.pages.fill()
        self.learning.warm()

    def _look_on(self) -> None:
        """Do as :meth:`look`, a part in each turn."""
        if self.picker is None:
            self._pick()
            self.pages.look_again()
        elif not self.pages.filled:
            self.pages.fill()
            self.pages.look_again()
        else:
            self.learning.warm()

    def _pick(self) -> None:
        """Make the row that a model is picked in, if it is not there yet."""
        if self.picker is None:
            from napari_piximi.ui.model_picker import ModelPicker

            self.picker = ModelPicker(self)
            layout = self.layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(0, self.picker)


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
