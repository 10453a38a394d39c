"""Forests of decision trees as plain arrays: checked, asked, and kept without pickle.

All trees lie end to end. A node that is no leaf sends a thing left if its feature is at most
the threshold, else right. Both children come after their parent, so that no walk is endless.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.model.training import FOREST, FOREST_FORMAT, ModelArtifact, Run

__all__ = ["Forest", "artifact_of", "ask", "forest_of", "grown_trees", "tree_counts"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Indices = NDArray[np.intp]

STEPS = 10
"""Points of the curves of a fit: a forest's epoch is so many of its trees."""

MAX_DEPTH = 1000
"""No tree may be deeper: the time to ask it grows with its depth."""

WALKS = 2**16
"""Walks from a root to a leaf at a time: more no longer fit the processor's cache."""

LEVELS = 3
"""Steps down between two looks at which walks have ended."""

STILL_WALKING = 0.8
"""Only if fewer go on, those that have ended are taken out."""

MAX_NODES = 2**30 - 1
"""Twice the index of a node is still an int32."""

_TYPES = {
    "roots": "int32",
    "features": "int32",
    "thresholds": "float32",
    "children": "int32",
    "values": "float32",
    "mean": "float32",
    "scale": "float32",
}


def tree_counts(trees: int) -> tuple[int, ...]:
    """Return how many trees there are at each step of a fit."""
    counts = np.linspace(0, trees, min(STEPS, trees) + 1).round().astype(int)
    return tuple(np.unique(counts)[1:].tolist())


def grown_trees(run: Run) -> int | None:
    """Return how many trees a fit has grown; None where it was not of a forest."""
    if getattr(run.settings, "architecture", "") != FOREST:
        return None
    return (0, *tree_counts(run.settings.trees))[: run.epochs + 1][-1]


