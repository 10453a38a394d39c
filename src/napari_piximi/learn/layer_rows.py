"""The summary of a model as a table; the window reads it, so nothing here needs Keras."""

from dataclasses import dataclass

__all__ = ["LayerRow", "ModelSummary"]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One line of a model's summary.

    Attributes
    ----------
    name, class_name : str
    output_shape : tuple of int or None
        Without the batch axis.
    parameters : int
        Number of weight values.
    trainable : bool
        Whether fitting changes any of them; False for a layer without weights.
    """

    name: str
    class_name: str
    output_shape: tuple[int | None, ...]
    parameters: int
    trainable: bool


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model in a table.

    Attributes
    ----------
    rows : tuple of LayerRow
    remark : str
        What the table cannot say; may be empty.
    unit : str
        What `parameters` counts.
    """

    rows: tuple[LayerRow, ...]
    remark: str = ""
    unit: str = "Parameters"

    @property
    def parameters(self) -> int:
        """All together."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """Those of layers that fitting changes."""
        return sum(row.parameters for row in self.rows if row.trainable)
