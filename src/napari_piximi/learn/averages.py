"""A running average of a model's weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SILENT", "Average", "values_of"]

SILENT = np.errstate(over="ignore", invalid="ignore")
"""Weights that diverge are found when they are looked at; numpy need not warn of them."""


class Average:
    """A running average of the weights over epochs, which generalises better than the last.

    Parameters
    ----------
    model : keras.Model
    decay : float
        Weight of the past; 0 switches the average off. It grows up to this over the first
        epochs, as (1 + epoch) / (5 + epoch).

    Notes
    -----
    Source: Polyak and Juditsky (1992), as an exponential average.
    """

    def __init__(self, model: Any, decay: float) -> None:  # noqa: ANN401
        self.variables = model.trainable_variables
        self.decay = decay
        self.values: list[NDArray[Any]] | None = self._read() if decay else None

    @SILENT
    def update(self, epoch: int) -> None:
        """Take in the weights after an epoch."""
        if self.values is not None:
            past = np.float32(min(self.decay, (1 + epoch) / (5 + epoch)))
            self.values = [
                past * old + (1 - past) * new
                for old, new in zip(self.values, self._read(), strict=True)
            ]

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the model have the average for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the model's weights and the average."""
        if self.values is not None:
            current = self._read()
            for variable, value in zip(self.variables, self.values, strict=True):
                variable.assign(value)
            self.values = current

    def _read(self) -> list[NDArray[Any]]:
        return values_of(self.variables)


def values_of(variables: Sequence[Any]) -> list[NDArray[Any]]:
    """Copy the values of variables; the way that warns on no backend with no numpy."""
    return [np.asarray(variable).copy() for variable in variables]
