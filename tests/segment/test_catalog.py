import subprocess
import sys
from dataclasses import fields, is_dataclass

import pytest

from napari_piximi.errors import SegmentError
from napari_piximi.segment.catalog import find_segmenter, segmenters

HEAVY = ("tensorflow", "keras", "torch", "cellpose", "stardist", "skimage", "scipy", "sklearn")


def test_the_default_works_with_nothing_downloaded_and_comes_first() -> None:
    first = next(iter(segmenters().values()))
    assert (first.key, first.place, first.weights, first.package) == ("threshold", "window", "", "")


@pytest.mark.parametrize("key", list(segmenters()))
def test_each_says_what_a_user_should_know(key: str) -> None:
    segmenter = find_segmenter(key)
    assert segmenter.title
    assert segmenter.summary.endswith(".")
    assert segmenter.kind
    assert segmenter.channels
    if segmenter.weights or segmenter.package:
        assert segmenter.licence
        assert segmenter.citation
    assert is_dataclass(segmenter.settings)
    segmenter.settings()
    for setting in fields(segmenter.settings):
        assert {"group", "tooltip"} <= set(setting.metadata), setting.name


def test_an_unknown_one_is_named_with_those_that_there_are() -> None:
    with pytest.raises(SegmentError, match=r"no segmenter 'magic'; there are threshold"):
        find_segmenter("magic")


def test_knowing_them_imports_nothing_heavy() -> None:
    code = (
        "import sys; from napari_piximi.segment.catalog import segmenters; segmenters();"
        "from napari_piximi.segment import running, results;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
