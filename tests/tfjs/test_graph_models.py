"""TensorFlow.js and we compute the same from the same graph models."""

from pathlib import Path

import numpy as np
import pytest
from tests.learn.graph_files import put_graph, real_graph
from tests.segment.trained_star import graph_of, images, load
from tests.shared_data import shared
from tests.tfjs import node

from napari_piximi.io.tfjs import graph_inputs, read_model, write_model
from napari_piximi.learn.graph_models import load_graph

pytestmark = pytest.mark.keras


@pytest.fixture(autouse=True, scope="module")
def tensorflow_js() -> None:
    node.require_node()


@pytest.mark.parametrize("name", ["stardist-fluo", "stardist-vhe", "glas"])
def test_real_topologies(tmp_path: Path, name: str) -> None:
    artifact = real_graph(shared(f"graph-models/{name}/model.json"))
    write_model(artifact, tmp_path / "net.json")
    channels = graph_inputs(artifact.document)[0].shape[-1] or 1
    sample = np.random.default_rng(3).random((1, 64, 96, channels), dtype=np.float32)
    ((theirs,),) = node.predict([{"model": str(tmp_path / "net.json"), "inputs": [sample]}])
    (ours,) = load_graph(read_model(tmp_path / "net.json"))([sample])
    assert ours.shape == theirs.shape
    assert np.ptp(theirs) > 1e-3
    difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    print(f"{name}: {difference:.1e}")
    assert difference <= 1e-4


def test_a_stardist_network_that_learnt(tmp_path: Path) -> None:
    pytest.importorskip("stardist")
    write_model(graph_of(load()), tmp_path / "net.json")
    pixels = images(range(720, 721))[0][0][np.newaxis, :160, :192, np.newaxis]
    ((theirs,),) = node.predict([{"model": str(tmp_path / "net.json"), "inputs": [pixels]}])
    (ours,) = load_graph(read_model(tmp_path / "net.json"))([pixels])
    assert ours.shape == theirs.shape == (1, 80, 96, 33)
    assert np.ptp(theirs[..., 0]) > 0.8, "it tells nuclei from the background"
    assert np.abs(ours - theirs).max() / np.abs(theirs).max() <= 1e-4


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("softmax", [True, False])
def test_a_small_classifier(tmp_path: Path, *, shards: int, softmax: bool) -> None:
    path = put_graph(tmp_path, shards=shards, softmax=softmax)
    samples = np.random.default_rng(3).random((7, 16, 16, 1), dtype=np.float32)
    artifact = read_model(path)
    write_model(artifact, tmp_path / "again.json")
    again = str(tmp_path / "again.json")
    jobs = [{"model": model, "inputs": [samples]} for model in (str(path), again)]
    (theirs,), (saved,) = node.predict(jobs)
    (ours,) = load_graph(artifact)([samples])
    assert np.ptp(theirs, axis=0).min() > 1e-3
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(saved, theirs)
