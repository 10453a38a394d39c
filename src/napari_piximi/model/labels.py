"""Labels, integer arrays with 0 as background, to annotations and back."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model import masks
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.stretches import paint
from napari_piximi.model.things import Annotation, Image, Kind, Partition, new_id

__all__ = ["annotations_of", "labels_of", "objects_of"]

Ints = NDArray[np.int64]


def annotations_of(
    labels: NDArray[Any],
    *,
    image: Image,
    kind: Kind,
    name: str,
    category: str | None = None,
    make_id: Callable[[], str] = new_id,
) -> list[Annotation]:
    """Make one annotation of each label on each plane.

    Parameters
    ----------
    labels : (Y, X) or (Z, Y, X) integer or boolean array
        As large as the image. With two axes it belongs to the plane that the image shows.
    image : Image
        What they lie on.
    kind : Kind
    name : str
        Annotations are called this and their label: ``coin 7``.
    category : str, optional
        Category id; by default Unknown, so that they wait for Inference.
    make_id : callable, optional
        Gives the id of each annotation, in order.

    Returns
    -------
    list of Annotation
        By plane, then by label. They share the pixels of the image.

    Raises
    ------
    EditError
        If the labels are no integers, or not as large as the image.
    """
    stack, plane = _checked(labels, image)
    category = kind.unknown if category is None else category
    partition = Partition.INFERENCE if category == kind.unknown else Partition.UNASSIGNED
    planes, values, boxes, runs = objects_of(stack)
    with without_garbage_collection():
        return [
            Annotation(
                make_id(), f"{name} {value}", kind.id, category, image.id, box, mask,
                image.bit_depth, None, partition, plane + z,
            )
            for z, value, box, mask in zip(planes, values, boxes, runs, strict=True)
        ]  # fmt: skip


def labels_of(annotations: Iterable[Annotation], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Paint annotations with the numbers 1, 2, … in order, later ones over earlier ones.

    Parameters
    ----------
    annotations : iterable of Annotation
        All on one image.
    shape : (Z, Y, X)
        Of that image.

    Returns
    -------
    (Z, Y, X) array
        0 where there is none.

    Raises
    ------
    EditError
        If an annotation does not lie inside, or its runs do not fill its box.
    """
    things = list(annotations)
    boxes = np.array([(thing.plane, *thing.bbox) for thing in things], np.int64).reshape(-1, 5)
    _check_inside(things, boxes, shape)
    labels = np.zeros(shape, np.int32)
    try:
        paint(labels, boxes, [thing.runs for thing in things], np.arange(1, len(things) + 1))
    except ValueError as error:
        odd = next(thing for thing in things if not _is_filled(thing))
        raise EditError(
            f"Annotation {odd.name!r}: its mask does not fill its box {odd.bbox}"
        ) from error
    return labels


def _check_inside(things: list[Annotation], boxes: Ints, shape: tuple[int, int, int]) -> None:
    planes, tops, lefts, bottoms, rights = boxes.T
    inside = (planes >= 0) & (planes < shape[0])
    inside &= (tops >= 0) & (tops <= bottoms) & (bottoms <= shape[1])
    inside &= (lefts >= 0) & (lefts <= rights) & (rights <= shape[2])
    for row in np.flatnonzero(~inside)[:1].tolist():
        thing = things[row]
        raise EditError(
            f"Annotation {thing.name!r}: plane {thing.plane}, box {thing.bbox} "
            f"does not lie in an image of {' × '.join(map(str, shape))} (planes, rows, columns)"
        )


def _is_filled(annotation: Annotation) -> bool:
    top, left, bottom, right = annotation.bbox
    return int(masks.lengths(annotation.runs).sum()) == (bottom - top) * (right - left)


def _checked(labels: NDArray[Any], image: Image) -> tuple[NDArray[Any], int]:
    """Return labels with three axes, and the plane of the image that the first one is."""
    array = np.asarray(labels)
    if array.dtype.kind not in "biu":
        raise EditError(f"Labels for {image.name!r} are {array.dtype}, not whole numbers")
    size = image.pixels.shape[:3]
    if array.shape == size[1:]:
        return array[np.newaxis], image.plane
    if array.shape != size:
        wanted, found = (" × ".join(map(str, shape)) for shape in (size, array.shape))
        raise EditError(
            f"Labels of {found} do not fit {image.name!r}, "
            f"which has {wanted} (planes, rows, columns)"
        )
    return array, 0


