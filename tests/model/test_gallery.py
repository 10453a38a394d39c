from collections.abc import Set
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.cells import CELLS, IMAGES, cells_project
from tests.model.galleries import projects, queries, shown
from tests.model.test_columns import edited

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.gallery import Gallery, Query, Ranking, SortKey
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.query import renewed
from napari_piximi.model.things import IMAGE_KIND, Channel, Partition, Prediction

PROJECT = cells_project()
UNKNOWN = PROJECT.kinds["cell"].unknown
UNLABELLED = Query("cell", labelled=False)


class Ears:
    """Hear the signals of a gallery, in order."""

    def __init__(self, gallery: Gallery) -> None:
        self.heard: list[object] = []
        gallery.arranged.connect(lambda: self.heard.append("arranged"))
        gallery.repainted.connect(lambda ids: self.heard.append(ids))
        gallery.selected.connect(lambda: self.heard.append("selected"))

    def take(self) -> list[object]:
        heard, self.heard = self.heard, []
        return heard


def opened(query: Query | None = None, project: Project = PROJECT) -> tuple[Gallery, Ears]:
    gallery = Gallery(project)
    gallery.set_query(query or Query("cell"))
    return gallery, Ears(gallery)


def marked(gallery: Gallery) -> tuple[Set[str], str | None]:
    return gallery.selection, gallery.current


def follow(gallery: Gallery, after: Project) -> None:
    gallery.update(gallery.project, after)


# --- queries ---------------------------------------------------------------------------------


def test_a_new_gallery_shows_the_images() -> None:
    gallery = Gallery(PROJECT)
    assert gallery.project is PROJECT
    assert gallery.query == Query(IMAGE_KIND)
    assert list(gallery.ids) == list(IMAGES)
    assert gallery.total == 2
    assert marked(gallery) == (frozenset(), None)


def test_an_empty_project_shows_nothing() -> None:
    gallery = Gallery(new_project())
    assert list(gallery.ids) == []
    assert gallery.row("x") is None
    for sort in SortKey:
        gallery.set_query(Query(sort=sort, text="x", only=frozenset("x")))
        assert list(gallery.ids) == []


def test_rows_are_places_on_show() -> None:
    gallery, _ = opened(Query("cell", descending=True, labelled=False))
    assert list(gallery.ids) == ["cell3", "cell2"]
    assert [gallery.row(key) for key in (*CELLS, "image0", "gone")] == [
        None, None, 1, 0, None, None
    ]  # fmt: skip
    assert gallery.total == 4


def test_another_query_is_told_once_also_when_it_shows_the_same() -> None:
    gallery, ears = opened()
    gallery.set_query(Query("cell", text="cell"))
    assert ears.take() == ["arranged"]
    gallery.set_query(Query("cell", text="cell"))
    assert ears.take() == []


def test_a_kind_that_is_not_there_is_refused_and_nothing_changes() -> None:
    gallery, ears = opened()
    with pytest.raises(EditError, match="There is no kind 'gone' to show"):
        gallery.set_query(Query("gone"))
    assert gallery.query == Query("cell")
    assert ears.take() == []


def test_counts_are_of_the_kind_on_show() -> None:
    gallery, _ = opened(UNLABELLED)
    assert {key: sum(by.values()) for key, by in gallery.counts().items()} == {
        UNKNOWN: 2, "1round": 1, "1long": 1
    }  # fmt: skip


# --- selection -------------------------------------------------------------------------------


def test_only_things_of_the_kind_are_selected() -> None:
    gallery, ears = opened()
    gallery.select(["cell1", "image0", "gone", "cell0"])
    assert gallery.selection == {"cell0", "cell1"}
    assert gallery.current == "cell1"
    assert ears.take() == ["selected"]
    gallery.select(iter(["cell0", "cell1"]))
    assert gallery.current == "cell1"
    assert ears.take() == []


def test_the_current_thing_can_be_said() -> None:
    gallery, ears = opened()
    gallery.select(["cell1"], current="cell3")
    assert marked(gallery) == ({"cell1"}, "cell3")
    gallery.select(["cell1"], current="cell1")
    assert ears.take() == ["selected", "selected"]
    gallery.select(["cell2"], current="gone")
    assert gallery.current == "cell2"
    gallery.select([])
    assert marked(gallery) == (frozenset(), None)


def test_all_can_be_selected() -> None:
    gallery, _ = opened(Query("cell", descending=True))
    gallery.select(gallery.ids)
    assert gallery.selection == set(CELLS)
    assert gallery.current == "cell3"


