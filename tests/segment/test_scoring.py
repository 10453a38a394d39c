"""Scores say how well objects are found: on annotated planes only, failures named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from stardist.matching import matching, matching_dataset
from tests.segment.stand_in import Above, find, install, project_of, request

from napari_piximi.errors import Cancelled, SegmentError, WeightsUnavailableError
from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model import edits
from napari_piximi.model.labels import annotations_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
)
from napari_piximi.model.things import IMAGE_KIND, Image
from napari_piximi.model.training import ModelArtifact, Run
from napari_piximi.progress import Progress
from napari_piximi.segment import scoring
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.running import Request, Segmented, segment_image
from napari_piximi.segment.scoring import annotated_images, score_held_out, score_images

Labels = NDArray[np.integer]


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def squares(*corners: tuple[int, int], side: int = 4, shape: tuple[int, int] = (20, 30)) -> Labels:
    """Paint squares with 255, 254, …: all of them are above the level of the stand-in."""
    labels = np.zeros(shape, np.uint8)
    for number, (top, left) in enumerate(corners):
        labels[top : top + side, left : left + side] = 255 - number
    return labels


def annotated(project: Project, image: int, labels: Labels, plane: int = 0) -> Project:
    thing = project.things[f"1image{image}"]
    assert isinstance(thing, Image)
    if "blob" not in {kind.name for kind in project.kinds.values()}:
        project = edits.create_kind(project, "blob")
    kind = project.find_kind("blob")
    shown = replace(thing, plane=plane)
    made = annotations_of(labels.astype(np.int64), image=shown, kind=kind, name="blob")
    return edits.add_annotations(project, [replace(a, plane=plane) for a in made])


def blob(project: Project) -> str:
    return project.find_kind("blob").id


def score(project: Project, **changes: Any) -> tuple[SegmentationScore, tuple[ScoredImage, ...]]:  # noqa: ANN401
    images = [image.id for image in project.images()]
    return score_images(project, request(**changes), blob(project), images)


SEEN = squares((0, 0), (0, 10), (10, 10))
TRUTH = squares((0, 0), (1, 10), (10, 20))  # one alike, one moved by a row, one elsewhere


def test_one_image() -> None:
    project = annotated(project_of(SEEN), 0, TRUTH)
    found, rows = score(project)
    moved = 12 / 20
    counts = tuple(2 if threshold <= moved else 1 for threshold in THRESHOLDS)
    ious = tuple((1 + moved) / 2 if threshold <= moved else 1.0 for threshold in THRESHOLDS)
    assert found.mean_iou == pytest.approx(ious)
    assert found == SegmentationScore("All annotated", 1, 3, 3, counts, found.mean_iou, rows=rows)
    assert rows == (ScoredImage("1image0", "0.tif", 3, 3, counts, found.mean_iou),)
    assert found.precision[0] == found.recall[0] == found.f1[0] == 2 / 3
    assert found.average_precision[0] == 2 / 4
    assert found.panoptic_quality[0] == pytest.approx(0.8 * 2 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_stardist(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = [squares(*map(tuple, rng.integers(0, 26, (5, 2)).tolist()), side=5, shape=(32, 32))
            for _ in range(3)]  # fmt: skip
    truth = [np.roll(labels, rng.integers(-1, 2, 2), (0, 1)) for labels in seen]
    truth[1] = np.where(truth[1] == 254, 0, truth[1])
    project = project_of(*seen)
    for number, labels in enumerate(truth):
        project = annotated(project, number, labels)
    found, rows = score(project)
    for place, threshold in enumerate(THRESHOLDS):
        theirs = matching_dataset(
            truth, seen, thresh=threshold, show_progress=False, parallel=False
        )
        assert (found.matched[place], found.annotated, found.found) == (
            theirs.tp, theirs.n_true, theirs.n_pred,
        )  # fmt: skip
        assert found.precision[place] == pytest.approx(theirs.precision)
        assert found.recall[place] == pytest.approx(theirs.recall)
        assert found.f1[place] == pytest.approx(theirs.f1)
        assert found.average_precision[place] == pytest.approx(theirs.accuracy)
        assert found.mean_iou[place] == pytest.approx(theirs.mean_matched_score, abs=1e-6)
        assert found.panoptic_quality[place] == pytest.approx(theirs.panoptic_quality, abs=1e-6)
        for row, one, other in zip(rows, truth, seen, strict=True):
            alone = matching(one, other, thresh=threshold)
            assert row.matched[place] == alone.tp
            assert row.mean_iou[place] == pytest.approx(alone.mean_matched_score, abs=1e-6)


def test_only_planes_with_annotations_are_looked_at() -> None:
    stack = np.stack([SEEN, SEEN, SEEN * 0, SEEN])
    project = annotated(project_of(stack, SEEN, SEEN), 0, TRUTH, 1)
    project = annotated(project, 0, TRUTH, 2)
    project = annotated(project, 2, SEEN)
    looked: list[tuple[str, int]] = []

    def look(
        project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        (thing,) = project.things.values()
        assert isinstance(thing, Image)
        looked.append((image, thing.plane))
        return segment_image(project, image, request, progress)

    images = ["1image2", "1image1", "1image0", "gone"]
    found, rows = score_images(
        project, request(every_plane=True), blob(project), images, ask=look, partition="Validation"
    )
    assert looked == [("1image2", 0), ("1image0", 1), ("1image0", 2)]
    assert (found.images, found.annotated, found.found) == (2, 9, 6)
    assert found.partition == "Validation"
    assert [(row.image, row.annotated, row.found, row.matched[0]) for row in rows] == [
        ("1image2", 3, 3, 3), ("1image0", 6, 3, 2),
    ]  # fmt: skip
    assert annotated_images(project, blob(project)) == ("1image0", "1image2")


def test_in_a_region_annotations_are_cut_at_its_edges() -> None:
    project = annotated(project_of(SEEN), 0, SEEN)
    found, _ = score(project, region=(0, 0, 20, 12))
    # Of three squares one is inside, and two are halved; all are found as they lie there.
    assert (found.annotated, found.found) == (3, 3)
    assert found.matched == (3,) * len(THRESHOLDS)
    assert found.mean_iou == (1.0,) * len(THRESHOLDS)
    only, _ = score(project, region=(0, 0, 5, 5))
    assert (only.annotated, only.found, only.matched[-1]) == (1, 1, 1)
    with pytest.raises(SegmentError, match="None of the images has annotations"):
        score(project, region=(15, 25, 20, 30))
    hollow = np.zeros((20, 30), np.int64)
    hollow[2, 2:9] = hollow[2:9, 2] = 9  # its box reaches into the region, itself it does not
    hollow[8:10, 8:10] = 8
    part, _ = score(annotated(project_of(SEEN), 0, hollow), region=(5, 5, 12, 12))
    assert part.annotated == 1


def test_images_that_fail_are_named_and_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def falls(plane: Plane, settings: Above, progress: Progress) -> Found:
        if plane.name == "1.tif":
            raise SegmentError("'1.tif' is too odd")
        return find(plane, settings, progress)

    install(monkeypatch, falls)
    project = project_of(SEEN, SEEN, SEEN)
    for number in range(3):
        project = annotated(project, number, TRUTH)
    found, rows = score(project)
    assert [row.trouble for row in rows] == ["", "'1.tif' is too odd", ""]
    assert (rows[1].annotated, rows[1].found, rows[1].matched[0]) == (3, 0, 0)
    assert (found.images, found.annotated, found.matched[0]) == (2, 6, 4)
    one = edits.delete_things(project, ["1image0", "1image2"])
    with pytest.raises(SegmentError, match=r"No image could be segmented: '1\.tif' is too odd"):
        score(one)


def test_what_keeps_all_from_being_segmented_is_raised() -> None:
    project = annotated(project_of(SEEN), 0, TRUTH)

    def without(
        project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        raise WeightsUnavailableError("no weights")

    with pytest.raises(WeightsUnavailableError):
        score_images(project, request(), blob(project), ["1image0"], ask=without)
    with pytest.raises(SegmentError, match="takes 1 channel,"):
        score(project, channels=(0, 0))
    for kind in ("gone", IMAGE_KIND):
        with pytest.raises(SegmentError, match="no kind of objects"):
            score_images(project, request(), kind, ["1image0"])
    with pytest.raises(SegmentError, match="None of the images has annotations of the kind 'blob'"):
        score_images(project, request(), blob(project), [])


def test_progress_only_grows_and_can_cancel() -> None:
    project = project_of(np.stack([SEEN, SEEN]), SEEN)
    for image, plane in ((0, 0), (0, 1), (1, 0)):
        project = annotated(project, image, TRUTH, plane)
    told: list[tuple[float, str]] = []

    def progress(done: int, total: int, message: str = "", **values: object) -> None:
        told.append((done / total, message))
        if len(told) > most:
            raise Cancelled

    most = 100
    score_images(project, request(), blob(project), ["1image0", "1image1"], progress)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {"0.tif", "1.tif"} <= {message.split(":")[0] for _, message in told}
    told, most = [], 2
    with pytest.raises(Cancelled):
        score_images(project, request(), blob(project), ["1image0", "1image1"], progress)


def test_of_several_sorts_only_the_kind_s_own_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def sorts(plane: Plane, settings: Above, progress: Progress) -> Found:
        return found_boxes([[0, 0, 4, 4], [0, 10, 4, 14]], classes=("Blob", "dog"))

    install(monkeypatch, sorts, classes=("dog", "Blob"))
    project = annotated(project_of(SEEN), 0, SEEN)
    found, _ = score(project)
    assert (found.annotated, found.found, found.matched[-1]) == (3, 1, 1)
    install(monkeypatch, sorts, classes=("dog", "cat"))
    with pytest.raises(SegmentError, match="finds dog, cat, but not 'blob'"):
        score(project)


def test_the_score_of_a_network_tells_its_last_run() -> None:
    project = annotated(project_of(SEEN), 0, TRUTH)
    runs = (Run(Above(), {}), Run(Above(), {}))
    net = SegmentationNetwork("net", blob(project), model=ModelArtifact({}, b""), runs=runs)
    assert score(project, network=net)[0].run == 1
    assert score(project, network=replace(net, runs=()))[0].run is None
    assert score(project)[0].run is None


@pytest.mark.parametrize("region", [None, (0, 0, 10, 30)])
def test_a_network_is_scored_on_what_it_has_held_out(
    monkeypatch: pytest.MonkeyPatch, region: tuple[int, int, int, int] | None
) -> None:
    asked: list[object] = []

    def finds(plane: Plane, settings: Above, progress: Progress, network: object) -> Found:
        asked.append(network)
        return find(plane, settings, progress)

    install(monkeypatch, finds, own=True)
    monkeypatch.setattr(scoring, "OWN", "stand-in")
    project = annotated(annotated(project_of(SEEN, SEEN), 0, SEEN), 1, TRUTH)
    split = {"training": ["1image0"], "validation": ["1image1", "gone"]}
    noted = {EXTRA_KEY: {"segmentation": {"split": {**split, "region": region and [*region]}}}}
    net = SegmentationNetwork(
        "net", blob(project), model=ModelArtifact(noted, b""), runs=(Run(Above(), {}),)
    )
    found = score_held_out(project, net)
    request = Request("stand-in", Above(), (0,), region=region, network=net)
    alone = score_images(project, request, blob(project), ["1image1"], partition="Validation")
    assert found == alone[0]
    assert (found.partition, found.images, found.run) == ("Validation", 1, 0)
    assert asked == [net, net]
    with pytest.raises(SegmentError, match="None of the images has annotations"):
        score_held_out(project, replace(net, model=ModelArtifact({}, b"")))
