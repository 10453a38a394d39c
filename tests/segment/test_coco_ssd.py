"""From proposed boxes to objects; the network itself is asked in test_coco_network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.segmenters.coco_ssd import NAMES, CocoSettings, best_boxes, objects_in

IDS = {
    1: "person", 2: "bicycle", 11: "fire hydrant", 13: "stop sign", 17: "cat", 18: "dog",
    25: "giraffe", 27: "backpack", 31: "handbag", 44: "bottle", 46: "wine glass", 65: "bed",
    67: "dining table", 70: "toilet", 72: "tv", 82: "refrigerator", 84: "book", 90: "toothbrush",
}  # fmt: skip
"""From the label map of the COCO data set."""
DUMMIES = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def objects(
    boxes: Sequence[Sequence[float]],
    told: Sequence[tuple[int, float]],
    shape: tuple[int, int] = (100, 200),
    **settings: Any,  # noqa: ANN401
) -> Found:
    """Choose among boxes whose id and score are told."""
    scores = np.full((len(boxes), 90), 0.01, np.float32)
    for row, (number, score) in enumerate(told):
        scores[row, number - 1] = score
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return objects_in(scores, array, shape, CocoSettings(**settings))


def test_names_are_those_of_cocos_ids() -> None:
    assert len(NAMES) == 90
    assert {number: NAMES[number - 1] for number in IDS} == IDS
    assert {number for number, name in enumerate(NAMES, 1) if not name} == DUMMIES
    known = find_segmenter("coco-ssd").classes
    assert len(known) == len(set(known)) == 80


def test_boxes_become_filled_boxes_of_pixels() -> None:
    found = objects([[0.1, 0.2, 0.52, 0.81]], [(18, 0.9)])
    assert found.boxes.tolist() == [[10, 40, 52, 162]]
    assert found.classes == ("dog",)
    assert found.scores is not None
    assert found.scores.tolist() == pytest.approx([0.9])
    assert painted(found, (100, 200)).sum() == 42 * 122


def test_only_what_is_sure_enough_is_kept_the_surest_first() -> None:
    boxes = [[0, 0, 0.2, 0.2], [0.5, 0.5, 0.9, 0.9], [0, 0.5, 0.3, 0.8]]
    told = [(1, 0.6), (3, 0.5), (17, 0.7)]
    assert objects(boxes, told).classes == ("cat", "person"), "0.5 is not above 0.5"
    assert objects(boxes, told, score=0.3).classes == ("cat", "person", "car")
    assert objects(boxes, told, most=1).classes == ("cat",)
    assert len(objects(boxes, told, score=0.8)) == 0


@pytest.mark.parametrize(("most", "count"), [(20, 20), (3, 3), (0, 60)])
def test_the_cap_is_a_setting(most: int, count: int) -> None:
    boxes = [[row / 10, col / 10, row / 10 + 0.08, col / 10 + 0.08]
             for row in range(6) for col in range(10)]  # fmt: skip
    found = objects(boxes, [(1, 0.9)] * 60, most=most)
    assert len(found) == count


def test_boxes_of_other_classes_are_suppressed_too() -> None:
    boxes = [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0.3, 0.3, 0.8, 0.8]]
    told = [(1, 0.8), (2, 0.9), (3, 0.7)]
    assert objects(boxes, told).classes == ("bicycle", "car")
    assert objects(boxes, told, overlap=1.0).classes == ("bicycle", "person", "car")


def test_ids_that_stand_for_nothing_are_passed_over() -> None:
    scores = np.full((1, 90), 0.01, np.float32)
    scores[0, [11, 16]] = 0.9, 0.6
    box = np.array([[0, 0, 0.5, 0.5]], np.float32)
    assert objects_in(scores, box, (10, 10), CocoSettings()).classes == ("cat",)


def test_boxes_that_reach_beyond_the_image_are_cut() -> None:
    boxes = [[-0.3, 0.5, 0.25, 1.7], [-0.5, -0.5, -0.1, -0.1], [0.5, 0.5, 0.501, 0.9]]
    found = objects(boxes, [(1, 0.9)] * 3)
    assert found.boxes.tolist() == [[0, 100, 25, 200]], "one is outside, one has no pixel"


def test_boxes_that_are_no_numbers_are_passed_over() -> None:
    boxes = [[0.0, 0, float("nan"), 1], [0.0, 0, float("inf"), 1], [0.0, 0, 1, 1]]
    found = objects(boxes, [(1, 0.9), (1, 0.9), (2, 0.8)])
    assert found.boxes.tolist() == [[0, 0, 100, 200]], "one object may fill the image"


def test_no_object_and_one_pixel() -> None:
    assert len(objects([[0, 0, 1, 1]], [(1, 0.1)])) == 0
    assert objects([[0.1, 0.1, 0.9, 0.9]], [(1, 0.9)], (1, 1)).boxes.tolist() == [[0, 0, 1, 1]]
    assert len(best_boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5)) == 0
