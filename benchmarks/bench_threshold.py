"""How long the default segmenter takes, and how much memory a very large image needs.

Run ``python benchmarks/bench_threshold.py`` (some minutes), or with ``--edge 5000`` for a smaller
large image, ``--edge 0`` for none. The large image is a map of a file of 16-bit numbers; it is
segmented in a fresh process whose largest resident memory, pages of the map included, is told.
The floor is one Gaussian and one comparison over the same map, in strips.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data

from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.segmenters.threshold import ThresholdSettings, find

PATCH, BLOBS = 1000, 400
STRIP = 1000


def patch(edge: int = PATCH, blobs: int = BLOBS) -> NDArray[np.float32]:
    """Draw nuclei-like ellipses, some of which touch; goes on seamlessly at its borders."""
    rng = np.random.default_rng(0)
    image = np.zeros((edge, edge), np.float32)
    y, x = np.mgrid[-20:21, -20:21]
    for row, col in rng.integers(0, edge, (blobs, 2)):
        tilt, long, short = rng.uniform(0, np.pi), rng.uniform(9, 16), rng.uniform(6, 9)
        along = y * np.cos(tilt) + x * np.sin(tilt)
        across = x * np.cos(tilt) - y * np.sin(tilt)
        inside = (along / long) ** 2 + (across / short) ** 2 <= 1
        place = np.ix_((y[:, 0] + row) % edge, (x[0] + col) % edge)
        image[place] = np.maximum(image[place], inside * rng.uniform(4000, 12000))
    image = ndimage.gaussian_filter(image, 1, mode="wrap")
    return image + rng.normal(800, 120, image.shape).astype(np.float32)


def large_file(path: Path, edge: int) -> None:
    """Repeat the patch under a light that gets brighter from top to bottom."""
    one = patch()
    row = np.tile(one, (1, -(-edge // PATCH)))[:, :edge]
    with path.open("wb") as file:
        for top in range(0, edge, PATCH):
            light = 1 + 0.5 * (top + np.arange(min(PATCH, edge - top))) / edge
            file.write((row[: len(light)] * light[:, None]).astype("<u2").tobytes())


def mapped(path: Path, edge: int) -> NDArray[Any]:
    return np.memmap(path, "<u2", "r", shape=(edge, edge))


def segmented(path: Path, edge: int) -> int:
    return len(find(Plane(mapped(path, edge)[..., np.newaxis], 16), ThresholdSettings()))


def floor(path: Path, edge: int) -> int:
    pixels, above = mapped(path, edge), 0
    for top in range(0, edge, STRIP):
        smooth = ndimage.gaussian_filter(pixels[top : top + STRIP].astype(np.float32), 1.5)
        above += np.count_nonzero(smooth > 2000)
    return above


def measured(function: Callable[[Path, int], int], path: Path, edge: int) -> tuple[int, float, int]:
    """Return the result, seconds, and the peak of resident memory in bytes of this process."""
    start = time.perf_counter()
    result = function(path, edge)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    return result, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def large(edge: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.raw"
        large_file(path, edge)
        for name, function in (("floor: gaussian and compare", floor), ("threshold", segmented)):
            with multiprocessing.get_context("spawn").Pool(1) as fresh:
                result, seconds, peak = fresh.apply(measured, (function, path, edge))
            print(
                f"{edge} × {edge} {name:<28}{seconds:8.1f} s{peak / 1e9:7.2f} GB peak ({result:,})",
                flush=True,
            )


def preview(name: str, pixels: NDArray[Any], settings: ThresholdSettings, rounds: int = 7) -> None:
    walls, busy = [], []
    for _ in range(rounds):
        wall, spent = time.perf_counter(), time.process_time()
        found = find(Plane(pixels[..., np.newaxis], 16), settings)
        walls.append(1000 * (time.perf_counter() - wall))
        busy.append(1000 * (time.process_time() - spent))
    print(
        f"{name:<40}{min(walls):6.0f} ms at best, median {np.median(walls):.0f} ms, "
        f"of the processor {min(busy):.0f} ms  ({len(found)} objects)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=20_000)
    edge = parser.parse_args().edge
    field = np.pad(patch(), (0, 24), mode="wrap").astype(np.uint16)
    preview("coins, 303 × 384", data.coins(), ThresholdSettings())
    for method in ("Otsu", "Li", "Triangle", "Local", "Manual"):
        settings = ThresholdSettings(method=method, value=2000.0)
        preview(f"nuclei, 1024 × 1024, {method}", field, settings)
    preview("nuclei, 1024 × 1024, Otsu, no split", field, ThresholdSettings(split=0.0))
    if edge:
        large(edge)


if __name__ == "__main__":
    main()