def test_what_is_filtered_out_leaves_the_selection() -> None:
    gallery, ears = opened()
    gallery.select(CELLS, current="cell1")
    gallery.set_query(UNLABELLED)
    assert gallery.selection == {"cell2", "cell3"}
    assert gallery.current == "cell2"
    assert ears.take() == ["selected", "arranged", "selected"]


def test_a_thing_out_of_sight_can_be_selected_and_stays() -> None:
    gallery, _ = opened(UNLABELLED)
    gallery.select(["cell0"])
    follow(gallery, edits.categorize(PROJECT, ["cell0"], "1long"))
    assert marked(gallery) == ({"cell0"}, "cell0")
    follow(gallery, edits.delete_things(gallery.project, ["cell0"]))
    assert marked(gallery) == (frozenset(), None)


def test_another_kind_is_shown_with_nothing_selected() -> None:
    gallery, ears = opened()
    gallery.select(["cell0"])
    gallery.set_query(Query())
    assert marked(gallery) == (frozenset(), None)
    assert ears.take() == ["selected", "arranged", "selected"]


def test_label_label_label() -> None:
    gallery, ears = opened(UNLABELLED)
    gallery.select(["cell2"])
    ears.take()
    follow(gallery, edits.categorize(gallery.project, gallery.selection, "1long"))
    assert list(gallery.ids) == ["cell3"]
    assert marked(gallery) == ({"cell3"}, "cell3")
    assert ears.take() == ["arranged", "selected"]
    follow(gallery, edits.categorize(gallery.project, gallery.selection, "1long"))
    assert list(gallery.ids) == []
    assert marked(gallery) == (frozenset(), None)
    assert ears.take() == ["arranged", "selected"]


def test_at_the_end_the_one_before_is_next() -> None:
    gallery, _ = opened(UNLABELLED)
    gallery.select(["cell3"])
    follow(gallery, edits.delete_things(PROJECT, ["cell3"]))
    assert marked(gallery) == ({"cell2"}, "cell2")


def test_several_gone_at_once_give_way_to_what_follows_the_current_one() -> None:
    gallery, _ = opened()
    gallery.select(["cell0", "cell1"], current="cell0")
    follow(gallery, edits.delete_things(PROJECT, ["cell0", "cell1"]))
    assert marked(gallery) == ({"cell2"}, "cell2")


def test_the_rest_of_a_selection_stays_selected() -> None:
    gallery, _ = opened()
    gallery.select(["cell0", "cell3"], current="cell0")
    follow(gallery, edits.delete_things(PROJECT, ["cell0"]))
    assert marked(gallery) == ({"cell3"}, "cell1")


# --- edits -----------------------------------------------------------------------------------


def test_an_edit_that_moves_nothing_repaints_what_it_touched() -> None:
    gallery, ears = opened()
    gallery.select(["cell0"])
    ears.take()
    both = edits.categorize(PROJECT, ["cell0", "cell2"], "1long")
    follow(gallery, edits.categorize(both, ["image1"], "1good"))
    assert ears.take() == [{"cell0", "cell2"}]
    assert gallery.counts()["1long"][Partition.UNASSIGNED] == 3
    follow(gallery, edits.categorize(gallery.project, ["image1"], PROJECT.kinds["Image"].unknown))
    assert ears.take() == []
    follow(gallery, edits.rename_project(gallery.project, "other"))
    assert ears.take() == []
    assert gallery.project.name == "other"


def test_an_edit_that_moves_something_arranges_all_again() -> None:
    gallery, ears = opened(Query("cell", SortKey.CATEGORY))
    assert list(gallery.ids) == ["cell0", "cell1", "cell2", "cell3"]
    follow(gallery, edits.categorize(PROJECT, ["cell0"], UNKNOWN))
    assert list(gallery.ids) == ["cell1", "cell0", "cell2", "cell3"]
    assert ears.take() == ["arranged"]
    follow(gallery, PROJECT)
    assert list(gallery.ids) == ["cell0", "cell1", "cell2", "cell3"]
    assert ears.take() == ["arranged"]


def test_categories_in_another_order_arrange_all_again() -> None:
    gallery, ears = opened(Query("cell", SortKey.CATEGORY))
    order = [*reversed(PROJECT.kinds["cell"].categories)]
    follow(gallery, edits.reorder_categories(PROJECT, "cell", order))
    assert list(gallery.ids) == ["cell1", "cell0", "cell2", "cell3"]
    assert ears.take() == ["arranged"]


def test_a_recoloured_category_repaints_all_of_it_on_show_also_predictions() -> None:
    gallery, ears = opened()
    follow(gallery, edits.edit_category(PROJECT, "1long", color="#123456"))
    assert ears.take() == [{"cell1", "cell3"}]
    gallery.set_query(Query("cell", labelled=True))
    ears.take()
    follow(gallery, edits.edit_category(gallery.project, "1long", name="longer"))
    assert ears.take() == [{"cell1"}]


