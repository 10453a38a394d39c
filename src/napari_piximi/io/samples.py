"""Projects of real images that come with the libraries we use, built without a network."""

from dataclasses import dataclass

import numpy as np

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition, default_channels

__all__ = ["LabelledSample", "digits_project"]

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
