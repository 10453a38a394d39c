"""COCO's run lengths: column by column over the whole image, background first."""

from collections.abc import Sequence

import numpy as np

from napari_piximi.io._spans import Ints, Spans, pieces

__all__ = ["RunError", "decode_counts", "run_spans"]

MOST_DIGITS = 8
"""Of 5 bits each: no run is that long."""


class RunError(ValueError):
    """Run lengths that are none.

    Attributes
    ----------
    row : int
        Which of those given.
    """

    def __init__(self, row: int, trouble: str) -> None:
        super().__init__(trouble)
        self.row = row


def decode_counts(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """Decode compressed run lengths.

    Each number is written in digits of 5 bits, lowest first, as characters from "0" on; 32 is
    added where more digits follow, and 16 in the last makes the number negative. From the
    fourth on numbers are differences to the run before the last.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    values, sizes : int64 arrays
        All run lengths, one text after the other, and how many each text has.

    Raises
    ------
    RunError
        If a text has other characters, ends within a number, or a number is absurd.

    References
    ----------
    ``rleFrString`` in ``maskApi.c`` of github.com/cocodataset/cocoapi.
    """
    foreign = next((row for row, text in enumerate(texts) if not text.isascii()), None)
    if foreign is not None:
        raise RunError(foreign, "has characters that are no digits")
    data = "".join(texts).encode("ascii")
    digits = np.frombuffer(data, np.uint8).astype(np.int64) - ord("0")
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    _refuse(np.flatnonzero((digits < 0) | (digits > 63)), ends, "has characters that are no digits")
    is_last = digits < 32
    _refuse(
        np.flatnonzero(~is_last & np.isin(np.arange(1, digits.size + 1), ends)),
        ends,
        "ends within a number",
    )
    last = np.flatnonzero(is_last)
    first = np.append(0, last + 1)[: last.size]
    length = last - first + 1
    _refuse(first[length > MOST_DIGITS], ends, "has a number of too many digits")
    place = np.arange(digits.size) - np.repeat(first, length)
    values = np.add.reduceat((digits & 31) << 5 * place, first) if first.size else digits
    values -= ((digits[last] & 16) > 0).astype(np.int64) << 5 * length
    numbers = np.append(0, np.cumsum(is_last))
    bounds = numbers[np.append(0, ends)]
    sizes = np.diff(bounds)
    return _summed(values, bounds[:-1], sizes), sizes


def _summed(values: Ints, starts: Ints, sizes: Ints) -> Ints:
    """Add to each number from a text's fourth on the run two before."""
    place = np.arange(values.size) - np.repeat(starts, sizes)
    # The first number stands alone; the two interleaved series begin at the second and third.
    for parity in (0, 1):
        chosen = np.flatnonzero((place % 2 == parity) & (place > 0))
        if not chosen.size:
            continue
        total = np.cumsum(values[chosen])
        first = np.flatnonzero(place[chosen] <= 2)
        before = (total - values[chosen])[first]
        values[chosen] = total - np.repeat(before, np.diff(np.append(first, chosen.size)))
    return values


def _refuse(at: Ints, ends: Ints, trouble: str) -> None:
    """Tell which text the first of some characters is in."""
    if at.size:
        raise RunError(int(np.searchsorted(ends, at[0], side="right")), trouble)


def run_spans(owner: Ints, values: Ints, sizes: Ints, height: Ints, width: Ints) -> Spans:
    """Turn run lengths to spans.

    Parameters
    ----------
    owner, sizes, height, width : (N,) int64 arrays
        Of each mask; `sizes` is how many runs it has.
    values : int64 array
        All runs, one mask after the other.

    Raises
    ------
    RunError
        If a run is negative or runs do not fill their image.
    """
    starts = np.cumsum(sizes) - sizes
    which = np.repeat(np.arange(sizes.size), sizes)
    wrong = np.flatnonzero((values < 0) | (values > (height * width)[which]))
    if wrong.size:
        raise RunError(int(which[wrong[0]]), f"has a run of {values[wrong[0]]} pixels")
    total = np.append(0, np.cumsum(values))
    begin = total[starts]
    filled = total[starts + sizes] - begin
    wrong = np.flatnonzero(filled != height * width)
    if wrong.size:
        row = wrong[0]
        size = f"{height[row]} × {width[row]}"
        raise RunError(int(row), f"fills {filled[row]:,} pixels of an image of {size}")
    place = np.arange(values.size) - starts[which]
    inside = np.flatnonzero((place % 2 == 1) & (values > 0))
    mask = which[inside]
    start = total[inside] - begin[mask]
    return pieces(owner[mask], start, start + values[inside], height[mask])
