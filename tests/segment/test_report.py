"""The table of a score has all figures, one to a line."""

import csv
import io
from collections.abc import Sequence

from napari_piximi.model.segmentation import THRESHOLDS, ScoredImage, SegmentationScore
from napari_piximi.segment.report import FIGURES, score_figures, write_scores

MATCHED, IOUS = (4, 4, 4, 3, 3, 2, 1, 1, 0, 0), (0.8,) * 8 + (0.0,) * 2
SCORE = SegmentationScore("Validation", 2, 8, 5, MATCHED, IOUS, 2)
ROWS = (
    ScoredImage("1a", "a.tif", 6, 4, MATCHED, IOUS),
    ScoredImage("1b", 'odd, "name"', 2, 1, (0,) * 10, (0.0,) * 10),
    ScoredImage("1c", "c.tif", 7, 0, (0,) * 10, (0.0,) * 10, "too odd"),
)


def read(score: SegmentationScore, rows: Sequence[ScoredImage]) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    write_scores(file, "my net", score, rows)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def values(lines: Sequence[dict[str, str]], image: str, figure: str) -> list[float]:
    return [float(x["value"]) for x in lines if (x["image"], x["figure"]) == (image, figure)]


def test_all_figures_are_in_the_table() -> None:
    lines = read(SCORE, ROWS)
    assert {(x["segmenter"], x["partition"], x["run"]) for x in lines} == {
        ("my net", "Validation", "3")
    }
    assert values(lines, "", "images") == [2]
    assert values(lines, "", "annotated") == [8]
    assert values(lines, "a.tif", "annotated") == [6]
    assert values(lines, 'odd, "name"', "found") == [1]
    assert values(lines, "", "matched") == values(lines, "a.tif", "matched") == list(MATCHED)
    assert values(lines, "", "precision") == [n / 5 for n in MATCHED]
    assert values(lines, "", "recall") == [n / 8 for n in MATCHED]
    assert values(lines, "a.tif", "recall") == [n / 6 for n in MATCHED]
    assert values(lines, "", "F1") == [2 * n / 13 for n in MATCHED]
    assert values(lines, "", "average precision") == [n / (13 - n) for n in MATCHED]
    assert values(lines, "", "mean IoU") == list(IOUS)
    assert values(lines, "", "panoptic quality") == list(SCORE.panoptic_quality)
    of_recall = [x for x in lines if x["figure"] == "recall" and not x["image"]]
    assert [float(x["threshold"]) for x in of_recall] == list(THRESHOLDS)
    assert [(x["figure"], x["value"]) for x in lines if x["image"] == "c.tif"] == [
        ("trouble", "too odd")
    ]
    assert len(lines) == 3 + 2 + 2 + 3 * 10 * (1 + len(FIGURES)) + 1


def test_a_score_of_no_run_and_without_images() -> None:
    lines = read(SegmentationScore("All annotated", 1, 0, 0, (0,) * 10, (0.0,) * 10), ())
    assert {(x["run"], x["image"]) for x in lines} == {("", "")}
    assert set(values(lines, "", "F1")) == {0.0}


def test_figures_come_by_threshold() -> None:
    table = score_figures(SCORE)
    assert len(table) == len(THRESHOLDS)
    assert [row[FIGURES.index("average precision")] for row in table] == list(
        SCORE.average_precision
    )
    assert [row[FIGURES.index("mean IoU")] for row in table] == list(IOUS)
