"""What would stop or spoil the fit of a network."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.segment.own_networks import check_fit
from napari_piximi.segment.readiness import FIND, network_troubles

SETTINGS = UNetSettings()


@pytest.fixture(scope="module")
def project() -> Project:
    return nuclei_project([1, 2, 3, 4], 96, 5)


def with_objects(project: Project, counts: Sequence[int]) -> Project:
    """Leave so many objects on each image."""
    doomed = []
    for image, count in zip(list(project.images()), counts, strict=True):
        doomed += [thing.id for thing in project.annotations(image.id)][count:]
    return edits.delete_things(project, doomed)


def severities(project: Project, settings: UNetSettings = SETTINGS) -> list[str]:
    return [found.severity for found in network_troubles(project, KIND, settings, (0,))]


def test_nothing_stands_in_the_way_of_many_objects(project: Project) -> None:
    assert network_troubles(project, KIND, SETTINGS, (0,)) == ()


def test_without_images_or_objects_there_is_nothing_to_learn_from(project: Project) -> None:
    (nothing,) = network_troubles(new_project(), "", SETTINGS, ())
    assert (nothing.severity, nothing.remedy) == ("stop", None)
    bare = with_objects(project, (0, 0, 0, 0))
    for kind in (KIND, "", "no such kind"):
        (none,) = network_troubles(bare, kind, SETTINGS, (0,))
        assert (none.severity, none.remedy) == ("stop", FIND)


def test_few_objects_spoil_it(project: Project) -> None:
    few = with_objects(project, (2, 2, 2, 2))
    found = network_troubles(few, KIND, SETTINGS, (0,))
    assert [trouble.severity for trouble in found] == ["spoil", "note"]
    assert found[0].text.startswith("It learns from 6 objects only")
    assert found[1].text.startswith("Only 2 objects are held out")
    assert severities(with_objects(project, (1, 0, 0, 0))) == ["stop"]


def test_one_image_is_divided_and_nothing_held_out_is_told(project: Project) -> None:
    alone = with_objects(project, (99, 0, 0, 0))
    found = network_troubles(alone, KIND, SETTINGS, (0,))
    (strip,) = (t.text for t in found if t.text.startswith("One image is annotated"))
    plan = check_fit(alone, KIND, SETTINGS, (0,))
    sides = [
        {a.id for p in part for a in p.annotations} for part in (plan.training, plan.validation)
    ]
    count = len(sides[0] & sides[1])
    assert count > 1, "the edge cuts some"
    assert f"; {count} objects at its edge count on both sides. A second" in strip
    whole = replace(SETTINGS, training_percentage=1.0)
    found = network_troubles(project, KIND, whole, (0,))
    assert [trouble.severity for trouble in found] == ["spoil"]
    assert found[0].text.startswith("Nothing is held out")


@pytest.mark.parametrize("channels", [(), (0, 0), (1,)])
def test_channels_that_are_none(project: Project, channels: tuple[int, ...]) -> None:
    (trouble,) = network_troubles(project, KIND, SETTINGS, channels)
    assert (trouble.severity, trouble.remedy) == ("stop", None)
    assert "channel" in trouble.text


def test_a_network_that_cannot_go_on_leads_to_a_new_one(project: Project) -> None:
    lost = SegmentationNetwork("lost", KIND)
    (trouble,) = network_troubles(project, KIND, SETTINGS, (0,), lost)
    assert trouble.severity == "stop"
    assert trouble.remedy is not None
    assert trouble.remedy.action == "new"
