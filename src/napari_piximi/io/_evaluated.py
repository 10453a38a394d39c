"""The things of evaluations in few bytes: their ids once, and rows and classes as columns.

Ten evaluations of 100,000 things take 10 MB this way; in JSON they would be 45 MB of text
that every opening parses.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._journal_file import UNFIT, Columns, pack, unpack
from napari_piximi.model.evaluation import Evaluation

__all__ = ["Evaluated", "pack_evaluated", "read_evaluated"]

Evaluated = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]
"""Ids, true and predicted class indices of the things of one evaluation."""


def pack_evaluated(evaluations: Iterable[Evaluation]) -> bytes:
    """Return the things of evaluations as bytes, in their order.

    Parameters
    ----------
    evaluations : iterable of Evaluation
    """
    numbers: dict[str, int] = {}
    columns: dict[str, NDArray[np.unsignedinteger]] = {}
    last: tuple[str, ...] = ()
    rows = np.zeros(0, np.uint32)
    for place, evaluation in enumerate(evaluations):
        if evaluation.ids != last:  # evaluations that follow each other often are of the same
            last = evaluation.ids
            rows = np.array([numbers.setdefault(key, len(numbers)) for key in last], np.uint32)
        columns[f"{place}.rows"] = rows
        columns[f"{place}.true"] = _small(evaluation.true)
        columns[f"{place}.predicted"] = _small(evaluation.predicted)
    lengths = np.fromiter(map(len, numbers), np.uint32, len(numbers))
    # One long text, not a list in JSON: that would stop the window for as long as it takes.
    text = np.frombuffer("".join(numbers).encode("utf-8", "surrogatepass"), np.uint8)
    return pack({"what": "evaluated"}, {"ids": text, "lengths": lengths, **columns})


def _small(indices: Sequence[int]) -> NDArray[np.unsignedinteger]:
    return np.array(indices, np.min_scalar_type(max(indices, default=0)))


def read_evaluated(data: bytes, known: Mapping[str, str] | None = None) -> list[Evaluated]:
    """Read what :func:`pack_evaluated` wrote.

    Parameters
    ----------
    data : bytes
    known : mapping of str to str, optional
        Ids that are in memory already, to be used instead of further copies of them.

    Raises
    ------
    ValueError
        If it is damaged; class indices still have to be compared with the classes.
    """
    try:
        (part,) = unpack(data)
        ids = _ids(part.columns)
        table = np.empty(len(ids), object)
        table[:] = ids if known is None else [known.get(key, key) for key in ids]
        count, rest = divmod(len(part.columns) - 2, 3)
        if rest:
            raise ValueError(f"{len(part.columns) - 2} columns are not three for each evaluation")
        return [_evaluated(part.columns, place, table) for place in range(count)]
    except UNFIT as error:
        raise ValueError(f"the things of the evaluations are damaged: {error}") from error


def _ids(columns: Columns) -> list[str]:
    text, lengths = columns["ids"], columns["lengths"]
    if text.dtype != np.uint8 or lengths.dtype.kind != "u" or lengths.ndim != 1:
        raise ValueError("its ids are no text with a length for each")
    ids = text.tobytes().decode("utf-8", "surrogatepass")
    ends = lengths.cumsum(dtype=np.uint64).tolist()
    if (ends[-1] if ends else 0) != len(ids):
        raise ValueError(f"ids of {ends[-1] if ends else 0} characters in {len(ids)}")
    return [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _evaluated(columns: Columns, place: int, table: NDArray[np.object_]) -> Evaluated:
    rows, true, predicted = (columns[f"{place}.{name}"] for name in ("rows", "true", "predicted"))
    if any(column.dtype.kind != "u" or column.ndim != 1 for column in (rows, true, predicted)):
        raise ValueError(f"evaluation {place}: rows and classes should be columns of counts")
    if not len(rows) == len(true) == len(predicted):
        lengths = f"{len(rows)}, {len(true)} and {len(predicted)}"
        raise ValueError(f"evaluation {place}: its columns have {lengths} rows")
    if rows.size and int(rows.max()) >= len(table):
        raise ValueError(f"evaluation {place}: row {rows.max()} of {len(table)} things")
    return tuple(table[rows]), tuple(true.tolist()), tuple(predicted.tolist())
