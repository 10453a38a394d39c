"""Networks fitted on annotations: seeded, stopped, continued, asked."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from tests.segment.nuclei import KIND, nuclei, nuclei_project

from napari_piximi.errors import Cancelled, FitError, PiximiWarning, SegmentError
from napari_piximi.learn._keras import keras
from napari_piximi.learn.averages import values_of
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.progress import silent
from napari_piximi.segment.annotated import annotated_planes, split_of, split_pieces
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_labels, painted
from napari_piximi.segment.own_networks import fit_network
from napari_piximi.segment.running import Request, segment_image
from napari_piximi.segment.segmenters.own import OwnSettings, find, objects_in
from napari_piximi.segment.unet import build_unet
from napari_piximi.segment.unet_asking import asker_of, mapped
from napari_piximi.segment.unet_finding import find_in_plane
from napari_piximi.segment.unet_fitting import InsideIoU, _Fitting
from napari_piximi.segment.unet_scenes import normal, percentiles
from napari_piximi.segment.unet_targets import classes_of, labels_from
from napari_piximi.segment.unet_tiles import View

pytestmark = pytest.mark.keras

QUICK = UNetSettings(depth=1, filters=4, tile=32, tiles=12, batch_size=3, epochs=3, patience=0)
HISTORY = {"loss", "iou", "val_loss", "val_iou", "val_f1"}


class Told:
    """A progress that keeps what it is told, and stops where it should."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.reports: list[tuple[int, int, str, Mapping[str, Any]]] = []
        self.stop_after = stop_after

    def __call__(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        self.reports.append((done, total, message, values))
        if self.stop_after is not None and total and done >= self.stop_after:
            raise Cancelled


@pytest.fixture(scope="module")
def project() -> Project:
    return nuclei_project(range(4), size=64, clusters=3)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def network(project: Project, told: Told) -> SegmentationNetwork:
    return fit_network(project, KIND, QUICK, (0,), name="net", progress=told)


@pytest.fixture(autouse=True)
def warnings_are_told() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PiximiWarning)
        yield


def weights(network: SegmentationNetwork) -> bytes:
    assert network.model is not None
    return network.model.weights


def test_a_fit_says_what_it_did(network: SegmentationNetwork, project: Project) -> None:
    assert (network.name, network.kind, network.channels) == ("net", KIND, (0,))
    assert network.settings == QUICK
    (run,) = network.runs
    assert {*run.history} == HISTORY
    assert {len(values) for values in run.history.values()} == {3}
    assert run.stopped == "finished"
    assert run.best_epoch == int(np.argmin(run.history["val_loss"]))
    split, training, validation = split_pieces(annotated_planes(project, KIND), QUICK)
    assert split_of(network) == split
    assert run.training == sum(len(piece.annotations) for piece in training)
    assert run.validation == sum(len(piece.annotations) for piece in validation)
    assert run.history["loss"][-1] < run.history["loss"][0]


def test_epochs_are_judged_as_the_network_will_find() -> None:
    labels = np.zeros((32, 32), np.int32)
    labels[4:14, 4:14] = 1
    speck = labels.copy()
    speck[24:27, 24:27] = 2  # too small to be found
    answer = np.eye(3, dtype=np.float32)[classes_of(speck, QUICK.border)]
    judge = object.__new__(_Fitting)
    judge.settings, judge.weights = QUICK, np.ones(3, np.float32)
    judge.views = [
        View(np.zeros((32, 32, 1), np.float32), classes_of(labels, QUICK.border), labels)
    ]
    judge.ask = lambda pixels: answer[np.newaxis]
    assert len(objects_in(OwnSettings(), answer)) == 1
    assert judge._judged(lambda: None)["val_f1"] == 1.0


def test_progress_is_told_every_batch(network: SegmentationNetwork, told: Told) -> None:
    batches = [report for report in told.reports if report[1]]
    assert {total for _, total, _, _ in batches} == {12}
    assert {*range(13)} == {done for done, _, _, _ in batches}
    assert [done for done, _, _, _ in batches] == sorted(done for done, _, _, _ in batches)
    done, _, message, values = batches[-1]
    assert (done, message) == (12, "Epoch 3 of 3")
    assert {*values} == {*HISTORY, "epoch", "complete"}
    assert (values["epoch"], values["complete"]) == (3, 3)
    for key in HISTORY:
        assert type(values[key]) is float
        assert values[key] == network.runs[-1].history[key][-1]


