"""How fast annotated and found objects are matched, beside StarDist's own way.

Run ``python benchmarks/bench_matching.py`` (about a minute): 10,000 discs on 4096 × 4096 pixels
against the same moved by a few, ours at all thresholds at once, StarDist's (where it is
installed) at one; then 20,000 that overlap each other.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.segmentation import THRESHOLDS
from napari_piximi.segment.found import Found, found_labels
from napari_piximi.segment.matching import match_objects

SIDE = 41
TIMES = 3


def discs(count: int, seed: int) -> NDArray[np.int32]:
    """Paint count × count discs, each near a place of its own."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((count * SIDE, count * SIDE), np.int32)
    for place in range(count * count):
        top, left = (np.clip(SIDE * np.array(divmod(place, count)) + draws.integers(-3, 4, 2),
                             0, (count - 1) * SIDE))  # fmt: skip
        reach = draws.integers(14, 20)
        inside = (rows - SIDE // 2) ** 2 + (columns - SIDE // 2) ** 2 < reach**2
        labels[top : top + SIDE, left : left + SIDE][inside] = place + 1
    return labels


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=100, help="discs along a side")
    count: int = parser.parse_args().side
    truth, guess = discs(count, 0), discs(count, 1)
    annotated, found = found_labels(truth), found_labels(guess)
    print(f"{len(annotated):,} and {len(found):,} objects on {truth.shape[0]}²")
    for _ in range(TIMES):
        start = time.perf_counter()
        made = match_objects(annotated, found)
        print(f"  ours, {len(THRESHOLDS)} thresholds: {time.perf_counter() - start:.2f} s")
    twice = Found(np.concatenate([found.boxes] * 2), found.runs * 2)
    start = time.perf_counter()
    match_objects(annotated, twice)
    print(f"  ours, each found twice: {time.perf_counter() - start:.2f} s")
    try:
        from stardist.matching import matching
    except ImportError:
        print("  StarDist is not installed")
        return
    start = time.perf_counter()
    theirs = matching(truth, guess, thresh=THRESHOLDS[0])
    print(f"  StarDist, 1 threshold: {time.perf_counter() - start:.2f} s")
    print(f"  matched: {made.matched[0]:,} and {theirs.tp:,}")


if __name__ == "__main__":
    main()
