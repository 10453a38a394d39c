"""Controls for the values of settings, one for each sort of value."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from secrets import randbelow
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QDoubleValidator, QValidator
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.file_choice import choose_files
from napari_piximi.ui.setting_words import PERCENT, UNITS, Words

__all__ = ["Editor", "LearningRate", "editor_of", "ignore_wheel"]

CHECK = Qt.CheckState
ROWS = 5
"""Rows of a list that are seen at once."""
WIDE = 1e5
"""Largest over smallest value, or their difference, from which on steps of one size do not do."""
MOST = 2**31 - 1
HUGE = 1e12
"""Where there is no limit; of whole numbers, Qt counts with 32 bits."""
RATES = (1.0, 2.0, 5.0)
"""Steps of a learning rate within each power of ten."""


class _WheelFilter(QObject):
    """Leave the wheel to the page around, unless the control has the focus."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass over turns of the wheel above a control that nobody is working with."""
        wheel = event is not None and event.type() == QEvent.Type.Wheel
        if wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            assert event is not None
            event.ignore()
            return True
        return False


def ignore_wheel(widget: QWidget) -> None:
    """See to it that scrolling a page changes no value on it."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelFilter(widget))


class Editor(QWidget):
    """A control for one value; each sort has its own."""

    changed = QtSignal(object)
    """The user gave this value."""

    def __init__(self, control: QWidget, *more: QWidget) -> None:
        super().__init__()
        self.control = control
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(control, 1)
        for widget in more:
            layout.addWidget(widget)
        self.setFocusProxy(control)

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value; this is no change by the user."""
        raise NotImplementedError


class Switch(Editor):
    """Yes or no."""

    def __init__(self, _limits: Mapping[str, Any], _words: Words) -> None:
        self.box = QCheckBox()
        super().__init__(self.box)
        self.box.toggled.connect(self.changed.emit)

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.box):
            self.box.setChecked(value)


class Choice(Editor):
    """One of some texts."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.box = ElidedBox()
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(6)
        for value in limits["choices"]:
            self.box.addItem(words.choices.get(value, value), value)
        super().__init__(self.box)
        ignore_wheel(self.box)
        self.box.activated.connect(lambda _: self.changed.emit(self.box.currentData()))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        self.box.setCurrentIndex(self.box.findData(value))


class Choices(Editor):
    """Some of some texts."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.list = QListWidget()
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for value in limits["choices"]:
            item = QListWidgetItem(words.choices.get(value, value))
            item.setData(Qt.ItemDataRole.UserRole, value)
            item.setToolTip(item.text())
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(CHECK.Unchecked)
            self.list.addItem(item)
        super().__init__(self.list)
        ignore_wheel(self.list)
        self.list.setFixedHeight(max(self.list.sizeHintForRow(0), 18) * ROWS + 6)
        self.list.itemChanged.connect(lambda _: self.changed.emit(self._checked()))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.list):
            for item in self._items():
                chosen = item.data(Qt.ItemDataRole.UserRole) in value
                item.setCheckState(CHECK.Checked if chosen else CHECK.Unchecked)

    def _items(self) -> Iterable[QListWidgetItem]:
        found = (self.list.item(row) for row in range(self.list.count()))
        return [item for item in found if item is not None]

    def _checked(self) -> tuple[str, ...]:
        return tuple(
            item.data(Qt.ItemDataRole.UserRole)
            for item in self._items()
            if item.checkState() == CHECK.Checked
        )


class Whole(Editor):
    """A whole number; a seed has a button that draws another one."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.box = QSpinBox()
        self.box.setRange(limits.get("min", -MOST), min(limits.get("max", MOST), MOST))
        _set_up(self.box, words)
        self.box.setSpecialValueText(words.zero if limits.get("min") == 0 else "")
        self.draw = QPushButton("New seed")
        self.draw.setToolTip("Draw another seed: another split, and other weights to start from")
        self.draw.setAccessibleName("New seed")
        super().__init__(self.box, *([self.draw] if words.drawn else []))
        self.box.valueChanged.connect(self.changed.emit)
        self.draw.clicked.connect(lambda: self.box.setValue(randbelow(1_000_000)))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.box):
            self.box.setValue(value)


class Share(Editor):
    """A number with a fraction, shown in per cent where it is a share."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.factor = 100.0 if words.unit == PERCENT else 1.0
        self.box = QDoubleSpinBox()
        self.box.setDecimals(1 if self.factor > 1 or limits["max"] > 10 else 3)
        self.box.setRange(limits["min"] * self.factor, limits["max"] * self.factor)
        self.box.setSingleStep(5 if self.factor > 1 or limits["max"] > 10 else 0.01)
        _set_up(self.box, words)
        self.box.setSpecialValueText(words.zero if limits["min"] == 0 else "")
        super().__init__(self.box)
        self.box.valueChanged.connect(
            lambda value: self.changed.emit(round(value / self.factor, 6))
        )

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.box):
            self.box.setValue(value * self.factor)


