"""Many features as two, so that they can be drawn."""

import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.progress import Progress, silent

__all__ = ["METHODS", "has_umap", "pca", "project_features", "umap"]

Floats = NDArray[np.float32]
METHODS = ("PCA", "UMAP")

MOST_FEATURES = 1024
"""With more, they are first mixed at random into so many (Johnson, Lindenstrauss 1984)."""
BLOCK = 16_384
BEFORE_UMAP = 50
"""Principal components that UMAP is given, where there are more features."""


def has_umap() -> bool:
    """Tell whether UMAP can be used: the package umap-learn is installed."""
    try:
        version("umap-learn")
    except PackageNotFoundError:  # there is another package whose module is called umap
        return False
    return True


def project_features(
    features: NDArray[Any], method: str = "PCA", seed: int = 0, progress: Progress = silent
) -> Floats:
    """Return two coordinates for each row of features.

    Parameters
    ----------
    features : (N, D) array
    method : {"PCA", "UMAP"}
    seed : int
    progress : Progress
        May raise Cancelled; UMAP itself does not listen while it works.

    Returns
    -------
    (N, 2) float32 array
        The same for the same input, seed and versions of libraries.

    Raises
    ------
    FitError
        If there is no such method, or umap-learn is not installed.
    """
    if method == "PCA":
        return pca(features, seed=seed, progress=progress)
    if method == "UMAP":
        return umap(features, seed, progress)
    raise FitError(f"{method!r} makes no map; there are {' and '.join(METHODS)}")


def pca(
    features: NDArray[Any], components: int = 2, *, seed: int = 0, progress: Progress = silent
) -> Floats:
    """Return the first principal components.

    Parameters
    ----------
    features : (N, D) array
    components : int
    seed : int
        Only used with more than 1,024 features.
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    (N, components) float32 array
        0 in components that the features do not have. Of the weights of each component, the
        one that is largest without its sign is positive, so that no map is mirrored another
        time.
    """
    features = np.asarray(features, dtype=np.float32)
    result = np.zeros((len(features), components), dtype=np.float32)
    if features.size == 0:
        return result
    if features.shape[1] > MOST_FEATURES:
        features = _mixed(features, seed)
    mean = features.mean(axis=0, dtype=np.float64)
    spread = np.zeros((features.shape[1], features.shape[1]))
    starts = range(0, len(features), BLOCK)
    for start in starts:
        progress(start, 2 * len(features), "Finding directions")
        block = features[start : start + BLOCK] - mean
        spread += block.T @ block
    _, axes = np.linalg.eigh(spread)
    axes = axes[:, ::-1][:, :components]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, range(axes.shape[1])] < 0, -1, 1)
    for start in starts:
        progress(len(features) + start, 2 * len(features), "Drawing the map")
        part = slice(start, start + BLOCK)
        result[part, : axes.shape[1]] = (features[part] - mean) @ axes
    return result


def umap(features: NDArray[Any], seed: int = 0, progress: Progress = silent) -> Floats:
    """Return a map in which neighbours stay neighbours.

    Parameters
    ----------
    features : (N, D) array
        Only their first 50 principal components are used.
    seed : int
    progress : Progress
        Told before and after; cannot stop it in between.

    Returns
    -------
    (N, 2) float32 array
        The principal components, where there are too few things for a map of neighbours.

    Raises
    ------
    FitError
        If umap-learn is not installed.

    References
    ----------
    McInnes, Healy, Melville. UMAP: uniform manifold approximation and projection for
    dimension reduction. arXiv:1802.03426, 2018.
    """
    if not has_umap():
        raise FitError("UMAP needs the package umap-learn: pip install umap-learn, or choose PCA")
    if len(features) < 5:
        return pca(features, seed=seed, progress=progress)
    progress(0, 0, "Loading UMAP")
    import umap as umap_learn  # type: ignore[import-not-found, unused-ignore]

    features = np.asarray(features, dtype=np.float32)
    if features.shape[1] > BEFORE_UMAP:
        features = pca(features, BEFORE_UMAP, seed=seed, progress=progress)
    progress(0, 0, "Drawing the map with UMAP; this may take minutes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = umap_learn.UMAP(n_neighbors=min(15, len(features) - 1), random_state=seed)
        return np.ascontiguousarray(model.fit_transform(features), dtype=np.float32)


def _mixed(features: Floats, seed: int) -> Floats:
    draws = np.random.default_rng(seed)
    weights = draws.standard_normal((features.shape[1], MOST_FEATURES)).astype(np.float32)
    return np.asarray(features @ (weights / np.float32(np.sqrt(MOST_FEATURES))))