@dataclass(frozen=True, eq=False)
class Forest:
    """Decision trees that vote.

    Attributes
    ----------
    names : tuple of F str
        Of the features, in the order of their columns.
    classes : tuple of C str
        Names of the classes.
    roots : (T,) int32 array
        Index of the first node of each tree; the first is 0.
    features : (N,) int32 array
        Column that a node looks at; −1 for a leaf.
    thresholds : (N,) float32 array
    children : (N, 2) int32 array
        Left, right; a leaf is its own child.
    values : (N, C) float32 array
        Probability of each class at a leaf.
    mean, scale : (F,) float32 arrays
        Of the features of the things it was fitted on; the trees do not need them.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    roots: Integers
    features: Integers
    thresholds: Floats
    children: Integers
    values: Floats
    mean: Floats
    scale: Floats


def ask(forest: Forest, table: Floats) -> Floats:
    """Return the mean vote of the trees.

    Parameters
    ----------
    forest : Forest
    table : (things, F) float32 array

    Returns
    -------
    (things, C) float32 array

    Raises
    ------
    ValueError
        If the table has other columns.
    """
    if table.shape[1] != len(forest.names):
        raise ValueError(f"The forest looks at {len(forest.names)} features, not {table.shape[1]}")
    result = np.empty((len(table), len(forest.classes)), dtype=np.float32)
    trees, nodes = len(forest.roots), _nodes(forest)
    step = max(1, WALKS // trees)
    for start in range(0, len(table), step):
        block = np.ascontiguousarray(table[start : start + step], dtype=np.float32)
        leaves = _leaves(nodes, forest.roots, block).reshape(trees, len(block))
        votes = np.zeros((len(block), len(forest.classes)), dtype=np.float64)
        for reached in leaves:
            votes += forest.values.take(reached, axis=0)
        result[start : start + step] = votes / trees
    return result


class _Nodes(NamedTuple):
    """Nodes in which a leaf sends all things to itself, and indices need no conversion."""

    leaf: NDArray[np.bool_]
    features: Indices
    thresholds: Floats
    children: Indices


def _nodes(forest: Forest) -> _Nodes:
    leaf = forest.features < 0
    return _Nodes(
        leaf,
        np.where(leaf, 0, forest.features).astype(np.intp),
        np.where(leaf, np.float32(np.inf), forest.thresholds),
        forest.children.reshape(-1).astype(np.intp),
    )


def _leaves(nodes: _Nodes, roots: Integers, block: Floats) -> Indices:
    """Walk each thing down each tree, all at once; return the leaves, tree by tree."""
    flat, width = block.reshape(-1), block.shape[1]
    at = np.repeat(roots.astype(np.intp), len(block))
    row = np.tile(np.arange(0, flat.size, width), len(roots))
    walk, reached = np.arange(at.size), np.empty_like(at)
    indices, values = np.empty_like(at), np.empty((2, at.size), np.float32)
    while at.size:
        index, value, threshold = indices[: at.size], *values[:, : at.size]
        for _ in range(LEVELS):
            # Nothing is out of bounds, but only where numpy need not check, it needs no copy.
            nodes.features.take(at, out=index, mode="clip")
            index += row
            flat.take(index, out=value, mode="clip")
            nodes.thresholds.take(at, out=threshold, mode="clip")
            np.multiply(at, 2, out=index)
            index += value > threshold
            nodes.children.take(index, out=at, mode="clip")
        inner = np.flatnonzero(~nodes.leaf.take(at))
        if inner.size < STILL_WALKING * at.size:
            reached[walk] = at
            at, row, walk = (part.take(inner) for part in (at, row, walk))
    return reached


def artifact_of(forest: Forest, extra: Mapping[str, Any] | None = None) -> ModelArtifact:
    """Write a forest as a model.

    Parameters
    ----------
    forest : Forest
    extra : mapping, optional
        What else the document is to hold.
    """
    arrays = {name: getattr(forest, name) for name in _TYPES}
    manifest = [
        {"name": name, "shape": list(arrays[name].shape), "dtype": dtype}
        for name, dtype in _TYPES.items()
    ]
    document = {
        **(extra or {}),
        "format": FOREST_FORMAT,
        "classes": list(forest.classes),
        "features": list(forest.names),
        "weightsManifest": [{"paths": ["./model.weights.bin"], "weights": manifest}],
    }
    parts = (
        np.ascontiguousarray(arrays[name], dtype=_stored(dtype)) for name, dtype in _TYPES.items()
    )
    return ModelArtifact(document, b"".join(part.tobytes() for part in parts))


def forest_of(artifact: ModelArtifact) -> Forest:
    """Read a forest, and check it so that asking it can neither fail nor be endless.

    Raises
    ------
    ModelFileError
        If the model is no forest, its arrays do not fit each other or their names, or its
        nodes do not form trees.
    """
    document = artifact.document
    if document.get("format") != FOREST_FORMAT:
        raise ModelFileError(f"This model is no forest, but {document.get('format')!r}")
    names, classes = _texts(document, "features"), _texts(document, "classes")
    forest = Forest(names, classes, **_arrays(document, artifact.weights))
    _check_shapes(forest)
    _check_values(forest)
    _check_trees(forest)
    return forest


def _stored(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = document.get(key)
    if (
        not isinstance(values, list | tuple)
        or not values
        or not all(isinstance(value, str) for value in values)
        or len(set(values)) < len(values)
    ):
        raise ModelFileError(f"A forest needs a list of distinct {key}, not {str(values)[:80]!r}")
    return tuple(values)


def _arrays(document: Mapping[str, Any], weights: bytes) -> dict[str, NDArray[Any]]:
    arrays, start = {}, 0
    for name, dtype, shape in _manifest(document):
        size = math.prod(shape) * _stored(dtype).itemsize
        if start + size > len(weights):
            raise ModelFileError(
                f"The forest's {name} should end at byte {start + size}, "
                f"but there are only {len(weights)}"
            )
        count = math.prod(shape)
        flat = np.frombuffer(weights, dtype=_stored(dtype), count=count, offset=start)
        arrays[name] = flat.astype(dtype, copy=False).reshape(shape)
        start += size
    if start != len(weights):
        raise ModelFileError(f"A forest of {start} bytes cannot have {len(weights)}")
    return arrays


def _manifest(document: Mapping[str, Any]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return name, type and shape of each array: just those that a forest has."""
    try:
        (group,) = document["weightsManifest"]
        entries = [(e["name"], e["dtype"], tuple(e["shape"])) for e in group["weights"]]
        sizes = [size for _, _, shape in entries for size in shape]
        fits = [entry[:2] for entry in entries] == list(_TYPES.items())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError("The forest's weightsManifest is malformed") from error
    if not fits or not all(type(size) is int and 0 < size < 2**31 for size in sizes):
        raise ModelFileError(f"A forest has the arrays {', '.join(_TYPES)}, not {entries!r:.200}")
    return entries