class LearningRate(QDoubleSpinBox):
    """A number over many powers of ten: 0.003 as well as 1e-05; arrows go 1, 2, 5, 10."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(12)
        self._validator = QDoubleValidator(self)
        self._validator.setNotation(QDoubleValidator.Notation.ScientificNotation)

    def textFromValue(self, value: float) -> str:
        """Write it as short as it can be."""
        return f"{value:g}"

    def valueFromText(self, text: str | None) -> float:
        """Read it, with a comma as well."""
        try:
            return float((text or "").strip().replace(",", "."))
        except ValueError:
            return self.value()

    def validate(self, text: str | None, place: int) -> tuple[QValidator.State, str, int]:
        """Let everything be typed that can become a number."""
        given = text or ""
        try:
            fits = self.minimum() <= float(given.replace(",", ".")) <= self.maximum()
        except ValueError:
            typed = set(given.lower()) <= set("0123456789.,e-+ ")
            state = QValidator.State.Intermediate if typed else QValidator.State.Invalid
            return state, given, place
        return (
            (QValidator.State.Acceptable if fits else QValidator.State.Intermediate),
            given,
            place,
        )

    def stepBy(self, steps: int) -> None:
        """Go through 1, 2, 5, 10, 20 and so on."""
        ladder = [float(f"{digit:g}e{power}") for power in range(-8, 3) for digit in RATES]
        value = self.value()
        for _ in range(abs(steps)):
            higher = [rung for rung in ladder if rung > value * 1.001]
            lower = [rung for rung in ladder if rung < value * 0.999]
            value = higher[0] if steps > 0 else lower[-1]
        self.setValue(value)


class Rate(Editor):
    """A learning rate."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.box = LearningRate()
        self.box.setRange(limits["min"], limits["max"])
        _set_up(self.box, words)
        super().__init__(self.box)
        self.box.valueChanged.connect(lambda value: self.changed.emit(float(f"{value:.6g}")))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.box):
            self.box.setValue(value)


class Number(QDoubleSpinBox):
    """A number of any size, written as short as it can be; arrows change its leading digits."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(6)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        """Write it as short as it can be."""
        return f"{value:.9g}"


class Wide(Editor):
    """A number that may be tiny as well as huge."""

    def __init__(self, limits: Mapping[str, Any], words: Words) -> None:
        self.box = Number()
        self.box.setRange(limits.get("min", -HUGE), limits.get("max", HUGE))
        _set_up(self.box, words)
        super().__init__(self.box)
        self.box.valueChanged.connect(lambda value: self.changed.emit(round(value, 6)))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        with signals_blocked(self.box):
            self.box.setValue(value)


class TextLine(Editor):
    """A text, such as an address."""

    def __init__(self, _limits: Mapping[str, Any], words: Words) -> None:
        self.line = QLineEdit()
        self.line.setPlaceholderText(words.zero)
        super().__init__(self.line)
        self.line.editingFinished.connect(lambda: self.changed.emit(self.line.text().strip()))

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        if self.line.text() != value:
            self.line.setText(value)


class FileLine(Editor):
    """A file, or what stands for one."""

    def __init__(self, _limits: Mapping[str, Any], words: Words) -> None:
        self._words = words
        self.line = QLineEdit()
        self.line.setPlaceholderText(words.zero)
        self.browse = QPushButton("…")
        self.browse.setFixedWidth(28)
        self.browse.setToolTip("Choose a file")
        self.browse.setAccessibleName(f"Choose a file: {words.label.lower()}")
        super().__init__(self.line, self.browse)
        self.line.editingFinished.connect(lambda: self.changed.emit(self.line.text().strip()))
        self.browse.clicked.connect(self._choose)

    def show_value(self, value: Any) -> None:  # noqa: ANN401
        """Show a value."""
        if self.line.text() != value:
            self.line.setText(value)

    def _choose(self) -> None:
        chosen = choose_files(self, self._words.label, list(self._words.files))
        if chosen:
            self.line.setText(str(Path(chosen[0])))
            self.changed.emit(self.line.text())


def editor_of(example: object, limits: Mapping[str, Any], words: Words) -> Editor:
    """Make the control that suits a value and its limits."""
    made: Callable[[Mapping[str, Any], Words], Editor]
    if isinstance(example, bool):
        made = Switch
    elif isinstance(example, tuple):
        made = Choices
    elif isinstance(example, str):
        made = Choice if "choices" in limits else FileLine if words.files else TextLine
    elif isinstance(example, int):
        made = Whole
    else:
        made = _of_numbers(limits)
    return made(limits, words)


def _of_numbers(limits: Mapping[str, Any]) -> Callable[[Mapping[str, Any], Words], Editor]:
    low, high = limits.get("min", -HUGE), limits.get("max", HUGE)
    if high - low > WIDE:
        return Wide
    return Rate if low > 0 and high / low > WIDE else Share


def _set_up(box: QAbstractSpinBox, words: Words) -> None:
    box.setKeyboardTracking(False)  # a number counts when it is typed to its end
    box.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
    if isinstance(box, QSpinBox | QDoubleSpinBox) and words.unit:
        box.setSuffix(UNITS.get(words.unit, f" {words.unit}"))
    ignore_wheel(box)
