"""The page Evaluate of the Segmentation dock: how well objects are found."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationScore
from napari_piximi.ui.kept_list import Column, KeptLine, KeptList
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.score_form import ScoreForm
from napari_piximi.ui.score_view import ScoreView
from napari_piximi.ui.scoring import Judged, scoring_of
from napari_piximi.ui.scrolled import scroll_all
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.wrapped_label import notice

if TYPE_CHECKING:
    from napari_piximi.ui.segmentation_panel import SegmentationPanel

__all__ = ["ScorePage"]

LATER = 150
"""Milliseconds after the last change before the page follows it."""
SHORT = {"Validation": "Valid.", "All annotated": "All", "On show": "Shown"}
COLUMNS = (
    Column("Segmenter", "What was evaluated"),
    Column("On", "Valid.: held out by the network; all annotated images; or the shown one", 46),
    Column("Run", "After which fit of the network", 34, number=True, spare=True),
    Column("Objects", "Annotated objects that were compared with", 52, number=True, spare=True),
    Column("F1", "F1 at IoU 0.5", 46, number=True),
    Column("0.75", "F1 at IoU 0.75", 46, number=True),
)
EMPTY = (
    "Nothing has been evaluated yet. Choose above, and press Evaluate: objects are found, and "
    "compared with those that are annotated."
)


class ScorePage(QWidget):
    """Judge segmenters by annotations, look at the images, compare.

    Parameters
    ----------
    panel : SegmentationPanel
        Gives `workspace`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "SegmentationPanel") -> None:
        super().__init__(panel)
        self.panel, self.workspace = panel, panel.workspace
        self.scoring = scoring_of(self.workspace)
        self.form = ScoreForm(self.workspace, panel.choice, self.scoring)
        self.list = KeptList("Scores that are kept", COLUMNS, _line)
        self.view = ScoreView(self.workspace)
        self.empty = notice(EMPTY)
        self._wanted: SegmentationScore | None = None
        self._newest: tuple[str, SegmentationScore | None] = "", None
        self._seen: list[tuple[str, int] | None] = []
        self._rest = Rest(self.refresh, LATER, self)
        self._lay_out()
        self.list.chosen.connect(self._choose)
        self.list.delete_asked.connect(self.scoring.delete)
        self.form.segmenter_chosen.connect(self.refresh)
        panel.listen(self.scoring.judged, self._judged)
        panel.listen(self.scoring.changed, self._begun_or_ended)
        panel.listen(panel.choice.changed, self._ask_soon)
        panel.listen(self.workspace.changed, self._project_changed)
        panel.listen(self.workspace.shown_changed, self._ask_soon)
        self.refresh()

    def refresh(self) -> None:
        """Draw what holds now."""
        self._rest.forget()
        self.form.refresh()
        kept = self.scoring.kept
        self._follow(kept)
        shown = next((entry for entry in kept if entry.score is self._wanted), None)
        shown = shown or next(iter(kept), None)
        self._wanted = None if shown is None else shown.score
        seen = [None if e is None else (e.name, id(e.score)) for e in (shown, *kept)]
        if seen == self._seen:
            return
        self._seen = seen
        self.list.show_entries(kept, lambda entry: entry.score is self._wanted)
        for part in (self.list, self.view):
            part.setVisible(bool(kept))
        self.empty.setVisible(not kept)
        self.view.show_judged(shown, kept)

    def _lay_out(self) -> None:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(2, 6, 2, 2)
        for part in (self.form, self.list, self.empty, self.view):
            layout.addWidget(part)
        layout.addStretch()
        scroll_all(self, inner)

    # --- what has changed ------------------------------------------------------------------------

    def _choose(self, entry: Judged) -> None:
        self._wanted = entry.score
        self.view.show_judged(entry, self.list.kept)

    def _follow(self, kept: list[Judged]) -> None:
        """Turn to the newest score of what is chosen, if either is another than before."""
        name, before = self.form.chosen_title, self._newest
        found = (entry.score for entry in kept if entry.title == name)
        self._newest = name, next(found, None)
        if name != before[0] or self._newest[1] is not before[1]:
            self._wanted = self._newest[1] or self._wanted

    def _judged(self, score: SegmentationScore) -> None:
        self._wanted = score
        self.refresh()

    def _begun_or_ended(self) -> None:
        self.form.begun_or_ended()
        self.refresh()

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.networks is not after.networks or before.kinds is not after.kinds:
            self.refresh()
        elif before.things is not after.things:
            self._ask_soon()

    def _ask_soon(self, *_: object) -> None:
        if self.isVisible():
            self._rest.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what went on out of sight."""
        super().showEvent(event)
        self.view.set_theme(self.workspace.viewer.theme)
        self.refresh()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        style = event is not None and event.type() == QEvent.Type.StyleChange
        if style and hasattr(self, "view"):
            self.view.set_theme(self.workspace.viewer.theme)


def _line(entry: Judged) -> KeptLine:
    score = entry.score
    texts = (
        one_line(entry.title),
        SHORT.get(score.partition, score.partition),
        "–" if score.run is None else str(score.run + 1),
        f"{score.annotated:,}",
        f"{score.f1[0]:.3f}",
        f"{score.f1[5]:.3f}",
    )
    stays = (
        "Kept with the network; Del deletes it"
        if entry.network is not None
        else "Listed as long as the project is open; Del takes it away"
    )
    hint = f"{entry.name}, against {entry.kind}, {score.annotated:,} objects\n{stays}"
    return KeptLine(texts, hint)