def _check_shapes(forest: Forest) -> None:
    nodes, width, classes = len(forest.features), len(forest.names), len(forest.classes)
    if nodes > MAX_NODES:
        raise ModelFileError(f"A forest of {nodes} nodes is too large")
    expected: dict[str, Sequence[int]] = {
        "roots": (forest.roots.size,),
        "features": (nodes,),
        "thresholds": (nodes,),
        "children": (nodes, 2),
        "values": (nodes, classes),
        "mean": (width,),
        "scale": (width,),
    }
    for name, shape in expected.items():
        actual = getattr(forest, name).shape
        if actual != shape:
            raise ModelFileError(f"The forest's {name} should be {shape}, but are {actual}")


def _check_values(forest: Forest) -> None:
    for name in ("thresholds", "values", "mean", "scale"):
        if not np.isfinite(getattr(forest, name)).all():
            raise ModelFileError(f"The forest's {name} hold what is no finite number")
    if (forest.values < 0).any() or (np.abs(forest.values.sum(axis=1) - 1) > 1e-3).any():
        raise ModelFileError("The forest's values are no probabilities")
    if (forest.scale <= 0).any():
        raise ModelFileError("The forest's scale must be above 0")
    if forest.features.min() < -1 or forest.features.max() >= len(forest.names):
        raise ModelFileError(
            f"The forest looks at features {forest.features.min()} to {forest.features.max()}, "
            f"but has {len(forest.names)}"
        )


def _check_trees(forest: Forest) -> None:
    """Check that each node but the roots has just one parent, before it and in its tree."""
    nodes = np.arange(len(forest.features))
    roots = forest.roots.astype(np.int64)
    if roots[0] != 0 or (np.diff(roots) < 1).any() or roots[-1] >= len(nodes):
        raise ModelFileError("The forest's roots do not follow each other")
    ends = np.repeat([*roots[1:], len(nodes)], np.diff([*roots, len(nodes)]))
    leaf = forest.features < 0
    children = forest.children
    if (children[leaf] != nodes[leaf, None]).any():
        raise ModelFileError("A leaf of the forest has other children than itself")
    inner = children[~leaf]
    if (inner <= nodes[~leaf, None]).any() or (inner >= ends[~leaf, None]).any():
        raise ModelFileError("A node of the forest has a child that is not after it in its tree")
    parents = np.bincount(inner.ravel(), minlength=len(nodes))
    parents[roots] += 1
    if (parents != 1).any():
        raise ModelFileError("A node of the forest has no parent, or several")
    _check_depth(forest, roots)


def _check_depth(forest: Forest, roots: NDArray[np.int64]) -> None:
    level, depth = roots, 0
    while level.size:
        if depth > MAX_DEPTH:
            raise ModelFileError(f"A tree of the forest is deeper than {MAX_DEPTH}")
        level = forest.children[level[forest.features[level] >= 0]].ravel().astype(np.int64)
        depth += 1
