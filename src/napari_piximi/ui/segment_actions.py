"""The preview and the button that finds objects, and how far that is."""

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui import preferences
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.live_line import LiveLine
from napari_piximi.ui.progress_bar import thin_bar
from napari_piximi.ui.rest import Pace
from napari_piximi.ui.segment_words import images_text
from napari_piximi.ui.segmenting import SegmentingUnderWay
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.start_button import StartButton
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["FIND_KEYS", "PREVIEW_KEYS", "SegmentActions"]

FIND_KEYS = "Ctrl+Return"
PREVIEW_KEYS = "Ctrl+Shift+Return"
LIVE = "segment/live"
LONGEST = 600


class SegmentActions(QWidget):
    """Preview, *Live*, and the big button that finds objects or stops."""

    asked = QtSignal()
    stop = QtSignal()
    preview = QtSignal()
    """Show a preview, or take it away."""
    live = QtSignal(bool)
    gallery = QtSignal()
    """What was found is to be shown in the Gallery."""

    def __init__(self) -> None:
        super().__init__()
        self._under_way: SegmentingUnderWay | None = None
        self.look = QPushButton("Preview")
        self.follow = QCheckBox("Live")
        self.found = wrapped_label()
        self.trouble = trouble_label()
        self.button = StartButton("Find objects")
        self.bar = thin_bar("Progress of the search for objects")
        self.line = LiveLine()
        self.look_at = QPushButton()
        self._set_up()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.look)
        row.addWidget(self.follow)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        rows = (self.found, self.trouble, self.button, self.bar, self.line, self.look_at)
        for widget in rows:
            layout.addWidget(widget)

    def _set_up(self) -> None:
        self.look.clicked.connect(self.preview.emit)
        self.follow.setChecked(bool(preferences.get(LIVE, True)))
        self.follow.setToolTip("Show at once what a change of the settings does")
        self.follow.setAccessibleName("Live preview")
        self.follow.toggled.connect(self._follow)
        self.found.setAccessibleName("What the preview found")
        self.button.clicked.connect(self._pressed)
        self.bar.setVisible(False)
        self.line.setVisible(False)
        self.look_at.clicked.connect(self.gallery.emit)
        self._pace = Pace(self.show_progress, owner=self)

    # --- what is shown -------------------------------------------------------------------------

    def show_ready(self, images: int, trouble: str, *, is_urgent: bool) -> None:
        """Offer to find objects.

        Parameters
        ----------
        images : int
            On how many.
        trouble : str
            Why it is not possible; empty where it is.
        is_urgent : bool
            Whether that is said in words of its own, and not only by a tool tip.
        """
        self._under_way = None
        self._pace.forget()
        self.button.setText(f"Find objects on {images_text(images)}")
        keys = QKeySequence(FIND_KEYS).toString(QKeySequence.SequenceFormat.NativeText)
        says = (
            trouble or f"Add what is found to the project, as one step that can be undone ({keys})"
        )
        self.button.setToolTip(tip(says))
        self.button.setAccessibleName(self.button.text())
        self.button.setEnabled(not trouble)
        self.trouble.setText(breakable(trouble, LONGEST))
        self.trouble.setVisible(bool(trouble) and is_urgent)
        self.bar.setVisible(False)
        self.line.setVisible(False)

    def show_running(self, way: SegmentingUnderWay) -> None:
        """Offer to stop."""
        self._under_way = way
        self.trouble.setVisible(False)
        self.button.setText("Stopping…" if way.stopping else "Stop")
        self.button.setToolTip("Stop; the objects of finished images are kept")
        self.button.setAccessibleName("Stop, and keep the objects of finished images")
        self.button.setEnabled(not way.stopping)
        self.bar.setVisible(True)
        self.line.setVisible(True)
        self.show_progress()

    def show_progress(self) -> None:
        """Show how far it is."""
        way = self._under_way
        if way is not None:
            self.bar.show_progress(way.done, way.total)
            self.line.setText(one_line(way.line(), 120))
            self._pace.ask()

    def show_found(self, kind: str) -> None:
        """Offer to show the kind that was found last in the Gallery; nothing where it is empty."""
        self.look_at.setText(f"Show {one_line(kind, 24)} in the Gallery →".replace("&", "&&"))
        self.look_at.setToolTip(tip(f"Look at {one_line(kind)}, which were found just now"))
        self.look_at.setAccessibleName(f"Show {one_line(kind)} in the Gallery")
        self.look_at.setVisible(bool(kind))

    def show_preview(
        self, text: str, *, failed: bool, shown: bool, trouble: str, quick: bool
    ) -> None:
        """Show what a preview found.

        Parameters
        ----------
        text : str
        failed : bool
            Whether the text tells of a trouble.
        shown : bool
            Whether there is one in the viewer, or is about to be.
        trouble : str
            Why none can be shown; empty where one can.
        quick : bool
            Whether it may follow each change.
        """
        self.look.setText("Hide preview" if shown else "Preview")
        keys = QKeySequence(PREVIEW_KEYS).toString(QKeySequence.SequenceFormat.NativeText)
        what = "Take the preview away" if shown else "Show what would be found; nothing is kept"
        self.look.setToolTip(tip(trouble) if trouble and not shown else f"{what} ({keys})")
        self.look.setAccessibleName(self.look.text())
        self.look.setEnabled(shown or not trouble)
        self.follow.setVisible(quick)
        self.found.setText(breakable(f"⚠ {text}" if failed and text else text, LONGEST))
        self.found.setVisible(bool(text))

    # --- what the user does --------------------------------------------------------------------

    def _pressed(self) -> None:
        (self.stop if self._under_way is not None else self.asked).emit()

    def _follow(self, checked: bool) -> None:
        preferences.put(LIVE, checked)
        self.live.emit(checked)
