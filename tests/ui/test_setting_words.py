"""What settings of segmenters are called, and in which units they are."""

from dataclasses import fields

import pytest

from napari_piximi.segment.catalog import segmenters
from napari_piximi.ui.setting_words import words_of


@pytest.mark.parametrize(
    ("segmenter", "name", "unit"),
    [
        ("threshold", "min_size", "px²"),
        ("threshold", "max_size", "px²"),
        ("glas", "min_area", "px²"),
        ("own", "min_size", "px²"),
        ("threshold", "smoothing", "px"),
        ("own", "threshold", "%"),
        ("own", "seed", "%"),
    ],
)
def test_areas_are_no_lengths_and_probabilities_all_per_cent(
    segmenter: str, name: str, unit: str
) -> None:
    (found,) = (s for s in fields(segmenters()[segmenter].settings) if s.name == name)
    assert words_of(name, found.metadata).unit == unit
