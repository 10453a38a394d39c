from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.cells import CELLS, cells_project
from tests.model.galleries import (
    KINDS,
    NAMES,
    RUNS,
    annotation,
    projects,
    queries,
    shown,
)

from napari_piximi.model import edits, masks
from napari_piximi.model.arrangement import arrange
from napari_piximi.model.column_values import areas
from napari_piximi.model.columns import Columns
from napari_piximi.model.natural_order import casefolded, natural_ranks
from napari_piximi.model.project import Project, new_project, touched
from napari_piximi.model.query import Query, SortKey
from napari_piximi.model.things import IMAGE_KIND, Annotation, Partition, Prediction

slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def ids_shown(columns: Columns, query: Query) -> list[str]:
    return [columns.ids[row] for row in arrange(columns, query)]


def in_words(columns: Columns) -> Mapping[str, object]:
    """Return all that columns say, without their private codes."""
    categories, images = columns.codes.categories, columns.codes.images
    user, said, on = columns.category.tolist(), columns.predicted.tolist(), columns.image.tolist()
    category, image = ({n: key for key, n in codes.items()} for codes in (categories, images))
    assert columns.image_rank.shape == (len(images), 2)
    places = [tuple(columns.image_rank[n]) for n in on]
    return {
        "ids": columns.ids,
        "things": columns.things,
        "rows": columns.rows,
        "category": [category[n] for n in user],
        "predicted": [None if n < 0 else category[n] for n in said],
        "image": [image[n] for n in on],
        "partition": columns.partition.tolist(),
        "probability": np.nan_to_num(columns.probability, nan=-1).tolist(),
        "area": columns.area.tolist(),
        "mark": columns.mark.tolist(),
        "names": columns.folded_names,
        "order of names": np.argsort(columns.name_rank, kind="stable").tolist(),
        "order of images": sorted(range(len(on)), key=lambda row: places[row]),
        "image names": [columns.folded_image_names[n] for n in on],
        "counts": columns.counts(),
    }


# --- columns ---------------------------------------------------------------------------------


def test_the_columns_of_some_cells() -> None:
    columns = Columns(cells_project(), "cell")
    assert len(columns) == 4
    assert columns.ids == list(CELLS)
    codes = columns.codes.categories
    unknown = columns.project.kinds["cell"].unknown
    expected = [codes["1round"], codes["1long"], codes[unknown], codes[unknown]]
    assert columns.category.tolist() == expected
    assert columns.partition.tolist() == [0, 0, 0, 3]
    assert columns.predicted.tolist() == [-1, -1, -1, codes["1long"]]
    np.testing.assert_array_equal(columns.probability, [np.nan, np.nan, np.nan, 0.75])
    assert columns.area.tolist() == [5, 5, 5, 5]
    assert columns.folded_names[0] == "name of cell0"
    assert columns.name_rank.tolist() == [0, 1, 2, 3]
    assert columns.rows_of(["cell2", "image0", "gone"]).tolist() == [2, -1, -1]


def test_the_columns_of_images() -> None:
    columns = Columns(cells_project(), IMAGE_KIND)
    assert columns.ids == ["image0", "image1"]
    assert columns.area.tolist() == [600, 600]
    assert columns.image.tolist() == [0, 1]


def test_a_probability_that_a_file_does_not_tell_is_nan() -> None:
    project = edits.set_predictions(cells_project(), {"cell2": Prediction("1long", None)})
    columns = Columns(project, "cell")
    assert np.isnan(columns.probability[2])
    assert columns.predicted[2] == columns.predicted[3]


def test_counts_by_category_and_partition() -> None:
    counts = Columns(cells_project(), "cell").counts()
    unknown = cells_project().kinds["cell"]
    assert list(counts)[1:] == ["1round", "1long"]
    assert counts["1round"] == {
        Partition.UNASSIGNED: 1, Partition.TRAINING: 0, Partition.VALIDATION: 0,
        Partition.INFERENCE: 0,
    }  # fmt: skip
    (first, *_) = counts.values()
    assert first[Partition.INFERENCE] == first[Partition.UNASSIGNED] == 1
    assert len(unknown.categories) == len(counts)


