"""Which channels of the images are taken: a box to check for each."""

from collections.abc import Sequence

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget

from napari_piximi.ui.channel_rows import Color, channel_swatch, color_word

__all__ = ["ChannelChecks"]

COLUMNS = 2


class ChannelChecks(QWidget):
    """The channels of the project, of which any number can be taken."""

    edited = QtSignal(tuple)
    """The user asks for these channels."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes: list[QCheckBox] = []
        self._colors: tuple[Color, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)

    @property
    def channels(self) -> tuple[int, ...]:
        """Those that are checked."""
        boxes = self.boxes[: len(self._colors)]
        return tuple(number for number, box in enumerate(boxes) if box.isChecked())

    def show_channels(self, colors: Sequence[Color], chosen: Sequence[int], *, fixed: bool) -> None:
        """Show what there is and what is taken.

        Parameters
        ----------
        colors : sequence of (red, green, blue)
            Of the channels of the project.
        chosen : sequence of int
        fixed : bool
            The chosen network takes these, and no others.
        """
        if self._colors != tuple(colors):
            self._colors = tuple(colors)
            while len(self.boxes) < len(colors):
                self._add()
            for number, box in enumerate(self.boxes):
                box.setVisible(number < len(colors))
            for number, (box, color) in enumerate(zip(self.boxes, colors, strict=False)):
                box.setText(f"{number + 1} ({color_word(color)})")
                box.setIcon(channel_swatch(color))
                box.setAccessibleName(f"Take channel {number + 1} ({color_word(color)})")
        for number, box in enumerate(self.boxes):
            box.setChecked(number in chosen)
            box.setEnabled(not fixed)
            box.setToolTip(
                "The chosen network was made for these channels; to change them, fit a new one"
                if fixed
                else f"Let the network see channel {number + 1} of the images"
            )

    def _add(self) -> None:
        box, number = QCheckBox(), len(self.boxes)
        box.clicked.connect(self._clicked)
        self._grid.addWidget(box, number // COLUMNS, number % COLUMNS)
        self.boxes.append(box)

    def _clicked(self, _checked: bool) -> None:
        self.edited.emit(self.channels)
