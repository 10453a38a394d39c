"""What can be done with the selected things, as a menu."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QApplication, QMenu

from napari_piximi.model import edits
from napari_piximi.model.things import IMAGE_KIND, Annotation, Partition
from napari_piximi.ui.filter_form import swatch
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace, numbered_categories

__all__ = [
    "count_text",
    "delete_selection",
    "fill_menu",
    "menu_text",
    "predicted_ids",
    "selected_ids",
]

LONGEST = 50
FEW = 1000
"""Things of which each is asked for its row, rather than all on show whether chosen."""


def count_text(count: int) -> str:
    """Return ``"1 thing"`` or ``"1,234 things"``."""
    return "1 thing" if count == 1 else f"{count:,} things"


def menu_text(name: str) -> str:
    """Return a name for a menu: in one line, not too long, no letter of it a shortcut."""
    return one_line(name, LONGEST).replace("&", "&&")


def selected_ids(workspace: Workspace) -> list[str]:
    """Return the selected things, those on show in their order, then the others."""
    gallery = workspace.gallery
    chosen = gallery.selection
    if len(chosen) == len(gallery.ids) and chosen.issuperset(gallery.ids):
        return list(gallery.ids)
    if len(chosen) < FEW:
        rows = {key: row for key in chosen if (row := gallery.row(key)) is not None}
        shown = sorted(rows, key=rows.__getitem__)
    else:
        shown = [key for key in gallery.ids if key in chosen]
    return shown + sorted(chosen.difference(shown))


def predicted_ids(workspace: Workspace, ids: Sequence[str]) -> list[str]:
    """Return those of some things that have a prediction."""
    things = workspace.project.things
    return [key for key in ids if things[key].prediction is not None]


def delete_selection(workspace: Workspace) -> None:
    """Delete the selected things; undo brings them back."""
    ids = selected_ids(workspace)
    if ids:
        workspace.edit(f"Delete {count_text(len(ids))}", edits.delete_things, ids)


def fill_menu(menu: QMenu, workspace: Workspace) -> None:
    """Put into a menu what can be done with the selection.

    Parameters
    ----------
    menu : QMenu
    workspace : Workspace
    """
    ids = selected_ids(workspace)
    current = workspace.gallery.current or (ids[0] if ids else None)
    things = count_text(len(ids))
    if not ids:
        _add(menu, "Nothing is selected: click a thing, or press Ctrl+A").setEnabled(False)
        return
    assert current is not None
    _add(menu, "Show in the viewer\tEnter", partial(workspace.show, current))
    _add_same_image(menu, workspace, current)
    _fill_categories(_sub(menu, f"Categorise {things}"), workspace, ids)
    _fill_partitions(_sub(menu, f"Put {things} into a partition"), workspace, ids)
    if workspace.gallery.query.kind != IMAGE_KIND:
        _fill_kinds(_sub(menu, f"Move {things} to a kind"), workspace, ids)
    _add_predictions(menu, workspace, ids)
    menu.addSeparator()
    _add(menu, "Copy name" if len(ids) == 1 else "Copy names", partial(_copy, workspace, ids))
    menu.addSeparator()
    _add(menu, f"Delete {things}\tDel", partial(delete_selection, workspace))


def _add_predictions(menu: QMenu, workspace: Workspace, ids: list[str]) -> None:
    from napari_piximi.ui.predicting import accept_things, clear

    said = predicted_ids(workspace, ids)
    if not said:
        return
    one, count = len(said) == 1, f"{len(said):,}"
    accept = "Accept prediction" if one else f"Accept predictions ({count})"
    _add(menu, f"{accept}\tA", partial(accept_things, workspace, said))
    text = "Clear prediction" if one else f"Clear predictions ({count})"
    _add(menu, text, partial(clear, workspace, said))


def _add_same_image(menu: QMenu, workspace: Workspace, current: str) -> None:
    thing = workspace.project.things[current]
    if isinstance(thing, Annotation):
        name = menu_text(workspace.project.things[thing.image].name)
        query = replace(workspace.gallery.query, image=thing.image)
        act = partial(workspace.gallery.set_query, query)
        _add(menu, f"Only what lies on {name}", act)


def _fill_categories(menu: QMenu, workspace: Workspace, ids: list[str]) -> None:
    project, kind = workspace.project, workspace.gallery.query.kind
    numbers = {key: digit for digit, key in enumerate(numbered_categories(project, kind))}
    for key in (project.kinds[kind].unknown, *project.known_categories(kind)):
        category = project.categories[key]
        text = menu_text(category.name)
        action = _add(
            menu,
            f"{text}\t{numbers[key]}" if key in numbers else text,
            partial(workspace.categorize, ids, key),
        )
        action.setIcon(swatch(category.color))
        action.setIconVisibleInMenu(True)


def _fill_partitions(menu: QMenu, workspace: Workspace, ids: list[str]) -> None:
    for partition in Partition:
        label = f"Put {count_text(len(ids))} into {partition.value}"
        act = partial(workspace.edit, label, edits.set_partition, ids, partition)
        _add(menu, partition.value, act)


def _fill_kinds(menu: QMenu, workspace: Workspace, ids: list[str]) -> None:
    present = workspace.gallery.query.kind
    for kind in workspace.project.kinds.values():
        if kind.id not in (IMAGE_KIND, present):
            label = f"Move {count_text(len(ids))} to {kind.name}"
            act = partial(workspace.edit, label, edits.move_to_kind, ids, kind.id)
            _add(menu, menu_text(kind.name), act)
    if menu.isEmpty():
        _add(menu, "There is no other kind: add one in the Project dock").setEnabled(False)


def _copy(workspace: Workspace, ids: list[str]) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText("\n".join(workspace.project.things[key].name for key in ids))


def _sub(menu: QMenu, text: str) -> QMenu:
    return cast("QMenu", menu.addMenu(text))


def _add(menu: QMenu, text: str, act: Callable[[], object] | None = None) -> QAction:
    action = cast("QAction", menu.addAction(text))
    if act is not None:
        action.triggered.connect(lambda _: act())
    return action