def test_counts_of_a_kind_without_things() -> None:
    counts = Columns(new_project(), IMAGE_KIND).counts()
    assert [sum(by.values()) for by in counts.values()] == [0]


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=6)))
def test_areas_are_those_of_each_mask(runs: list[list[int]]) -> None:
    cells = [
        Annotation("1", "", "cell", "0", "1", (0, 0, 1, 1), masks.from_lengths(r)) for r in runs
    ]
    assert areas(cells).tolist() == [masks.area(cell.runs) for cell in cells]


def test_areas_of_more_masks_than_one_block() -> None:
    cells = [
        Annotation("1", "", "cell", "0", "1", (0, 0, 1, 1), masks.from_lengths((0, n)))
        for n in range(10_000)
    ]
    assert areas(cells).tolist() == list(range(10_000))


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "ranks"),
    [
        ([], []),
        (["img10", "img2", "IMG1"], [2, 1, 0]),
        (["a1b2", "a1b10", "a01b2"], [0, 1, 0]),
        (["b", "B", "a"], [1, 1, 0]),
        (["2", "10", "x", ""], [1, 2, 3, 0]),
        (["ä2", "ä10", "z"], [1, 2, 0]),
        (["a\0b10", "a\0b2"], [1, 0]),
        (["x" * 300 + "10", "x" * 300 + "2"], [1, 0]),
        (["9" * 30, "1"], [1, 0]),
    ],
)
def test_names_are_sorted_as_people_count(names: list[str], ranks: list[int]) -> None:
    assert natural_ranks(casefolded(names)).tolist() == ranks


@given(st.lists(st.text()))
def test_all_names_are_folded_as_one(names: list[str]) -> None:
    assert casefolded(names) == [name.casefold() for name in names]


# --- arranging -------------------------------------------------------------------------------


@slow
@given(projects(), queries())
def test_arranging_is_what_one_expects(project: Project, query: Query) -> None:
    found = ids_shown(Columns(project, query.kind), query)
    if query.sort == SortKey.RANDOM:
        assert sorted(found) == sorted(shown(project, query))
    else:
        assert found == shown(project, query)


@given(st.lists(st.sampled_from([0, 1, 5, 2**16 - 1, 2**16, 2**16 + 1, 2**31, 2**32 - 1])))
def test_areas_of_any_size_are_sorted_both_ways(sizes: list[int]) -> None:
    project = many(len(sizes))
    columns = Columns(project, "cell")
    columns._made["area"] = np.array(sizes, np.int64)  # no mask of a test is that large
    rows = range(len(sizes))
    for sign, descending in ((1, False), (-1, True)):
        expected = sorted(rows, key=lambda row: sign * sizes[row])
        columns.memo.clear()
        assert arrange(columns, Query("cell", SortKey.AREA, descending)).tolist() == expected


def test_uncertain_ones_come_first_and_probable_ones_come_first() -> None:
    said = {"cell0": 0.9, "cell1": 0.5, "cell2": None, "cell3": 0.7}
    project = edits.set_predictions(
        cells_project(), {key: Prediction("1long", p) for key, p in said.items()}
    )
    columns = Columns(project, "cell")
    table = {
        (SortKey.UNCERTAINTY, False): ["cell1", "cell3", "cell0", "cell2"],
        (SortKey.UNCERTAINTY, True): ["cell0", "cell3", "cell1", "cell2"],
        (SortKey.PROBABILITY, False): ["cell0", "cell3", "cell1", "cell2"],
        (SortKey.PROBABILITY, True): ["cell1", "cell3", "cell0", "cell2"],
    }
    for (sort, descending), expected in table.items():
        assert ids_shown(columns, Query("cell", sort, descending)) == expected


