"""Many values replaced at once are what `dataclasses.replace` makes of each."""

from dataclasses import replace
from itertools import repeat

from tests.model.cells import cells_project

from napari_piximi.model.bulk import replaced
from napari_piximi.model.things import Annotation, Partition


def test_as_dataclasses_replace() -> None:
    olds = list(cells_project().annotations())
    names = [f"new {number}" for number in range(len(olds))]
    new = replaced(olds, name=names, partition=repeat(Partition.TRAINING))
    expected = [
        replace(old, name=name, partition=Partition.TRAINING)
        for old, name in zip(olds, names, strict=True)
    ]
    assert olds
    assert new == expected
    assert all(type(thing) is Annotation for thing in new)
    assert list(map(hash, new)) == list(map(hash, expected))


def test_nothing() -> None:
    assert replaced([], name=repeat("x")) == []
