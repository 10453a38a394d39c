from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage import data, filters, measure, segmentation
from tests.segment.coins import coins_truth
from tests.segment.nuclei import nuclei
from tests.segment.stand_in import project_of
from tests.shared_data import shared

from napari_piximi.errors import Cancelled, SegmentError
from napari_piximi.progress import silent
from napari_piximi.segment.catalog import Plane, find_segmenter
from napari_piximi.segment.components import fill_holes, pieces
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.running import Request, check_request, segment_image
from napari_piximi.segment.segmenters import threshold
from napari_piximi.segment.segmenters.threshold import ThresholdSettings, find
from napari_piximi.segment.thresholding import Recipe, foreground

PLAIN = ThresholdSettings(
    objects="Bright", strictness=1.0, smoothing=0.0, even_light=False, fill_holes=False,
    split=0.0, min_size=1,
)  # fmt: skip
RAW = Recipe(objects="Bright", sigma=0.0, even=False)


def plane(pixels: ArrayLike, bit_depth: int = 8) -> Plane:
    return Plane(np.asarray(pixels)[..., np.newaxis], bit_depth, "test.tif")


def labels(
    pixels: ArrayLike, settings: ThresholdSettings = PLAIN, edge: int = 1024
) -> NDArray[Any]:
    pixels = np.asarray(pixels)
    found = find(plane(pixels), settings, silent, edge=edge)
    return painted(found, (pixels.shape[0], pixels.shape[1]))


def same(one: Found, other: Found) -> bool:
    return np.array_equal(one.boxes, other.boxes) and one.runs == other.runs


