"""The table of layers, counted by hand for each sort of model."""

import pytest
from tests.learn.graph_files import classifier_graph, small_graph
from tests.learn.projects import QUICK, bars

from napari_piximi.errors import ModelFileError
from napari_piximi.learn._keras import keras
from napari_piximi.learn.classifier import fit
from napari_piximi.learn.model_summary import summarize
from napari_piximi.model.project import new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import FOREST_FORMAT, ModelArtifact

pytestmark = pytest.mark.keras


def test_a_network() -> None:
    model = fit(bars(), IMAGE_KIND, QUICK, name="net").classifier.model
    assert model is not None
    found = summarize(new_project(), model)
    convolutions = [row for row in found.rows if row.class_name == "Conv2D"]
    assert [row.parameters for row in convolutions] == [5 * 5 * 8 + 8, 5 * 5 * 8 * 16 + 16]
    assert convolutions[0].output_shape == (12, 12, 8)
    assert found.parameters == 208 + 3216 + (16 * 2 + 2) == found.trainable
    assert found.remark == ""


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
)
def test_a_graph() -> None:
    found = summarize(new_project(), small_graph())
    assert [(row.name, row.class_name, row.output_shape) for row in found.rows] == [
        ("conv", "_FusedConv2D", (8, 8, 4)),
        ("pool", "MaxPool", (4, 4, 4)),
        ("flat", "Reshape", (64,)),
        ("dense", "_FusedMatMul", (2,)),
        ("said", "Softmax", (2,)),
    ]
    _, weights = classifier_graph()
    parameters = sum(v.size for n, v in weights.items() if n != "flat/shape")
    assert found.parameters == parameters
    assert found.trainable == 0
    assert "cannot be fitted" in found.remark


def test_a_forest_that_is_damaged() -> None:
    with pytest.raises(ModelFileError):
        summarize(new_project(), ModelArtifact({"format": FOREST_FORMAT}, b""))
