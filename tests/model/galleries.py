"""Projects at random, and how a query is answered one thing at a time."""

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.query import Query, Ranking, SortKey
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    Prediction,
    Thing,
)

KINDS = (IMAGE_KIND, "cell", "nucleus")
NAMES = ("a", "A2", "a10", "a2", "img1", "IMG 07", "ß", "b", "", "a02", "z\0z", "x" * 201)
CATEGORIES = {kind: [f"1{kind}-{name}" for name in ("x", "y", "z")] for kind in KINDS}
probabilities = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0]))
RUNS = tuple(masks.from_lengths(r) for r in ((0, 6), (1, 5), (6,), (2, 2, 2), (0, 1, 1, 1, 2, 1)))


@st.composite
def projects(draw: st.DrawFn) -> Project:
    project = new_project()
    for name in KINDS[1:]:
        project = edits.add_kind(project, *new_kind(name, kind_id=name))
    for name, categories in CATEGORIES.items():
        for category in categories:
            project = edits.create_category(project, name, category, category_id=category)
        order = draw(st.permutations(project.kinds[name].categories))
        project = edits.reorder_categories(project, name, order)
        if draw(st.booleans()):
            project = edits.edit_category(project, draw(st.sampled_from(order)), visible=False)
    images = [_image(draw, project, f"image{n}") for n in range(draw(st.integers(1, 4)))]
    project = edits.add_images(project, images)
    count = draw(st.integers(0, 8))
    return edits.add_annotations(
        project, [annotation(draw, project, f"c{n}") for n in range(count)]
    )


def _image(draw: st.DrawFn, project: Project, key: str) -> Image:
    shape = draw(st.sampled_from([(1, 4, 4, 1), (2, 5, 3, 1)]))
    pixels = ArrayPixels(np.zeros(shape, np.uint8))
    unknown = project.kinds[IMAGE_KIND].unknown
    image = Image(key, draw(st.sampled_from(NAMES)), unknown, pixels)
    said = _said(draw, project, IMAGE_KIND)
    return replace(image, category=said[0], partition=said[1], prediction=said[2])


def annotation(draw: st.DrawFn, project: Project, key: str) -> Annotation:
    kind = draw(st.sampled_from(KINDS[1:]))
    category, partition, prediction = _said(draw, project, kind)
    image = draw(st.sampled_from([i.id for i in project.images()]))
    return Annotation(
        key, draw(st.sampled_from(NAMES)), kind, category, image, (0, 0, 2, 3),
        draw(st.sampled_from(RUNS)), partition=partition, prediction=prediction,
    )  # fmt: skip


def _said(draw: st.DrawFn, project: Project, kind: str) -> tuple[str, Partition, Prediction | None]:
    category = st.sampled_from(project.kinds[kind].categories)
    prediction = st.one_of(st.none(), st.builds(Prediction, category, probabilities))
    return draw(category), draw(st.sampled_from(Partition)), draw(prediction)


def queries(kind: str | None = None) -> st.SearchStrategy[Query]:
    return st.sampled_from(KINDS if kind is None else [kind]).flatmap(_queries)


def _queries(kind: str) -> st.SearchStrategy[Query]:
    categories = st.frozensets(st.sampled_from(CATEGORIES[kind]), max_size=2)
    ids = st.sampled_from(["image0", "image1", *(f"c{n}" for n in range(8)), "gone"])
    return st.builds(
        Query,
        st.just(kind),
        st.sampled_from(SortKey),
        st.booleans(),
        st.integers(0, 2),
        text=st.sampled_from(["", "", "", "a", "SS", "1"]),
        image=st.sampled_from([None, None, None, "image0", "image1", "gone"]),
        categories=st.one_of(st.just(frozenset()), categories),
        partitions=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(Partition))),
        predicted=st.one_of(st.just(frozenset()), categories),
        probability=st.sampled_from([(0.0, 1.0), (0.0, 1.0), (0.25, 1.0), (0.3, 0.9)]),
        labelled=st.sampled_from([None, None, True, False]),
        only=st.one_of(st.none(), st.none(), st.frozensets(ids)),
        ranking=st.one_of(st.none(), _rankings(ids)),
    )


