import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn import projections
from napari_piximi.learn.projections import has_umap, pca, project_features


def test_components_are_scikit_learns_but_for_their_sign() -> None:
    features = load_digits().data
    found, expected = pca(features), PCA(2, svd_solver="full").fit_transform(features)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, atol=1e-3)


def test_no_map_is_mirrored() -> None:
    features = np.random.default_rng(0).normal(size=(200, 4)) * (5, 3, 1, 1)
    first = pca(features)
    order = np.random.default_rng(1).permutation(200)
    np.testing.assert_allclose(pca(features[order]), first[order], atol=1e-4)
    assert pca(features)[:, 0] @ features[:, 0] > 0


def test_what_has_no_two_directions_has_zeros() -> None:
    assert pca(np.zeros((0, 3))).shape == (0, 2)
    assert pca(np.zeros((5, 0))).tolist() == [[0, 0]] * 5
    line = pca(np.arange(4.0)[:, None])
    np.testing.assert_allclose(line, [[-1.5, 0], [-0.5, 0], [0.5, 0], [1.5, 0]], atol=1e-6)
    assert pca(np.ones((3, 6))).tolist() == [[0, 0]] * 3


def test_very_many_features_are_mixed_first() -> None:
    draws = np.random.default_rng(0)
    features = np.repeat(draws.normal(0, 5, (3, 3000)), 20, axis=0)
    features += draws.normal(0, 1, features.shape)
    found = pca(features, seed=1)
    assert found.tolist() == pca(features, seed=1).tolist()
    centres = found.reshape(3, 20, 2).mean(axis=1)
    spread = found.reshape(3, 20, 2).std(axis=1).max()
    gaps = [np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(gaps) > 10 * spread


def test_a_map_can_be_cancelled() -> None:
    def stop(*_: object, **__: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        pca(np.zeros((10, 2)), progress=stop)


def test_without_umap_one_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "has_umap", lambda: False)
    with pytest.raises(FitError, match="pip install umap-learn, or choose PCA"):
        project_features(np.zeros((10, 2)), "UMAP")
    with pytest.raises(FitError, match="'t-SNE' makes no map; there are PCA and UMAP"):
        project_features(np.zeros((10, 2)), "t-SNE")


def test_umap_gets_the_seed_and_few_components(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    class Stand:
        def __init__(self, **options: object) -> None:
            given.update(options)

        def fit_transform(self, features: NDArray[Any]) -> NDArray[Any]:
            given["shape"] = features.shape
            return features[:, :2].astype(np.float64)

    umap = ModuleType("umap")
    vars(umap)["UMAP"] = Stand
    monkeypatch.setitem(sys.modules, "umap", umap)
    monkeypatch.setattr(projections, "has_umap", lambda: True)
    found = project_features(np.random.default_rng(0).normal(size=(9, 60)), "UMAP", seed=4)
    assert given == {"n_neighbors": 8, "random_state": 4, "shape": (9, 50)}
    assert found.dtype == np.float32
    few = np.eye(3)
    np.testing.assert_array_equal(project_features(few, "UMAP"), pca(few))


@pytest.mark.skipif(not has_umap(), reason="umap-learn is not installed")
def test_umap_keeps_neighbours_together_and_repeats_itself() -> None:
    data = load_digits()
    features, target = data.data[:300], data.target[:300]
    found = project_features(features, "UMAP", 1)
    np.testing.assert_array_equal(found, project_features(features, "UMAP", 1))
    away = ((found[:, None] - found[None]) ** 2).sum(axis=2)
    np.fill_diagonal(away, np.inf)
    assert (target[away.argmin(axis=1)] == target).mean() > 0.85