def test_the_same_seed_gives_the_same_weights_bit_for_bit(
    network: SegmentationNetwork, project: Project
) -> None:
    again = fit_network(project, KIND, QUICK, (0,), name="net")
    assert weights(again) == weights(network)
    assert again.runs[0].history == network.runs[0].history
    other = fit_network(project, KIND, replace(QUICK, seed=1), (0,), name="net")
    assert weights(other) != weights(network)


def test_a_stopped_fit_keeps_the_best_and_can_go_on(
    network: SegmentationNetwork, project: Project
) -> None:
    stopped = fit_network(project, KIND, QUICK, (0,), name="net", progress=Told(6))
    (run,) = stopped.runs
    assert (run.stopped, run.epochs, run.best_epoch) == ("cancelled", 1, 0)
    # One epoch of three that it was to have: what the whole fit had after its first.
    for key in HISTORY:
        assert run.history[key][0] == network.runs[0].history[key][0]

    more = fit_network(project, KIND, QUICK, (0,), name="net", base=stopped)
    assert more.runs[:1] == stopped.runs
    assert len(more.runs) == 2
    assert min(more.runs[1].history["val_loss"]) < run.history["val_loss"][0]
    assert split_of(more) == split_of(stopped)


def test_a_fit_that_is_stopped_at_once_keeps_what_it_has(
    network: SegmentationNetwork, project: Project
) -> None:
    early = fit_network(project, KIND, QUICK, (0,), name="net", progress=Told(1))
    assert (early.runs[0].stopped, early.runs[0].epochs) == ("cancelled", 0)
    same = fit_network(project, KIND, QUICK, (0,), name="m", base=network, progress=Told(0))
    assert weights(same) == weights(network)
    assert (same.runs[-1].best_epoch, same.runs[-1].stopped) == (-1, "cancelled")


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="is not compiled there")
def test_a_step_is_compiled_and_not_gone_through_for_each_batch(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, loss = 0, _Fitting._loss

    def counted(self: _Fitting, true: Any, outputs: Any) -> Any:  # noqa: ANN401
        nonlocal calls
        calls += 1
        return loss(self, true, outputs)

    monkeypatch.setattr(_Fitting, "_loss", counted)
    fit_network(project, KIND, replace(QUICK, tiles=24), (0,), name="net")
    assert 0 < calls < 8  # of 24 batches


def test_no_epoch_that_is_worse_replaces_what_was_there(
    network: SegmentationNetwork, project: Project
) -> None:
    wild = replace(QUICK, learning_rate=3.0, epochs=2)
    kept = fit_network(project, KIND, wild, (0,), name="net", base=network)
    assert kept.runs[-1].best_epoch == -1
    assert weights(kept) == weights(network)


def test_the_best_so_far_is_put_aside(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_piximi.learn.fit_record.PUT_ASIDE_SECONDS", 0.0)
    monkeypatch.setattr("napari_piximi.learn.fit_record.PUT_ASIDE_SHARE", 0)
    kept: list[SegmentationNetwork] = []
    last = fit_network(project, KIND, QUICK, (0,), name="net", keep=kept.append)
    assert kept
    assert kept[-1].runs[-1].stopped == "interrupted"
    assert weights(kept[-1]) == weights(last)
    assert kept[-1].runs[-1].best_epoch == last.runs[-1].best_epoch


def test_a_fit_that_does_not_get_better_ends_early(
    network: SegmentationNetwork, project: Project
) -> None:
    wild = replace(QUICK, learning_rate=3.0, epochs=9, patience=2)
    run = fit_network(project, KIND, wild, (0,), name="net", base=network).runs[-1]
    assert (run.stopped, run.epochs, run.best_epoch) == ("early", 2, -1)


def test_a_fit_that_diverges(
    network: SegmentationNetwork, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(model: SegmentationNetwork, place: int) -> SegmentationNetwork:
        built = to_keras(model.model)  # type: ignore[arg-type]
        values = values_of(built.weights)
        values[place][...] = np.nan
        built.set_weights(values)
        return replace(model, model=from_keras(built, {}))

    with pytest.raises(FitError, match=r"no finite numbers after epoch 1.*learning rate"):
        fit_network(project, KIND, QUICK, (0,), name="net", base=spoilt(network, 0))

    monkeypatch.setattr("napari_piximi.segment.unet_fitting.draw_batches", _spoilt_later)
    with pytest.warns(PiximiWarning, match="after epoch 2; the weights of epoch 1 are kept"):
        late = fit_network(project, KIND, QUICK, (0,), name="net")
    assert (late.runs[0].stopped, late.runs[0].best_epoch) == ("diverged", 0)
    assert np.isfinite(np.frombuffer(weights(late), np.float32)).all()


def _spoilt_later(*args: Any) -> Iterator[Any]:  # noqa: ANN401
    from napari_piximi.segment.unet_tiles import draw_batches

    for batch in draw_batches(*args):
        yield replace(batch, pixels=batch.pixels * np.nan) if args[2] else batch


def test_without_anything_held_out_the_training_loss_decides(project: Project) -> None:
    settings = replace(QUICK, training_percentage=1.0, epochs=2)
    with pytest.warns(PiximiWarning, match="Nothing is held out"):
        alone = fit_network(project, KIND, settings, (0,), name="net")
    (run,) = alone.runs
    assert {*run.history} == {"loss", "iou"}
    assert (run.validation, run.best_epoch) == (0, int(np.argmin(run.history["loss"])))
    with pytest.warns(PiximiWarning, match="Nothing is held out"):
        more = fit_network(project, KIND, settings, (0,), name="net", base=alone)
    assert len(more.runs) == 2


def test_one_small_image_of_two_channels(project: Project) -> None:
    image = project.things["i0"]
    assert isinstance(image, Image)
    array = np.repeat(np.asarray(image.pixels), 3, axis=-1)[:, :50, :43].astype(np.uint16) * 9
    inside = [a for a in project.annotations("i0") if a.bbox[2] <= 50 and a.bbox[3] <= 43]
    things = {a.id: a for a in inside}
    small = replace(image, pixels=ArrayPixels(array), bit_depth=16)
    alone = replace(project, things={image.id: small, **things}, image_channels=3)
    settings = replace(QUICK, tile=128, epochs=1)
    found = fit_network(alone, KIND, settings, (2, 0), name="net")
    assert found.model is not None
    assert to_keras(found.model).input_shape == (None, None, None, 2)
    assert split_of(found).region is not None


# --- asked ----------------------------------------------------------------------------------


def request(network: SegmentationNetwork, **settings: Any) -> Request:  # noqa: ANN401
    return Request("own", OwnSettings(**settings), network.channels, network=network)


def test_it_finds_what_its_probabilities_say(
    network: SegmentationNetwork, project: Project
) -> None:
    assert network.model is not None
    image = nuclei(3, 64, 3)[0]
    low, high = np.percentile(image, (network.settings.low, network.settings.high))
    scaled = np.clip((image.astype(np.float32) - np.float32(low)) / np.float32(high - low), -1, 5)
    said = np.asarray(to_keras(network.model)(scaled[np.newaxis, ..., np.newaxis]))[0]
    expected, scores = labels_from(said, 0.4, 0.2, 5)
    assert expected.max()

    asked = request(network, threshold=0.4, seed=0.2, min_size=5)
    (part,) = segment_image(project, "i3", asked)
    assert part.found.scores is not None
    np.testing.assert_array_equal(painted(part.found, (64, 64)) > 0, expected > 0)
    np.testing.assert_allclose(np.sort(part.found.scores), np.sort(scores), atol=1e-4)

    cleared = replace(asked, settings=replace(asked.settings, clear_border=True))
    (rest,) = segment_image(project, "i3", cleared)
    assert not painted(rest.found, (64, 64))[[0, -1]].any()
    assert not painted(rest.found, (64, 64))[:, [0, -1]].any()


def test_a_region_is_scaled_as_the_plane_that_it_is_of(
    network: SegmentationNetwork, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Plane] = []

    def look(asker: Any, plane: Plane, *args: Any) -> Found:  # noqa: ANN401
        seen.append(plane)
        return Found(np.zeros((0, 4), np.int64), ())

    monkeypatch.setattr("napari_piximi.segment.unet_finding.find_in_plane", look)
    segment_image(project, "i1", replace(request(network), region=(5, 8, 30, 60)))
    segment_image(project, "i1", request(network))
    part, whole = seen
    assert part.pixels.shape == (25, 52, 1)
    for one, other in zip(
        percentiles(part.sample, QUICK), percentiles(whole.sample, QUICK), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_tiles_do_not_show(network: SegmentationNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    image = nuclei(5, 203, 12)[0][:, :190, np.newaxis]
    asker = asker_of(network)
    assert asker_of(replace(network, name="other")) is asker
    low, high = percentiles(image, network.settings)

    def prepared(pixels: Any) -> Any:  # noqa: ANN401
        return normal(pixels, low, high)

    whole = mapped(asker, image, prepared)
    monkeypatch.setattr("napari_piximi.segment.unet_asking.TILE", 48)
    told = Told()
    np.testing.assert_allclose(mapped(asker, image, prepared, told), whole, atol=1e-5)
    assert [report[:2] for report in told.reports] == [(n, 20) for n in range(20)]

    # A level that no pixel is near, since tiles may differ in the last bits.
    levels = np.quantile(whole[..., 1], np.linspace(0.75, 0.85, 40))
    level = max(levels, key=lambda value: float(np.abs(whole[..., 1] - value).min()))

    def objects(probabilities: Any) -> Found:  # noqa: ANN401
        return found_labels(ndimage.label(probabilities[..., 1] > level)[0])

    plane = Plane(image)
    together = find_in_plane(asker, plane, objects, network.settings, silent)
    apart = find_in_plane(asker, plane, objects, network.settings, silent, block=64, overlap=128)
    assert len(together) > 10
    assert {*zip(map(tuple, together.boxes.tolist()), together.runs, strict=True)} == {
        *zip(map(tuple, apart.boxes.tolist()), apart.runs, strict=True)
    }


@pytest.mark.parametrize("value", [0, 200])
def test_planes_with_nothing_to_see(network: SegmentationNetwork, value: int) -> None:
    for shape in ((1, 1, 1), (3, 17, 1), (40, 40, 1)):
        plane = Plane(np.full(shape, value, np.uint8))
        found = find(plane, OwnSettings(), silent, network)
        assert len(found) == 0 or (found.boxes[:, 2:] <= shape[:2]).all()


def test_asking_can_be_cancelled(network: SegmentationNetwork) -> None:
    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        if total:
            raise Cancelled

    with pytest.raises(Cancelled):
        find(Plane(np.zeros((40, 40, 1), np.uint8)), OwnSettings(), stop, network)


def test_networks_that_are_none(network: SegmentationNetwork) -> None:
    plane = Plane(np.zeros((16, 16, 1), np.uint8), name="picture")
    with pytest.raises(SegmentError, match="files of 'net' are missing"):
        find(plane, OwnSettings(), silent, replace(network, model=None))
    with pytest.raises(SegmentError, match="takes 1 channels, but 'picture' gives 2"):
        find(Plane(np.zeros((16, 16, 2), np.uint8), name="picture"), OwnSettings(), silent, network)
    wider = replace(network, channels=(0, 1), model=from_keras(build_unet(QUICK, 1), {"a": 1}))
    with pytest.raises(SegmentError, match="takes 1 channels, but 2 are chosen"):
        find(plane, OwnSettings(), silent, wider)
    layers = keras.layers
    classifier = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    with pytest.raises(SegmentError, match=r"goes from \(None, 8, 8, 1\) to \(None, 2\)"):
        find(plane, OwnSettings(), silent, replace(network, model=from_keras(classifier, {})))
    built = build_unet(QUICK, 1)
    built.set_weights([values * np.nan for values in values_of(built.weights)])
    with pytest.raises(SegmentError, match="no numbers"):
        find(plane, OwnSettings(), silent, replace(network, model=from_keras(built, {})))


def test_images_of_another_project_do_not_matter(
    network: SegmentationNetwork, project: Project
) -> None:
    # What trained it has gone: it still finds, and a fit that continues divides anew.
    fewer = edits.delete_things(project, list(split_of(network).training))
    rest = nuclei_project([20, 21], size=64, clusters=3)
    other = replace(rest, things={**rest.things, **fewer.things})
    more = fit_network(other, KIND, replace(QUICK, epochs=1), (0,), name="net", base=network)
    assert {*split_of(more).training} | {*split_of(more).validation} == {
        image.id for image in other.images()
    }


def test_inside_iou_against_numpy() -> None:
    random = np.random.default_rng(0)
    metric = InsideIoU()
    both = either = 0
    for _ in range(3):
        true = random.integers(0, 3, (2, 8, 8))
        said = random.random((2, 8, 8, 3)).astype(np.float32)
        metric.update_state(true, said)
        one, other = true == 1, said.argmax(-1) == 1
        both, either = both + (one & other).sum(), either + (one | other).sum()
    assert metric.read() == (both, either)
    assert float(metric.result()) == pytest.approx(both / either)
