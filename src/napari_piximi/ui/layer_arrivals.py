"""Layers come into a viewer, and go, one in a turn of the event loop."""

import weakref
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer

from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["Arrivals", "has_window"]

BETWEEN = 10
"""Milliseconds between two steps: time to draw the window, which else counts as one turn."""

Place = Callable[[], int]


def has_window(viewer: "ViewerModel") -> bool:
    """Tell whether there is a window that would stand still."""
    return getattr(viewer, "window", None) is not None


class Arrivals:
    """Brings layers into a viewer, and takes layers out of it, in the order of the requests.

    In a window, napari shows no controls for a moment, makes visuals and controls for a new
    layer, and then what it draws over it, which takes 10 to 60 ms each, and cannot be done in a
    thread. So each has a turn of the event loop. Where there is no window, all is done at once.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = weakref.ref(viewer)
        self._steps: deque[Callable[[], object]] = deque()
        self._coming: list[Layer] = []
        self._batch = ExitStack()
        self._soon = Rest(self._next, BETWEEN)
        viewer.layers.events.removing.connect(self._complete)

    @property
    def waiting(self) -> bool:
        """Whether anything is to be done yet."""
        return bool(self._steps)

    def bring(self, layers: Iterable[Layer], place: Place) -> None:
        """Put layers into the viewer; the last one is selected then, as napari does.

        Parameters
        ----------
        layers : iterable of Layer
        place : callable
            Asked for the index of each when it is put there.
        """
        for layer in layers:
            self._coming.append(layer)
            insert = partial(self._insert, layer, place)
            self._steps += (self._unselect, insert, self._complete)
        self._go()

    def take(self, layers: Iterable[Layer]) -> None:
        """Take layers out of the viewer, for good; their data goes.

        Parameters
        ----------
        layers : iterable of Layer
            Those that have not come yet do not come any more.
        """
        for layer in layers:
            if layer in self._coming:
                self._coming.remove(layer)
            self._steps.append(partial(self._remove, layer))
        self._go()

    def then(self, act: Callable[[], object]) -> None:
        """Do something when all that was asked for has been done."""
        self._steps.append(act)
        self._go()

    def flush(self) -> None:
        """Do now all that waits."""
        self._soon.forget()
        while self._steps:
            self._steps.popleft()()

    # --- within ----------------------------------------------------------------------------

    def _go(self) -> None:
        viewer = self._viewer()
        if viewer is not None and has_window(viewer):
            self._soon.ask()
        else:
            self.flush()

    def _next(self) -> None:
        if not self._steps:
            return
        try:
            self._steps.popleft()()
        finally:
            if self._steps:
                self._soon.ask()

    def _unselect(self) -> None:
        """Do before what napari does before it selects a new layer."""
        viewer = self._viewer()
        if viewer is not None and self._coming:
            viewer.layers.selection.clear()

    def _insert(self, layer: Layer, place: Place) -> None:
        """Insert a layer; what napari draws over it is made when the batch ends."""
        viewer = self._viewer()
        if viewer is None or layer not in self._coming:
            return
        self._coming.remove(layer)
        if hasattr(viewer.layers, "batched_update"):  # an older napari draws nothing over it
            self._batch.enter_context(viewer.layers.batched_update())
        viewer.layers.insert(place(), layer)

    def _complete(self, *_: object) -> None:
        """Let napari make the rest for the last layer; nothing may go before that."""
        self._batch.close()

    def _remove(self, layer: Layer) -> None:
        """Remove a layer, and its data: what was taken out of the search for garbage stays."""
        viewer = self._viewer()
        if viewer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)
        layer.data = np.zeros((1,) * layer.ndim, layer.dtype)