def test_hidden_categories_are_not_shown_but_predictions_of_them_are() -> None:
    gallery, ears = opened()
    follow(gallery, edits.edit_category(PROJECT, "1long", visible=False))
    assert list(gallery.ids) == ["cell0", "cell2", "cell3"]
    assert gallery.total == 4
    assert ears.take() == ["arranged"]


def test_other_channels_of_an_image_repaint_what_lies_on_it() -> None:
    gallery, ears = opened()
    follow(gallery, edits.set_channels(PROJECT, ["image1"], [Channel()] * 3))
    assert ears.take() == [{"cell2", "cell3"}]
    follow(gallery, edits.rename_thing(gallery.project, "image1", "other.tif"))
    assert ears.take() == []


def test_another_name_of_an_image_sorts_what_lies_on_it() -> None:
    gallery, ears = opened(Query("cell", SortKey.FILE))
    follow(gallery, edits.rename_thing(PROJECT, "image0", "z.tif"))
    assert list(gallery.ids) == ["cell2", "cell3", "cell0", "cell1"]
    assert ears.take() == ["arranged"]


def test_a_deleted_category_leaves_the_query() -> None:
    gallery, ears = opened(Query("cell", categories=frozenset(["1long"]), sort=SortKey.NAME))
    follow(gallery, edits.delete_category(PROJECT, "1long"))
    assert gallery.query == Query("cell", SortKey.NAME)
    assert list(gallery.ids) == list(CELLS)
    assert ears.take() == ["arranged"]


def test_a_deleted_kind_gives_way_to_the_images() -> None:
    gallery, ears = opened(Query("cell", SortKey.NAME, text="cell"))
    gallery.select(["cell1"])
    ears.take()
    follow(gallery, edits.delete_kind(PROJECT, "cell"))
    assert gallery.query == Query(IMAGE_KIND, SortKey.NAME)
    assert list(gallery.ids) == list(IMAGES)
    assert marked(gallery) == (frozenset(), None)
    assert ears.take() == ["arranged", "selected"]


def test_another_project_is_shown_anew() -> None:
    gallery, ears = opened(Query("cell", SortKey.AREA, True, text="name"))
    gallery.select(["cell1"])
    ears.take()
    other = cells_project()
    follow(gallery, other)
    assert gallery.query == Query(IMAGE_KIND, SortKey.AREA, descending=True)
    assert gallery.project is other
    assert list(gallery.ids) == list(IMAGES)
    assert gallery.selection == frozenset()
    assert ears.take() == ["arranged", "selected"]
    follow(gallery, new_project())
    assert (list(gallery.ids), gallery.total) == ([], 0)
    assert ears.take() == ["arranged"]


@pytest.mark.parametrize("share", [1, 2, 5, 20])
def test_few_and_many_chosen_things_are_found_alike(share: int) -> None:
    ids = [f"cell{n}" for n in range(0, 4, share)]
    gallery, _ = opened(Query("cell", only=frozenset([*ids, "gone", *IMAGES])))
    assert set(gallery.ids) == {key for key in gallery.columns.ids if key in ids}


def test_a_chosen_thing_that_is_deleted_leaves_the_query() -> None:
    gallery, _ = opened(Query("cell", only=frozenset(["cell0", "cell2"])))
    follow(gallery, edits.delete_things(PROJECT, ["cell0"]))
    assert gallery.query.only == frozenset(["cell2"])
    assert list(gallery.ids) == ["cell2"]


def test_who_listens_finds_all_up_to_date() -> None:
    gallery, _ = opened(UNLABELLED)
    gallery.select(["cell2"])
    seen = Mock()
    gallery.arranged.connect(
        lambda: seen(list(gallery.ids), gallery.selection, gallery.current, gallery.project.name)
    )
    after = edits.categorize(replace(PROJECT, name="after"), ["cell2"], "1long")
    follow(gallery, after)
    seen.assert_called_once_with(["cell3"], {"cell3"}, "cell3", "after")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(projects(), queries(), st.data())
