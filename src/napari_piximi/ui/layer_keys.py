"""Keys and clicks on the canvas: next image, select an object, categorise it.

======================  ====================================================================
Page Down, Page Up      next, previous image
click                   select the object in the gallery; with Shift or Ctrl add it or take
                        it away; on the background select no object
Shift+0 … Shift+9       categorise what is selected in the gallery
0 … 9                   the same while one of our Labels layers is active, moves the camera
                        on a drag, and something is selected; else napari's own tools
Escape                  select nothing
Ctrl+Z, Ctrl+Shift+Z    undo, redo an edit of the project
======================  ====================================================================
"""

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut

from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui import messages

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_piximi.ui.layers import LayerLink
    from napari_piximi.ui.workspace import Workspace

__all__ = ["ViewerKeys"]

STILL = 4.0
"""Screen pixels that the mouse may move in a click."""
DIGITS = "0123456789"


class ViewerKeys:
    """The keys and clicks of one viewer.

    Parameters
    ----------
    workspace : Workspace
    link : LayerLink
    viewer : ViewerModel
    """

    def __init__(self, workspace: "Workspace", link: "LayerLink", viewer: "ViewerModel") -> None:
        self._workspace = workspace
        self._link = weakref.ref(link)
        self._viewer = weakref.ref(viewer)
        self._labels: weakref.WeakSet[Labels] = weakref.WeakSet()
        self._shortcuts: list[QShortcut] = []
        own = weakref.ref(self)
        for key, act in {
            "PageDown": _call(own, lambda keys: keys.step(1)),
            "PageUp": _call(own, lambda keys: keys.step(-1)),
            "Escape": _call(own, ViewerKeys.deselect),
            "Control-Z": _call(own, ViewerKeys.undo),
            "Control-Shift-Z": _call(own, ViewerKeys.redo),
        }.items():
            viewer.bind_key(key, act, overwrite=True)
        viewer.mouse_drag_callbacks.append(partial(_click, own))
        workspace.gallery.selected.connect(self.refresh)

    def bind(self, layer: Labels) -> None:
        """Give one of our Labels layers its keys."""
        own = weakref.ref(self)
        layer.bind_key("Control-Z", _call(own, ViewerKeys.undo), overwrite=True)
        layer.bind_key("Control-Shift-Z", _call(own, ViewerKeys.redo), overwrite=True)
        layer.events.mode.connect(self.refresh)
        self._labels.add(layer)

    def refresh(self, *_: object) -> None:
        """Take number keys and Escape from napari's tools, or give them back to them."""
        self._bind_window()
        own = weakref.ref(self)
        chosen = bool(self._workspace.gallery.selection)
        for layer in self._labels:
            ours = chosen and str(layer.mode) == "pan_zoom"
            for digit in DIGITS:
                act = _call(own, partial(ViewerKeys.categorize, number=int(digit)))
                layer.bind_key(digit, act if ours else None, overwrite=True)
            escape = _call(own, ViewerKeys.deselect) if ours else None
            layer.bind_key("Escape", escape, overwrite=True)

    # --- what keys do ----------------------------------------------------------------------

    def step(self, count: int) -> None:
        """Show the next or previous image."""
        link = self._link()
        if link is not None:
            link.step(count)

    def deselect(self) -> None:
        """Select nothing."""
        self._workspace.gallery.select([])

    def undo(self) -> None:
        """Take back the last edit."""
        self._workspace.undo()

    def redo(self) -> None:
        """Bring back the edit last taken back."""
        self._workspace.redo()

    def categorize(self, number: int) -> None:
        """Give what is selected in the gallery the category of a number key."""
        from napari_piximi.ui.workspace import numbered_categories

        gallery, project = self._workspace.gallery, self._workspace.project
        categories = numbered_categories(project, gallery.query.kind)
        if not gallery.selection:
            return
        if number < len(categories):
            self._workspace.categorize(gallery.selection, categories[number])
        else:
            name = project.kind_name(gallery.query.kind)
            messages.info(f"{name} has no category number {number}; create it in Categories")

    def click(self, event: Any) -> None:  # noqa: ANN401
        """Select what was clicked on."""
        link = self._link()
        if link is None or self._workspace.shown is None:
            return
        found = link.annotation_at(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
        )
        add = any(key in event.modifiers for key in ("Shift", "Control"))
        if found is not None:
            link.select(found, add=add)
        elif not add and self._workspace.gallery.query.kind != IMAGE_KIND:
            self.deselect()

    def takes_clicks(self) -> bool:
        """Tell whether a click would do nothing else: the active layer only moves the camera."""
        viewer = self._viewer()
        active = viewer.layers.selection.active if viewer else None
        return active is None or str(active.mode) == "pan_zoom"

    def _bind_window(self) -> None:
        """Bind Shift and numbers, which napari's own key bindings cannot tell apart.

        What Shift+1 types depends on the keyboard: ``!`` here, ``+`` or ``1`` elsewhere. Qt
        knows which key it was.
        """
        viewer = self._viewer()
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        if window is None or self._shortcuts:
            return
        own = weakref.ref(self)
        for digit in DIGITS:
            shortcut = QShortcut(QKeySequence(f"Shift+{digit}"), window.centralWidget())
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            act = _call(own, partial(ViewerKeys.categorize, number=int(digit)))
            shortcut.activated.connect(act)
            self._shortcuts.append(shortcut)


def _call(
    keys: "weakref.ref[ViewerKeys]", act: Callable[[ViewerKeys], object]
) -> Callable[..., None]:
    """Return a key binding that does not keep the keys, and with them the workspace, alive."""

    def press(*_: object) -> None:
        found = keys()
        if found is not None:
            act(found)

    return press


def _click(
    keys: "weakref.ref[ViewerKeys]",
    viewer: "ViewerModel",
    event: Any,  # noqa: ANN401
) -> Iterator[None]:
    """Be a mouse callback of napari, which runs on at each move until the button is released."""
    found = keys()
    if found is None or event.button != 1 or not found.takes_clicks():
        return
    start = tuple(event.pos)
    yield
    moved = False
    while event.type == "mouse_move":
        moved = moved or max(abs(a - b) for a, b in zip(start, event.pos, strict=True)) > STILL
        yield
    if not moved:
        found.click(event)
