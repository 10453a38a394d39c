"""What a user asks to see of a kind, and in which order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition, Thing

__all__ = [
    "ANY_PROBABILITY",
    "Chip",
    "Query",
    "Ranking",
    "SortKey",
    "chips",
    "renewed",
    "still_possible",
    "unranked",
]

ANY_PROBABILITY = (0.0, 1.0)


class SortKey(StrEnum):
    """What things are sorted by; the values are what a user reads.

    Things without a value (no known probability, category Unknown) come last in either
    direction, and things that are equal keep the order in which they were added.

    Notes
    -----
    ``FILE`` and ``NAME`` count numbers in names as numbers: ``img2`` comes before ``img10``,
    whatever the case. ``CATEGORY`` follows the user's order of categories, and is the user's
    category only. ``PROBABILITY`` begins with the highest and ``UNCERTAINTY``, which is
    1 − probability, with the most uncertain, since that is what one looks for; ``AREA``
    begins with the smallest. ``SUGGESTED`` begins with the highest score of `Query.ranking`;
    without one it is the order of adding. `Query.descending` turns each of them round.
    """

    ADDED = "Order of adding"
    FILE = "File name"
    NAME = "Name"
    CATEGORY = "Category"
    PARTITION = "Partition"
    PROBABILITY = "Probability"
    UNCERTAINTY = "Uncertainty"
    AREA = "Area"
    RANDOM = "Random"
    SUGGESTED = "Suggested"


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How worthwhile it is to look at things next; worked out once, not kept with a project.

    Attributes
    ----------
    title : str
        By what, for a person: ``"margin"``.
    ids : tuple of str
        Things; those that are not among them come last.
    scores : (N,) float64 array
        The highest comes first. No NaN.
    """

    title: str
    ids: tuple[str, ...]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """Which things are on show, and how they are sorted.

    Filters combine: a thing must suit all of them, and one of the values within each.

    Attributes
    ----------
    kind : str
        Kind id.
    sort : SortKey
    descending : bool
        Turn the order round; things without a value stay last.
    seed : int
        Of the order ``SortKey.RANDOM``. A thing keeps its place among the others, whatever is
        edited or filtered.
    text : str
        Occurs in the thing's name or in its image's name, whatever the case.
    image : str or None
        Id of an image: only annotations on it, or the image itself.
    categories : frozenset of str
        User's category ids; empty for all.
    partitions : frozenset of Partition
        Empty for all.
    predicted : frozenset of str
        Predicted category ids; empty for all things, also those without a prediction.
    probability : (low, high), both inclusive, 0…1
        Narrower than the whole: only things with a known probability in it.
    labelled : bool or None
        True: the user's category is not Unknown; False: it is; None: either.
    only : frozenset of str or None
        Exactly the things with these ids.
    ranking : Ranking or None
        What ``SortKey.SUGGESTED`` sorts by. Equal to nothing but itself.
    """

    kind: str = IMAGE_KIND
    sort: SortKey = SortKey.ADDED
    descending: bool = False
    seed: int = 0
    text: str = ""
    image: str | None = None
    categories: frozenset[str] = frozenset()
    partitions: frozenset[Partition] = frozenset()
    predicted: frozenset[str] = frozenset()
    probability: tuple[float, float] = ANY_PROBABILITY
    labelled: bool | None = None
    only: frozenset[str] | None = None
    ranking: Ranking | None = None

    @property
    def by_probability(self) -> bool:
        """Whether the range of probabilities leaves anything out."""
        low, high = self.probability
        return low > 0 or high < 1


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter.

    Attributes
    ----------
    text : str
        What a user reads.
    without : Query
        The query when this filter is taken away.
    """

    text: str
    without: Query


def chips(project: Project, query: Query) -> tuple[Chip, ...]:
    """Describe each active filter of a query."""
    return tuple(_chips(project, query))


def _chips(project: Project, query: Query) -> Iterator[Chip]:
    if query.text:
        yield Chip(f"Name contains “{query.text}”", replace(query, text=""))
    if query.image is not None:
        image = project.things.get(query.image)
        name = image.name if image else query.image
        yield Chip(f"On image {name}", replace(query, image=None))
    if query.categories:
        names = _category_names(project, query.kind, query.categories)
        yield Chip(f"Category: {names}", replace(query, categories=frozenset()))
    if query.partitions:
        names = ", ".join(p.value for p in Partition if p in query.partitions)
        yield Chip(f"Partition: {names}", replace(query, partitions=frozenset()))
    if query.predicted:
        names = _category_names(project, query.kind, query.predicted)
        yield Chip(f"Predicted: {names}", replace(query, predicted=frozenset()))
    if query.by_probability:
        yield Chip(_range_text(*query.probability), replace(query, probability=ANY_PROBABILITY))
    if query.labelled is not None:
        text = "Labelled" if query.labelled else "Not labelled"
        yield Chip(text, replace(query, labelled=None))
    if query.only is not None:
        things = "thing" if len(query.only) == 1 else "things"
        yield Chip(f"{len(query.only):,} chosen {things}", replace(query, only=None))


def _range_text(low: float, high: float) -> str:
    """Tell a range of probabilities; that below a threshold leaves out the threshold itself."""
    if low <= 0 and high != round(high, 2):
        return f"Probability below {high:.2f}"
    return f"Probability {low:.2f}–{high:.2f}"


def _category_names(project: Project, kind: str, categories: Iterable[str]) -> str:
    """List names of categories in the user's order."""
    chosen = set(categories)
    known = project.kinds[kind].categories if kind in project.kinds else ()
    ordered = [c for c in known if c in chosen] + sorted(chosen.difference(known))
    found = project.categories
    return ", ".join(found[c].name if c in found else c for c in ordered)


def renewed(query: Query, kind: str = IMAGE_KIND) -> Query:
    """Return the query of all things of a kind, without filters, sorted as before.

    A ranking is of one kind: for another one it is left out.
    """
    query = query if kind == query.kind else unranked(query)
    return Query(kind, query.sort, query.descending, query.seed, ranking=query.ranking)


def unranked(query: Query) -> Query:
    """Drop the ranking from a query; what was sorted by it is in the order of adding again."""
    sort = SortKey.ADDED if query.sort == SortKey.SUGGESTED else query.sort
    return replace(query, ranking=None, sort=sort)


def still_possible(query: Query, project: Project, changed: frozenset[str]) -> Query:
    """Drop from a query what the project no longer has.

    Parameters
    ----------
    query : Query
    project : Project
    changed : frozenset of str
        Ids of the things that were touched since the query was possible.
    """
    if query.kind not in project.kinds:
        shown = [kind.id for kind in project.kinds.values() if kind.visible]
        kind = IMAGE_KIND if IMAGE_KIND in project.kinds else next(iter(shown), IMAGE_KIND)
        return renewed(query, kind)
    own = project.kinds[query.kind].categories
    if not query.categories.issubset(own) or not query.predicted.issubset(own):
        categories, predicted = (
            query.categories.intersection(own),
            query.predicted.intersection(own),
        )
        query = replace(query, categories=categories, predicted=predicted)
    if query.image is not None and query.image not in project.things:
        query = replace(query, image=None)
    if query.only is not None and query.only & changed:
        left = frozenset(key for key in query.only if _is_of(project.things.get(key), query.kind))
        query = query if left == query.only else replace(query, only=left or None)
    return query


def _is_of(thing: Thing | None, kind: str) -> bool:
    return thing is not None and thing.kind == kind
