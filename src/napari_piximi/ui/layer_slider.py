"""The slider of a stack: where the user leaves it is the plane that the image shows."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_piximi.model import edits
from napari_piximi.model.things import Image
from napari_piximi.ui.layer_view import plane_of
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["PlaneSlider"]

DELAY = 500
"""Milliseconds that it rests before that is an edit."""


class PlaneSlider:
    """Makes an edit of where napari's slider comes to rest, if the user moved it.

    Parameters
    ----------
    workspace : Workspace
    shown : callable
        Returns the image that the viewer shows, if any.
    moves : callable
        Tells whether napari moves it, as it does while layers come and go.
    """

    def __init__(
        self, workspace: "Workspace", shown: Callable[[], Image | None], moves: Callable[[], bool]
    ) -> None:
        self._workspace, self._shown, self._moves = workspace, shown, moves
        self._viewer = weakref.ref(workspace.viewer)
        self._soon = Rest(self._commit, DELAY)
        workspace.viewer.dims.events.point.connect(self._note)

    @property
    def plane(self) -> int:
        """The plane that the viewer shows of the shown image."""
        viewer, image = self._viewer(), self._shown()
        return plane_of(viewer, image) if viewer is not None and image is not None else 0

    def flush(self) -> None:
        """Make the edit now, if there is to be one."""
        self._soon.flush()

    def forget(self) -> None:
        """Make no edit of where it is now."""
        self._soon.forget()

    def _note(self, _: object) -> None:
        image = self._shown()
        if image is None or self._moves():
            return
        if image.pixels.shape[0] > 1 and self.plane != image.plane:
            self._soon.ask()

    def _commit(self) -> None:
        viewer, image = self._viewer(), self._shown()
        if viewer is not None and image is not None and viewer.dims.ndisplay == 2:
            label = f"Show plane {self.plane} of {image.name}"
            self._workspace.edit(label, edits.set_plane, [image.id], self.plane)
