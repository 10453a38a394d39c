"""Which annotated planes train, and which are held out."""

from dataclasses import replace

import numpy as np
import pytest
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.things import Annotation, ArrayPixels, Image
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.annotated import (
    SEGMENTATION,
    SPLIT,
    Split,
    annotated_planes,
    split_of,
    split_pieces,
)

SETTINGS = UNetSettings()


@pytest.fixture(scope="module")
def project() -> Project:
    return nuclei_project(range(8), size=64, clusters=3)


def one_image(project: Project) -> Project:
    return edits.delete_things(project, [f"i{seed}" for seed in range(1, 8)])


def stack_of(project: Project) -> Project:
    """Put the objects of the first image also on the second of three planes."""
    image = project.things["i0"]
    assert isinstance(image, Image)
    array = np.repeat(np.asarray(image.pixels), 3, axis=0)
    things = {image.id: replace(image, pixels=ArrayPixels(array))}
    for old in project.annotations("i0"):
        for plane in (1, 0):
            new = replace(old, id=f"{old.id} {plane}", plane=plane)
            things[new.id] = new  # type: ignore[assignment]
    return replace(project, things=things)


def test_only_planes_with_annotations_of_the_kind_are_used(project: Project) -> None:
    pieces = annotated_planes(project, KIND)
    assert [piece.image.id for piece in pieces] == [f"i{seed}" for seed in range(8)]
    assert {piece.region for piece in pieces} == {(0, 0, 64, 64)}
    assert sum(len(piece.annotations) for piece in pieces) == len([*project.of_kind(KIND)])

    turned = replace(project, things=dict([*project.things.items()][::-1]))
    assert [piece.image.id for piece in annotated_planes(turned, KIND)] == [
        piece.image.id for piece in pieces
    ]
    bare = edits.delete_things(project, [a.id for a in project.annotations("i3")])
    assert "i3" not in [piece.image.id for piece in annotated_planes(bare, KIND)]
    assert annotated_planes(edits.create_kind(project, "other"), "Image") == ()

    planes = annotated_planes(stack_of(project), KIND)
    assert [(piece.image.id, piece.plane) for piece in planes] == [("i0", 0), ("i0", 1)]


def test_images_are_divided_by_a_seed_whatever_their_order(project: Project) -> None:
    pieces = annotated_planes(project, KIND)
    split, training, validation = split_pieces(pieces, SETTINGS)
    assert len(split.training) == 6
    assert {*split.training} | {*split.validation} == {p.image.id for p in pieces}
    assert not {*split.training} & {*split.validation}
    assert [p.image.id for p in training] == list(split.training)
    assert [p.image.id for p in validation] == list(split.validation)
    assert {*split_pieces(pieces[::-1], SETTINGS)[0].training} == {*split.training}
    others = {split_pieces(pieces, replace(SETTINGS, seed=n))[0].training for n in range(20)}
    assert len(others) > 3

    few = replace(SETTINGS, training_percentage=0.05)
    assert len(split_pieces(pieces, few)[0].training) == 1
    all_of_it = split_pieces(pieces, replace(SETTINGS, training_percentage=1.0))
    assert (len(all_of_it[1]), all_of_it[2]) == (8, ())


@pytest.mark.parametrize("seed", range(6))
def test_a_single_image_is_divided_by_region(project: Project, seed: int) -> None:
    pieces = annotated_planes(stack_of(one_image(project)), KIND)
    settings = replace(SETTINGS, seed=seed)
    split, training, validation = split_pieces(pieces, settings)
    assert split.training == split.validation == ("i0",)
    assert split.region is not None
    assert {piece.region for piece in validation} == {split.region}
    (mine,) = {piece.region for piece in training}
    covered = np.zeros((64, 64), int)
    for top, left, bottom, right in (mine, split.region):
        covered[top:bottom, left:right] += 1
    np.testing.assert_array_equal(covered, 1)

    def owned(annotation: Annotation, region: tuple[int, int, int, int]) -> bool:
        middle = [(annotation.bbox[axis] + annotation.bbox[axis + 2]) // 2 for axis in (0, 1)]
        return all(region[a] <= middle[a] < region[a + 2] for a in (0, 1))

    held = [a for p in pieces for a in p.annotations if owned(a, split.region)]
    share = len(held) / sum(len(p.annotations) for p in pieces)
    assert 0.05 < share < 0.5


def test_one_object_cannot_be_divided(project: Project) -> None:
    alone = one_image(project)
    alone = edits.delete_things(alone, [a.id for a in [*alone.annotations()][1:]])
    split, training, validation = split_pieces(annotated_planes(alone, KIND), SETTINGS)
    assert split == Split(("i0",))
    assert (len(training), validation) == (1, ())


def test_what_was_held_out_stays_held_out(project: Project) -> None:
    early = edits.delete_things(project, ["i6", "i7"])
    before = split_pieces(annotated_planes(early, KIND), SETTINGS)[0]
    later, training, _ = split_pieces(
        annotated_planes(project, KIND), replace(SETTINGS, seed=9), before
    )
    assert later.validation == before.validation
    assert {*later.training} == {*before.training, "i6", "i7"}
    assert len(training) == len(later.training)

    single = split_pieces(annotated_planes(one_image(project), KIND), SETTINGS)[0]
    more, training, validation = split_pieces(annotated_planes(project, KIND), SETTINGS, single)
    assert (more.validation, more.region) == (("i0",), single.region)
    assert len(more.training) == 8
    assert [piece.region for piece in validation] == [single.region]
    assert training[0].region != (0, 0, 64, 64)

    for region in ((0, 0, 900, 900), (-9, -9, 5, 64), (60, 3, 2, 1), (0, 50, 64, 70)):
        odd = Split(("i0", "i1"), ("i0",), region)
        _, training, validation = split_pieces(annotated_planes(project, KIND), SETTINGS, odd)
        for piece in (*training, *validation):
            assert all(
                0 <= low < high <= 64
                for low, high in zip(piece.region[:2], piece.region[2:], strict=True)
            )

    elsewhere = split_pieces(annotated_planes(project, KIND), SETTINGS, Split(("gone",)))[0]
    assert elsewhere == split_pieces(annotated_planes(project, KIND), SETTINGS)[0]


def test_a_network_tells_what_it_learnt_from() -> None:
    split = Split(("a", "b"), ("b",), (0, 0, 5, 9))

    def network(note: object) -> SegmentationNetwork:
        document = {EXTRA_KEY: {SEGMENTATION: {SPLIT: note}}}
        return SegmentationNetwork("n", "k", model=ModelArtifact(document, b""))

    assert split_of(network(split.note)) == split
    assert split_of(SegmentationNetwork("n", "k")) == Split()
    notes: tuple[object, ...] = (
        None,
        [],
        3,
        {"training": 5, "validation": [1, None], "region": ["a"] * 4},
    )
    for hostile in notes:
        assert split_of(network(hostile)) == Split()
    ill = SegmentationNetwork("n", "k", model=ModelArtifact({EXTRA_KEY: [1]}, b""))
    assert split_of(ill) == Split()
