"""The row of controls above a feature map."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup, QComboBox, QPushButton, QWidget
from superqt import QFlowLayout

from napari_piximi.learn.projections import METHODS, has_umap
from napari_piximi.ui import preferences
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.map_colors import MODES, Mode
from napari_piximi.ui.map_view import Tool
from napari_piximi.ui.push_button import push_button

__all__ = ["MapBar"]

METHOD, COLOR, TOOL = "map/method", "map/color", "map/tool"
TOOLS = {
    Tool.LASSO: "Draw around points to select them in the gallery; Shift adds, Alt or Ctrl removes",
    Tool.RECTANGLE: "Draw a rectangle to select points; Shift adds, Alt or Ctrl removes",
    Tool.PAN: "Drag to move the map; the middle button always does, and the wheel zooms",
}
NO_UMAP = "UMAP needs the package umap-learn: pip install umap-learn, then start napari again"


class MapBar(QWidget):
    """Method, colours, tools, and the button that makes the map.

    Parameters
    ----------
    parent : QWidget
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.method = _choice("How the map is made", METHODS, preferences.get(METHOD, ""))
        self.color = _choice("Colour the points by", MODES, preferences.get(COLOR, ""))
        self.make = push_button("Map", "Ask the model about all things, and draw them as a map")
        self.fit = push_button("All", "Show all points (F)")
        self._tools = QButtonGroup(self)
        self.buttons: dict[Tool, QPushButton] = {}
        flow = QFlowLayout(self)
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setHorizontalSpacing(4)
        flow.setVerticalSpacing(4)
        for tool, meaning in TOOLS.items():
            button = self.buttons[tool] = push_button(tool.value, meaning)
            button.setCheckable(True)
            self._tools.addButton(button)
        for part in (self.make, self.method, self.color, *self.buttons.values(), self.fit):
            flow.addWidget(part)
        kept = preferences.get(TOOL, "")
        self.buttons[next((t for t in Tool if t.value == kept), Tool.LASSO)].setChecked(True)
        self._forbid_umap()
        self.method.currentTextChanged.connect(lambda text: preferences.put(METHOD, text))
        self.color.currentTextChanged.connect(lambda text: preferences.put(COLOR, text))
        self._tools.buttonToggled.connect(lambda *_: preferences.put(TOOL, self.tool.value))
        self.toggled = self._tools.buttonToggled

    @property
    def tool(self) -> Tool:
        """What dragging does."""
        return next(tool for tool, button in self.buttons.items() if button.isChecked())

    @property
    def mode(self) -> Mode:
        """What the points are coloured by."""
        return MODES[self.color.currentIndex()]

    def _forbid_umap(self) -> None:
        if has_umap():
            return
        self.method.setCurrentText("PCA")
        at = self.method.findText("UMAP")
        self.method.setItemData(at, NO_UMAP, Qt.ItemDataRole.ToolTipRole)
        self.method.setToolTip(f"How the map is made. {NO_UMAP}")
        # the item's flags, as Qt's own model of a combo box keeps them
        self.method.setItemData(at, 0, Qt.ItemDataRole.UserRole - 1)


def _choice(meaning: str, texts: tuple[str, ...], kept: str) -> QComboBox:
    choice = ElidedBox()
    choice.addItems(list(texts))
    choice.setCurrentText(kept if kept in texts else texts[0])
    choice.setToolTip(meaning)
    choice.setAccessibleName(meaning)
    return choice
