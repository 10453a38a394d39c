"""The colours of a Labels layer for napari, also for labels of more than 16 bits."""

import weakref
from typing import Any

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray
from pydantic import PrivateAttr

__all__ = ["LabelColors", "Texture"]

SMALL = 1 << 20
"""Pixels up to which memory of their own is as quick."""


class Texture:
    """Labels in 16 bits, as they are drawn, in memory that is used again and again.

    Where that must be asked of the system for each picture, it takes longer than the copy.
    """

    def __init__(self) -> None:
        self._memory = np.zeros((0, 0), np.uint16)
        self._owner: weakref.ref[NDArray[Any]] | None = None
        self._fresh = False

    def adopt(self, other: "Texture") -> None:
        """Use the memory of another one, that was filled in a thread."""
        self._memory, self._owner, self._fresh = other._memory, other._owner, other._fresh

    def fill(self, labels: NDArray[Any]) -> None:
        """Draw labels ahead, that nobody changes before :meth:`of` is asked for them."""
        self.of(labels)
        self._fresh = True

    def of(self, labels: NDArray[Any]) -> NDArray[np.uint16]:
        """Return the lower 16 bits of labels; 1 for labels that would be taken for background.

        Parameters
        ----------
        labels : integer array

        Returns
        -------
        array of uint16
            Of the same shape; of large labels, valid until the next plane of the same array.
        """
        if labels.size <= SMALL:
            drawn = labels.astype(np.uint16)
        else:
            drawn, fresh = self._room(labels), self._fresh
            self._fresh = False
            if fresh:
                return drawn
            np.copyto(drawn, labels, casting="unsafe")
        if np.count_nonzero(drawn) != np.count_nonzero(labels):
            drawn[(drawn == 0) & (labels != 0)] = 1
        return drawn

    def _room(self, labels: NDArray[Any]) -> NDArray[np.uint16]:
        """Return memory for planes of one array: another layer may draw the last one's still."""
        owner = labels if labels.base is None else labels.base
        if self._owner is None or self._owner() is not owner or self._memory.shape != labels.shape:
            self._memory = np.empty(labels.shape, np.uint16)
            self._owner = weakref.ref(owner)
            self._fresh = False
        return self._memory


class LabelColors(CyclicLabelColormap):  # type: ignore[misc]
    """Colours of labels; with more than 16 bits, the lower 16 bits of a label choose.

    napari takes such labels modulo the number of colours: with code that it compiles first, which
    stops the window for seconds, and then for 60 ms for 4096 x 4096 pixels. Copying takes 12.

    Parameters
    ----------
    colors : (N, 4) array
    texture : Texture
        Of the layer.
    """

    _texture: Texture = PrivateAttr(default_factory=Texture)

    def __init__(
        self,
        colors: NDArray[np.float32],
        texture: Texture | None = None,
        **rest: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(colors=colors, **rest)
        if texture is not None:
            self._texture = texture

    def _data_to_texture(self, values: Any) -> Any:  # noqa: ANN401
        wide = isinstance(values, np.ndarray) and values.dtype.itemsize > 2
        if wide and not self.use_selection:
            return self._texture.of(values)
        return super()._data_to_texture(values)
