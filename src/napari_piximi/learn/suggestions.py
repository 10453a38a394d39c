"""What to label next, as functions on arrays: uncertain, diverse, both, or at random."""

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.progress import Progress, silent

__all__ = ["by_order", "diverse_order", "entropies", "margins", "mixed_order", "random_order"]

Numbers = NDArray[np.floating[Any]]
Scores = NDArray[np.float64]
Rows = NDArray[np.intp]

BLOCK = 4096
"""Things at a time, between two looks at whether to stop."""
PASSES = 5
"""Most times that k-means goes through all things; with many, fewer do."""
MOST_SEEN = 100_000
"""Things that k-means looks at in all its passes, where there are so many."""
CANDIDATES = 10
"""For each suggestion wanted, so many of the most uncertain things compete."""


def margins(probabilities: Numbers) -> Scores:
    """Return how close the two most probable classes are: 1 − (first − second).

    Parameters
    ----------
    probabilities : (N, classes) array

    Returns
    -------
    (N,) array
        0 (certain) … 1 (a tie).

    References
    ----------
    Scheffer, Decomain, Wrobel. Active hidden Markov models for information extraction.
    IDA 2001.
    """
    shares = _shares(probabilities)
    if shares.shape[1] < 2:
        return np.zeros(len(shares))
    two = np.partition(shares, -2, axis=1)[:, -2:]
    return np.asarray(1 - (two[:, 1] - two[:, 0]))


def entropies(probabilities: Numbers) -> Scores:
    """Return the entropy of each row, in nats: 0 (certain) … log(classes).

    Parameters
    ----------
    probabilities : (N, classes) array
        Rows need not sum to 1.
    """
    shares = _shares(probabilities)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.maximum(-(shares * logarithms).sum(axis=1), 0))


def diverse_order(
    features: Numbers,
    count: int,
    seed: int = 0,
    *,
    weights: Numbers | None = None,
    progress: Progress = silent,
) -> Rows:
    """Order things so that the first `count` are spread out, and so are the next ones.

    k-means makes `count` groups. From each group comes the thing nearest to its centre, the
    groups in an order in which each is far from those before it; then the second nearest
    of each, and so on.

    Parameters
    ----------
    features : (N, D) array
    count : int
        At least 1.
    seed : int
    weights : (N,) array, optional
        How much each thing draws a centre to itself; not negative.
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    (N,) integer array
        Rows of `features`.

    References
    ----------
    Arthur, Vassilvitskii. k-means++: the advantages of careful seeding. SODA 2007.
    Sculley. Web-scale k-means clustering. WWW 2010.
    """
    features = np.asarray(features, dtype=np.float32)
    count = min(count, len(features))
    if count < 2 or features.shape[1] == 0:
        return np.arange(len(features))
    groups, distances, centres = _grouped(features, count, seed, weights, progress)
    turn = np.empty(count, np.intp)
    turn[_far_apart(centres)] = np.arange(count)
    nearest = np.lexsort((distances, turn[groups]))
    sizes = np.bincount(turn[groups], minlength=count)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    within = np.arange(len(features)) - starts
    return np.asarray(nearest[np.lexsort((turn[groups][nearest], within))])


def mixed_order(
    scores: Numbers,
    features: Numbers,
    count: int,
    seed: int = 0,
    *,
    progress: Progress = silent,
) -> Rows:
    """Order things so that the first `count` are uncertain and spread out as well.

    The most uncertain ones, ten for each that is wanted, are grouped by k-means in which an
    uncertain thing weighs more; the others follow by their score alone.

    Parameters
    ----------
    scores : (N,) array
        The highest are the most uncertain.
    features : (N, D) array
    count, seed, progress
        As for :func:`diverse_order`.

    References
    ----------
    Zhdanov. Diverse mini-batch active learning. arXiv:1901.05954, 2019.
    """
    falling = np.argsort(-np.asarray(scores), kind="stable")
    chosen = falling[: CANDIDATES * count]
    order = diverse_order(
        np.asarray(features)[chosen],
        count,
        seed,
        weights=np.asarray(scores)[chosen] + 1e-6,  # k-means needs some weight somewhere
        progress=progress,
    )
    return np.concatenate([chosen[order], falling[len(chosen) :]])


def random_order(count: int, seed: int = 0) -> Rows:
    """Return the rows of so many things at random: what any method has to beat."""
    return np.random.default_rng(seed).permutation(count)


def by_order(order: Rows) -> Scores:
    """Return scores that put things into an order: N for the first row of it, 1 for the last."""
    scores = np.empty(len(order))
    scores[order] = np.arange(len(order), 0, -1)
    return scores


def _shares(probabilities: Numbers) -> Scores:
    """Return rows that sum to 1; not all models end in a softmax."""
    known = np.maximum(np.asarray(probabilities, dtype=np.float64), 0)
    sums = known.sum(axis=1, keepdims=True)
    even = np.full_like(known, 1 / max(known.shape[1], 1))
    return np.asarray(np.divide(known, sums, out=even, where=sums > 0))


def _grouped(
    features: NDArray[np.float32],
    count: int,
    seed: int,
    weights: Numbers | None,
    progress: Progress,
) -> tuple[Rows, Scores, NDArray[np.float32]]:
    """Return the group of each thing, its distance to the centre, and the centres."""
    from sklearn.cluster import MiniBatchKMeans

    threads: Any = import_module("threadpoolctl")  # comes with scikit-learn
    size = max(BLOCK, 3 * count)
    passes = max(1, min(PASSES, MOST_SEEN // len(features)))
    per_pass = -(-len(features) // size)
    total = (passes + 1) * per_pass
    draws = np.random.default_rng(seed)
    model = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=size)
    # On a machine that is busy, threads that wait for each other took fifty times as long.
    with threads.threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some things are alike
        for turn in range(passes):
            shuffled = draws.permutation(len(features))
            # parts of one size, since the first one must hold a thing for each group
            for part, rows in enumerate(np.array_split(shuffled, max(1, len(features) // size))):
                progress(turn * per_pass + part, total, "Looking for things that differ")
                model.partial_fit(features[rows], None, None if weights is None else weights[rows])
        groups, distances = np.empty(len(features), np.intp), np.empty(len(features))
        for part, start in enumerate(range(0, len(features), size)):
            progress(passes * per_pass + part, total, "Looking for things that differ")
            block = slice(start, start + size)
            away = model.transform(features[block])
            groups[block], distances[block] = away.argmin(axis=1), away.min(axis=1)
    return groups, distances, model.cluster_centers_


def _far_apart(centres: NDArray[np.float32]) -> Rows:
    """Order centres so that each is as far as can be from those before it.

    The first is the one nearest to the middle of all.
    """
    order = [int(((centres - centres.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    nearest = np.full(len(centres), np.inf)
    for _ in range(len(centres) - 1):
        nearest = np.minimum(nearest, ((centres - centres[order[-1]]) ** 2).sum(axis=1))
        nearest[order[-1]] = -1
        order.append(int(nearest.argmax()))
    return np.array(order)
