import csv
import math
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.learn.report import FIGURES, averages_of, class_figures, write_figures
from napari_piximi.model.evaluation import Evaluation

NAMES = ("a, b", 'the "other"\nclass', "ß")


def example() -> Evaluation:
    draws = np.random.default_rng(0)
    true = draws.integers(0, 2, 40)
    chances = draws.dirichlet(np.ones(3), 40)
    return evaluation_of(np.eye(3)[true], chances, [f"t{i}" for i in range(40)])


def rows_of(evaluation: Evaluation) -> list[dict[str, str]]:
    file = StringIO(newline="")
    write_figures(file, "net", NAMES, evaluation)
    file.seek(0)
    return list(csv.DictReader(file))


def test_every_figure_and_every_cell_is_written_once_and_exactly() -> None:
    evaluation = example()
    rows = rows_of(evaluation)
    assert {(r["classifier"], r["partition"], r["run"]) for r in rows} == {
        ("net", "Validation", "")
    }
    found = {(r["figure"], r["true"], r["predicted"]): r["value"] for r in rows}
    assert len(found) == len(rows) == 1 + 3 + 2 * 4 + 3 * 5 + 9
    for i, true in enumerate(NAMES):
        assert int(found["things", true, ""]) == evaluation.support[i]
        assert float(found["F1", true, ""]) == evaluation.f1[i]
        for j, predicted in enumerate(NAMES):
            cell = found["confusion matrix", true, predicted]
            assert int(cell) == evaluation.confusion_matrix[i][j]
    assert found["ROC-AUC", NAMES[2], ""] == "", "a class without things has none"
    assert float(found["ROC-AUC (weighted)", "", ""]) == evaluation.averaged_roc_auc(weighted=True)
    assert float(found["accuracy", "", ""]) == evaluation.accuracy
    assert int(found["things", "", ""]) == 40
    (folds,) = [r for r in rows_of(replace(evaluation, folds=5)) if r["figure"] == "folds"]
    assert folds["value"] == "5"


def test_the_figures_of_piximi_lack_the_areas() -> None:
    piximis = Evaluation(((3, 1), (0, 4)), 0.3)
    table = class_figures(piximis)
    assert table.shape == (2, len(FIGURES))
    np.testing.assert_allclose(table[:, 0], piximis.precision)
    assert np.isnan(table[:, 3]).all()
    *others, area = averages_of(piximis, weighted=False)
    assert others == pytest.approx([piximis.averaged(table[:, k]) for k in range(3)])
    assert math.isnan(area)
