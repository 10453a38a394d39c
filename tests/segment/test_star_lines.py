"""What polygons cover of rows of pixels, against one polygon and one line at a time."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.star_fields import scattered

from napari_piximi.segment import _star_lines
from napari_piximi.segment._star_lines import Spans, spans
from napari_piximi.segment._star_polygons import Polygons, polygons


def made(radius: float, noise: float, count: int = 24) -> Polygons:
    stars = scattered(3, count, 300, radius, noise)
    return polygons(stars.points, stars.distances)


def crossings(rows: NDArray[np.int32], cols: NDArray[np.int32], y: float) -> list[float]:
    corners = list(zip(rows.tolist(), cols.tolist(), strict=True))
    return sorted(
        x + (y - row) * (u - x) / (v - row)
        for (row, x), (v, u) in zip(corners, corners[1:] + corners[:1], strict=True)
        if (row <= y) != (v <= y)
    )


def check(stars: Polygons, chosen: NDArray[np.int64], found: Spans) -> None:
    """See that each line that is crossed is there, and what is known of it is so."""
    for place, number in enumerate(chosen.tolist()):
        rows, cols = stars.rows[number], stars.cols[number]
        first, count, start = found.first[place], found.count[place], found.start[place]
        for line in range(first - 2, first + count + 2):
            xs = crossings(rows, cols, (line + 0.5) * found.step)
            at = start + line - first
            if not first <= line < first + count:
                assert not xs
                continue
            assert found.left[at] == pytest.approx(xs[0], abs=1e-2)
            assert found.right[at] == pytest.approx(xs[-1], abs=1e-2)
            covered = sum(xs[1::2]) - sum(xs[::2])
            assert found.missing[at] == pytest.approx(xs[-1] - xs[0] - covered, abs=2e-2)
        edges = np.hypot(np.roll(rows, 1) - rows, np.roll(cols, 1) - cols)
        assert found.longest[place] == pytest.approx(edges.max())


@pytest.mark.parametrize("step", [1, 2, 3, 8])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_lines_are_those_of_one_polygon_at_a_time(step: int, noise: float) -> None:
    stars = made(40, noise)
    chosen = np.arange(len(stars))[::-2]
    check(stars, chosen, spans(stars, chosen, step))


def test_a_line_in_each_row_gives_the_area() -> None:
    stars = made(15, 0.1)
    found = spans(stars, np.arange(len(stars)))
    covered = np.add.reduceat(found.right - found.left - found.missing, found.start)
    np.testing.assert_allclose(covered, stars.areas, rtol=1e-3)
    assert (found.missing > 0).any()


def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stars, chosen = made(10, 0.2), np.arange(24)
    whole = spans(stars, chosen, 2)
    monkeypatch.setattr(_star_lines, "_AT_ONCE", 7)
    parts = spans(stars, chosen, 2)
    for name in ("first", "count", "start", "left", "right", "missing", "longest"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_no_polygons_have_no_lines() -> None:
    found = spans(made(10, 0.2), np.arange(0))
    assert len(found.first) == len(found.left) == len(found.longest) == 0
