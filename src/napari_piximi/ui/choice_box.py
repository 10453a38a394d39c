"""A list to choose one of, which no scrolling changes and no long name makes wider."""

from collections.abc import Sequence

from qtpy.QtWidgets import QComboBox

from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.setting_editors import ignore_wheel

__all__ = ["choice_box", "list_choices"]


def choice_box(name: str, hint: str = "", letters: int = 8) -> QComboBox:
    """Make an empty list.

    Parameters
    ----------
    name : str
        Accessible name.
    hint : str
        Tool tip.
    letters : int
        That are seen at least.
    """
    box = ElidedBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(letters)
    box.setAccessibleName(name)
    box.setToolTip(hint)
    ignore_wheel(box)
    return box


def list_choices(box: QComboBox, wanted: Sequence[tuple[str, str]]) -> None:
    """List these keys with their texts; what is chosen stays, if it is still there."""
    present = [(box.itemData(row), box.itemText(row)) for row in range(box.count())]
    if present != list(wanted):
        chosen = box.currentData()
        box.clear()
        for key, text in wanted:
            box.addItem(text, key)
        box.setCurrentIndex(max(box.findData(chosen), 0))
