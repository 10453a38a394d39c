"""The one way in which long functions tell how far they are."""

from typing import Any, Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """What every long function calls, often, with how far it is.

    It may raise :class:`~napari_piximi.errors.Cancelled`: the function then stops and
    leaves things as they were (a fit returns the best weights so far instead).
    """

    def __call__(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        """Report.

        Parameters
        ----------
        done, total : int
            Steps finished and steps in all; `total` 0 means not known.
        message : str
            What is being done, for a person.
        **values
            Figures of the moment, such as ``loss`` or ``epoch``.
        """


def silent(done: int, total: int, message: str = "", **values: object) -> None:
    """Report to nobody."""