def test_a_gallery_follows_any_edits(project: Project, query: Query, data: st.DataObject) -> None:
    gallery, ears = opened(query, project)
    for number in range(4):
        own = [thing.id for thing in gallery.project.of_kind(gallery.query.kind)]
        if own:
            gallery.select(data.draw(st.lists(st.sampled_from(own))))
        ears.take()
        old, selection = list(gallery.ids), gallery.selection
        state = (gallery.query, selection, gallery.current)
        after = data.draw(edited(gallery.project, f"1fresh{number}"))
        follow(gallery, after)
        assert list(gallery.ids) == list(opened(gallery.query, after)[0].ids)
        assert sorted(gallery.ids) == sorted(shown(after, gallery.query))
        heard = ears.take()
        assert ("arranged" in heard) == (old != list(gallery.ids) or state[0] != gallery.query)
        assert ("selected" in heard) == (state[1:] != (gallery.selection, gallery.current))
        assert len(heard) <= 2
        assert all(gallery.ids[gallery.row(key) or 0] == key for key in gallery.ids)
        present = {thing.id for thing in after.of_kind(gallery.query.kind)}
        assert gallery.selection <= present
        lost = {key for key in old if gallery.row(key) is None}
        assert not gallery.selection & lost
        assert gallery.current is None or gallery.current in present - lost


def test_predictions_sort_the_gallery_as_they_come() -> None:
    gallery, ears = opened(Query("cell", SortKey.UNCERTAINTY))
    assert list(gallery.ids) == ["cell3", "cell0", "cell1", "cell2"]
    after = edits.set_predictions(PROJECT, {"cell2": Prediction("1round", 0.5)})
    follow(gallery, after)
    assert list(gallery.ids) == ["cell2", "cell3", "cell0", "cell1"]
    assert ears.take() == ["arranged"]


# --- suggestions -----------------------------------------------------------------------------


def suggested() -> Query:
    ranking = Ranking("margin", ("cell3", "gone", "cell1"), np.array([0.25, 0.9, 0.5]))
    return Query("cell", SortKey.SUGGESTED, ranking=ranking)


def test_the_highest_score_comes_first_and_what_has_none_last() -> None:
    gallery, _ = opened(suggested())
    assert list(gallery.ids) == ["cell1", "cell3", "cell0", "cell2"]
    gallery.set_query(replace(gallery.query, descending=True))
    assert list(gallery.ids) == ["cell3", "cell1", "cell0", "cell2"]


def test_suggestions_survive_edits_and_filters() -> None:
    gallery, _ = opened(suggested())
    follow(gallery, edits.categorize(PROJECT, ["cell3"], "1round"))
    follow(gallery, edits.delete_things(gallery.project, ["cell0"]))
    assert list(gallery.ids) == ["cell1", "cell3", "cell2"]
    gallery.set_query(renewed(replace(gallery.query, labelled=False), "cell"))
    assert list(gallery.ids) == ["cell1", "cell3", "cell2"]


def test_suggestions_go_with_their_kind_and_project() -> None:
    gallery, _ = opened(suggested())
    gallery.set_query(renewed(gallery.query, IMAGE_KIND))
    assert gallery.query == Query(IMAGE_KIND)
    ranking = Ranking("margin", ("image1",), np.ones(1))
    gallery.set_query(Query(IMAGE_KIND, SortKey.SUGGESTED, ranking=ranking))
    assert list(gallery.ids) == ["image1", "image0"]
    follow(gallery, new_project())
    assert gallery.query == Query(IMAGE_KIND)


def test_another_ranking_is_another_query() -> None:
    gallery, ears = opened(suggested())
    gallery.set_query(replace(gallery.query))
    assert ears.take() == []
    other = Ranking("entropy", ("cell2",), np.ones(1))
    gallery.set_query(replace(gallery.query, ranking=other))
    assert ears.take() == ["arranged"]
    assert gallery.ids[0] == "cell2"


# --- looking ahead ---------------------------------------------------------------------------


@given(projects(), queries(), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_worked_out_ahead_is_what_an_update_shows(
    project: Project, query: Query, data: st.DataObject
) -> None:
    after = data.draw(edited(project, "fresh"))
    plain, ahead = Gallery(project), Gallery(project)
    for gallery in (plain, ahead):
        gallery.set_query(query)
        gallery.select(list(gallery.ids)[:3])
    ears, others = Ears(plain), Ears(ahead)
    ahead.foresee(project, after)
    for gallery in (plain, ahead):
        gallery.update(project, after)
        assert gallery.project is after
    assert list(ahead.ids) == list(plain.ids)
    assert ahead.query == plain.query
    assert marked(ahead) == marked(plain)
    assert others.take() == ears.take()
    assert ahead.counts() == plain.counts()


def test_what_was_worked_out_for_another_query_is_not_shown() -> None:
    gallery, _ = opened()
    after = edits.delete_things(PROJECT, [CELLS[0]])
    gallery.foresee(PROJECT, after)
    gallery.set_query(Query(IMAGE_KIND))
    follow(gallery, after)
    assert list(gallery.ids) == list(IMAGES)
    assert gallery.project is after
