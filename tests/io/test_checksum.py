"""Checksums of zip members."""

import sys
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from napari_piximi.io import _checksum
from napari_piximi.io._checksum import MANY, checksum_of


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    _checksum._libdeflate.cache_clear()
    yield
    _checksum._libdeflate.cache_clear()


@pytest.mark.parametrize("length", [0, 1, 15, 1024, 27_648, 1_000_003])
def test_both_agree(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    assert checksum_of(MANY) is not checksum_of(MANY - 1)
    assert checksum_of(MANY)(data) == zlib.crc32(data)
    assert checksum_of(MANY)(memoryview(data)[1:]) == zlib.crc32(data[1:])


def test_a_build_without_libdeflate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert checksum_of(MANY) is zlib.crc32
