import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.projects import image, moved, with_categories

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn import sampling
from napari_piximi.learn.resampling import FULL_BOX, crop_and_resize, match_boxes, pad_to
from napari_piximi.learn.sampling import Samples, build_samples
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Thing
from napari_piximi.model.training import Settings

SETTINGS = Settings(height=20, width=24)
DRAWS = np.random.default_rng(5)


UNKNOWN = "0: of the project that it is put into"


def project_of(*images: Image) -> Project:
    project = with_categories("a", "b")[0]
    unknown = project.kinds["Image"].unknown
    return edits.add_images(project, [replace(one, category=unknown) for one in images])


def single(
    pixels: NDArray[Any], settings: Settings = SETTINGS, plane: int = 0, bit_depth: int = 8
) -> NDArray[np.float32]:
    project = project_of(image("i", pixels, UNKNOWN, plane=plane, bit_depth=bit_depth))
    things = list(project.things.values())
    with build_samples(project, things, settings, pixels.shape[-1]) as samples:
        return np.array(samples.values[0])


def stored(
    project: Project, boxes: list[tuple[int, int, int, int]], on: str = "i", plane: int = 0
) -> Project:
    if all(kind.name != "cells" for kind in project.kinds.values()):
        project = edits.create_kind(project, "cells")
    kind = project.find_kind("cells")
    added = [
        Annotation(
            f"{on}-{n}", f"cell {n}", kind.id, kind.unknown, on, box,
            masks.encode(np.ones((box[2] - box[0], box[3] - box[1]), dtype=bool)), plane=plane,
        )
        for n, box in enumerate(boxes)
    ]  # fmt: skip
    return edits.add_annotations(project, added)


@pytest.mark.parametrize("depth", [8, 16])
def test_integers_are_scaled_to_the_nearest_float32(depth: int) -> None:
    values = np.arange(2**16) % 2**depth  # each value there is
    pixels = values.astype(f"uint{depth}").reshape(256, 256, 1)
    result = single(pixels, Settings(height=256, width=256), bit_depth=depth)
    expected = (values / (2**depth - 1)).astype(np.float32)
    np.testing.assert_array_equal(result.ravel(), expected)


def test_floats_are_taken_as_they_are() -> None:
    pixels = DRAWS.random((20, 24, 2), dtype=np.float32)
    np.testing.assert_array_equal(single(pixels), pixels)
    np.testing.assert_array_equal(single(pixels.astype(np.float64)), pixels)


def test_without_rescaling_values_are_raw() -> None:
    pixels = DRAWS.integers(0, 256, (20, 24, 1), dtype=np.uint8)
    settings = replace(SETTINGS, rescale=False)
    np.testing.assert_array_equal(single(pixels, settings), pixels)
    deep = DRAWS.integers(0, 2**16, (20, 24, 1), dtype=np.uint16)
    np.testing.assert_array_equal(single(deep, settings, bit_depth=16), deep)
    as_float = pixels.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(single(as_float, settings), pixels)


