"""What the last fit came to, in a line with what to do next."""

import math

from pytestqt.qtbot import QtBot

from napari_piximi.model.training import Classifier, Run, Settings
from napari_piximi.ui.fit_outcome import FitOutcome, outcome_of


def _fitted(best: int, **history: tuple[float, ...]) -> Classifier:
    run = Run(Settings(), history=history, best_epoch=best)
    return Classifier("Cells", "kind", runs=(run,))


def test_the_kept_epoch_is_what_is_told() -> None:
    good = _fitted(1, accuracy=(0.5, 1.0, 1.0), val_accuracy=(0.4, 0.875, 0.8))
    assert outcome_of(good) == "87.5% of validation things right"
    assert outcome_of(_fitted(0, accuracy=(0.5,))) == "50.0% of training things right"
    unknown = _fitted(0, accuracy=(0.75,), val_accuracy=(math.nan,))
    assert outcome_of(unknown) == "75.0% of training things right"
    assert outcome_of(Classifier("Cells", "kind")) == ""


def test_the_button_leads_on_while_things_wait(qtbot: QtBot) -> None:
    line = FitOutcome()
    qtbot.addWidget(line)
    fitted = _fitted(0, val_accuracy=(0.9,))
    line.show_outcome(fitted, 1597, running=False)
    assert not line.isHidden()
    assert line.next.text() == "Predict 1,597 →"
    with qtbot.waitSignal(line.predict):
        line.next.click()
    line.show_outcome(fitted, 0, running=False)
    assert line.next.isHidden()
    line.show_outcome(fitted, 5, running=True)
    assert line.isHidden()
    line.show_outcome(None, 5, running=False)
    assert line.isHidden()
