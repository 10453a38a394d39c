"""Models come into a project with their classes mapped: by name, as said, or left out."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.learn.graph_files import put_graph, small_graph

from napari_piximi.errors import EditError, FitError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.learn.adoption import (
    NewCategory,
    adopt_model,
    classes_of,
    map_to,
    suggest_targets,
)
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import FOREST_FORMAT, GRAPH_FORMAT, ModelArtifact


@pytest.fixture
def project() -> Project:
    made = new_project()
    for name in ("Upright", "other"):
        made = edits.create_category(made, IMAGE_KIND, name)
    return made


def names(project: Project, class_map: tuple[str, ...]) -> list[str]:
    return [project.categories[key].name if key else "" for key in class_map]


def without_classes(model: ModelArtifact) -> ModelArtifact:
    document = {key: value for key, value in model.document.items() if key != "classes"}
    return replace(model, document=document)


def test_classes_by_name_or_number() -> None:
    model = small_graph(("a", "b", "c"))
    assert classes_of(model) == ("a", "b", "c")
    assert classes_of(without_classes(model)) == ("Class 1", "Class 2", "Class 3")
    with pytest.raises(FitError, match="'oak' names no classes"):
        classes_of(ModelArtifact({"format": FOREST_FORMAT}, b""), "oak")


def test_suggestions(project: Project) -> None:
    upright, other = project.known_categories(IMAGE_KIND)
    found = suggest_targets(project, IMAGE_KIND, ["upright ", "new", "NEW", "", "OTHER"])
    assert found == (upright, NewCategory("new"), None, None, other)


def test_as_it_is_said(project: Project) -> None:
    upright, _ = project.known_categories(IMAGE_KIND)
    targets = (NewCategory("made"), upright, None)
    after = adopt_model(project, IMAGE_KIND, "net.x", small_graph(("a", "b", "c")), targets)
    (found,) = after.classifiers
    assert found.name == "net"
    assert names(after, found.class_map) == ["made", "Upright", ""]
    assert (found.settings.height, found.settings.width, found.channels) == (16, 16, 1)


def test_a_new_category_that_is_there_by_now(project: Project) -> None:
    upright, other = project.known_categories(IMAGE_KIND)
    targets = (NewCategory("UPRIGHT"), other)
    after = adopt_model(project, IMAGE_KIND, "net", small_graph(), targets)
    assert after.classifiers[0].class_map == (upright, other)
    assert after.categories == project.categories


def test_the_same_model_again_is_mapped_anew(project: Project) -> None:
    upright, other = project.known_categories(IMAGE_KIND)
    once = adopt_model(project, IMAGE_KIND, "net", small_graph(), (upright, other))
    assert adopt_model(once, IMAGE_KIND, "net", small_graph(), (upright, other)) is once
    again = adopt_model(once, IMAGE_KIND, "net", small_graph(), (other, upright))
    assert [c.class_map for c in again.classifiers] == [(other, upright)]
    more = adopt_model(again, IMAGE_KIND, "net", small_graph(seed=8), (upright, None))
    assert [c.name for c in more.classifiers] == ["net", "net 2"]


def test_mapping_a_classifier_of_the_project(project: Project) -> None:
    upright, other = project.known_categories(IMAGE_KIND)
    made = adopt_model(project, IMAGE_KIND, "net", small_graph(), (upright, other))
    mapped = map_to(made, "net", IMAGE_KIND, (None, NewCategory("fresh")))
    assert names(mapped, mapped.classifiers[0].class_map) == ["", "fresh"]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((None, None), "All classes are left out"),
        (("gone", None), "'gone' is no category"),
        ((NewCategory("a"), NewCategory("A")), "stands for two classes"),
        ((NewCategory("a"),), "2 classes, but 1"),
        ((NewCategory(" "), None), "name"),
    ],
)
def test_what_cannot_be_mapped(project: Project, targets: tuple[object, ...], message: str) -> None:
    with pytest.raises(EditError, match=message):
        adopt_model(project, IMAGE_KIND, "net", small_graph(), targets)  # type: ignore[arg-type]


def test_a_graph_model_goes_through_a_bundle(project: Project, tmp_path: Path) -> None:
    from napari_piximi.io.tfjs import read_model

    model = read_model(put_graph(tmp_path, shards=3))
    after = adopt_model(project, IMAGE_KIND, "net", model)
    write_bundle(after, tmp_path / "p.zip")
    (found,) = read_bundle(tmp_path / "p.zip").classifiers
    assert found.model is not None
    assert found.model.weights == model.weights
    assert found.model.document["format"] == GRAPH_FORMAT
    assert found.model.classes == model.classes
    assert len(found.class_map) == 2