def test_centering_takes_off_the_mean_of_each_channel() -> None:
    pixels = DRAWS.random((31, 50, 3), dtype=np.float32)
    centred, plain = single(pixels, replace(SETTINGS, center=True)), single(pixels)
    np.testing.assert_allclose(centred.mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(
        plain - centred, np.broadcast_to(plain.mean(axis=(0, 1)), plain.shape), atol=1e-6
    )


def test_the_active_plane_is_sampled() -> None:
    pixels = DRAWS.random((3, 20, 24, 1), dtype=np.float32)
    np.testing.assert_array_equal(single(pixels, plane=1), pixels[1])


def test_match_pads_and_cuts_without_scaling() -> None:
    pixels = DRAWS.random((10, 50, 1), dtype=np.float32)
    settings = replace(SETTINGS, crop_schema="Match")
    padded = pad_to(pixels, 20, 24)
    box = match_boxes((20, 50), (20, 24), np.array([[0.5, 0.5]]))
    expected = crop_and_resize(padded[None], box, (20, 24))[0]
    np.testing.assert_array_equal(single(pixels, settings), expected)
    assert (single(pixels, settings)[:5] == 0).all()


def test_random_pieces_are_seeded_and_do_not_depend_on_company() -> None:
    project = project_of(
        *(image(f"i{n}", DRAWS.random((30, 40 + n % 2, 1)), UNKNOWN) for n in range(6))
    )
    things = list(project.things.values())
    settings = replace(SETTINGS, crop_schema="Match", num_crops=3)
    with build_samples(project, things, settings, 1, crops=3) as samples:
        first = np.array(samples.values)
    with build_samples(project, things, settings, 1, crops=3) as samples:
        np.testing.assert_array_equal(samples.values, first)
    assert first.shape == (18, 20, 24, 1)
    assert len(np.unique(first.reshape(18, -1), axis=0)) == 18
    with build_samples(project, things, replace(settings, seed=1), 1, crops=3) as samples:
        assert not np.array_equal(samples.values, first)


def test_without_match_there_is_one_sample_per_thing() -> None:
    project = project_of(image("i", DRAWS.random((30, 40, 1)), UNKNOWN))
    with build_samples(project, list(project.things.values()), SETTINGS, 1, crops=3) as samples:
        assert len(samples) == 1


class CountingPixels(ArrayPixels):
    """Pixels that count how often they are read."""

    reads: list[int] = []  # noqa: RUF012

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        self.reads.append(1)
        return super().__array__(dtype, copy)


def test_annotations_are_cut_from_their_image_which_is_read_once() -> None:
    pixels = DRAWS.integers(0, 256, (4, 60, 70, 2), dtype=np.uint8)
    other = DRAWS.integers(0, 256, (1, 60, 70, 2), dtype=np.uint8)
    project = project_of(image("i", pixels, UNKNOWN), image("j", other, UNKNOWN))
    project = moved(project, "i", pixels=CountingPixels(pixels))
    boxes = [(0, 0, 20, 24), (5, 7, 35, 20), (40, 30, 60, 70), (0, 0, 20, 24)]
    project = stored(project, boxes, plane=2)
    project = stored(project, boxes[:2], on="j")
    things = sorted(project.annotations(), key=lambda thing: thing.name)  # i and j take turns
    CountingPixels.reads.clear()
    with build_samples(project, things, SETTINGS, 2) as samples:
        for thing, sample in zip(things, samples.values, strict=True):
            top, left, bottom, right = thing.bbox
            source = pixels[2] if thing.image == "i" else other[0]
            box = source[top:bottom, left:right].astype(np.float32) / np.float32(255)
            np.testing.assert_array_equal(sample, crop_and_resize(box[None], FULL_BOX, (20, 24))[0])
    assert len(CountingPixels.reads) == 1


def test_annotation_pixels_with_fewer_planes_give_their_last() -> None:
    project = stored(
        project_of(image("i", np.zeros((5, 60, 70, 1)), UNKNOWN)), [(0, 0, 20, 24)], plane=4
    )
    own = DRAWS.random((1, 20, 24, 1), dtype=np.float32)
    project = moved(project, "i-0", pixels=ArrayPixels(own))
    with build_samples(project, [project.things["i-0"]], SETTINGS, 1) as samples:
        np.testing.assert_array_equal(samples.values[0], own[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_pixels_that_are_no_numbers_are_refused_by_name(bad: float) -> None:
    pixels = np.zeros((20, 24, 1))
    pixels[3, 4] = bad
    with pytest.raises(FitError, match=r"'name of i' \(i\) has pixels that are NaN or infinite"):
        single(pixels)


def test_other_channels_are_refused_by_name() -> None:
    project = project_of(image("i", np.zeros((20, 24, 3)), UNKNOWN))
    with pytest.raises(FitError, match=r"'name of i' .* has 3 channels, but the .* takes 1"):
        build_samples(project, list(project.things.values()), SETTINGS, 1)


def test_things_without_pixels_are_refused_by_name() -> None:
    project = stored(project_of(image("i", np.zeros((60, 70, 1)), UNKNOWN)), [(5, 5, 6, 9)])
    project = moved(project, "i-0", bbox=(5, 5, 5, 9))
    with pytest.raises(FitError, match=r"'cell 0' .* has no pixels"):
        build_samples(project, [project.things["i-0"]], SETTINGS, 1)


def test_samples_above_the_budget_lie_in_a_file_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sampling, "PENDING_BYTES", 20_000)
    project = project_of(
        *(image(f"i{n}", DRAWS.random((20 + n % 3, 24, 1)), UNKNOWN) for n in range(40))
    )
    things: list[Thing] = list(project.things.values())
    with build_samples(project, things, SETTINGS, 1) as in_memory:
        assert not in_memory.in_file
        with build_samples(project, things, SETTINGS, 1, memory_budget=10_000) as in_file:
            assert in_file.in_file
            assert len(list(tmp_path.iterdir())) == 1
            np.testing.assert_array_equal(in_file.values, in_memory.values)
    assert list(tmp_path.iterdir()) == []


def test_cancelling_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        if done:
            raise Cancelled

    project = project_of(*(image(f"i{n}", np.zeros((20, 24, 1)), UNKNOWN) for n in range(70)))
    things = list(project.things.values())
    with pytest.raises(Cancelled):
        build_samples(project, things, SETTINGS, 1, memory_budget=10, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_no_things_make_no_samples() -> None:
    with build_samples(project_of(), [], SETTINGS, 1) as samples:
        assert samples.values.shape == (0, 20, 24, 1)


def test_all_samples_at_once_are_taken_over_without_a_copy() -> None:
    part = np.ones((3, 2, 2, 1), dtype=np.float32)
    samples = Samples((3, 2, 2, 1))
    samples.put([0, 1, 2], part)
    assert samples.values is part
