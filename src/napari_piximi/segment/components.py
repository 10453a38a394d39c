"""A mask becomes objects: holes, pieces that hang together, sizes.

Done tile by tile, and as on the whole: what hangs together may lie on any number of tiles.
Pixels hang together by edges and by corners; holes by edges alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.things import BBox
from napari_piximi.segment.tiles import Step, Tile, tiles, walk

__all__ = ["fill_holes", "pieces"]

EDGE, OVERLAP = 1024, 128

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Ids = NDArray[np.int64]


def fill_holes(mask: Mask, step: Step = lambda *_: None, edge: int = EDGE) -> None:
    """Fill background that does not reach the border of the plane, in place.

    Parameters
    ----------
    mask : (Y, X) boolean array
    step : callable
        See :data:`napari_piximi.segment.tiles.Step`.
    edge : int
        Of the tiles; the result does not depend on it.
    """
    links = _linked(mask, False, edge, step)
    outside = links.ids[np.isin(links.roots, links.roots[np.isin(links.ids, links.rim)])]
    for number, tile in enumerate(walk(_shape(mask), edge, step, "holes")):
        labels, count = _labelled(mask[tile.keeping], False)
        first = links.offsets[number]
        hole = np.ones(count + 1, bool)
        hole[0] = False
        low, high = np.searchsorted(outside, (first + 1, first + count + 1))
        hole[outside[low:high] - first] = False
        mask[tile.keeping] |= hole[labels]


def pieces(
    mask: Mask, step: Step = lambda *_: None, edge: int = EDGE, overlap: int = OVERLAP
) -> Iterator[tuple[int, int, Labels | Mask]]:
    """Find what hangs together.

    Parameters
    ----------
    mask : (Y, X) boolean array
    step : callable
    edge, overlap : int
        Of the tiles. Pieces that are larger than the overlap may be given out alone.

    Yields
    ------
    top, left : int
        Where the labels lie on the plane.
    labels : (H, W) int32 array or boolean array
        One or more pieces, each whole, numbered from 1 with gaps; a piece that is alone as a
        mask. Where the plane goes on beyond them, they are not at the border of the array.
    """
    shape = _shape(mask)
    if max(shape) > edge:
        yield from _large(mask, step, edge, overlap)
    for tile in walk(shape, edge, step, "objects", overlap):
        labels, count = _labelled(mask[tile.reading], True)
        boxes = _boxes(labels, count) + np.array(tile.read[:2] * 2)
        mine = _inside(boxes[:, :2], tile.keep) & _whole(boxes, tile.read, shape)
        lookup = np.append(0, np.where(mine, np.arange(1, count + 1), 0)).astype(np.int32)
        yield tile.read[0], tile.read[1], lookup[labels]


def _large(mask: Mask, step: Step, edge: int, overlap: int) -> Iterator[tuple[int, int, Mask]]:
    """Give out pieces that the tile where they begin does not see whole."""
    links = _linked(mask, True, edge, step)
    order, starts = _groups(links.roots)
    if not starts.size:
        return
    lowest = np.minimum.reduceat(links.boxes[order], starts, axis=0)
    highest = np.maximum.reduceat(links.boxes[order], starts, axis=0)
    boxes = np.concatenate([lowest[:, :2], highest[:, 2:]], axis=1)
    shape = _shape(mask)
    owners = boxes[:, 0] // edge * -(-shape[1] // edge) + boxes[:, 1] // edge
    reads = np.array([tile.read for tile in tiles(shape, edge, overlap)])
    large = np.flatnonzero(~_whole(boxes, reads[owners].T, shape))
    stops = np.append(starts[1:], order.size)
    labelled = lru_cache(16)(lambda number: _labelled(mask[links.tiles[number].keeping], True))
    for done, piece in enumerate(large.tolist()):
        ids = links.ids[order[starts[piece] : stops[piece]]]
        report = partial(step, done, large.size, "large objects")
        yield _painted(boxes[piece], ids, links, labelled, report)


def _painted(
    box: Ids,
    ids: Ids,
    links: "_Links",
    labelled: Callable[[int], tuple[Labels, int]],
    report: Callable[[], None],
) -> tuple[int, int, Mask]:
    """Put a piece together from what it is on each tile, with a rim where the plane goes on."""
    top, left = max(int(box[0]) - 1, 0), max(int(box[1]) - 1, 0)
    height, width = links.tiles[-1].keep[2:]
    bottom, right = min(int(box[2]) + 1, height), min(int(box[3]) + 1, width)
    piece = np.zeros((bottom - top, right - left), bool)
    numbers = np.searchsorted(links.offsets, ids) - 1
    for number in np.unique(numbers).tolist():
        report()
        labels, count = labelled(number)
        mine = np.zeros(count + 1, bool)
        mine[ids[numbers == number] - links.offsets[number]] = True
        y0, x0, y1, x1 = links.tiles[number].keep
        row, col, row_end, col_end = max(y0, top), max(x0, left), min(y1, bottom), min(x1, right)
        there = labels[row - y0 : row_end - y0, col - x0 : col_end - x0]
        piece[row - top : row_end - top, col - left : col_end - left] = mine[there]
    return top, left, piece


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """Which labels of neighbouring tiles are one piece.

    Labels get a number on the whole plane: that on the tile and the offset of the tile.

    Attributes
    ----------
    tiles : list of Tile
    offsets : (T,) array
    ids : (N,) array
        Numbers of all labels that reach the border of their tile, ascending.
    boxes : (N, 4) array
        On the plane.
    roots : (N,) array
        Equal where labels are one piece.
    rim : (R,) array
        Numbers of those that reach the border of the plane.
    """

    tiles: list[Tile]
    offsets: Ids
    ids: Ids
    boxes: Ids
    roots: Ids
    rim: Ids


def _linked(mask: Mask, objects: bool, edge: int, step: Step) -> _Links:
    """Label tile by tile, and find out what is one piece; background if not `objects`."""
    height, width = _shape(mask)
    rows: dict[int, Ids] = defaultdict(lambda: np.zeros(width, np.int64))
    cols: dict[int, Ids] = defaultdict(lambda: np.zeros(height, np.int64))
    seen, offsets, ids, boxes, offset = [], [], [], [], 0
    what = "looking for pieces" if objects else "looking for holes"
    for tile in walk((height, width), edge, step, what):
        labels, count = _labelled(mask[tile.keeping], objects)
        top, left, bottom, right = tile.keep
        for row in (top, bottom - 1):
            rows[row][left:right] = _numbered(labels[row - top], offset)
        for col in (left, right - 1):
            cols[col][top:bottom] = _numbered(labels[:, col - left], offset)
        sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        at_border = np.unique(np.concatenate(sides))
        at_border = at_border[at_border > 0]
        ids.append(at_border.astype(np.int64) + offset)
        boxes.append(_boxes(labels, count)[at_border - 1] + np.array((top, left, top, left)))
        seen.append(tile)
        offsets.append(offset)
        offset += count
    numbers = np.concatenate([np.zeros(0, np.int64), *ids])
    pairs = [_touching(rows[top - 1], rows[top], objects) for top in range(edge, height, edge)]
    pairs += [_touching(cols[left - 1], cols[left], objects) for left in range(edge, width, edge)]
    rim = np.unique(np.concatenate([rows[0], rows[height - 1], cols[0], cols[width - 1]]))
    return _Links(
        seen,
        np.array(offsets, np.int64),
        numbers,
        np.concatenate([np.zeros((0, 4), np.int64), *boxes]),
        _roots(numbers, pairs),
        rim[rim > 0],
    )


def _touching(one: Ids, other: Ids, corners: bool) -> Ids:
    """Return pairs of numbers that face each other across a seam, (P, 2)."""
    faces = [(one, other)]
    if corners:
        faces += [(one[1:], other[:-1]), (one[:-1], other[1:])]
    pairs = np.concatenate([np.stack(face, axis=1) for face in faces])
    return np.unique(pairs[(pairs > 0).all(axis=1)], axis=0)


def _roots(ids: Ids, pairs: list[Ids]) -> Ids:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.searchsorted(ids, np.concatenate([np.zeros((0, 2), np.int64), *pairs]))
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (ids.size,) * 2)
    _, roots = connected_components(graph.tocsr(), directed=False)
    return np.asarray(roots, np.int64)


def _groups(roots: Ids) -> tuple[Ids, Ids]:
    """Return an order in which equals are neighbours, and where each group starts in it."""
    order = np.argsort(roots, kind="stable")
    _, starts = np.unique(roots[order], return_index=True)
    return order, starts


def _labelled(mask: Mask, objects: bool) -> tuple[Labels, int]:
    from scipy import ndimage

    if objects:
        labels, count = ndimage.label(mask, np.ones((3, 3)), np.int32)
    else:
        labels, count = ndimage.label(~mask, None, np.int32)
    return labels, int(count)


def _boxes(labels: Labels, count: int) -> Ids:
    """Return the box of each label from 1 to `count`, (N, 4)."""
    from scipy import ndimage

    boxes = [(y.start, x.start, y.stop, x.stop) for y, x in ndimage.find_objects(labels, count)]
    return np.array(boxes, np.int64).reshape(-1, 4)


def _numbered(labels: Labels, offset: int) -> Ids:
    return np.where(labels > 0, labels.astype(np.int64) + offset, 0)


def _inside(points: Ids, box: BBox) -> Mask:
    return np.asarray(((points >= box[:2]) & (points < box[2:])).all(axis=1))


def _whole(boxes: Ids, read: Any, shape: tuple[int, int]) -> Mask:  # noqa: ANN401
    """Say which boxes do not reach to where something was cut off.

    Parameters
    ----------
    read : four integers, or four (N,) arrays
        What was looked at: one box, or one for each of `boxes`.
    """
    top, left, bottom, right = read
    whole: Mask = (
        ((boxes[:, 0] > top) | (top == 0))
        & ((boxes[:, 1] > left) | (left == 0))
        & ((boxes[:, 2] < bottom) | (bottom == shape[0]))
        & ((boxes[:, 3] < right) | (right == shape[1]))
    )
    return whole


def _shape(mask: Mask) -> tuple[int, int]:
    return mask.shape[0], mask.shape[1]
