"""The Feature map dock: things as points, those that look alike to a model side by side."""

import sys
import weakref
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import QBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_piximi.learn.embedding import FeatureMap, map_title
from napari_piximi.model.columns import Columns
from napari_piximi.model.project import Project
from napari_piximi.model.query import renewed
from napari_piximi.model.training import Classifier
from napari_piximi.progress import Progress
from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.gallery_delegate import colors_of
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.map_colors import LOST, coloring
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.shown_names import breakable, one_line, tip

if TYPE_CHECKING:
    from napari_piximi.ui.map_view import Change
    from napari_piximi.ui.workspace import Workspace

__all__ = ["MapPanel"]

MAKE = "napari_piximi.learn.next_steps:map_features"
NO_MODEL = (
    "The map shows what a model sees of things: those that look alike to it lie side by side. "
    "Fit a model first, in the Classifier dock, or choose one there."
)
NO_MAP = "Press “Map” to ask {name} about all things and draw them side by side."
HINT = "Drag around points to select them in the gallery; double-click shows one"

NARROW, LEGEND, SLIM = 420, 160, 120
"""Width of a dock, if it is upright, below which the legend goes under the map; width of the
legend beside it, and where there is little room."""
FREE = (1 << 24) - 1

_kept: "weakref.WeakKeyDictionary[Workspace, FeatureMap]" = weakref.WeakKeyDictionary()
"""The map drawn last, for when the dock is closed and opened again."""


