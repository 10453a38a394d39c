"""Projects of real images that come with the libraries we use, built without a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import edits
from napari_piximi.model.labels import annotations_of
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition, default_channels

__all__ = ["LabelledSample", "coins_project", "digits_project", "histology_project"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """A project of which the truth is known.

    Attributes
    ----------
    project : Project
        Only some of its things have a category.
    truth : dict of thing id to category id
        Of all things.
    """

    project: Project
    truth: dict[str, str]


def digits_project(per_class: int = 20, seed: int = 0) -> LabelledSample:
    """Build a project of scikit-learn's 1,797 handwritten digits, 8 × 8 pixels each.

    Parameters
    ----------
    per_class : int
        How many of each digit are labelled; the others wait for Inference.
    seed : int
        Which ones.

    Notes
    -----
    The data are the test part of E. Alpaydin and C. Kaynak, "Optical Recognition of
    Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    project = new_project("Digits")
    for name in DIGITS:
        project = edits.create_category(project, IMAGE_KIND, name)
    categories = project.known_categories(IMAGE_KIND)
    values = np.round(digits.images / 16 * 255).astype(np.uint8)
    labelled = _choose(digits.target, per_class, seed)
    unknown = project.kinds[IMAGE_KIND].unknown
    images = [
        Image(
            id=f"1digit-{number:04d}",
            name=f"{DIGITS[digit]}_{number:04d}.png" if number in labelled else f"{number:04d}.png",
            category=categories[digit] if number in labelled else unknown,
            pixels=ArrayPixels(values[number][np.newaxis, ..., np.newaxis]),
            channels=default_channels(1),
            partition=Partition.UNASSIGNED if number in labelled else Partition.INFERENCE,
        )
        for number, digit in enumerate(digits.target.tolist())
    ]
    truth = {
        image.id: categories[digit] for image, digit in zip(images, digits.target, strict=True)
    }
    return LabelledSample(edits.add_images(project, images), truth)


def _choose(target: np.ndarray[tuple[int], np.dtype[np.int64]], count: int, seed: int) -> set[int]:
    """Draw `count` of each class."""
    draw = np.random.default_rng(seed)
    chosen = [
        draw.choice(np.flatnonzero(target == digit), count, replace=False)
        for digit in range(len(DIGITS))
    ]
    return set(np.concatenate(chosen).tolist())


def coins_project() -> Project:
    """Build a project of scikit-image's 24 Greek coins from Pompeii, segmented.

    One image of 303 × 384 pixels, and 24 annotations of the kind *coin* that are Unknown and
    wait to be called *large* or *small*.

    Notes
    -----
    The photograph is from the Brooklyn Museum's collection, no known copyright restrictions.
    """
    from skimage import data

    pixels = data.coins()
    return _segmented("Coins", "coins.png", pixels, _coins(pixels), "coin", ("large", "small"))


def histology_project() -> Project:
    """Build a project of a stained section of a colon, its cell nuclei segmented.

    One RGB image of 512 × 512 pixels, and some 250 annotations of the kind *nucleus* that are
    Unknown and wait to be called *epithelium* or *stroma*. Some outlines are wrong, as they are
    in real work.

    Notes
    -----
    The image is scikit-image's ``immunohistochemistry``: brown where FHL2 is expressed (DAB),
    nuclei blue (haematoxylin), from the Center for Microscopy And Molecular Imaging (CMMI).
    """
    from skimage import data

    pixels = data.immunohistochemistry()
    labels = _nuclei(pixels)
    return _segmented(
        "Histology", "immunohistochemistry.png", pixels, labels, "nucleus",
        ("epithelium", "stroma"),
    )  # fmt: skip


def _segmented(
    name: str, file: str, pixels: NDArray[Any], labels: NDArray[Any], kind_name: str,
    categories: Sequence[str],
) -> Project:  # fmt: skip
    """Make a project of one image and the objects on it; each id is the same every time."""
    project = new_project(name)
    kind, unknown = new_kind(kind_name, kind_id=kind_name)
    project = edits.add_kind(project, kind, unknown)
    for category in categories:
        project = edits.create_category(
            project, kind_name, category, category_id=f"1{kind_name}-{category}"
        )
    array = np.ascontiguousarray(pixels.reshape(1, *pixels.shape[:2], -1))
    image = Image(
        f"1{name.lower()}", file, project.kinds[IMAGE_KIND].unknown, ArrayPixels(array),
        channels=default_channels(array.shape[-1]),
    )  # fmt: skip
    ids = map(f"1{kind_name}-{{:04d}}".format, count(1))
    found = annotations_of(
        labels, image=image, kind=kind, name=kind_name, make_id=lambda: next(ids)
    )
    return edits.add_annotations(edits.add_images(project, [image]), found)


def _coins(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Find what is brighter than its surroundings; the light falls off to one side."""
    from scipy import ndimage
    from skimage import filters

    values = pixels.astype(np.float64)
    even = filters.gaussian(values, 2) - filters.gaussian(values, 40)
    mask = ndimage.binary_fill_holes(even > filters.threshold_otsu(even))
    return _sized(ndimage.label(ndimage.binary_opening(mask, iterations=5))[0], 500, 5000)


def _nuclei(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Find what haematoxylin stains, and cut it where it narrows.

    Notes
    -----
    A. C. Ruifrok and D. A. Johnston, "Quantification of histochemical staining by color
    deconvolution", Analytical and Quantitative Cytology and Histology 23(4), 2001.
    """
    from scipy import ndimage
    from skimage import color, filters, segmentation

    stain = filters.gaussian(color.rgb2hed(pixels)[..., 0], 1.5)
    even = stain - 0.5 * filters.gaussian(stain, 20)
    mask = ndimage.binary_opening(even > filters.threshold_otsu(even), iterations=2)
    mask = ndimage.binary_fill_holes(mask)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.5)
    peaks = (depth == ndimage.maximum_filter(depth, 11)) & mask
    labels = segmentation.watershed(-depth, ndimage.label(peaks)[0], mask=mask)
    return _sized(labels, 40, 1000)


def _sized(labels: NDArray[Any], smallest: int, largest: int) -> NDArray[np.int32]:
    """Keep labels of so many pixels, and number them from 1 on."""
    sizes = np.bincount(labels.ravel())
    keep = (sizes >= smallest) & (sizes <= largest)
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return np.asarray(numbers[labels])