def objects_of(
    stack: NDArray[Any],
) -> tuple[list[int], list[int], list[tuple[int, int, int, int]], list[bytes]]:
    """Find plane, label, box and mask of every object, all from the runs along the rows.

    Parameters
    ----------
    stack : (Z, Y, X) integer or boolean array

    Returns
    -------
    planes, labels : list of int
    boxes : list of (min_row, min_col, max_row, max_col)
    runs : list of bytes
        Masks over the boxes. All are by plane, then by label.
    """
    starts, stops, values = _row_runs(stack)
    width = stack.shape[2]
    rows, columns = np.divmod(starts, width)
    planes, rows = np.divmod(rows, stack.shape[1])
    order = np.lexsort((values, planes))  # stable: runs of one object stay from top to bottom
    starts, stops, values = starts[order], stops[order], values[order]
    planes, rows, columns = planes[order], rows[order], columns[order]
    if not starts.size:
        return [], [], [], []
    new = (values[1:] != values[:-1]) | (planes[1:] != planes[:-1])
    first = np.concatenate(([0], np.flatnonzero(new) + 1))
    last = np.concatenate((first[1:], [starts.size])) - 1
    ends = columns + (stops - starts)
    top, bottom = rows[first], rows[last] + 1
    left, right = np.minimum.reduceat(columns, first), np.maximum.reduceat(ends, first)
    widths = np.repeat(right - left, last - first + 1)
    in_box = (rows - np.repeat(top, last - first + 1)) * widths
    shift = in_box - np.repeat(left, last - first + 1)
    runs = _packed(shift + columns, shift + ends, first, (bottom - top) * (right - left))
    boxes = zip(top.tolist(), left.tolist(), bottom.tolist(), right.tolist(), strict=True)
    return planes[first].tolist(), values[first].tolist(), list(boxes), runs


def _row_runs(stack: NDArray[Any]) -> tuple[Ints, Ints, NDArray[Any]]:
    """Return start, stop (in the flat array) and value of the runs that are not background."""
    flat, width = stack.ravel(), stack.shape[2]
    if not flat.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), flat
    changes = flat[1:] != flat[:-1]
    changes[width - 1 :: width] = True  # no run goes on in the next row
    edges = np.concatenate(([0], np.flatnonzero(changes) + 1, [flat.size]))
    values = flat[edges[:-1]]
    filled = values != 0
    return edges[:-1][filled], edges[1:][filled], values[filled].astype(_signed(values.dtype))


def _signed(dtype: np.dtype[Any]) -> type[np.int64 | np.uint64]:
    return np.uint64 if dtype == np.uint64 else np.int64


def _packed(starts: Ints, stops: Ints, first: Ints, sizes: Ints) -> list[bytes]:
    """Encode masks, given as the runs inside of each one after the other, as in `model.masks`.

    Parameters
    ----------
    starts, stops : (R,) arrays
        Where each run lies in its flattened box.
    first : (N,) array
        First run of each mask.
    sizes : (N,) array
        Pixels of each box.
    """
    opens = np.ones(starts.size, bool)  # a run that fills its row goes on in the next one
    opens[1:] = starts[1:] != stops[:-1]
    opens[first] = True
    closes = np.append(opens[1:], True)
    begin, end = starts[opens], stops[closes]
    first = np.cumsum(opens)[first] - 1
    before = np.concatenate(([0], end[:-1]))
    before[first] = 0
    pairs = np.stack((begin - before, end - begin), axis=1).astype(masks.RUN).tobytes()
    tails = sizes - end[np.append(first[1:], end.size) - 1]
    tail = tails.astype(masks.RUN).tobytes()
    item = masks.RUN.itemsize
    cuts = [*(first * 2 * item).tolist(), len(pairs)]
    return [
        pairs[a:b] + (tail[i * item : (i + 1) * item] if rest else b"")
        for i, (a, b, rest) in enumerate(zip(cuts, cuts[1:], tails.tolist(), strict=False))
    ]
