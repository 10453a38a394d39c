"""Forests as arrays: what is written is read again, and what is hostile is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.model.forest import Forest, artifact_of, ask, forest_of
from napari_piximi.model.training import ModelArtifact


def small() -> Forest:
    """Two trees: a split of the first feature, then of the second; and a single leaf."""
    return Forest(
        ("area", "intensity"),
        ("dark", "bright"),
        np.array([0, 5], dtype=np.int32),
        np.array([0, -1, 1, -1, -1, -1], dtype=np.int32),
        np.array([0.5, 0, -1.0, 0, 0, 0], dtype=np.float32),
        np.array([[1, 2], [1, 1], [3, 4], [3, 3], [4, 4], [5, 5]], dtype=np.int32),
        np.array([[0.5, 0.5], [1, 0], [0.5, 0.5], [0, 1], [0.25, 0.75], [0.5, 0.5]], np.float32),
        np.zeros(2, dtype=np.float32),
        np.ones(2, dtype=np.float32),
    )


def changed(name: str, at: Any, value: float) -> ModelArtifact:  # noqa: ANN401
    forest = small()
    array: NDArray[Any] = getattr(forest, name).copy()
    array[at] = value
    changes: dict[str, Any] = {name: array}
    return artifact_of(replace(forest, **changes))


def test_each_thing_is_judged_by_every_tree() -> None:
    table = np.array([[0.5, 9], [0.6, -1], [0.6, -0.9]], dtype=np.float32)
    expected = [[0.75, 0.25], [0.25, 0.75], [0.375, 0.625]]
    np.testing.assert_allclose(ask(small(), table), expected)


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        ask(small(), np.zeros((3, len(small().names) + 1), np.float32))


def test_what_is_no_number_or_infinite_goes_where_comparison_sends_it() -> None:
    forest = small()
    odd = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)
    table = np.array(np.meshgrid(*[odd] * len(forest.names))).reshape(len(forest.names), -1).T
    expected = []
    for row in table:
        votes = np.zeros(len(forest.classes))
        for node in forest.roots:
            while forest.features[node] >= 0:
                right = row[forest.features[node]] > forest.thresholds[node]
                node = forest.children[node, int(right)]
            votes += forest.values[node]
        expected.append(votes / len(forest.roots))
    np.testing.assert_array_equal(ask(forest, table), np.array(expected, np.float32))


def test_nothing_asked_is_nothing_answered() -> None:
    assert ask(small(), np.zeros((0, 2), dtype=np.float32)).shape == (0, 2)


def test_many_things_are_answered_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    whole = ask(small(), table)
    monkeypatch.setattr("napari_piximi.model.forest.WALKS", 14)
    np.testing.assert_array_equal(ask(small(), table), whole)


def test_what_is_written_is_read_again() -> None:
    artifact = artifact_of(small(), {"more": 1, "classes": ["not", "these"]})
    assert artifact.document["more"] == 1
    assert artifact.classes == ("dark", "bright")
    again = forest_of(artifact)
    assert (again.names, again.classes) == (("area", "intensity"), ("dark", "bright"))
    assert artifact_of(again).weights == artifact.weights


@pytest.mark.parametrize(
    ("name", "at", "value", "says"),
    [
        ("children", (0, 1), 99, "not after it in its tree"),
        ("children", (0, 1), -1, "not after it in its tree"),
        ("children", (2, 0), 0, "not after it in its tree"),  # a cycle
        ("children", (2, 0), 2, "not after it in its tree"),  # itself
        ("children", (2, 0), 5, "not after it in its tree"),  # into the next tree
        ("children", (0, 0), 3, "no parent, or several"),  # two ways to one node
        ("children", (1, 0), 2, "other children than itself"),
        ("features", 0, 2, "looks at features"),
        ("features", 0, -2, "looks at features"),
        ("features", 0, -1, "other children than itself"),
        ("features", 5, 0, "not after it in its tree"),
        ("thresholds", 0, np.nan, "thresholds hold what is no finite number"),
        ("values", (1, 0), np.inf, "values hold what is no finite number"),
        ("values", (1, 0), 0.5, "no probabilities"),
        ("values", (1,), -1, "no probabilities"),
        ("mean", 0, np.nan, "mean hold"),
        ("scale", 0, 0, "scale must be above 0"),
        ("roots", 0, 1, "roots do not follow"),
        ("roots", 1, 0, "roots do not follow"),
        ("roots", 1, 6, "roots do not follow"),
        ("roots", 1, -5, "roots do not follow"),
    ],
)
def test_hostile_arrays_are_refused(name: str, at: Any, value: float, says: str) -> None:  # noqa: ANN401
    with pytest.raises(ModelFileError, match=says):
        forest_of(changed(name, at, value))


def spoilt(**changes: Any) -> ModelArtifact:  # noqa: ANN401
    artifact = artifact_of(small())
    return replace(artifact, document={**artifact.document, **changes})


@pytest.mark.parametrize("value", [None, 5, [], "area", ["area", 3], ["area", "area"], [[]]])
@pytest.mark.parametrize("key", ["features", "classes"])
def test_names_must_be_a_list_of_distinct_texts(key: str, value: object) -> None:
    with pytest.raises(ModelFileError, match=f"list of distinct {key}"):
        forest_of(spoilt(**{key: value}))


def test_names_must_be_as_many_as_the_arrays_say() -> None:
    with pytest.raises(ModelFileError, match=r"values should be \(6, 3\), but are \(6, 2\)"):
        forest_of(spoilt(classes=["a", "b", "c"]))
    with pytest.raises(ModelFileError, match=r"mean should be \(1,\)"):
        forest_of(spoilt(features=["area"]))


def test_other_formats_are_refused() -> None:
    with pytest.raises(ModelFileError, match="no forest, but 'layers-model'"):
        forest_of(spoilt(format="layers-model"))
    with pytest.raises(ModelFileError, match="no forest, but None"):
        forest_of(ModelArtifact({}, b""))


def entries(**changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    (group,) = artifact_of(small()).document["weightsManifest"]
    first, *others = group["weights"]
    return [{"paths": ["./a"], "weights": [{**first, **changes}, *others]}]


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        [1],
        [{}],
        [{"weights": 5}],
        [{"weights": []}],
        entries() * 2,
        entries(name="other"),
        entries(dtype="float64"),
        entries(shape=None),
        entries(shape=[-1]),
        entries(shape=[2.0]),
        entries(shape=[True]),
        entries(shape="ab"),
        entries(shape=[2**40]),
        entries(shape=[0]),
    ],
)
def test_a_malformed_manifest_is_refused(manifest: object) -> None:
    with pytest.raises(ModelFileError, match=r"weightsManifest is malformed|has the arrays"):
        forest_of(spoilt(weightsManifest=manifest))


@pytest.mark.parametrize("shape", [[2**31 - 1], [2**31 - 1] * 8, [3], [1]])
def test_shapes_must_fit_the_bytes(shape: list[int]) -> None:
    with pytest.raises(ModelFileError, match=r"should end at byte|cannot have"):
        forest_of(spoilt(weightsManifest=entries(shape=shape)))


def test_a_scalar_is_no_list_of_roots() -> None:
    artifact = artifact_of(small())
    cut = ModelArtifact({**artifact.document, "weightsManifest": entries(shape=[])}, b"\0" * 4)
    with pytest.raises(ModelFileError, match=r"should end at byte|should be"):
        forest_of(replace(cut, weights=artifact.weights[4:]))


@pytest.mark.parametrize("change", [b"", b"\0"])
def test_too_few_or_too_many_bytes_are_refused(change: bytes) -> None:
    artifact = artifact_of(small())
    weights = artifact.weights + change if change else artifact.weights[:-1]
    with pytest.raises(ModelFileError, match=r"bytes|byte"):
        forest_of(replace(artifact, weights=weights))


def test_a_chain_as_deep_as_a_well_is_refused() -> None:
    depth = 1200
    nodes = 2 * depth + 1
    inner = np.arange(0, nodes - 1, 2)
    children = np.repeat(np.arange(nodes, dtype=np.int32)[:, None], 2, axis=1)
    children[inner] = np.stack([inner + 1, inner + 2], axis=1)
    features = np.full(nodes, -1, dtype=np.int32)
    features[inner] = 0
    deep = replace(
        small(),
        roots=np.zeros(1, dtype=np.int32),
        features=features,
        thresholds=np.zeros(nodes, dtype=np.float32),
        children=children,
        values=np.full((nodes, 2), 0.5, dtype=np.float32),
    )
    with pytest.raises(ModelFileError, match="deeper than 1000"):
        forest_of(artifact_of(deep))
