"""Check LZW data before they are decoded.

The decoder of imagecodecs writes beyond its buffers where a code refers to what is not in the
table yet; a damaged file would end the whole program. The rules are those of TIFF 6.0, part 2,
section 13: codes of 9 to 12 bits, first bit first, 256 clears the table, 257 ends.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_sound"]

CLEAR, END, FIRST = 256, 257, 258
CODES = 4097 - FIRST  # that a full table takes, and the one that clears it
COUNT = np.arange(CODES + 1)
# one code earlier than the table would need, since the encoder is one entry ahead
WIDTHS = 9 + (COUNT[:, None] > np.array([511, 1023, 2047]) - FIRST).sum(1)
STARTS = np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])
MOST_CLEARS_PER_BYTE = 1 / 100


def is_sound(data: bytes) -> bool:
    """Tell whether every code in the data is in the table when its turn comes.

    Parameters
    ----------
    data : bytes
        One strip or tile, which may end without an end code; nothing after one is looked at.
    """
    padded = np.frombuffer(data + bytes(4), np.uint8).astype(np.uint32)
    bits = 8 * len(data)
    if bits < 9 or _codes(padded, 0, 1)[0] != CLEAR:
        return False
    start, clears = 9, 1
    while start + 9 <= bits:
        number = int(np.searchsorted(STARTS + WIDTHS, bits - start, side="right"))
        codes = _codes(padded, start, number)
        stops = np.flatnonzero((codes == CLEAR) | (codes == END))
        stop = int(stops[0]) if len(stops) else len(codes)
        if stop > CODES or (codes[:stop] >= FIRST + COUNT[:stop]).any():
            return False
        if stop == len(codes):
            return True
        if codes[stop] == END:
            return True
        start += int(STARTS[stop] + WIDTHS[stop])
        clears += 1
        if clears > 16 + len(data) * MOST_CLEARS_PER_BYTE:
            return False
    return True


def _codes(padded: NDArray[np.uint32], start: int, number: int) -> NDArray[np.uint32]:
    """Return so many codes after a clear at a bit."""
    places = start + STARTS[:number]
    at = places >> 3
    window = (padded[at] << 16) | (padded[at + 1] << 8) | padded[at + 2]
    widths = WIDTHS[:number]
    codes: NDArray[np.uint32] = (window >> (24 - (places & 7) - widths)) & ((1 << widths) - 1)
    return codes
