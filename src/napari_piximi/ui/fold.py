"""A part of a form that folds away, and is made when it is first unfolded."""

from collections.abc import Callable

from qtpy.QtCore import QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_piximi.ui import preferences

__all__ = ["Fold"]


class Fold(QWidget):
    """A heading that shows and hides what belongs to it; whether it does is remembered.

    Parameters
    ----------
    title : str
    make : callable
        Makes what belongs to it, when that is first to be seen.
    key : str
        What to remember the state by.
    """

    unfolded = QtSignal()
    """Its content has come in sight, perhaps for the first time."""
    folded = QtSignal()

    def __init__(self, title: str, make: Callable[[], QWidget], key: str) -> None:
        super().__init__()
        self._make, self._key = make, key
        self.content: QWidget | None = None
        self.button = QToolButton()
        self.button.setObjectName("fold")
        self.button.setStyleSheet(
            "QToolButton#fold { border: none; background: transparent; text-align: left;"
            " font-weight: bold; padding: 3px 0px; }"
            "QToolButton#fold:hover, QToolButton#fold:focus { text-decoration: underline; }"
        )
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(QSize(10, 10))
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.setToolTip(f"Show or hide: {title.lower()}")
        self.head = QHBoxLayout()
        self.head.setContentsMargins(0, 0, 0, 0)
        self.head.setSpacing(4)
        self.head.addWidget(self.button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self.head)
        self.set_title(title)
        self.button.setArrowType(Qt.ArrowType.RightArrow)
        self.button.toggled.connect(self._toggled)
        self.button.clicked.connect(lambda opened: preferences.put(key, opened))

    @property
    def is_open(self) -> bool:
        """Whether its content is in sight."""
        return self.button.isChecked()

    def restore(self, opened: bool = False) -> None:
        """Fold or unfold it as the user last did, or as given until then."""
        self.button.setChecked(bool(preferences.get(self._key, opened)))

    def set_title(self, title: str, hint: str = "") -> None:
        """Head it otherwise; the hint follows the title."""
        self.button.setText(f"{title}  {hint}".rstrip())
        self.button.setAccessibleName(f"{title} {hint}".rstrip())

    def _toggled(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        if opened and self.content is None:
            self.content = self._make()
            layout = self.layout()
            assert layout is not None
            layout.addWidget(self.content)
        if self.content is not None:
            self.content.setVisible(opened)
        (self.unfolded if opened else self.folded).emit()
