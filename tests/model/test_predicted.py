import numpy as np
import pytest
from tests.model.cells import cells_project

from napari_piximi.model import edits
from napari_piximi.model.columns import Columns
from napari_piximi.model.predicted import predicted_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Prediction


def cells(project: Project) -> list[Annotation]:
    return list(project.annotations())


def predicted_project(seed: int) -> Project:
    draws = np.random.default_rng(seed)
    project = edits.clear_predictions(cells_project(), [c.id for c in cells(cells_project())])
    known = project.known_categories(cells(project)[0].kind)
    said = {
        cell.id: Prediction(
            known[int(draws.integers(len(known)))],
            None if draws.random() < 0.3 else float(np.float32(draws.random())),
        )
        for cell in cells(project)
        if draws.random() < 0.8
    }
    return edits.set_predictions(project, said)


@pytest.mark.parametrize("seed", range(8))
def test_sums_are_those_of_counting_one_by_one(seed: int) -> None:
    project = predicted_project(seed)
    kind = cells(project)[0].kind
    found = predicted_of(Columns(project, kind))
    ours = [cell for cell in cells(project) if cell.kind == kind]
    told = [(cell, cell.prediction) for cell in ours if cell.prediction is not None]
    unknown = project.kinds[kind].unknown
    waiting = [(cell, said) for cell, said in told if cell.category == unknown]
    assert found.count == len(told)
    assert found.waiting == len(waiting)
    assert found.ids() == [cell.id for cell, _ in told]
    assert found.waiting_ids() == [cell.id for cell, _ in waiting]
    assert tuple(row.category for row in found.categories) == project.known_categories(kind)
    for row in found.categories:
        own = [said for _, said in told if said.category == row.category]
        known = [said.probability for said in own if said.probability is not None]
        assert row.count == len(own)
        assert np.isnan(row.mean) if not known else row.mean == pytest.approx(np.mean(known))
    known = [said.probability for _, said in told if said.probability is not None]
    assert found.histogram.sum() == len(known)
    for threshold in (0.0, 0.25, 0.5, *known, 1.0):
        assert found.above(threshold) == sum(value >= threshold for value in known)
        sure = [c.id for c, said in waiting if (said.probability or -1.0) >= threshold]
        assert found.waiting_ids(threshold) == sure
        assert found.acceptable(threshold) == len(sure)


def test_nothing_is_predicted() -> None:
    project = edits.clear_predictions(cells_project(), [c.id for c in cells(cells_project())])
    found = predicted_of(Columns(project, cells(project)[0].kind))
    assert (found.count, found.waiting, found.above(0), found.histogram.sum()) == (0, 0, 0, 0)
    assert found.ids() == found.waiting_ids() == []