def _rankings(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Ranking]:
    scores = st.dictionaries(ids, st.sampled_from([-1.0, 0.0, 0.5, 0.5, 2.0]))
    return scores.map(lambda s: Ranking("draw", tuple(s), np.array(list(s.values()), np.float64)))


# --- one thing at a time ---------------------------------------------------------------------


def shown(project: Project, query: Query) -> list[str]:
    """Answer a query in the slow and obvious way; a random order is not sorted."""
    things = [thing for thing in project.of_kind(query.kind) if suits(project, query, thing)]
    if query.sort == SortKey.RANDOM:
        return [thing.id for thing in things]
    unranked = query.sort == SortKey.SUGGESTED and query.ranking is None
    if query.sort == SortKey.ADDED or unranked:
        return [thing.id for thing in (things[::-1] if query.descending else things)]
    if query.sort == SortKey.SUGGESTED and query.ranking is not None:
        scores = dict(zip(query.ranking.ids, query.ranking.scores.tolist(), strict=True))
        keys: dict[str, Any] = {thing.id: scores.get(thing.id) for thing in things}
    else:
        keys = {thing.id: value(project, query.sort, thing) for thing in things}
    known = [thing for thing in things if keys[thing.id] is not None]
    down = query.descending != (query.sort in {SortKey.PROBABILITY, SortKey.SUGGESTED})
    ranks = {key: n for n, key in enumerate(sorted({keys[thing.id] for thing in known}))}
    images = list(project.things)

    def place(thing: Thing) -> tuple[int, int]:
        rank = ranks[keys[thing.id]]
        together = images.index(image_of(project, thing).id) if query.sort == SortKey.FILE else 0
        return -rank if down else rank, together

    unknown = [thing for thing in things if keys[thing.id] is None]
    return [thing.id for thing in sorted(known, key=place) + unknown]


def image_of(project: Project, thing: Thing) -> Image:
    image = project.things[thing.image] if isinstance(thing, Annotation) else thing
    assert isinstance(image, Image)
    return image


def suits(project: Project, query: Query, thing: Thing) -> bool:
    unknown = thing.category == project.kinds[thing.kind].unknown
    image = image_of(project, thing)
    said = thing.prediction
    probability = said.probability if said and said.probability is not None else math.nan
    low, high = query.probability
    text = query.text.casefold()
    return all(
        [
            project.categories[thing.category].visible,
            text in thing.name.casefold() or text in image.name.casefold(),
            query.image in (None, image.id),
            not query.categories or thing.category in query.categories,
            not query.partitions or thing.partition in query.partitions,
            not query.predicted or (said is not None and said.category in query.predicted),
            query.probability == (0, 1) or low <= probability <= high,
            query.labelled is None or query.labelled != unknown,
            query.only is None or thing.id in query.only,
        ]
    )


def value(project: Project, sort: SortKey, thing: Thing) -> Any:  # noqa: ANN401
    """Return what a thing is sorted by; None if it has no such thing."""
    kind = project.kinds[thing.kind]
    match sort:
        case SortKey.NAME:
            return natural(thing.name)
        case SortKey.FILE:
            return natural(image_of(project, thing).name)
        case SortKey.CATEGORY:
            unknown = thing.category == kind.unknown
            return None if unknown else kind.categories.index(thing.category)
        case SortKey.PARTITION:
            return list(Partition).index(thing.partition)
        case SortKey.PROBABILITY | SortKey.UNCERTAINTY:
            return thing.prediction.probability if thing.prediction else None
        case SortKey.AREA if isinstance(thing, Annotation):
            return masks.area(thing.runs)
        case SortKey.AREA:
            return math.prod(project.shape(thing)[1:3])
    raise AssertionError(sort)


def natural(name: str) -> str:
    folded = name.casefold().replace("\0", " ")
    return re.sub("[0-9]+", lambda number: number.group().zfill(20), folded)