@slow
@given(projects(), st.integers(0, 5), st.booleans(), st.data())
def test_a_random_order_stays_whatever_is_filtered_or_deleted(
    project: Project, seed: int, descending: bool, data: st.DataObject
) -> None:
    query = Query("cell", SortKey.RANDOM, descending, seed)
    before = ids_shown(Columns(project, "cell"), query)
    doomed = data.draw(st.sets(st.sampled_from(list(project.things))))
    after = edits.delete_things(project, doomed & set(before))
    assert ids_shown(Columns(after, "cell"), query) == [k for k in before if k not in doomed]


def test_a_random_order_depends_on_the_seed_and_not_on_the_order_of_adding() -> None:
    ids = [f"1c{n}" for n in range(1000)]
    project = cells_project()
    cell = project.things["cell0"]
    assert isinstance(cell, Annotation)
    cells = [
        Annotation(key, "", "cell", cell.category, cell.image, cell.bbox, cell.runs) for key in ids
    ]
    project = edits.delete_things(project, CELLS)
    columns = Columns(edits.add_annotations(project, cells), "cell")
    backwards = Columns(edits.add_annotations(project, cells[::-1]), "cell")
    first, second = (Query("cell", SortKey.RANDOM, seed=seed) for seed in (1, 2))
    order = ids_shown(columns, first)
    assert order == ids_shown(backwards, first)
    assert order != ids_shown(columns, second)
    correlation = np.corrcoef([ids.index(key) for key in order], np.arange(1000))[0, 1]
    assert abs(correlation) < 0.15
    assert ids_shown(columns, Query("cell", SortKey.RANDOM, True, 1)) == order[::-1]


# --- edits -----------------------------------------------------------------------------------


@st.composite
def edited(draw: st.DrawFn, project: Project, fresh: str) -> Project:
    """Make one edit at random."""
    kind = draw(st.sampled_from(KINDS))
    own = [thing.id for thing in project.of_kind(kind)]
    some = draw(st.lists(st.sampled_from(own), unique=True)) if own else []
    if draw(st.booleans()):
        return _said(draw, project, kind, some)
    if some and kind != IMAGE_KIND:
        return _redrawn(draw, project, some)
    if some and len(some) < len(own) and draw(st.booleans()):
        return edits.delete_things(project, some)  # images, and annotations with them
    if some:
        name = draw(st.sampled_from([name for name in NAMES if name.strip()]))
        return edits.rename_thing(project, some[0], name)
    return edits.add_annotations(project, [annotation(draw, project, fresh)])


def _said(draw: st.DrawFn, project: Project, kind: str, some: list[str]) -> Project:
    """Say other things of some things, or delete a category."""
    category = draw(st.sampled_from(project.kinds[kind].categories))
    unknown = category == project.kinds[kind].unknown
    match draw(st.integers(0, 3)):
        case 0:
            return edits.categorize(project, some, category)
        case 1:
            return edits.set_partition(project, some, draw(st.sampled_from(Partition)))
        case 2 if not unknown:
            probability = draw(st.sampled_from([None, 0.1, 0.5, 0.9]))
            return edits.set_predictions(
                project, {key: Prediction(category, probability) for key in some}
            )
        case 3 if not unknown:
            return edits.delete_category(project, category)
    return project


def _redrawn(draw: st.DrawFn, project: Project, some: list[str]) -> Project:
    """Rename, redraw, move, delete some annotations, or delete one and add it again."""
    match draw(st.integers(0, 4)):
        case 0:
            return edits.rename_thing(project, some[0], "a7")
        case 1:
            return edits.set_mask(project, some[0], (1, 0, 3, 3), draw(st.sampled_from(RUNS)))
        case 2:
            return edits.move_to_kind(project, some, draw(st.sampled_from(KINDS[1:])))
        case 3:  # it comes last then, with the same id
            again = project.things[some[0]]
            assert isinstance(again, Annotation)
            return edits.add_annotations(edits.delete_things(project, some[:1]), [again])
    return edits.delete_things(project, some)


