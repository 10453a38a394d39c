"""A U-Net of one's own against the threshold: nuclei that touch, drawn from seeds.

    python benchmarks/bench_unet.py [images] [size]

Half of the images are annotated: the network is fitted on them, with the default settings, and
the threshold gets what of a grid does best on them, and its defaults. Both are judged by the
other half, as `segment/scoring.py` does. Prints F1 at several thresholds, and the times.
"""

import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.segment.nuclei import KIND, best_threshold, nuclei_project, score

from napari_piximi.model.segmentation import THRESHOLDS, SegmentationScore, UNetSettings
from napari_piximi.segment.own_networks import fit_network
from napari_piximi.segment.running import Request
from napari_piximi.segment.segmenters.own import OwnSettings
from napari_piximi.segment.segmenters.threshold import ThresholdSettings

GRID = tuple(
    replace(ThresholdSettings(), method=method, strictness=strict, split=split, smoothing=smooth)
    for method, strict, split, smooth in product(
        ("Otsu", "Li", "Local"), (0.7, 0.85, 1.0), (0.6, 0.75, 0.85, 0.95), (1.0, 1.5, 2.5)
    )
)


def line(name: str, found: SegmentationScore, seconds: float) -> None:
    values = "  ".join(f"{found.f1[THRESHOLDS.index(t)]:.3f}" for t in (0.5, 0.75, 0.9))
    print(f"{name:34s} {values}  {sum(found.f1) / len(found.f1):.3f}  {seconds:7.1f} s", flush=True)


def main() -> None:
    count, size = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (20, 160)
    half = count // 2
    training = nuclei_project(range(half), size)
    held = nuclei_project(range(half, count), size)
    print(f"{half} images of {size} × {size} to learn from, {count - half} to judge by")
    print(f"{'':34s}   0.50   0.75   0.90   mean")
    started = time.perf_counter()
    found = score(held, Request("threshold", ThresholdSettings(), (0,)))
    line("threshold, defaults", found, time.perf_counter() - started)
    started = time.perf_counter()
    best = best_threshold(training, GRID)
    seconds = time.perf_counter() - started
    found = score(held, Request("threshold", best, (0,)))
    line(f"threshold, best of {len(GRID)}", found, seconds)
    print(f"  {best.method}, {best.strictness}, split {best.split}, smoothing {best.smoothing}")
    started = time.perf_counter()
    network = fit_network(training, KIND, UNetSettings(), (0,), name="unet")
    seconds = time.perf_counter() - started
    run = network.runs[-1]
    found = score(held, Request("own", OwnSettings(), (0,), network=network))
    line(f"U-Net, {run.epochs} epochs, {run.stopped}", found, seconds)
    judged = run.history["val_f1"][run.best_epoch]
    print(f"  {run.seconds:.1f} s of it epochs; F1 {judged:.3f} at 0.5 on what the fit held out")


if __name__ == "__main__":
    main()
