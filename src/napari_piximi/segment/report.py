"""The figures of a score as a table, for people and for spreadsheets."""

import csv
from collections.abc import Sequence
from typing import TextIO

from napari_piximi.model.segmentation import THRESHOLDS, ScoredImage, SegmentationScore

__all__ = ["FIGURES", "score_figures", "write_scores"]

FIGURES = ("precision", "recall", "F1", "average precision", "mean IoU", "panoptic quality")
"""The figures at each threshold, in the order of the columns."""


def score_figures(score: SegmentationScore) -> list[tuple[float, ...]]:
    """Return the figures of a score at each threshold.

    Returns
    -------
    list of tuple of float
        One tuple for each of :data:`~napari_piximi.model.segmentation.THRESHOLDS`, in the order
        of :data:`FIGURES`.
    """
    columns = (
        score.precision,
        score.recall,
        score.f1,
        score.average_precision,
        score.mean_iou,
        score.panoptic_quality,
    )
    return list(zip(*columns, strict=True))


def write_scores(
    file: TextIO,
    segmenter: str,
    score: SegmentationScore,
    rows: Sequence[ScoredImage] = (),
) -> None:
    """Write all figures of a score as CSV, one number to a line, first of all images together.

    The columns are segmenter, partition, run (counted from 1), image, figure, threshold and value;
    `image` is empty for all together, `threshold` where a figure has none. An image that could not
    be segmented has one line, ``trouble``.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    segmenter : str
        What was scored: the name of a network, or of another segmenter.
    score : SegmentationScore
    rows : sequence of ScoredImage, optional
    """
    table = csv.writer(file)
    table.writerow(["segmenter", "partition", "run", "image", "figure", "threshold", "value"])
    run = "" if score.run is None else str(score.run + 1)
    table.writerows([segmenter, score.partition, run, *line] for line in _lines("", score))
    for row in rows:
        if row.trouble:
            table.writerow([segmenter, score.partition, run, row.name, "trouble", "", row.trouble])
            continue
        one = SegmentationScore(
            score.partition, 1, row.annotated, row.found, row.matched, row.mean_iou
        )
        table.writerows([segmenter, score.partition, run, *line] for line in _lines(row.name, one))


def _lines(image: str, score: SegmentationScore) -> list[tuple[str, str, str, int | float]]:
    """Return image, figure, threshold and value of each figure."""
    lines: list[tuple[str, str, str, int | float]] = []
    if not image:
        lines.append((image, "images", "", score.images))
    lines.append((image, "annotated", "", score.annotated))
    lines.append((image, "found", "", score.found))
    for place, figures in enumerate(score_figures(score)):
        threshold = str(THRESHOLDS[place])
        lines.append((image, "matched", threshold, score.matched[place]))
        lines += [
            (image, name, threshold, value) for name, value in zip(FIGURES, figures, strict=True)
        ]
    return lines
