"""LZW data are told sound or not; the encoder is another's, the codes written out are ours."""

from collections.abc import Sequence

import numpy as np
import pytest
from imagecodecs import lzw_decode, lzw_encode

from napari_piximi.io._tiff_lzw import is_sound

CLEAR, END = 256, 257


def packed(codes: Sequence[int], width: int = 9) -> bytes:
    bits = "".join(f"{code:0{width}b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.mark.parametrize("size", [0, 1, 2, 253, 254, 255, 256, 1000, 4000, 200_000])
@pytest.mark.parametrize("values", [1, 2, 7, 256])
def test_what_an_encoder_writes_is_sound(size: int, values: int) -> None:
    data = np.random.default_rng(size).integers(0, values, size).astype(np.uint8).tobytes()
    encoded = bytes(lzw_encode(data))
    assert is_sound(encoded)
    assert is_sound(encoded + b"more")
    assert is_sound(encoded[:-2]) or size < 2


@pytest.mark.parametrize(
    ("codes", "sound"),
    [
        ([CLEAR, 7, END], True),
        ([CLEAR, END], True),
        ([CLEAR, 7, 258, END], True),  # the entry that is just being made
        ([CLEAR, 7, 258, 259, 260, END], True),
        ([CLEAR, CLEAR, 7], True),
        ([CLEAR, 7, 258, CLEAR, 7, 258, END], True),
        ([CLEAR, 258, END], False),
        ([CLEAR, 7, 259, END], False),
        ([CLEAR, 7, 258, CLEAR, 7, 259, END], False),
        ([CLEAR, 7, END, 511], True),  # nobody reads on
        ([7, 8, END], False),
    ],
)
def test_codes(codes: list[int], sound: bool) -> None:
    data = packed(codes)
    assert is_sound(data) is sound
    if sound:
        assert len(lzw_decode(data)) >= codes.count(7)


def test_a_table_that_is_never_cleared_overflows() -> None:
    fits = [9] * 254 + [10] * 512 + [11] * 1024 + [12] * 2049
    bits = f"{CLEAR:09b}" + "".join(f"{7:0{width}b}" for width in fits)

    def data(tail: str) -> bytes:
        whole = (bits + tail).ljust(-(-len(bits + tail) // 8) * 8, "0")
        return int(whole, 2).to_bytes(len(whole) // 8, "big")

    assert is_sound(data(f"{CLEAR:012b}" + f"{END:09b}"))
    assert not is_sound(data(f"{7:012b}" * 3))


def test_nothing_and_endless_clears_are_not_sound() -> None:
    assert not is_sound(b"")
    assert not is_sound(b"\x80")
    assert not is_sound(packed([CLEAR] * 5000))
