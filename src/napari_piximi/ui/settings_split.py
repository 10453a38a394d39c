"""Settings above, what comes of them below: the settings get the room that they need."""

from collections.abc import Callable
from functools import partial

from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QScrollArea, QSplitter, QWidget

from napari_piximi.ui.settings_form import SettingsForm

__all__ = ["SettingsSplit"]

FOLDED_SHARE, UNFOLDED_SHARE = 0.33, 0.5
"""Of the height, what the settings get at most at first, and when a group is unfolded."""


class SettingsSplit(QSplitter):
    """Two parts, the upper of which follows the groups that are unfolded in it.

    Parameters
    ----------
    upper, lower : QWidget
    area : QScrollArea
        In the upper part; holds the form.
    form : SettingsForm
    needed : callable
        Returns the height that the upper part needs, in pixels.
    folded : float
        Share of the height that it gets at most at first.
    """

    def __init__(
        self,
        upper: QWidget,
        lower: QWidget,
        area: QScrollArea,
        form: SettingsForm,
        needed: Callable[[], int],
        folded: float = FOLDED_SHARE,
    ) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._area, self._needed, self._folded = area, needed, folded
        self._unfolding: QWidget | None = None
        self._shared = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._fit_settings)
        self.addWidget(upper)
        self.addWidget(lower)
        self.setChildrenCollapsible(False)
        self.setStretchFactor(0, 0)
        self.setStretchFactor(1, 1)
        for group in form.groups.values():
            group.unfolded.connect(partial(self._make_room, group))
            group.folded.connect(partial(self._make_room, None))

    def share_once(self) -> None:
        """Give the settings their room when they are first in sight."""
        if not self._shared:
            self._shared = True
            self._share(self._wanted(self._folded))

    def _make_room(self, group: QWidget | None) -> None:
        """Let a group that was unfolded be seen; leave room where one was folded."""
        self._unfolding = group
        self._later.start(0)  # when it has been laid out

    def _fit_settings(self) -> None:
        group, content = self._unfolding, self._area.widget()
        wanted = self._wanted(max(UNFOLDED_SHARE, self._folded))
        if group is None or content is None:
            upper = min(self.sizes()[0], wanted)
            self._share(upper, self._wanted(self._folded))
            return
        self._share(self.sizes()[0], wanted)
        bar = self._area.verticalScrollBar()
        if bar is not None:
            bar.setValue(group.mapTo(content, QPoint(0, 0)).y())

    def _wanted(self, share: float) -> int:
        """Return the height that the settings need, up to a share of all."""
        return min(self._needed(), round(self.height() * share))

    def _share(self, *heights: int) -> None:
        total, upper = sum(self.sizes()) or self.height(), max(heights)
        self.setSizes([upper, total - upper])
