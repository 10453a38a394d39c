"""A U-Net learns to part nuclei that a threshold cannot part."""

from dataclasses import replace
from itertools import product

import pytest
from tests.segment.nuclei import KIND, best_threshold, nuclei_project, score

from napari_piximi.model.segmentation import THRESHOLDS, UNetSettings
from napari_piximi.segment.own_networks import fit_network
from napari_piximi.segment.running import Request
from napari_piximi.segment.segmenters.own import OwnSettings
from napari_piximi.segment.segmenters.threshold import ThresholdSettings

pytestmark = pytest.mark.keras

GRID = tuple(
    replace(ThresholdSettings(), method=method, strictness=strict, split=split, smoothing=1.0)
    for method, strict, split in product(("Otsu", "Local"), (0.7, 0.85), (0.75, 0.95))
)


def test_a_network_beats_the_threshold_on_nuclei_that_touch() -> None:
    training, held = nuclei_project(range(8), 128, 6), nuclei_project(range(8, 16), 128, 6)
    at = THRESHOLDS.index(0.75)
    best = best_threshold(training, GRID)
    plain = score(held, Request("threshold", best, (0,))).f1[at]

    settings = replace(UNetSettings(), epochs=20)
    network = fit_network(training, KIND, settings, (0,), name="unet")
    taught = score(held, Request("own", OwnSettings(), (0,), network=network)).f1[at]

    print(f"F1 at 0.75: threshold {plain:.3f}, U-Net {taught:.3f}")
    print(f"{network.runs[0].seconds:.1f} s of epochs")
    assert taught >= plain + 0.1