@pytest.fixture(scope="module", params=[1, 16])
def many_are(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look touched things up one by one, or compare all of them: few of these have 16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_piximi.model.columns.MANY", request.param)
        yield


@pytest.mark.usefixtures("many_are")
@slow
@given(projects(), st.data(), st.booleans(), queries())
def test_updated_columns_equal_new_ones(
    project: Project, data: st.DataObject, looked_at: bool, query: Query
) -> None:
    columns = Columns(project, query.kind)
    for number in range(4):
        if looked_at or number == 2:
            in_words(columns)
        arrange(columns, query)
        after = data.draw(edited(project, f"1fresh{number}"))
        columns = columns.updated(after, touched(project, after))
        project = after
        rebuilt = Columns(project, query.kind)
        assert ids_shown(columns, query) == ids_shown(rebuilt, query)
    assert in_words(columns) == in_words(Columns(project, query.kind))


def test_a_few_edits_among_many_things_are_mended_in_place() -> None:
    project = many(200)
    ids = list(project.things)[-200:]
    for sort, down in ((s, d) for s in SortKey for d in (False, True)):
        query = Query("cell", sort, down)
        columns = Columns(project, "cell")
        arrange(columns, query)
        draw = np.random.default_rng(0)
        state = project
        for step, key in enumerate(draw.choice(ids, 12)):
            category = ["1round", "1long", state.kinds["cell"].unknown][step % 3]
            after = edits.categorize(state, [key], category)
            if step % 2:
                after = edits.set_predictions(
                    after, {draw.choice(ids): Prediction("1long", 0.1 * step)}
                )
            columns, state = columns.updated(after, touched(state, after)), after
            expected = ids_shown(Columns(state, "cell"), query)
            assert ids_shown(columns, query) == expected


def many(number: int) -> Project:
    project = cells_project()
    cell = project.things["cell0"]
    assert isinstance(cell, Annotation)
    numbers, unknown = count(), project.kinds["cell"].unknown
    cells = [
        Annotation(f"1c{n}", f"{n % 7}", "cell", unknown, cell.image, cell.bbox, cell.runs)
        for n in (next(numbers) for _ in range(number))
    ]
    project = edits.add_annotations(edits.delete_things(project, CELLS), cells)
    said = {c.id: Prediction("1long", n % 10 / 10) for n, c in enumerate(cells) if n % 3}
    return edits.set_predictions(project, said)


def test_what_an_edit_does_not_touch_is_shared() -> None:
    project = many(100)
    columns = Columns(project, "cell")
    in_words(columns)
    after = edits.categorize(project, ["1c7"], "1long")
    updated = columns.updated(after, touched(project, after))
    assert updated.area is columns.area
    assert updated.name_rank is columns.name_rank
    assert updated.image is columns.image
    assert updated.category is not columns.category
    assert columns.category[7] != updated.category[7]


def test_what_is_added_is_looked_at_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    project = many(100)
    columns = Columns(project, "cell")
    in_words(columns)
    one = project.things["1c7"]
    assert isinstance(one, Annotation)
    after = edits.add_annotations(project, [replace(one, id="1new", name="new")])
    expected = Columns(after, "cell")
    images = Columns(project, IMAGE_KIND)

    def look_at_all(*_: object) -> None:
        raise AssertionError("all things are looked at")

    monkeypatch.setattr(Columns, "__init__", look_at_all)
    updated = columns.updated(after, touched(project, after))
    assert (updated.ids, updated.rows) == (expected.ids, expected.rows)
    assert in_words(updated) == in_words(expected)
    rows = images.rows
    assert images.updated(after, {"1new"}).rows is rows


def test_names_and_ids_that_are_no_unicode_are_sorted() -> None:
    project = cells_project()
    old = project.things[CELLS[0]]
    odd = replace(old, id="1\udce9", name="caf\udce9 10")
    things = [odd, *project.things.values()]
    columns = Columns(replace(project, things={thing.id: thing for thing in things}), old.kind)
    for sort in SortKey:
        assert sorted(arrange(columns, Query(old.kind, sort))) == list(range(len(columns)))
    assert natural_ranks(casefolded([odd.name, "caf\udce9 2", "a"])).tolist() == [2, 1, 0]
