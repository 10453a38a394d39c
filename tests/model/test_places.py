"""Where annotations lie, against going through all things."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.model.test_raster import with_annotations

from napari_piximi.model import edits
from napari_piximi.model import places as places_module
from napari_piximi.model.places import Places, places_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Thing


@pytest.fixture
def project() -> Project:
    project, made = with_annotations(50)
    later = [replace(thing, id=f"later{n}", plane=1) for n, thing in enumerate(made[:7])]
    return edits.add_annotations(project, [*made, *later])


def by_hand(project: Project) -> dict[str, dict[tuple[str, int], list[str]]]:
    found: dict[str, dict[tuple[str, int], list[str]]] = {}
    for thing in project.things.values():
        if isinstance(thing, Annotation):
            found.setdefault(thing.kind, {}).setdefault((thing.image, thing.plane), [])
            found[thing.kind][thing.image, thing.plane].append(thing.id)
    return found


def test_all_annotations_are_found(project: Project) -> None:
    places = places_of(project)
    assert places.planes == by_hand(project)
    assert places.images == ("image",)
    assert (places.count("cell"), places.count("none")) == (57, 0)
    assert places.images_of("cell") == {"image"}
    assert not places.images_of("none")
    assert places.kinds_on("image") == {"cell"}
    assert not places.kinds_on("none")


def test_edits_that_leave_all_in_place_give_the_very_same_answer(project: Project) -> None:
    places = places_of(project)
    labelled = edits.create_category(project, "cell", "round", category_id="1round")
    labelled = edits.categorize(labelled, ["cell3", "later2"], "1round")
    assert labelled.things is not project.things
    assert places_of(labelled) is places


def test_what_comes_goes_or_moves_is_seen(project: Project) -> None:
    places_of(project)
    fewer = edits.delete_things(project, ["cell3", "later0"])
    assert places_of(fewer).planes == by_hand(fewer)
    assert places_of(fewer).count("cell") == 55
    assert places_of(project).planes == by_hand(project)
    other = edits.create_kind(project, "nucleus")
    nucleus = other.find_kind("nucleus")
    thing = other.things["cell9"]
    assert isinstance(thing, Annotation)
    moved = replace(thing, kind=nucleus.id, category=nucleus.unknown)
    other = replace(other, things={**other.things, "cell9": moved})
    assert places_of(other).planes == by_hand(other)
    assert places_of(other).kinds_on("image") == {"cell", nucleus.id}


def test_another_order_is_another_answer(project: Project) -> None:
    places_of(project)
    turned = replace(project, things=dict(reversed(project.things.items())))  # type: ignore[call-overload]
    assert places_of(turned).planes == by_hand(turned)


def test_what_is_added_behind_is_looked_at_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = places_of(project)
    thing, image = project.things["cell9"], project.things["image"]
    assert isinstance(thing, Annotation)
    more = edits.add_images(project, [replace(image, id="other", name="b")])  # type: ignore[list-item]
    more = edits.create_kind(more, "nucleus")
    nucleus = more.find_kind("nucleus")
    looked_at: list[str] = []
    all_places = places_module._places

    def places(things: Iterable[Thing]) -> Places:
        given = list(things)
        looked_at.extend(thing.id for thing in given)
        return all_places(given)

    monkeypatch.setattr(places_module, "_places", places)
    new = [
        replace(thing, id="new0"),
        replace(thing, id="new1", image="other"),
        replace(thing, id="new2", kind=nucleus.id, category=nucleus.unknown),
    ]
    grown = edits.add_annotations(more, new)
    found = places_of(grown)
    assert looked_at == ["other", "new0", "new1", "new2"]
    assert found.planes == by_hand(grown)
    assert found.images == ("image", "other")
    assert before.planes == by_hand(project), "the answer before stays as it was"
    renamed = replace(grown, things={**grown.things, "cell9": replace(thing, plane=1)})
    assert places_of(renamed).planes == by_hand(renamed)
