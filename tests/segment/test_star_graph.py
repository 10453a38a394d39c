"""What can be read off the topology of a network; nothing is run here."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from tests.learn.graph_files import real_graph, small_graph
from tests.segment.star_graph import star_graph
from tests.shared_data import shared

from napari_piximi.errors import ModelFileError
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment._star_graph import Layout, layout_of


@pytest.mark.parametrize("name", ["stardist-fluo", "stardist-vhe"])
def test_the_real_ones(name: str) -> None:
    layout = layout_of(real_graph(shared(f"graph-models/{name}/model.json")))
    # By hand: three poolings after the grid's; 137 pixels, layer by layer, and one at most.
    assert layout == Layout(grid=(2, 2), sparse=(2, 2), multiple=16, reach=137)


def test_the_small_one() -> None:
    assert layout_of(star_graph()) == Layout((2, 2), (2, 2), 2, 6)
    assert layout_of(star_graph(sparse=False)) == Layout((2, 2), (1, 1), 2, 5)


def changed(name: str, **changes: Any) -> ModelArtifact:  # noqa: ANN401
    artifact = star_graph()
    document = deepcopy(dict(artifact.document))
    for node in document["modelTopology"]["node"]:
        if node["name"] == name:
            node.update(changes)
    return replace(artifact, document=document)


@pytest.mark.parametrize(
    ("artifact", "told"),
    [
        (changed("far", input=["rays", "sizes"]), "'sizes': enlarges"),
        (changed("said", input=["sure", "far", "axis"]), "'said': joins images of different"),
        (changed("said", input=["spread", "spread", "axis"]), "does not depend"),
    ],
)
def test_what_cannot_be_followed_is_refused(artifact: ModelArtifact, told: str) -> None:
    with pytest.raises(ModelFileError, match=told):
        layout_of(artifact)


def test_other_networks_have_no_grid() -> None:
    assert layout_of(small_graph()).sparse == (1, 1)
