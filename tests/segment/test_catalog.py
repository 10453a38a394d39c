import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from tests.segment.trained_star import STAR

from napari_piximi.errors import SegmentError
from napari_piximi.segment.catalog import as_used, find_segmenter, segmenters

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


@pytest.mark.parametrize(
    ("key", "probability"), [("stardist-fluo", 0.479071), ("stardist-vhe", 0.692478)]
)
def test_thresholds_are_those_of_the_users_network_unless_set(
    key: str, probability: float, tmp_path: Path
) -> None:
    stardist = find_segmenter(key)

    def used(**settings: float | str) -> tuple[float, float]:
        found = as_used(stardist, stardist.settings(**settings))
        return found.probability, found.overlap

    assert used() == used(model=str(tmp_path)) == used(model="nowhere") == (probability, 0.3)
    assert used(model=str(STAR)) == (0.5963180065155029, 0.4)
    assert used(model=str(STAR / "config.json")) == (0.5963180065155029, 0.4)
    assert used(model=str(STAR), overlap=0.3) == (0.5963180065155029, 0.3)
    assert used(model=str(STAR), probability=0.479071) == (0.479071, 0.4)
    (tmp_path / "config.json").write_text("{}")
    assert used(model=str(tmp_path)) == (0.5, 0.4), "those of the package"
    (tmp_path / "thresholds.json").write_text("{")
    assert used(model=str(tmp_path)) == (probability, 0.3), "what is wrong is told later"
    whole = stardist.settings(probability=0.5, overlap=0.5)
    assert as_used(stardist, whole) is whole


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
