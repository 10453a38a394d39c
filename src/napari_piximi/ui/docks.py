"""Where our docks are: a sensible place at first, then where the user put them."""

import gc
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

from napari.plugins import menu_item_template
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_piximi.ui import preferences

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["DOCKS", "dock_name", "show_dock", "show_docks", "warm_up"]

DOCKS = {
    "Project": "right",
    "Segmentation": "right",
    "Classifier": "right",
    "Categories": "right",
    "Gallery": "bottom",
    "Feature map": "bottom",
}
"""Names of our docks as in the manifest, and where they are at first."""

FIRST = ("Project", "Segmentation", "Classifier", "Categories", "Gallery")
"""Those that are shown with a project; the others wait until they are asked for."""

TABBED = {"Segmentation": "Project", "Classifier": "Project"}
"""Docks that share a place with another one, behind which they are at first."""

SIZES = {"right": 360, "left": 360, "bottom": 260, "top": 260}
"""Width or height at first, in pixels."""

SHARES = {"Project": 5250, "Categories": 2750, "Gallery": 3000}
"""Of the height at a side, as far as there is room."""

ACROSS = ("left", "right")
KEPT = "dock sizes"
QUIET = 500
"""Milliseconds after the last change of size before it is kept, and after a dock was made before
the others are made ready."""

_LISTED = "Piximi"


def dock_name(name: str) -> str:
    """Return what napari calls a dock that is opened from its menus."""
    return str(menu_item_template.format(_LISTED, name))


def show_docks(workspace: "Workspace") -> None:
    """Show our first docks and guard the window against closing with unsaved work.

    Those that are open stay where they are; of those that are missing one is made now, and one
    in each turn of the event loop that follows, so that the window never stalls for long. A
    viewer without a window is left alone.
    """
    there = {name: _find(workspace, name) for name in FIRST}
    missing = [name for name in FIRST if there[name] is None]
    for name, dock in there.items():
        is_open = dock is not None and not dock.isHidden()
        if name not in missing[1:] and name not in TABBED and not is_open:
            show_dock(workspace, name)
    window = _main_window(workspace)
    if window is None:
        return
    from napari_piximi.ui.activity import keep_room
    from napari_piximi.ui.guard import guard

    guard(window, workspace)
    keep_room(window)
    if missing:
        _Turns(window, workspace, missing).next()
    else:
        _keep_from_garbage_collection()


def _keep_from_garbage_collection() -> None:
    """Take what lives now out of the search for garbage, until the window is closed.

    napari, our docks and the libraries of both are some 350,000 objects that stay. Python would
    look for cycles among them again and again, and stop the window for 0.25 s each time.
    """
    gc.freeze()


class _Turns(QObject):
    """Makes docks one by one, and gives them their sizes when all are there."""

    def __init__(self, window: QMainWindow, workspace: "Workspace", names: list[str]) -> None:
        super().__init__(window)
        self._workspace = weakref.ref(workspace)
        self._names = names
        self._left = names[1:]
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._make)

    def next(self) -> None:
        """Make the next one in a turn of its own."""
        self._timer.start(0)

    def _make(self) -> None:
        workspace, window = self._workspace(), self.parent()
        if workspace is None or not isinstance(window, QMainWindow):
            return
        if self._left:
            _open_dock(workspace, self._left.pop(0))
            self.next()
            return
        made = {name: dock for name in self._names if (dock := _find(workspace, name))}
        _arrange(window, made)
        _keep_from_garbage_collection()
        self.deleteLater()


def warm_up() -> None:
    """Import what our docks and layers need; for the threads in which projects are read."""
    from napari_piximi.ui import classifier_panel, layer_firsts, segmentation_panel

    for name in DOCKS:
        _panel_class(name)
    classifier_panel.warm_up()
    segmentation_panel.warm_up()
    layer_firsts.warm_up()


@cache
def _warm_up_aside() -> None:
    """Do so once, for projects that are not read, such as a new one."""
    threading.Thread(target=warm_up, daemon=True).start()


def show_dock(workspace: "Workspace", name: str) -> QWidget | None:
    """Show one of our docks, made if it is not there yet.

    Parameters
    ----------
    workspace : Workspace
    name : str
        One of :data:`DOCKS`.

    Returns
    -------
    QWidget or None
        The panel in it; None for a viewer without a window.
    """
    dock = _open_dock(workspace, name)
    if dock is None:
        return None
    dock.show()
    dock.raise_()
    inner: QWidget | None = dock.widget()
    return inner


