"""Which digit a key stands for, on any layout, with shift or without."""

import sys

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent

__all__ = ["digit_of"]

PUNCTUATION = {key: digit for digit, key in enumerate(")!@#$%^&*(")}
"""What shift and a digit give on an American keyboard, for events that name no real key."""
MAC_KEYS = {18: 1, 19: 2, 20: 3, 21: 4, 23: 5, 22: 6, 26: 7, 28: 8, 25: 9, 29: 0}
FIRST_SCAN_CODE = {"win32": 2, "linux": 10}
"""Scan code of the key 1; those up to 9 and 0 follow."""


def digit_of(event: QKeyEvent, platform: str = sys.platform) -> int | None:
    """Return the digit that a key press stands for, or None.

    With shift, the key counts rather than what it types: on most layouts that is punctuation.

    Parameters
    ----------
    event : QKeyEvent
    platform : str
        As `sys.platform`.
    """
    key, modifiers = event.key(), event.modifiers()
    strange = ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    if modifiers & strange:
        return None
    if Qt.Key.Key_0 <= key <= Qt.Key.Key_9:
        return int(key - Qt.Key.Key_0)
    if not modifiers & Qt.KeyboardModifier.ShiftModifier:
        return None
    if platform == "darwin":
        if event.nativeVirtualKey():
            return MAC_KEYS.get(event.nativeVirtualKey())
    elif event.nativeScanCode():
        place = event.nativeScanCode() - FIRST_SCAN_CODE.get(platform, 10)
        return (place + 1) % 10 if 0 <= place <= 9 else None
    return PUNCTUATION.get(chr(key)) if key < 128 else None
