"""What settings are called in the window."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["GROUPS", "PERCENT", "UNITS", "Words", "words_of"]

PERCENT = "%"
UNITS = {PERCENT: " %", "°": "°"}
"""How units follow a number, where that is not by a space and themselves."""

GROUPS = {"Architecture": "Architecture and input"}
"""Headings of groups, where they differ."""


@dataclass(frozen=True)
class Words:
    """How a setting is shown.

    Attributes
    ----------
    label : str
    unit : str
        What follows a number.
    zero : str
        What is shown instead of 0, or of an empty text.
    choices : mapping of value to text
    drawn : bool
        Whether there is a button that draws it by lot.
    """

    label: str
    unit: str = ""
    zero: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    drawn: bool = False


WORDS = {
    "architecture": Words("Model"),
    "height": Words("Input height", "px"),
    "width": Words("Input width", "px"),
    "weights": Words("Weights", zero="downloaded once"),
    "rescale": Words("Scale to 0…1"),
    "center": Words("Centre intensities"),
    "crop_schema": Words(
        "Into the input by", choices={"None": "resizing", "Match": "padding or cropping"}
    ),
    "num_crops": Words("Crops per thing"),
    "shift": Words("Shift", PERCENT, "off"),
    "flip_horizontal": Words("Mirror left to right"),
    "flip_vertical": Words("Mirror top to bottom"),
    "quarter_turns": Words("Quarter turns"),
    "rotation": Words("Rotate", "°", "off"),
    "zoom": Words("Zoom", PERCENT, "off"),
    "brightness": Words("Brightness", PERCENT, "off"),
    "training_percentage": Words("Train with", PERCENT),
    "seed": Words("Seed", drawn=True),
    "shuffle": Words("Shuffle"),
    "optimizer": Words("Optimiser"),
    "learning_rate": Words("Learning rate"),
    "loss": Words("Loss"),
    "metrics": Words("Figures", choices={"Binary cros-sentropy": "Binary cross-entropy"}),
    "epochs": Words("Epochs, at most"),
    "batch_size": Words("Batch size"),
    "patience": Words("Patience", "epochs", "never stops early"),
    "keep_best": Words("Keep the best epoch"),
    "class_weights": Words("Weigh rare ones up"),
    "label_smoothing": Words("Label smoothing", PERCENT, "off"),
    "averaging": Words("Average weights", zero="off"),
    "softmax_twice": Words("Softmax twice"),
    "trees": Words("Trees"),
    "min_samples_leaf": Words("Least in a leaf", "things"),
    "max_features": Words("Features per split", PERCENT, "root of their number"),
}


def words_of(name: str) -> Words:
    """Return how a setting is shown; a new one by its own name, in plain words."""
    return WORDS.get(name) or Words(name.replace("_", " ").capitalize())
