"""Which channel of the images is which, for what a segmenter wants to see."""

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from napari_piximi.model.project import Project
from napari_piximi.model.things import WHITE
from napari_piximi.segment.running import ABSENT
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.setting_editors import ignore_wheel
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["ChannelRows", "Color", "channel_colors", "channel_swatch", "color_word"]

Color = tuple[float, float, float]
SWATCH = 12
NONE = "none"

WORDS = {
    (True, False, False): "red",
    (False, True, False): "green",
    (False, False, True): "blue",
    (True, True, False): "yellow",
    (False, True, True): "cyan",
    (True, False, True): "magenta",
    (True, True, True): "grey",
}
SHARE = 0.5
"""Of the strongest part, from which on another part of a colour counts."""


def channel_colors(project: Project) -> list[Color]:
    """Return in what colour each channel of the images is shown, by the first image."""
    image = next(project.images(), None)
    if image is None:
        return []
    colors = [channel.color for channel in image.channels]
    return colors or [WHITE] * image.pixels.shape[-1]


def color_word(color: Color) -> str:
    """Return what a colour is called; a dark or black one has no name."""
    strongest = max(color)
    if strongest <= 0:
        return "black"
    red, green, blue = (part > SHARE * strongest for part in color)
    return WORDS[red, green, blue]


class ChannelRows(QWidget):
    """A row for each channel that is wanted, with the channels of the project to choose from."""

    edited = QtSignal(tuple)
    """The user asks for these channels."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes: list[QComboBox] = []
        self.labels: list[QLabel] = []
        self._shown: tuple[object, ...] = ()
        self._count = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnMinimumWidth(0, 112)
        self._grid.setColumnStretch(1, 1)

    @property
    def channels(self) -> tuple[int, ...]:
        """What is chosen."""
        return tuple(int(box.currentData()) for box in self.boxes[: self._count])

    def show_channels(
        self, wanted: Sequence[str], colors: Sequence[Color], chosen: Sequence[int]
    ) -> None:
        """Show what is wanted and what is chosen for it.

        Parameters
        ----------
        wanted : sequence of str
            A name that ends in ``?`` may be left out.
        colors : sequence of (red, green, blue)
            Of the channels of the project.
        chosen : sequence of int
            A channel, or ABSENT, for each that is wanted.
        """
        needless = not colors or (len(colors) == 1 and len(wanted) == 1)
        self.setVisible(not needless)
        if self._shown != (tuple(wanted), tuple(colors)):
            self._shown = (tuple(wanted), tuple(colors))
            self._count = len(wanted)
            while len(self.boxes) < len(wanted):
                self._add()
            for place, (label, box) in enumerate(zip(self.labels, self.boxes, strict=True)):
                label.setVisible(place < len(wanted))
                box.setVisible(place < len(wanted))
                if place < len(wanted):
                    _fill(label, box, wanted[place], colors)
        for box, channel in zip(self.boxes, chosen, strict=False):
            box.setCurrentIndex(max(box.findData(channel), 0))

    def _add(self) -> None:
        label, box = QLabel(), ElidedBox()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setBuddy(box)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        ignore_wheel(box)
        box.activated.connect(self._chosen)
        row = len(self.boxes)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(box, row, 1)
        self.labels.append(label)
        self.boxes.append(box)

    def _chosen(self, _row: int) -> None:
        self.edited.emit(self.channels)


def _fill(label: QLabel, box: QComboBox, wanted: str, colors: Sequence[Color]) -> None:
    name = wanted.rstrip("?")
    label.setText(one_line(name[:1].upper() + name[1:], 24))
    optional = wanted.endswith("?")
    words = f"Which channel of the images shows {one_line(name)}"
    hint = f"{words}; choose “{NONE}” if none does" if optional else words
    for widget in (label, box):
        widget.setToolTip(tip(hint))
    box.setAccessibleName(f"Channel with {one_line(name)}")
    box.clear()
    if optional:
        box.addItem(NONE, ABSENT)
    for number, color in enumerate(colors):
        box.addItem(channel_swatch(color), f"Channel {number + 1} ({color_word(color)})", number)


def channel_swatch(color: Color) -> QIcon:
    """Return a small square of a channel's colour."""
    picture = QPixmap(SWATCH, SWATCH)
    picture.fill(QColor.fromRgbF(*(min(max(float(part), 0.0), 1.0) for part in color)))
    return QIcon(picture)
