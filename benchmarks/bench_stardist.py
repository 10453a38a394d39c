"""Decoding and polygon suppression of 5,000 candidates on 2048 × 2048, beside the package's C++.

    python benchmarks/bench_stardist.py [candidates]

Per field: the ``stardist`` package's ``non_maximum_suppression`` (C++, OpenMP on all cores; and on
one), ours without it (numpy, and Clipper for the pairs that are close), ours with its compiled
part; all from the whole arrays of probabilities and rays, in turns. What stays is compared.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from stardist.nms import non_maximum_suppression
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.segment.star_fields import clustered, scattered

from napari_piximi.segment.star_convex import Stars, candidates, kept

SIZE, ROUNDS, OVERLAP = 2048, 5, 0.4
Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def fields(count: int) -> dict[str, Stars]:
    return {
        "scattered, radius 10": scattered(0, count, SIZE, 10),
        "scattered, radius 25": scattered(1, count, SIZE, 25),
        "scattered, radius 60": scattered(2, count, SIZE, 60),
        "nuclei of radius 12, 20 candidates each": clustered(3, count, SIZE, 12, 20),
        "nuclei of radius 12, 60 candidates each": clustered(4, count, SIZE, 12, 60),
        "nuclei of radius 30, 40 candidates each": clustered(5, count, SIZE, 30, 40),
        "crowded in 512 × 512, radius 8": clustered(6, count, 500, 8, 10),
        "tiny, radius 3, in 600 × 600": clustered(7, count, 590, 3, 8),
    }


def arrays(stars: Stars, into: Arrays) -> None:
    probability, rays = into
    probability[:] = 0
    rows, cols = np.clip(stars.points, 2, SIZE - 3).astype(int).T
    probability[rows, cols] = stars.scores
    rays[rows, cols] = stars.distances


def best(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the shortest time of each, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: min(taken) for name, taken in times.items()}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    into = (np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE, 32), np.float32))
    probability, rays = into

    def package() -> Stars:
        points, scores, distances = non_maximum_suppression(
            rays, probability, nms_thresh=OVERLAP, prob_thresh=0.1
        )
        return Stars(points.astype(np.float32), distances, scores)

    def package_on_one_core() -> Stars:
        with threadpool_limits(1, "openmp"):
            return package()

    def ours(compiled: bool) -> Stars:
        return kept(candidates(probability, rays, 0.1), OVERLAP, compiled=compiled)

    for name, stars in fields(count).items():
        arrays(stars, into)
        found = [package(), ours(False), ours(True)]
        same = all(np.array_equal(found[0].points, one.points) for one in found[1:])
        took = best(
            {
                "package": package,
                "on one core": package_on_one_core,
                "ours": lambda: ours(False),
                "ours, compiled": lambda: ours(True),
            }
        )
        figures = ", ".join(f"{what} {ms:.0f} ms" for what, ms in took.items())
        print(
            f"{name}: {np.count_nonzero(probability)} candidates, {len(found[0])} stay, "
            f"{'equal' if same else 'NOT EQUAL'}; {figures}; ours / package "
            f"{took['ours'] / took['package']:.2f}, / on one core "
            f"{took['ours'] / took['on one core']:.2f}"
        )


if __name__ == "__main__":
    main()
