"""A large plane, piece by piece: each piece with a rim of what lies around it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from napari_piximi.errors import SegmentError
from napari_piximi.model.things import BBox

__all__ = ["Step", "Tile", "tiles", "walk"]

Slices = tuple[slice, slice]

Step = Callable[[int, int, str], None]
"""Called as ``step(done, total, what)`` before each tile; may raise Cancelled."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a plane, inside of it in all.

    Attributes
    ----------
    read : (min_row, min_col, max_row, max_col)
        What to look at.
    keep : (min_row, min_col, max_row, max_col)
        Whose results count; inside of `read`. Those of all tiles cover the plane once.
    """

    read: BBox
    keep: BBox

    @property
    def reading(self) -> Slices:
        """Take ``plane[tile.reading]``."""
        return _slices(self.read)

    @property
    def keeping(self) -> Slices:
        """Put results to ``result[tile.keeping]``."""
        return _slices(self.keep)

    @property
    def kept(self) -> Slices:
        """Cut what was made of ``plane[tile.reading]`` down to what counts."""
        top, left, bottom, right = self.keep
        row, col = self.read[:2]
        return slice(top - row, bottom - row), slice(left - col, right - col)


def tiles(shape: tuple[int, int], size: int, overlap: int = 0, multiple: int = 1) -> Iterator[Tile]:
    """Walk over a plane from its top left corner, row by row of tiles.

    Parameters
    ----------
    shape : (Y, X)
        Of the plane. One without pixels has no tiles.
    size : int
        Edge of what is kept of a tile; less at the right and lower border.
    overlap : int
        How far a tile reads beyond that on each side, where the plane goes on.
    multiple : int
        `size` and `overlap` are rounded up to whole multiples of it, so that each tile is read
        from a row and a column that are multiples, as networks with pooling need for results
        that do not depend on the tile. Only where the plane ends may a tile end elsewhere: the
        caller pads that.

    Yields
    ------
    Tile

    Raises
    ------
    SegmentError
        If `size` or `multiple` is not positive, or `overlap` is negative.

    Examples
    --------
    >>> [tile.read for tile in tiles((10, 8), size=8, overlap=2)]
    [(0, 0, 10, 8), (6, 0, 10, 8)]
    """
    if size < 1 or multiple < 1 or overlap < 0:
        raise SegmentError(
            f"Tiles of {size} pixels with an overlap of {overlap}, in multiples of {multiple}, "
            "cannot be made"
        )
    height, width = shape
    size, overlap = (-(-number // multiple) * multiple for number in (size, overlap))
    for top in range(0, height, size):
        for left in range(0, width, size):
            bottom, right = min(top + size, height), min(left + size, width)
            yield Tile(
                read=(
                    max(top - overlap, 0),
                    max(left - overlap, 0),
                    min(top + size + overlap, height),
                    min(left + size + overlap, width),
                ),
                keep=(top, left, bottom, right),
            )


def walk(
    shape: tuple[int, int], size: int, step: Step, what: str, overlap: int = 0
) -> Iterator[Tile]:
    """Walk over a plane as with :func:`tiles`, and tell so.

    Parameters
    ----------
    shape, size, overlap
        As for :func:`tiles`.
    step : callable
    what : str
        What is done with the tiles.
    """
    total = -(-shape[0] // size) * -(-shape[1] // size)
    for done, tile in enumerate(tiles(shape, size, overlap)):
        step(done, total, what)
        yield tile


def _slices(box: BBox) -> Slices:
    return slice(box[0], box[2]), slice(box[1], box[3])