def _open_dock(workspace: "Workspace", name: str) -> QDockWidget | None:
    """Find or make a dock; a new one that shares a place lies behind the other one."""
    window = _napari_window(workspace)
    if window is None:
        return None
    dock = _find(workspace, name)
    if dock is None:
        positions = get_settings().application.plugin_widget_positions
        positions.setdefault(dock_name(name), DOCKS[name])
        panel = _panel_class(name)(workspace.viewer)
        dock = window.add_dock_widget(panel, name=dock_name(name), area=positions[dock_name(name)])
        _Size(dock)
        _tabify(workspace, name, dock)
        QTimer.singleShot(QUIET, _warm_up_aside)
    return dock


def _tabify(workspace: "Workspace", name: str, dock: QDockWidget) -> None:
    """Put a new dock behind the one that it shares a place with, if that is where it is."""
    front = _find(workspace, TABBED[name]) if name in TABBED else None
    window = front.parent() if front is not None else None
    if front is None or not isinstance(window, QMainWindow):
        return
    if window.dockWidgetArea(front) == window.dockWidgetArea(dock):
        # Its side stays; napari would write all its settings to disk once more.
        with QSignalBlocker(dock):
            window.tabifyDockWidget(front, dock)
        front.raise_()


def _panel_class(name: str) -> type[QWidget]:
    """Import a panel when it is needed first."""
    if name == "Project":
        from napari_piximi.ui.project_panel import ProjectPanel

        return ProjectPanel
    if name == "Segmentation":
        from napari_piximi.ui.segmentation_panel import SegmentationPanel

        return SegmentationPanel
    if name == "Classifier":
        from napari_piximi.ui.classifier_panel import ClassifierPanel

        return ClassifierPanel
    if name == "Feature map":
        from napari_piximi.ui.map_panel import MapPanel

        return MapPanel
    if name == "Categories":
        from napari_piximi.ui.categories_panel import CategoriesPanel

        return CategoriesPanel
    from napari_piximi.ui.gallery_panel import GalleryPanel

    return GalleryPanel


# --- places and sizes ------------------------------------------------------------------------


def _napari_window(workspace: "Workspace") -> Any:  # noqa: ANN401
    return getattr(workspace.viewer, "window", None)


def _find(workspace: "Workspace", name: str) -> QDockWidget | None:
    """Find one of our docks, also one that was opened from napari's menus or by a script."""
    window = _napari_window(workspace)
    docked = {} if window is None else window.dock_widgets
    for known in (dock_name(name), menu_item_template.format("napari-piximi", name)):
        panel = docked.get(known)
        parent = panel.parent() if isinstance(panel, QWidget) else None
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
        if parent is not None:
            return parent
    return None


def _main_window(workspace: "Workspace") -> QMainWindow | None:
    dock = _find(workspace, "Project")
    parent = dock.parent() if dock is not None else None
    return parent if isinstance(parent, QMainWindow) else None


def _arrange(window: QMainWindow, docks: dict[str, QDockWidget]) -> None:
    """Give new docks the size that the user gave them last, or a sensible one."""
    # The panels at the side need the height more than the gallery needs the last bit of width.
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    kept = preferences.get(KEPT, {})
    for dock in docks.values():
        area = _area_of(window, dock)
        across = area in ACROSS
        orientation = Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical
        window.resizeDocks([dock], [int(kept.get(area, SIZES[area]))], orientation)
    beside = {
        name: dock
        for name, dock in docks.items()
        if name not in TABBED and _area_of(window, dock) in ACROSS
    }
    if len(beside) > 1:
        parts = [SHARES[name] for name in beside]
        window.resizeDocks([*beside.values()], parts, Qt.Orientation.Vertical)


def _area_of(window: QMainWindow, dock: QDockWidget) -> str:
    areas = {
        Qt.DockWidgetArea.LeftDockWidgetArea: "left",
        Qt.DockWidgetArea.TopDockWidgetArea: "top",
        Qt.DockWidgetArea.BottomDockWidgetArea: "bottom",
    }
    return areas.get(window.dockWidgetArea(dock), "right")


class _Size(QObject):
    """Keeps the size that a dock is dragged to; napari keeps only its side."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = weakref.ref(dock)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET)
        self._timer.timeout.connect(self._keep)
        dock.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Wait for the end of a change of size, if it is the user who drags a border."""
        if event is not None and event.type() == QEvent.Type.Resize and _dragging():
            self._timer.start()
        return False

    def _keep(self) -> None:
        dock = self._dock()
        window = dock.parent() if dock is not None else None
        if dock is None or not isinstance(window, QMainWindow) or dock.isFloating():
            return
        area = _area_of(window, dock)
        size = dock.width() if area in ACROSS else dock.height()
        preferences.put(KEPT, {**preferences.get(KEPT, {}), area: size})


def _dragging() -> bool:
    return bool(QApplication.mouseButtons() & Qt.MouseButton.LeftButton)
