from collections import Counter
from dataclasses import replace

import pytest
from tests.learn.projects import labelled, with_categories

from napari_piximi.errors import PiximiWarning
from napari_piximi.learn.splits import Split, split_things
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import Settings

SETTINGS = Settings(training_percentage=0.75)


def project_of(*counts: int) -> Project:
    return labelled(with_categories(*(f"c{i}" for i in range(len(counts))))[0], counts)


def split(project: Project, settings: Settings = SETTINGS, *, keep: bool = False) -> Split:
    return split_things(project, IMAGE_KIND, settings, keep=keep)


def shares(project: Project, settings: Settings = SETTINGS) -> list[tuple[int, int]]:
    done = split(project, settings)
    training = Counter(thing.category for thing in done.training)
    validation = Counter(thing.category for thing in done.validation)
    categories = project.known_categories(IMAGE_KIND)
    return [(training[key], validation[key]) for key in categories]


def test_each_category_is_shared_out_by_the_percentage() -> None:
    assert shares(project_of(20, 8, 100)) == [(15, 5), (6, 2), (75, 25)]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.75, 0.95])
def test_two_examples_are_one_on_either_side(share: float) -> None:
    settings = replace(SETTINGS, training_percentage=share)
    assert shares(project_of(2, 3), settings)[0] == (1, 1)
    assert min(shares(project_of(2, 3), settings)[1]) == 1


def test_a_share_of_one_leaves_nothing_to_validate() -> None:
    assert shares(project_of(2, 5), replace(SETTINGS, training_percentage=1.0)) == [(2, 0), (5, 0)]


def test_a_single_example_trains_with_a_warning() -> None:
    with pytest.warns(PiximiWarning, match="Category 'c1' has a single example"):
        assert shares(project_of(4, 1)) == [(3, 1), (1, 0)]


def test_the_seed_decides_who_goes_where() -> None:
    project = project_of(20, 20)
    first = split(project).validation
    assert split(project).validation == first
    assert split(project, replace(SETTINGS, seed=1)).validation != first


def test_without_shuffling_the_first_train() -> None:
    project = project_of(4, 4)
    done = split(project, replace(SETTINGS, shuffle=False))
    assert [thing.id.split("-")[-1] for thing in done.training] == ["0", "1", "2"] * 2


def test_earlier_partitions_stay() -> None:
    project = project_of(8, 8)
    first = split(project)
    for key, partition in first.partitions.items():
        project = edits.set_partition(project, [key], partition)
    again = split(project, replace(SETTINGS, seed=5))
    assert again.partitions == {}
    assert [thing.id for thing in again.training] == [thing.id for thing in first.training]


def test_a_category_that_lacks_validation_gets_some() -> None:
    project = project_of(3, 4)
    ids = list(project.things)
    project = edits.set_partition(project, ids[:2], Partition.TRAINING)
    assert shares(project)[0] == (2, 1)


def test_things_without_a_category_wait_for_inference() -> None:
    project = project_of(4, 4)
    first = next(iter(project.things))
    unknown = project.kinds[IMAGE_KIND].unknown
    project = edits.categorize(project, [first], unknown)
    project = edits.set_partition(project, [first], Partition.TRAINING)
    assert split(project).partitions[first] == Partition.INFERENCE


def test_a_continued_fit_trains_on_all_that_is_new() -> None:
    project = project_of(4, 1)
    done = split(project, keep=True)
    assert len(done.training) == 5
    assert done.validation == ()


def test_labelled_things_put_into_inference_stay_there() -> None:
    project = project_of(4, 4)
    first = next(iter(project.things))
    project = edits.set_partition(project, [first], Partition.INFERENCE)
    done = split(project)
    assert first not in done.partitions
    assert first not in {thing.id for thing in (*done.training, *done.validation)}
