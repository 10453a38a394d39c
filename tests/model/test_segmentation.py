"""Settings of networks are sound forms; figures of scores are those of counting by hand."""

from dataclasses import fields, replace

import pytest

from napari_piximi.model.segmentation import (
    THRESHOLDS,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.training import Run

COUNTS = tuple(range(9, -1, -1))  # pairs at each threshold
IOUS = (*(place / 10 for place in range(9)), 0.0)


def test_every_setting_has_a_group_a_tool_tip_and_a_default_in_its_limits() -> None:
    for setting in fields(UNetSettings):
        about, default = setting.metadata, getattr(UNetSettings(), setting.name)
        assert about["group"]
        assert about["tooltip"]
        if not isinstance(default, bool):
            assert about["min"] <= default <= about["max"]
            assert type(about["min"]) is type(default) is type(about["max"])


def test_figures_at_each_threshold() -> None:
    score = SegmentationScore("Validation", 3, 12, 10, COUNTS, IOUS)
    for place, pairs in enumerate(COUNTS):
        missed, wrong = 12 - pairs, 10 - pairs
        assert score.precision[place] == pairs / (pairs + wrong)
        assert score.recall[place] == pairs / (pairs + missed)
        assert score.average_precision[place] == pairs / (pairs + wrong + missed)
        assert score.f1[place] == pytest.approx(pairs / (pairs + (wrong + missed) / 2))
        # Kirillov et al. 2019: the sum of shares, over pairs and half of what has none.
        quality = IOUS[place] * pairs / (pairs + (wrong + missed) / 2)
        assert score.panoptic_quality[place] == pytest.approx(quality)


def test_the_held_out_score_is_the_last_one_after_the_newest_run() -> None:
    first = SegmentationScore("Validation", 1, 1, 1, COUNTS, IOUS, 0)
    second, third = replace(first, run=1, found=2), replace(first, run=1, found=3)
    elsewhere = replace(first, run=1, partition="All annotated")
    run = Run(UNetSettings(), {}, 0, 0, 0)
    network = SegmentationNetwork("net", "kind", runs=(run, run), scores=(first,))
    assert network.held_out_score is None
    network = replace(network, scores=(first, second, third, elsewhere))
    assert network.held_out_score is third
    assert replace(network, runs=()).held_out_score is None


@pytest.mark.parametrize(("annotated", "found"), [(0, 0), (3, 0), (0, 3)])
def test_where_there_is_nothing_figures_are_zero(annotated: int, found: int) -> None:
    none = len(THRESHOLDS)
    score = SegmentationScore("Training", 1, annotated, found, (0,) * none, (0.0,) * none)
    for figures in (
        score.precision, score.recall, score.f1, score.average_precision, score.panoptic_quality,
    ):  # fmt: skip
        assert figures == (0.0,) * none
