"""What settings are called in the window."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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
    files : sequence of str
        For the path of a file: which ones, as Qt writes filters.
    """

    label: str
    unit: str = ""
    zero: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    drawn: bool = False
    files: tuple[str, ...] = ()


NOTHING: Mapping[str, Any] = {}

WORDS = {
    "architecture": Words("Model"),
    "height": Words("Input height", "px"),
    "width": Words("Input width", "px"),
    "weights": Words("Weights", zero="downloaded once", files=("TensorFlow.js model (*.json)",)),
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
    "metrics": Words("Figures"),
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

OBJECT_WORDS = {
    "objects": Words(
        "Objects are",
        choices={"Auto": "either (automatic)", "Bright": "brighter", "Dark": "darker"},
    ),
    "method": Words("Threshold by"),
    "strictness": Words("Strictness"),
    "value": Words("Manual value"),
    "block": Words("Local: block", "px"),
    "smoothing": Words("Smoothing", "px", "off"),
    "even_light": Words("Even out the light"),
    "fill_holes": Words("Fill holes"),
    "split": Words("Split touching", PERCENT, "never"),
    "min_size": Words("Smallest", "px²", "any size"),
    "min_area": Words("Smallest", "px²", "any size"),
    "max_size": Words("Largest", "px²", "any size"),
    "clear_border": Words("Not at the border"),
    "diameter": Words("Diameter", "px", "as it is"),
    "flow_threshold": Words("Odd shapes", zero="keep all"),
    "cellprob_threshold": Words("Cell probability"),
    "threshold": Words("Probability", PERCENT),
    "probability": Words("Probability", PERCENT),
    "scale": Words("Seen at", "×"),
    "score": Words("Sure by", PERCENT),
    "overlap": Words("Overlap, at most", PERCENT),
    "erosion": Words("Shrink", "px", "off"),
    "dilation": Words("Grow", "px", "off"),
    "most": Words("At most", "objects", "any number"),
    "model": Words(
        "Own model",
        zero="the published one",
        files=("Models (*.json *.keras *.h5 *.pth)", "All files (*)"),
    ),
    "download": Words("Fetch the model"),
    "server": Words("Server"),
    "timeout": Words("Wait at most", "s"),
    "depth": Words("Depth", "levels"),
    "filters": Words("Filters, first level"),
    "tile": Words("Tile", "px"),
    "low": Words("Percentile for 0"),
    "high": Words("Percentile for 1"),
    "flips": Words("Mirror and turn"),
    "border": Words("Border", "px"),
    "border_weight": Words("Weight of the border"),
}
"""Of what finds objects; what is called alike there and in WORDS is the same."""


def words_of(name: str, told: Mapping[str, Any] = NOTHING) -> Words:
    """Return how a setting is shown; a new one by its own name, in plain words.

    Parameters
    ----------
    name : str
    told : mapping
        Metadata of its field, which may say it all: `label`, `unit`, `zero`, `words` of choices.
    """
    known = WORDS.get(name) or OBJECT_WORDS.get(name) or Words(_plain(name))
    given = {key: told[key] for key in ("label", "unit", "zero") if key in told}
    choices = told.get("words", known.choices)
    return replace(known, choices=choices, **given)


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()
