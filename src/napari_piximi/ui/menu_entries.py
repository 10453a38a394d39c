"""What menus that are written anew whenever they are opened have in common."""

from collections.abc import Callable, Iterable

from qtpy.QtWidgets import QMenu

__all__ = ["Entry", "write_menu"]

Entry = tuple[str, str, Callable[[], object], bool]
"""Caption, tool tip, what is done, and whether it can be done now: if not, it is grey."""


def write_menu(menu: QMenu, groups: Iterable[Iterable[Entry]]) -> None:
    """Write a menu anew, with a line between groups of entries."""
    menu.clear()
    for group in groups:
        if menu.actions():
            menu.addSeparator()
        for text, meaning, act, possible in group:
            action = menu.addAction(text)
            assert action is not None
            action.setToolTip(meaning)
            action.setEnabled(possible)
            action.triggered.connect(lambda _=False, act=act: act())
