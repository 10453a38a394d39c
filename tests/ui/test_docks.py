"""Docks, as far as they need no window; the rest is in test_window.py."""

from napari_piximi.ui.docks import DOCKS, show_dock, show_docks
from napari_piximi.ui.workspace import Workspace


def test_a_viewer_without_a_window_is_left_alone(workspace: Workspace) -> None:
    show_docks(workspace)
    assert [show_dock(workspace, name) for name in DOCKS] == [None] * len(DOCKS)