class MapPanel(Panel):
    """A map of the things on show, by what the chosen model sees of them.

    Its parts are made when it is first in sight.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("feature map")
        self.drawn: FeatureMap | None = None
        self.job: Job | None = None
        self._columns: Columns | None = None
        self._rows = np.zeros(0, np.intp)
        self._made = self._waiting = False
        self.setMinimumSize(240, 160)
        self._room = QTimer(self)
        self._room.setSingleShot(True)
        self._room.timeout.connect(self._take_room)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make what is in sight."""
        super().showEvent(event)
        if not self._made and not self._waiting:
            if "pyqtgraph" in sys.modules:
                self._make()
            else:
                self._waiting = True
                self.workspace.run("Open the feature map", _load, done=lambda _: self._make())
        self.refresh()

    def sizeHint(self) -> QSize:
        """Ask for room for a map and its legend, beside the gallery."""
        return QSize(560, 300)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the legend below where there is no room beside."""
        super().resizeEvent(event)
        if self._made:
            self._place_legend()

    # --- parts ---------------------------------------------------------------------------------

    def _make(self) -> None:
        if self._made or not self.links:  # closed meanwhile
            return
        from napari_piximi.ui.map_bar import MapBar
        from napari_piximi.ui.map_legend import MapLegend
        from napari_piximi.ui.map_view import MapView

        self._made = True
        self.bar, self.view, self.legend = MapBar(self), MapView(self), MapLegend(self)
        self.title, self.hint, self.message = QElidingLabel(), QElidingLabel(HINT), QLabel()
        self.hint.setToolTip(HINT)
        for label in (self.title, self.hint, self.message):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(1)
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.message)
        shown = QWidget()
        self._beside = QBoxLayout(QBoxLayout.Direction.LeftToRight, shown)
        self._beside.setContentsMargins(0, 0, 0, 0)
        self._beside.addWidget(self.view, 1)
        self._beside.addWidget(self.legend)
        self.pages.addWidget(shown)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.bar)
        layout.addWidget(self.title)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.hint)
        self._connect()
        self._take_theme()
        self._place_legend()
        self._room.start(0)  # when the dock has been laid out
        kept = _kept.get(self.workspace)
        if kept is not None and kept.kind in self.workspace.project.kinds:
            self.show_map(kept)
        self.refresh()

    def _connect(self) -> None:
        workspace, view, bar = self.workspace, self.view, self.bar
        view.tool = bar.tool
        bar.make.clicked.connect(lambda _: self.compute())
        bar.fit.clicked.connect(lambda _: view.fit())
        bar.color.currentTextChanged.connect(lambda _: self._recolor())
        bar.toggled.connect(lambda *_: setattr(view, "tool", bar.tool))
        view.chosen.connect(self._select)
        view.opened.connect(self._open)
        view.pointed.connect(self._describe)
        self.legend.toggled.connect(self._recolor)
        self.listen(workspace.learning.choice.changed, self.refresh)
        self.listen(workspace.gallery.selected, self._mark)
        self.listen(workspace.gallery.arranged, self.refresh)
        self.listen(workspace.opened, self._forget)
        EditKeys(self, workspace)

    def _take_room(self) -> None:
        from napari_piximi.ui.map_room import share_room

        if self.isVisible():
            share_room(self)

    def _place_legend(self) -> None:
        narrow = self.width() < NARROW and self.height() > self.width()
        directions = QBoxLayout.Direction
        self._beside.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        self.legend.setMaximumHeight(self.height() // 4 if narrow else FREE)
        beside = LEGEND if self.width() >= NARROW else SLIM
        self.legend.setMinimumWidth(1 if narrow else beside)
        self.legend.setMaximumWidth(FREE if narrow else beside)

    # --- making a map --------------------------------------------------------------------------

    @property
    def classifier(self) -> Classifier | None:
        """The model that the next map is of."""
        found = self.workspace.learning.choice.classifier
        return found if found is not None and found.model is not None else None

    def compute(self) -> Job | None:
        """Ask the model, and draw the map when it has answered; while it does, stop it."""
        if self.job is not None and self.job.running:
            self.job.cancel()
            return None
        classifier = self.classifier
        if classifier is None:
            return None
        learning = self.workspace.learning
        self.job = learning.run(
            "Map features", MAKE, self.workspace.project, learning.choice.kind, classifier,
            self.bar.method.currentText(), keras=needs_keras(classifier), done=self.show_map,
        )  # fmt: skip
        self.job.finished.connect(self.refresh)
        self.refresh()
        return self.job

    def show_map(self, drawn: FeatureMap) -> None:
        """Show a map."""
        if drawn.kind not in self.workspace.project.kinds:
            return
        self.drawn = _kept[self.workspace] = drawn
        self._columns = None
        self.view.set_points(drawn.points)
        self._recolor()
        self._mark()
        self.refresh()

    def _forget(self) -> None:
        self.drawn = self._columns = None
        _kept.pop(self.workspace, None)
        self.view.set_points(np.zeros((0, 2), np.float32))
        self.legend.show_entries(())
        self.refresh()

    # --- what is shown -------------------------------------------------------------------------

    def project_changed(self, before: Project, after: Project) -> None:
        """Follow categories; points do not move."""
        if not self._made or self.drawn is None:
            return
        if self.drawn.kind not in after.kinds:
            self._forget()
        elif before.things is not after.things or before.categories is not after.categories:
            self._recolor()

    def refresh(self) -> None:
        """Say what the map is of, and what would make it newer."""
        if not self._made:
            return
        found, drawn = self.classifier, self.drawn
        working = self.job is not None and self.job.running
        name = "" if found is None else one_line(map_title(found), 40)
        stale = drawn is not None and found is not None and map_title(found) != drawn.title
        self.bar.make.setText("Cancel" if working else "Map again" if drawn else "Map")
        self.bar.make.setEnabled(working or found is not None)
        self.pages.setCurrentIndex(0 if drawn is None else 1)
        self.hint.setVisible(drawn is not None)
        self.title.setVisible(drawn is not None)
        if working and drawn is None:
            self.message.setText(f"Asking {name} about all things …")
        else:
            self.message.setText(breakable(NO_MAP.format(name=name)) if found else NO_MODEL)
        if drawn is not None:
            newer = f" · “Map again” for {name}" if stale else ""
            title = one_line(drawn.title, 40)
            text = f"{drawn.method} map of {title} · {len(drawn.ids):,} things{newer}"
            self.title.setText(text)
            self.title.setToolTip(tip(text))

    def _recolor(self) -> None:
        drawn = self.drawn
        if drawn is None:
            return
        rows, columns = self._found(drawn), self._columns
        assert columns is not None
        project = self.workspace.project
        painted = coloring(drawn, project, columns, rows, self.bar.mode)
        self.legend.show_entries(painted.entries)
        palette = np.array([_rgb(e.color) for e in painted.entries] + [_rgb(LOST)], np.uint32)
        shows = np.array([*(self.legend.shows(e.key) for e in painted.entries), False])
        unknown = project.kinds[drawn.kind].unknown
        below = np.array([*(e.key == unknown for e in painted.entries), False])
        codes = painted.codes
        self.view.set_colors(palette[codes], shows[codes], below[codes])

    def _found(self, drawn: FeatureMap) -> NDArray[np.intp]:
        """Return the row of each point among the things as they are now."""
        gallery, old = self.workspace.gallery, self._columns
        known = gallery.columns if gallery.query.kind == drawn.kind else None
        columns = known or Columns(self.workspace.project, drawn.kind)
        if old is None or columns.ids is not old.ids:
            self._rows = columns.rows_of(drawn.ids)
        self._columns = columns
        return self._rows

    def _mark(self) -> None:
        if self.drawn is not None:
            chosen = self.workspace.gallery.selection
            count = len(self.drawn.ids)
            marked = np.fromiter(map(chosen.__contains__, self.drawn.ids), bool, count)
            self.view.mark(marked)

    def _describe(self, row: int) -> None:
        """Say below the map what is under the mouse."""
        drawn, project = self.drawn, self.workspace.project
        thing = project.things.get(drawn.ids[row]) if drawn is not None and row >= 0 else None
        if drawn is None or thing is None:
            self.hint.setText(HINT)
            return
        said = project.categories.get(drawn.class_map[drawn.predicted[row]])
        model = one_line(said.name, 30) if said else "deleted"
        given = one_line(project.categories[thing.category].name, 30)
        name = one_line(thing.name, 50)
        self.hint.setText(f"{name} · {given} · model: {model} {drawn.probability[row]:.2f}")

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        styled = event is not None and event.type() == QEvent.Type.StyleChange
        if styled and getattr(self, "_made", False):
            self._take_theme()

    def _take_theme(self) -> None:
        colors = colors_of(self.workspace.viewer.theme)
        self.view.set_theme(colors.background, colors.text)

    # --- what the user does --------------------------------------------------------------------

    def _select(self, rows: NDArray[np.intp], change: "Change") -> None:
        """Select things in the gallery."""
        if self.drawn is None:
            return
        gallery, kind = self.workspace.gallery, self.drawn.kind
        if gallery.query.kind != kind:
            gallery.set_query(renewed(gallery.query, kind))
        ids = [self.drawn.ids[row] for row in rows.tolist()]
        if change.value == "add":
            gallery.select([*gallery.selection.difference(ids), *ids])
        elif change.value == "remove":
            gallery.select(gallery.selection.difference(ids))
        else:
            gallery.select(ids)

    def _open(self, row: int) -> None:
        if self.drawn is not None and self.drawn.ids[row] in self.workspace.project.things:
            self.workspace.show(self.drawn.ids[row])


def _load(progress: Progress) -> None:
    """Import what draws the map, away from the window."""
    progress(0, 0, "Loading what draws the map")
    import_module("napari_piximi.ui.map_view")


def _rgb(color: str) -> int:
    return 0xFF000000 | int(color[1:7], 16)
