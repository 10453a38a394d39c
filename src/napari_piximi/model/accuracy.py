"""How good a classifier is on things that it did not learn from, as far as that is known."""

from typing import NamedTuple

from napari_piximi.model.training import Classifier

__all__ = ["KnownAccuracy", "known_accuracy"]


class KnownAccuracy(NamedTuple):
    """An accuracy, and what it was found on.

    Attributes
    ----------
    share : float
        Of things that were predicted right, 0 to 1.
    partition : str
        ``"Validation"`` or ``"Cross-validation"``.
    """

    share: float
    partition: str

    @property
    def briefly(self) -> str:
        """Say on which things, where there is little room."""
        return "cross-valid." if self.partition == "Cross-validation" else "valid."

    @property
    def where(self) -> str:
        """Say on which things, after the figure."""
        crossed = self.partition == "Cross-validation"
        return "in cross-validation" if crossed else "on validation things"


def known_accuracy(classifier: Classifier) -> KnownAccuracy | None:
    """Return the accuracy that tells how good a classifier is; None where none does.

    That is the newest one on validation things after its last fit, be it an evaluation or the
    figure of the fit itself; else the newest of a cross-validation. Things that it learnt from
    tell nothing of new ones, so those of Training, and of all labelled things, never count.

    Parameters
    ----------
    classifier : Classifier

    Returns
    -------
    KnownAccuracy or None
    """
    last = len(classifier.runs) - 1
    found: dict[str, float] = {}
    for evaluation in classifier.evaluations:
        if evaluation.run is None or evaluation.run >= last:
            found[evaluation.partition] = evaluation.accuracy
    fitted = _of_last_fit(classifier)
    if fitted is not None:
        found.setdefault("Validation", fitted)
    for partition in ("Validation", "Cross-validation"):
        if partition in found:
            return KnownAccuracy(found[partition], partition)
    return None


def _of_last_fit(classifier: Classifier) -> float | None:
    """Return the validation accuracy at the epoch that was kept."""
    if not classifier.runs:
        return None
    run = classifier.runs[-1]
    column = run.history.get("val_accuracy", ())
    value = column[run.best_epoch] if 0 <= run.best_epoch < len(column) else None
    return value if value == value else None
