from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_piximi.errors import EditError
from napari_piximi.model import admission, edits, masks
from napari_piximi.model.admission import check_annotation, check_annotations
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image


@pytest.fixture
def project() -> Project:
    project = edits.create_kind(new_project("some"), "cell")
    unknown = project.kinds["Image"].unknown
    sizes = {"one": (1, 8, 9, 1), "two": (3, 5, 4, 1)}
    images = [
        Image(key, key, unknown, ArrayPixels(np.zeros(shape, np.uint8)), 8)
        for key, shape in sizes.items()
    ]
    return edits.add_images(project, images)


def annotation(project: Project, key: str = "a", **changes: Any) -> Annotation:  # noqa: ANN401
    kind = project.find_kind("cell")
    box = (1, 2, 3, 4)
    made = Annotation(key, key, kind.id, kind.unknown, "one", box, masks.full(2, 2), 8)
    return replace(made, **changes)


BAD: list[dict[str, Any]] = [
    {"image": "gone"},
    {"bbox": (0, 0, 9, 9), "runs": masks.full(9, 9)},
    {"bbox": (-1, 2, 1, 4)},
    {"bbox": (1, -2, 3, 0)},
    {"bbox": (3, 2, 3, 4), "runs": masks.full(0, 2)},
    {"bbox": (3, 4, 1, 2)},
    {"bbox": (1, 2, 3, 5)},
    {"bbox": (7, 7, 9, 9)},
    {"bbox": (1, 8, 3, 10)},
    {"plane": 1},
    {"plane": -1},
    {"image": "two", "plane": 3},
    {"runs": b""},
    {"runs": masks.from_lengths((0, 5))},
    {"runs": masks.from_lengths((2**32 - 1, 5))},
    {"bit_depth": 12},
    {"pixels": ArrayPixels(np.zeros((1, 3, 2, 1), np.uint8))},
]


@pytest.mark.parametrize("changes", BAD)
def test_one_of_many_that_does_not_suit_is_told_as_when_it_is_alone(
    project: Project, changes: dict[str, Any]
) -> None:
    wrong = annotation(project, "wrong", **changes)
    with pytest.raises(EditError) as alone:
        check_annotation(project, wrong)
    with pytest.raises(EditError) as many:
        check_annotations(project, [annotation(project), wrong, annotation(project, "z", plane=9)])
    assert str(many.value) == str(alone.value)


def test_many_that_suit_are_not_looked_at_one_by_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = [
        annotation(project),
        annotation(project, bbox=(0, 0, 8, 9), runs=masks.full(8, 9)),
        annotation(project, bbox=(7, 8, 8, 9), runs=masks.full(1, 1)),
        annotation(project, image="two", plane=2, runs=masks.from_lengths((1, 2, 1))),
    ]
    own = annotation(project, pixels=ArrayPixels(np.zeros((1, 2, 2, 1), np.uint8)))
    check_annotations(project, [*sound, own])
    one_by_one: Callable[..., None] = pytest.fail
    monkeypatch.setattr(admission, "check_annotation", one_by_one)
    check_annotations(project, sound)
    check_annotations(project, [])
