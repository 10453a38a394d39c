"""Which classes can be predicted."""

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.projects import image, with_categories

from napari_piximi.errors import FitError
from napari_piximi.learn.classifier import evaluate, fit, predict
from napari_piximi.learn.results import Predictions
from napari_piximi.learn.suitability import mapped_categories, without_left_out
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.training import FOREST, Classifier, ModelArtifact, Settings

NET = Classifier(
    "net", "Image", model=ModelArtifact({"classes": ["x", "y", "z"]}, b""),
    class_map=("1a", "", "1b"),
)  # fmt: skip
ROWS = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4], [0.0, 1.0, 0.0]], np.float32)


def project() -> Project:
    made = new_project()
    for name in "ab":
        made = edits.create_category(made, "Image", name, category_id=f"1{name}")
    return made


def test_a_class_that_is_left_out_is_never_predicted_and_the_others_stay_as_they_are() -> None:
    class_map, rows = without_left_out(mapped_categories(project(), NET), ROWS)
    assert class_map == ("1a", "1b")
    np.testing.assert_array_equal(rows, ROWS[:, [0, 2]])
    found = Predictions(("i", "j", "k"), rows, class_map).predictions()
    assert [p.category for p in found.values()] == ["1b", "1a", "1a"]
    # What the model thinks something else is not made to look certain.
    assert [p.probability for p in found.values()] == pytest.approx([0.2, 0.5, 0.0])


def test_where_all_are_mapped_nothing_is_copied() -> None:
    class_map, rows = without_left_out(("1a", "1b", "1c"), ROWS)
    assert rows is ROWS
    assert class_map == ("1a", "1b", "1c")


@pytest.mark.parametrize("class_map", [(), ("", "", ""), ("1a", "", "1gone")])
def test_a_category_that_has_gone_or_none_at_all_is_told(class_map: tuple[str, ...]) -> None:
    with pytest.raises(FitError, match="map 'x', 'y', 'z' to categories first"):
        mapped_categories(project(), replace(NET, class_map=class_map))


@pytest.mark.filterwarnings("ignore::napari_piximi.errors.PiximiWarning")
def test_a_forest_with_a_class_left_out_predicts_and_is_judged_by_the_others() -> None:
    three, categories = with_categories("flat", "bright", "odd")
    draws = np.random.default_rng(2)
    pictures = [
        image(f"1{i}", draws.integers(low, low + 60, (8, 8, 1), np.uint8), categories[i % 3])
        for i, low in enumerate([0, 90, 190] * 8)
    ]
    made = edits.add_images(three, pictures)
    settings = Settings(architecture=FOREST, trees=20)
    whole = fit(made, "Image", settings, name="wood").classifier
    ids = [thing.id for thing in made.of_kind("Image")]
    before = predict(made, whole, ids).probabilities
    made = edits.put_classifier(made, whole)
    made = edits.map_classes(made, "wood", "Image", [*categories[:2], ""])
    found = predict(made, made.classifiers[0], ids)
    assert found.class_map == categories[:2]
    np.testing.assert_array_equal(found.probabilities, before[:, :2])
    evaluation = evaluate(made, made.classifiers[0], partition="Labelled")
    assert evaluation.classes == categories[:2]
    assert np.array(evaluation.confusion_matrix).sum() == 16  # the odd ones are left out
    assert evaluation.accuracy == 1
