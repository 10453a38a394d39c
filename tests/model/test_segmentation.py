"""Settings of networks are sound forms; figures of scores are those of counting by hand."""

from dataclasses import fields

import pytest

from napari_piximi.model.segmentation import THRESHOLDS, SegmentationScore, UNetSettings

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
        assert score.accuracy[place] == pairs / (pairs + wrong + missed)
        assert score.f1[place] == pytest.approx(pairs / (pairs + (wrong + missed) / 2))
        # Kirillov et al. 2019: the sum of shares, over pairs and half of what has none.
        quality = IOUS[place] * pairs / (pairs + (wrong + missed) / 2)
        assert score.panoptic_quality[place] == pytest.approx(quality)


@pytest.mark.parametrize(("annotated", "found"), [(0, 0), (3, 0), (0, 3)])
def test_where_there_is_nothing_figures_are_zero(annotated: int, found: int) -> None:
    none = len(THRESHOLDS)
    score = SegmentationScore("Training", 1, annotated, found, (0,) * none, (0.0,) * none)
    for figures in (
        score.precision, score.recall, score.f1, score.accuracy, score.panoptic_quality,
    ):  # fmt: skip
        assert figures == (0.0,) * none
