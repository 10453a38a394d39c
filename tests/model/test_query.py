from dataclasses import replace

import pytest
from tests.model.cells import cells_project

from napari_piximi.model.query import Query, SortKey, chips, renewed, still_possible
from napari_piximi.model.things import IMAGE_KIND, Partition

PROJECT = cells_project()
EVERYTHING = Query(
    "cell", text="abc", image="image0", categories=frozenset(["1long", "1round"]),
    partitions=frozenset([Partition.INFERENCE, Partition.TRAINING]),
    predicted=frozenset(["1long"]), probability=(0.5, 0.9), labelled=True,
    only=frozenset(["cell0", "cell1"]),
)  # fmt: skip


def texts(query: Query) -> list[str]:
    return [chip.text for chip in chips(PROJECT, query)]


def test_nothing_is_filtered_at_first() -> None:
    assert chips(PROJECT, Query()) == ()
    assert texts(Query("cell", SortKey.AREA, descending=True, seed=3)) == []


def test_the_text_of_each_chip() -> None:
    assert texts(EVERYTHING) == [
        "Name contains “abc”",
        "On image image0.tif",
        "Category: round, long",
        "Partition: Training, Inference",
        "Predicted: long",
        "Probability 0.50–0.90",
        "Labelled",
        "2 chosen things",
    ]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Query(labelled=False), "Not labelled"),
        (Query(only=frozenset(["a"])), "1 chosen thing"),
        (Query(only=frozenset(map(str, range(1234)))), "1,234 chosen things"),
        (Query(image="gone"), "On image gone"),
        (Query("cell", categories=frozenset(["gone", "1long"])), "Category: long, gone"),
        (Query(probability=(0.0, 0.5)), "Probability 0.00–0.50"),
        (Query(probability=(0.0, 0.8 - 1e-9)), "Probability below 0.80"),
        (Query(probability=(0.25, 1.0)), "Probability 0.25–1.00"),
    ],
)
def test_the_text_of_one_chip(query: Query, text: str) -> None:
    assert texts(query) == [text]


def test_removing_each_chip_in_turn_leaves_no_filter() -> None:
    query = EVERYTHING
    for left in range(8, 0, -1):
        found = chips(PROJECT, query)
        assert len(found) == left
        assert len(chips(PROJECT, found[-1].without)) == left - 1
        query = found[0].without
    assert query == Query("cell")


def test_sort_keys_read_well() -> None:
    assert [str(key) for key in SortKey] == [
        "Order of adding", "File name", "Name", "Category", "Partition", "Probability",
        "Uncertainty", "Area", "Random", "Suggested",
    ]  # fmt: skip


def test_another_project_is_shown_from_its_images_on() -> None:
    query = replace(EVERYTHING, sort=SortKey.RANDOM, descending=True, seed=7)
    assert renewed(query) == Query(IMAGE_KIND, SortKey.RANDOM, descending=True, seed=7)


def test_what_is_still_there_stays_in_the_query() -> None:
    assert still_possible(EVERYTHING, PROJECT, frozenset(PROJECT.things)) == EVERYTHING


def test_what_is_gone_leaves_the_query() -> None:
    query = replace(
        EVERYTHING, image="gone", categories=frozenset(["gone", "1long"]),
        predicted=frozenset(["gone"]), only=frozenset(["gone", "cell1", "image0"]),
    )  # fmt: skip
    found = still_possible(query, PROJECT, frozenset(["gone"]))
    assert found.image is None
    assert found.categories == {"1long"}
    assert found.predicted == frozenset()
    assert found.only == frozenset(["cell1"])
    assert found.text == "abc"
    query = replace(query, only=frozenset(["gone"]))
    assert still_possible(query, PROJECT, frozenset(["gone"])).only is None


def test_a_kind_that_is_gone_gives_way_to_the_images() -> None:
    query = replace(EVERYTHING, kind="gone", sort=SortKey.AREA)
    assert still_possible(query, PROJECT, frozenset()) == Query(sort=SortKey.AREA)