def matched(found: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersection over union of each object of the truth with each that was found."""
    pairs = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(pairs, (truth.ravel(), found.ravel()), 1)
    union = pairs.sum(1)[:, np.newaxis] + pairs.sum(0) - pairs
    overlap: NDArray[np.float64] = (pairs / union)[1:, 1:]
    return overlap


def blobs(seed: int, shape: tuple[int, int] = (150, 170), sigma: float = 3.0) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed).random(shape)
    smooth = ndimage.gaussian_filter(random, sigma)
    low, high = smooth.min(), smooth.max()
    image: NDArray[np.uint8] = np.rint((smooth - low) / (high - low) * 255).astype(np.uint8)
    return image


def disks(*circles: tuple[float, float, float], shape: tuple[int, int] = (80, 120)) -> NDArray[Any]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for row, col, radius in circles:
        inside |= (y - row) ** 2 + (x - col) ** 2 <= radius**2
    return np.where(inside, np.uint8(200), np.uint8(0))


# --- what it is for ------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0.5, 0.8])
def test_all_coins_are_found_as_they_come(limit: float) -> None:
    truth = coins_truth()
    assert truth.max() == 24
    overlap = matched(labels(data.coins(), ThresholdSettings()), truth)
    hits = (overlap >= limit).sum()
    precision, recall = hits / overlap.shape[1], hits / 24
    assert overlap.shape == (24, 24)
    assert 2 * precision * recall / (precision + recall) == 1


@pytest.mark.parametrize(
    "settings",
    [{"strictness": 0.75}, {"strictness": 0.95}, {"smoothing": 1.0}, {"smoothing": 2.0},
     {"split": 0.5}, {"split": 0.9}, {"min_size": 5}, {"method": "Li"}, {"method": "Local"}],
)  # fmt: skip
def test_coins_do_not_hang_by_a_thread(settings: dict[str, Any]) -> None:
    overlap = matched(labels(data.coins(), ThresholdSettings(**settings)), coins_truth())
    assert overlap.shape == (24, 24)
    assert (overlap.max(1) > 0.7).all()


@pytest.mark.parametrize("seed", range(3))
def test_dark_objects_are_found_like_bright_ones(seed: int) -> None:
    image = nuclei(seed)[0]
    bright, dark = labels(image, ThresholdSettings()), labels(255 - image, ThresholdSettings())
    assert bright.max() == dark.max() > 5
    assert ((bright > 0) == (dark > 0)).mean() > 0.999
    assert np.array_equal(bright, labels(image, ThresholdSettings(objects="Bright")))
    assert np.array_equal(dark, labels(255 - image, ThresholdSettings(objects="Dark")))


def test_real_images_give_sensible_numbers_of_objects() -> None:
    import tifffile

    fluorescence = tifffile.imread(shared("images/16b_1c_fluorescence.tif"))
    count = labels(fluorescence, ThresholdSettings()).max()
    assert 50 <= count <= 65  # looked at in an overlay, as the others; nobody drew a truth
    nuclear = tifffile.imread(shared("images/8b_2c_actin-nuclei.tif"))[1]
    assert 135 <= labels(nuclear, ThresholdSettings()).max() <= 165


# --- thresholds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("method", ["Otsu", "Li", "Triangle"])
def test_thresholds_are_those_of_scikit_image(seed: int, dtype: type, method: str) -> None:
    image: NDArray[Any] = blobs(seed, sigma=1.5) ** 2.0
    codes = np.rint((image - image.min()) / (image.max() - image.min()) * 65535)
    image = codes / 65535 if dtype == np.float32 else codes
    image = blobs(seed) if dtype == np.uint8 else image.astype(dtype)
    reference = {
        "Otsu": filters.threshold_otsu,
        "Li": filters.threshold_li,
        "Triangle": filters.threshold_triangle,
    }[method]
    seen = image if dtype == np.uint8 and method == "Otsu" else scaled(image)
    if method == "Triangle":
        seen = seen.astype(float)
    assert np.array_equal(foreground(image, replace(RAW, method=method)), seen > reference(seen))


def scaled(image: NDArray[Any]) -> NDArray[np.uint16]:
    """Spread values over 16 bits."""
    image = image.astype(np.float64)
    codes: NDArray[np.uint16] = np.rint((image - image.min()) / np.ptp(image) * 65535).astype("u2")
    return codes


def test_smoothing_is_that_of_scikit_image() -> None:
    image = blobs(1, sigma=0.5)
    smooth = filters.gaussian(image.astype(float), 2.0, mode="nearest", truncate=4)
    mask = foreground(image, replace(RAW, method="Manual", value=128.0, sigma=2.0))
    sure = np.abs(smooth - 128) > 1e-3
    assert np.array_equal(mask[sure], (smooth > 128)[sure])
    assert sure.mean() > 0.99


@pytest.mark.parametrize("block", [3, 15, 51])
def test_local_is_brighter_than_the_mean_around(block: int) -> None:
    image = blobs(2, sigma=1.0)
    codes = scaled(image).astype(float)
    means = filters.threshold_local(codes, block, method="mean", mode="reflect")
    difference = np.rint((codes - means) / 2 + 32768).astype(np.uint16)
    mask = foreground(image, replace(RAW, method="Local", block=block))
    differs = mask != (difference > filters.threshold_otsu(difference))
    assert differs.mean() < 1e-4  # rounding at the very threshold
    assert 0.1 < mask.mean() < 0.9


def test_an_even_block_is_rounded_up() -> None:
    image = blobs(3)
    local = replace(PLAIN, method="Local")
    even, odd, less = (find(plane(image), replace(local, block=n)) for n in (50, 51, 49))
    assert same(even, odd)
    assert not same(even, less)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.int16])
def test_manual_means_values_of_the_pixels(dtype: type) -> None:
    top = 255 if np.issubdtype(dtype, np.floating) else 1
    image: NDArray[Any] = (blobs(5) / top).astype(dtype)
    value = float(np.median(image))
    seen, limit = image.astype(np.float32), np.float32(value)
    bright = replace(RAW, method="Manual", value=value)
    assert np.array_equal(foreground(image, bright), seen > limit)
    assert np.array_equal(foreground(image, replace(bright, objects="Dark")), seen < limit)


def test_strictness_moves_the_threshold_away_from_the_background() -> None:
    image = scaled(blobs(6))
    cut = filters.threshold_otsu(image)
    mean = image[image <= cut].mean()
    for factor in (0.5, 1.0, 1.6):
        expected = image > mean + factor * (cut - mean)
        assert np.array_equal(foreground(image, replace(RAW, strictness=factor)), expected)


def test_uneven_light_is_taken_out() -> None:
    truth = disks((20, 20, 9), (60, 30, 9), (20, 90, 9), (60, 100, 9)) > 0
    y, x = np.mgrid[:80, :120]
    light = 2 * x + 0.01 * (y - 40) ** 2 + 10
    image = (light + 60 * truth).astype(np.uint16)
    assert np.array_equal(foreground(image, replace(RAW, even=True)), truth)
    assert not np.array_equal(foreground(image, RAW), truth)
    inverse = (300 - light - 60 * truth).astype(np.float32)
    assert np.array_equal(foreground(inverse, replace(RAW, even=True, objects="Auto")), truth)
    level = light[~truth].mean()
    manual = replace(RAW, even=True, method="Manual", value=level + 30)
    assert np.array_equal(foreground(image, manual), truth)


# --- objects -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_objects_hang_together_by_corners_and_come_in_reading_order(seed: int) -> None:
    mask = np.random.default_rng(seed).random((60, 70)) < 0.3
    assert np.array_equal(labels(mask), measure.label(mask, connectivity=2))


@pytest.mark.parametrize("seed", range(5))
def test_holes_are_filled(seed: int) -> None:
    mask = np.random.default_rng(seed).random((60, 70)) < 0.55
    expected = ndimage.binary_fill_holes(mask)
    assert (expected != mask).any()
    filled = labels(mask, replace(PLAIN, fill_holes=True))
    assert np.array_equal(filled, measure.label(expected, connectivity=2))


@pytest.mark.parametrize(("smallest", "largest"), [(1, 0), (10, 0), (1, 30), (12, 40), (9, 9)])
def test_sizes_are_in_pixels(smallest: int, largest: int) -> None:
    mask = blobs(7, sigma=1.5) > 140
    regions = measure.regionprops(measure.label(mask, connectivity=2))
    areas = [r.area for r in regions if smallest <= r.area <= (largest or 10**9)]
    found = labels(mask, replace(PLAIN, min_size=smallest, max_size=largest))
    assert [r.area for r in measure.regionprops(found)] == areas
    assert areas


def test_the_border_is_cleared() -> None:
    mask = blobs(8) > 128
    expected = segmentation.clear_border(measure.label(mask, connectivity=2))
    found = labels(mask, replace(PLAIN, clear_border=True))
    assert np.array_equal(found > 0, expected > 0)
    assert 0 < found.max() < measure.label(mask, connectivity=2).max()


def test_a_smallest_size_of_0_keeps_all() -> None:
    mask = np.random.default_rng(0).random((40, 50)) < 0.2
    found = labels(mask, replace(PLAIN, min_size=0))
    assert np.array_equal(found, measure.label(mask, connectivity=2))


def test_a_largest_size_below_the_smallest_is_refused() -> None:
    with pytest.raises(SegmentError, match=r"largest size, 20 pixels.*smallest, 30 pixels"):
        find(plane(blobs(0)), ThresholdSettings(max_size=20))


# --- touching objects ----------------------------------------------------------------------------


def test_touching_disks_are_cut_at_the_waist() -> None:
    mask = disks((40, 40, 20), (40, 74, 16))
    assert labels(mask).max() == 1
    halves = labels(mask, replace(PLAIN, split=0.75))
    assert halves.max() == 2
    assert np.array_equal(halves > 0, mask > 0)
    for number, (row, col, radius) in enumerate([(40, 40, 20), (40, 74, 16)], 1):
        whole = disks((row, col, radius)) > 0
        assert ((halves == number) & whole).sum() / ((halves == number) | whole).sum() > 0.95


@pytest.mark.parametrize(("waist", "count"), [(0.0, 1), (0.3, 1), (0.45, 2), (1.0, 2)])
def test_the_waist_is_a_share_of_the_narrower_part(waist: float, count: int) -> None:
    mask = disks((40, 30, 20), (40, 90, 25))
    mask[32:49, 30:90] = 200  # 17 wide, where the narrower disk is 41 wide: 0.41
    assert labels(mask, replace(PLAIN, split=waist)).max() == count


def test_a_part_below_the_smallest_size_stays_where_it_is() -> None:
    mask = disks((40, 40, 20), (40, 63, 4))
    area = np.count_nonzero(mask)
    cut, whole = (labels(mask, replace(PLAIN, split=0.9, min_size=n)) for n in (5, 60))
    assert (cut.max(), whole.max()) == (2, 1)
    assert np.count_nonzero(whole) == area


@pytest.mark.parametrize("seed", range(6))
def test_the_cut_is_that_of_a_watershed_from_the_same_parts(seed: int) -> None:
    mask = ndimage.binary_fill_holes(nuclei(seed)[1] > 0)
    found = labels(mask, replace(PLAIN, split=0.75, min_size=30))
    distance = ndimage.distance_transform_edt(mask)
    peaks = np.zeros_like(found)
    for number, box in enumerate(ndimage.find_objects(found), 1):
        heights = np.where(found[box] == number, distance[box], 0)
        row, col = np.unravel_index(heights.argmax(), heights.shape)
        peaks[box[0].start + row, box[1].start + col] = number
    reference = segmentation.watershed(-distance, peaks, mask=mask)
    assert found.max() > measure.label(mask, connectivity=2).max()
    agreement = (found == reference)[found > 0].mean()
    assert agreement > 0.97


def test_touching_nuclei_are_told_apart_better_with_the_cut() -> None:
    hits = {True: 0, False: 0}
    for seed in range(8):
        image, truth = nuclei(seed)
        for cut in hits:
            found = labels(image, ThresholdSettings(split=0.85 if cut else 0.0))
            hits[cut] += int((matched(found, truth) >= 0.5).sum())
    assert hits[True] > 1.1 * hits[False]


# --- large planes, tile by tile -------------------------------------------------------------------

ALL = [
    PLAIN,
    ThresholdSettings(),
    ThresholdSettings(clear_border=True, split=0.9, min_size=4),
    ThresholdSettings(method="Li", smoothing=3.0, objects="Dark", max_size=400),
    ThresholdSettings(method="Local", block=31, split=1.0, min_size=2),
    ThresholdSettings(method="Manual", value=120.0, fill_holes=False, min_size=1),
    ThresholdSettings(method="Triangle", even_light=False, split=0.6),
]


@pytest.mark.parametrize("settings", ALL)
@pytest.mark.parametrize("sigma", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("edge", [16, 37, 64])
def test_tiles_change_nothing(settings: ThresholdSettings, sigma: float, edge: int) -> None:
    image = blobs(int(sigma), (150, 170), sigma)
    whole = find(plane(image), settings)
    assert len(whole) > 0
    assert same(find(plane(image), settings, edge=edge), whole)


@pytest.mark.parametrize("seed", range(12))
def test_tiles_change_nothing_about_clumps_and_spirals(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(random.random((90, 130)), random.uniform(0.4, 4))
    image = image > np.quantile(image, random.uniform(0.2, 0.8))
    settings = replace(PLAIN, fill_holes=bool(seed % 2), split=random.random(), min_size=1 + seed)
    whole = find(plane(image), settings)
    for edge in (7, 20, 50, 89, 91):
        assert same(find(plane(image), settings, edge=edge), whole), edge


@pytest.mark.parametrize("overlap", [0, 1, 5, 30])
def test_pieces_are_whole_and_each_comes_once(overlap: int) -> None:
    mask = blobs(3, sigma=2.0) > 128
    times = np.zeros(mask.shape, int)
    count = 0
    for top, left, part in pieces(mask, edge=25, overlap=overlap):
        here = times[top : top + part.shape[0], left : left + part.shape[1]]
        here += part > 0
        count += len(np.unique(part[part > 0]))
    assert np.array_equal(times, mask.astype(int))
    assert count == measure.label(mask, connectivity=2).max()


def test_a_ring_around_many_tiles_is_filled() -> None:
    mask = disks((40, 60, 38)) > 0
    ring = mask & ~(disks((40, 60, 35)) > 0)
    ring[40, 60] = True
    fill_holes(ring, edge=9)
    assert np.array_equal(ring, mask)


def test_what_is_too_large_to_be_cut_is_found_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    image = disks((40, 40, 20), (40, 74, 16), (70, 5, 3))
    settings = replace(PLAIN, split=0.75)
    assert len(find(plane(image), settings, edge=16)) == 3
    monkeypatch.setattr(threshold, "UNCUT", 3000)
    assert np.array_equal(labels(image, settings, edge=16), measure.label(image > 0))
    monkeypatch.setattr(threshold, "ROWS", 3)
    assert np.array_equal(labels(image, settings, edge=16), measure.label(image > 0))
    assert len(find(plane(image), replace(settings, min_size=2500), edge=16)) == 0
    assert len(find(plane(image), replace(settings, max_size=100), edge=16)) == 1


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
def test_large_masks_are_encoded_like_small_ones(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(threshold, "ROWS", rows)
    monkeypatch.setattr(threshold, "UNCUT", 0)
    for seed in range(10):
        mask = blobs(seed, (40, 50), 2.0) > 90
        mask[:, 20] = True
        whole = replace(PLAIN, min_size=300)
        assert same(find(plane(mask), whole, edge=16), find(plane(mask), whole))


@pytest.mark.parametrize("method", ["Otsu", "Local", "Manual"])
def test_it_may_be_cancelled_anywhere(method: str) -> None:
    steps = 0

    def count(done: int, total: int, message: str = "", **values: object) -> None:
        nonlocal steps
        assert 0 <= done <= total
        steps += 1

    def until(last: int) -> Callable[..., None]:
        left = iter(range(last))

        def report(done: int, total: int, message: str = "", **values: object) -> None:
            if next(left, None) is None:
                raise Cancelled

        return report

    settings = ThresholdSettings(method=method)
    find(plane(blobs(1)), settings, count, edge=64)
    assert steps > 9 * 4
    for last in range(0, steps, 5):
        with pytest.raises(Cancelled):
            find(plane(blobs(1)), settings, until(last), edge=64)


def test_progress_only_grows() -> None:
    told: list[float] = []

    def tell(done: int, total: int, message: str = "", **values: object) -> None:
        told.append(done / total)

    find(plane(blobs(1)), ThresholdSettings(), tell, edge=50)
    assert told == sorted(told)
    assert told[0] < 0.1
    assert told[-1] > 0.9


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (33, 47), (0, 5), (5, 0)])
@pytest.mark.parametrize("value", [0, 7])
@pytest.mark.parametrize("settings", ALL[:5])
def test_a_constant_image_has_no_objects(
    shape: tuple[int, int], value: int, settings: ThresholdSettings
) -> None:
    found = find(plane(np.full(shape, value, np.uint8)), settings)
    assert (len(found), found.boxes.shape) == (0, (0, 4))


@pytest.mark.parametrize("edge", [8, 1024])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (30, 40)])
def test_a_whole_image_may_be_one_object(shape: tuple[int, int], edge: int) -> None:
    settings = ThresholdSettings(method="Manual", value=100.0, objects="Bright", min_size=1)
    found = find(plane(np.full(shape, 200, np.uint8)), settings, edge=edge)
    assert found.boxes.tolist() == [[0, 0, *shape]]
    assert painted(found, shape).all()
    assert (
        len(find(plane(np.full(shape, 200, np.uint8)), replace(settings, clear_border=True))) == 0
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_a_single_line_of_pixels_is_segmented(axis: int) -> None:
    line = np.expand_dims(np.repeat([0, 200, 0, 180, 190, 0], [10, 5, 20, 10, 3, 7]), axis)
    found = labels(line.astype(np.uint8))
    assert np.array_equal(found, measure.label(line > 0))


@pytest.mark.parametrize(
    "dtype", [bool, np.uint8, np.uint16, np.int32, np.float16, np.float32, np.float64]
)
def test_any_sort_of_number_will_do(dtype: type) -> None:
    mask = disks((20, 20, 9), (60, 90, 14)) > 0
    image: NDArray[Any] = mask.astype(dtype)
    assert np.array_equal(labels(image) > 0, mask)
    assert labels(image, ThresholdSettings()).max() == 2


def test_tiny_differences_and_offsets_do_not_matter() -> None:
    mask = disks((20, 20, 9), (60, 90, 14)) > 0
    for low, high in ((1e-6, 2e-6), (0.0, 1e-20), (60000, 60001), (-1000, -900)):
        assert np.array_equal(labels(np.where(mask, high, low).astype(np.float32)) > 0, mask)


@pytest.mark.parametrize(
    ("factor", "offset", "dtype"),
    [
        (1e30, 0.0, np.float32),
        (1e300, -1e302, np.float64),
        (1e-310, 0.0, np.float64),
        (1e-38, 0.0, np.float32),
        (1.0, 1e7, np.float32),
        (1 / 255, 1e9, np.float64),
        (10**15, 0, np.int64),
        (10**16, 0, np.uint64),
        (16_000_000, 0, np.uint32),
        (1 / 255, 0.0, np.float16),
        (1, -300, np.int16),
    ],
)
def test_values_of_any_size_are_told_apart(
    factor: float, offset: float, dtype: type[np.generic]
) -> None:
    coins = data.coins()
    known = np.float64 if np.issubdtype(dtype, np.floating) else dtype
    image = (coins.astype(known) * known(factor) + known(offset)).astype(dtype)
    usual = ThresholdSettings()
    assert labels(image, usual).max() == labels(coins, usual).max() == 24
    manual = ThresholdSettings(method="Manual", objects="Bright", value=107.5)
    if abs(107.5 * factor + offset) <= 1e9:
        same = ThresholdSettings("Manual", "Bright", value=107.5 * factor + offset)
        assert labels(image, same).max() == labels(coins, manual).max()


def test_what_is_no_number_counts_as_background() -> None:
    image = disks((20, 20, 9), (60, 90, 14)).astype(np.float32)
    image[:5, :5], image[70:, :4] = np.nan, np.inf
    assert labels(image).max() == 2
    assert len(find(plane(np.full((9, 9), np.nan, np.float32)), ThresholdSettings())) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "Magic"}, "method cannot be 'Magic'; choose one of Otsu, Li, Triangle, Local"),
        ({"smoothing": -1.0}, r"smoothing cannot be -1.0; it goes from 0.0 to 20.0"),
        ({"split": 1.5}, r"split cannot be 1.5; it goes from 0.0 to 1.0"),
        ({"min_size": -1}, r"min_size cannot be -1; it goes from 0 to"),
        ({"block": 1}, r"block cannot be 1; it goes from 3 to 2001"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    project = project_of(blobs(0))
    with pytest.raises(SegmentError, match=message):
        check_request(project, Request("threshold", ThresholdSettings(**wrong), (0,)))


def test_it_is_there_to_be_asked_through_a_project() -> None:
    assert find_segmenter("threshold").find is find
    image = disks((20, 20, 9), (60, 90, 14))
    project = project_of(image)
    (part,) = segment_image(project, "1image0", Request("threshold", ThresholdSettings(), (0,)))
    assert len(part.found) == 2
    region = Request("threshold", ThresholdSettings(), (0,), region=(40, 60, 80, 120))
    (part,) = segment_image(project, "1image0", region)
    assert len(part.found) == 1
    assert (part.found.boxes[0, :2] > 40).all()
