"""Segmentation networks with runs and scores, for tests of files."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tests.io.tiny_bundle import tiny_project

from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import ModelArtifact, Run

FIGURES = st.floats(-1e6, 1e6) | st.just(math.nan)
NAMES = ("net", "näh & co", " spaced ", 'line\nbreak "', "%d#?", "0")
BYTES = 36  # of the weights of small_model(2)


def small_model(channels: int = 2, seed: int = 0, **config: object) -> ModelArtifact:
    """Return one convolution, to three classes of each pixel of an image of any size."""
    weights = [
        {"name": "conv/kernel", "shape": [1, 1, channels, 3], "dtype": "float32"},
        {"name": "conv/bias", "shape": [3], "dtype": "float32"},
    ]
    settings = {
        "name": "conv", "filters": 3, "kernel_size": [1, 1], "activation": "softmax",
        "batch_input_shape": [None, None, None, channels], **config,
    }  # fmt: skip
    document = {
        "format": "layers-model",
        "modelTopology": {
            "class_name": "Sequential",
            "config": {
                "name": "unet",
                "layers": [{"class_name": "Conv2D", "config": settings}],
            },
        },
        "weightsManifest": [{"paths": ["./network.weights.bin"], "weights": weights}],
    }
    values = np.random.default_rng(seed).random(3 * channels + 3, np.float32)
    return ModelArtifact(document, values.astype("<f4").tobytes())


def score(annotated: int = 4, found: int = 3, run: int | None = 0) -> SegmentationScore:
    """Return a score with a figure of its own at each threshold."""
    matched = tuple(min(annotated, found) - place // 5 for place in range(len(THRESHOLDS)))
    ious = tuple(round(0.6 + place / 100, 2) for place in range(len(THRESHOLDS)))
    return SegmentationScore("Validation", 2, annotated, found, matched, ious, run)


def row(image: str, annotated: int = 2, found: int = 2) -> ScoredImage:
    """Return the figures of one image."""
    size = len(THRESHOLDS)
    return ScoredImage(image, f"{image}.tif", annotated, found, (1,) * size, (0.75,) * size)


def network(**changes: Any) -> SegmentationNetwork:  # noqa: ANN401
    """Return a network that was fitted and scored."""
    run = Run(
        UNetSettings(depth=2, filters=8), {"loss": (1.0, 0.5), "val_f1": (0.1, 0.9)}, 1, 3, 1,
        "early", "CPU", "tensorflow", 2.5,
    )  # fmt: skip
    made = SegmentationNetwork(
        "net", "cell", UNetSettings(depth=2, filters=8, flips=False), (1, 0), small_model(), (run,),
        (score(), score(run=None)),
    )  # fmt: skip
    return replace(made, **changes)


def object_kind(project: Project) -> str:
    """Return the id of its first kind of objects."""
    return next(kind for kind in project.kinds if kind != IMAGE_KIND)


def with_networks(*networks: SegmentationNetwork) -> Project:
    """Return the tiny project with networks for its cells."""
    project = tiny_project()
    for one in networks:
        project = edits.put_network(project, replace(one, kind=object_kind(project)))
    return project


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any run of a network."""
    epochs = draw(st.integers(0, 5))
    column = st.lists(FIGURES, min_size=epochs, max_size=epochs).map(tuple)
    names = draw(st.lists(st.sampled_from(["loss", "val_loss", "iou"]), max_size=3, unique=True))
    return Run(
        UNetSettings(
            depth=draw(st.integers(1, 5)), low=draw(st.floats(0, 49)), flips=draw(st.booleans())
        ),
        {name: draw(column) for name in names},
        draw(st.integers(-1, epochs - 1)) if names and epochs else 0,
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from(["finished", "early", "cancelled", "diverged", "interrupted"])),
        draw(st.text(max_size=5)),
        draw(st.text(max_size=5)),
        draw(st.floats(0, 1e6)),
    )


@st.composite
def scores(draw: st.DrawFn, number_of_runs: int) -> SegmentationScore:
    """Any score."""
    run = st.none() | st.integers(0, number_of_runs - 1) if number_of_runs else st.none()
    return SegmentationScore(
        draw(st.text(max_size=9)),
        draw(st.integers(0, 10**6)),
        *draw(pairs()),
        draw(run),
        tuple(draw(st.lists(scored_images(), max_size=3))),
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, int, tuple[int, ...], tuple[float, ...]]:
    """Any numbers of annotated, found and matched objects, and mean IoUs."""
    annotated, found = draw(st.integers(0, 2**40)), draw(st.integers(0, 2**40))
    size = len(THRESHOLDS)
    matched = st.lists(st.integers(0, min(annotated, found)), min_size=size, max_size=size)
    ious = st.lists(st.floats(0, 1), min_size=size, max_size=size)
    return annotated, found, draw(matched.map(tuple)), draw(ious.map(tuple))


@st.composite
def scored_images(draw: st.DrawFn) -> ScoredImage:
    """Any row of a score."""
    text = st.text(max_size=5)
    return ScoredImage(draw(text), draw(text), *draw(pairs()), draw(text))


@st.composite
def networks(draw: st.DrawFn) -> SegmentationNetwork:
    """Any network."""
    past = tuple(draw(st.lists(runs(), max_size=3)))
    channels = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple))
    model = st.none() | st.integers(0, 9).map(lambda seed: small_model(len(channels), seed))
    return SegmentationNetwork(
        draw(st.sampled_from(NAMES)),
        "",
        UNetSettings(seed=draw(st.integers(0, 99)), high=draw(st.floats(51, 100))),
        channels,
        draw(model),
        past,
        tuple(draw(st.lists(scores(len(past)), max_size=2))),
    )


def comparable(found: SegmentationNetwork) -> Any:  # noqa: ANN401
    """Return all of a network, NaN equal to NaN."""
    return repr(replace(found, model=None)), found.model
