import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent

from napari_piximi.ui.number_keys import digit_of

Keys, Mods = Qt.Key, Qt.KeyboardModifier
SHIFT, PLAIN = Mods.ShiftModifier, Mods.NoModifier


def press(
    key: int, modifiers: Qt.KeyboardModifier, scan: int = 0, virtual: int = 0, text: str = ""
) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers, scan, virtual, 0, text)


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_a_digit(digit: int) -> None:
    key = Keys.Key_0.value + digit
    assert digit_of(press(key, PLAIN)) == digit
    assert digit_of(press(key, Mods.KeypadModifier)) == digit
    assert digit_of(press(key, SHIFT)) == digit


@pytest.mark.parametrize(
    ("key", "digit"),
    [(Keys.Key_Exclam, 1), (Keys.Key_At, 2), (Keys.Key_NumberSign, 3), (Keys.Key_Dollar, 4),
     (Keys.Key_Percent, 5), (Keys.Key_AsciiCircum, 6), (Keys.Key_Ampersand, 7),
     (Keys.Key_Asterisk, 8), (Keys.Key_ParenLeft, 9), (Keys.Key_ParenRight, 0)],
)  # fmt: skip
def test_shift_on_an_american_keyboard(key: Qt.Key, digit: int) -> None:
    assert digit_of(press(key.value, SHIFT)) == digit
    assert digit_of(press(key.value, PLAIN)) is None


@pytest.mark.parametrize(
    ("key", "scan", "virtual", "platform", "digit"),
    [
        (Keys.Key_Slash, 16, 0x2F, "linux", 7),  # German: shift 7 is /
        (Keys.Key_Equal, 19, 0x3D, "linux", 0),
        (Keys.Key_QuoteDbl, 3, 0x32, "win32", 2),  # British: shift 2 is "
        (Keys.Key_Equal, 11, 0x30, "win32", 0),
        (Keys.Key_Slash, 0, 26, "darwin", 7),
        (Keys.Key_Equal, 0, 29, "darwin", 0),
        (Keys.Key_Ampersand, 15, 0x26, "linux", 6),  # where it lies counts, not what it types
    ],
)
def test_shift_on_other_keyboards(
    key: Qt.Key, scan: int, virtual: int, platform: str, digit: int
) -> None:
    assert digit_of(press(key.value, SHIFT, scan, virtual), platform) == digit


@pytest.mark.parametrize(
    ("key", "modifiers", "scan"),
    [(Keys.Key_A, PLAIN, 0), (Keys.Key_A, SHIFT, 38), (Keys.Key_1, Mods.ControlModifier, 10),
     (Keys.Key_1, Mods.AltModifier, 10), (Keys.Key_Shift, SHIFT, 50), (Keys.Key_F1, SHIFT, 67)],
)  # fmt: skip
def test_other_keys_are_no_digits(key: Qt.Key, modifiers: Qt.KeyboardModifier, scan: int) -> None:
    assert digit_of(press(key.value, modifiers, scan)) is None
