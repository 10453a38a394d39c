"""What a fit of a network needs, said before a pixel is read and without Keras."""

import subprocess
import sys
from dataclasses import replace

import pytest
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.errors import EditError, SegmentError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.own_networks import FIXED, check_fit
from napari_piximi.segment.segmenters.own import SEGMENTERS, OwnSettings

SETTINGS = UNetSettings()


@pytest.fixture(scope="module")
def project() -> Project:
    return nuclei_project(range(4), size=64, clusters=3)


def fitted(project: Project, **changes: object) -> SegmentationNetwork:
    network = SegmentationNetwork("old", KIND, SETTINGS, (0,), ModelArtifact({}, b""))
    return replace(network, **changes)  # type: ignore[arg-type]


def test_a_plan_says_what_trains(project: Project) -> None:
    plan = check_fit(project, "NUCLEI", SETTINGS, [0])
    assert plan.channels == (0,)
    assert len(plan.training) == len(plan.split.training) == 3
    assert len(plan.validation) == len(plan.split.validation) == 1


def test_a_continued_network_keeps_what_it_is_built_for(project: Project) -> None:
    base = fitted(project, settings=UNetSettings(depth=2, filters=4, low=3, high=90, border=1))
    asked = replace(SETTINGS, learning_rate=0.01, epochs=7, depth=4)
    plan = check_fit(project, KIND, asked, (0,), base)
    for name in FIXED:
        assert getattr(plan.settings, name) == getattr(base.settings, name)
    assert (plan.settings.learning_rate, plan.settings.epochs) == (0.01, 7)


def test_too_few_objects(project: Project) -> None:
    empty = edits.delete_things(project, [a.id for a in project.annotations()])
    with pytest.raises(SegmentError, match="No objects of kind 'nuclei' are annotated"):
        check_fit(empty, KIND, SETTINGS, (0,))
    one = edits.delete_things(project, [a.id for a in [*project.annotations()][1:]])
    with pytest.raises(SegmentError, match=r"One image with 1 object.*'nuclei 0', at least 2"):
        check_fit(one, KIND, SETTINGS, (0,))
    two = edits.delete_things(project, [a.id for a in [*project.annotations()][2:]])
    assert len(check_fit(two, KIND, SETTINGS, (0,)).training) == 1


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ((), "at least one channel"),
        ((0, 0), "each of them once"),
        ((1,), "takes channel 2, but the images have 1"),
        ((-1,), "takes channel 0"),
    ],
)
def test_channels_that_the_images_lack(
    project: Project, channels: tuple[int, ...], message: str
) -> None:
    with pytest.raises(SegmentError, match=message):
        check_fit(project, KIND, SETTINGS, channels)


def test_settings_out_of_their_limits(project: Project) -> None:
    with pytest.raises(SegmentError, match=r"depth cannot be 9; it goes from 1 to 5"):
        check_fit(project, KIND, replace(SETTINGS, depth=9), (0,))
    with pytest.raises(EditError, match="is no kind"):
        check_fit(project, "cells", SETTINGS, (0,))


def test_a_network_that_cannot_be_continued(project: Project) -> None:
    with pytest.raises(SegmentError, match="files of 'old' are missing"):
        check_fit(project, KIND, SETTINGS, (0,), fitted(project, model=None))
    with pytest.raises(SegmentError, match="'old' finds 'Image', not 'nuclei'"):
        check_fit(project, KIND, SETTINGS, (0,), fitted(project, kind="Image"))
    with pytest.raises(SegmentError, match="takes channel 3, but the images have 1"):
        check_fit(project, KIND, SETTINGS, (0,), fitted(project, channels=(2,)))


def test_settings_are_a_form() -> None:
    (segmenter,) = SEGMENTERS
    assert (segmenter.own, segmenter.place, segmenter.settings) == (True, "networks", OwnSettings)
    for form in (OwnSettings, UNetSettings):
        for setting in form.__dataclass_fields__.values():
            assert setting.metadata["tooltip"]
            assert setting.metadata["group"]
            if "min" in setting.metadata:
                assert setting.metadata["min"] <= setting.default <= setting.metadata["max"]


def test_neither_planning_nor_the_segmenter_imports_keras_or_scipy() -> None:
    code = (
        "import sys; import napari_piximi.segment.own_networks, "
        "napari_piximi.segment.segmenters.own; "
        "print([m for m in ('keras', 'tensorflow', 'scipy', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
