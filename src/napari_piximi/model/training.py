"""Classifiers as plain values: settings, model, history of runs, evaluations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from napari_piximi.model.evaluation import Evaluation

__all__ = [
    "ARCHITECTURES",
    "CROP_SCHEMAS",
    "FOREST",
    "FOREST_FORMAT",
    "GRAPH_FORMAT",
    "LAYERS_FORMAT",
    "LOSSES",
    "METRICS",
    "NETWORKS",
    "OPTIMIZERS",
    "PIXIMI_SETTINGS",
    "PRESETS",
    "Classifier",
    "ModelArtifact",
    "Run",
    "Settings",
]

FOREST = "Random forest"
ARCHITECTURES = ("SimpleCNN", "MobileNet", FOREST)
NETWORKS = ("SimpleCNN", "MobileNet")
LAYERS_FORMAT, GRAPH_FORMAT, FOREST_FORMAT = "layers-model", "graph-model", "napari-piximi forest"
"""What ``format`` in the document of a model says it is."""
CROP_SCHEMAS = ("None", "Match")
OPTIMIZERS = (
    "Adadelta",
    "Adagrad",
    "Adam",
    "Adamax",
    "Momentum",
    "RMSProp",
    "Stochastic gradient descent (SGD)",
)
LOSSES = (
    "Absolute difference",
    "Categorical (softmax) cross entropy",
    "Hinge",
    "Huber",
    "Log",
    "Mean squared error (MSE)",
    "Sigmoid cross entropy",
)
METRICS = (
    "Binary accuracy",
    "Binary cross-entropy",
    "Categorical accuracy",
    "Categorical cross-entropy",
    "Cosine proximity",
    "Mean absolute error (MAE)",
    "Mean absolute percentage error",
    "Mean squared error",
    "Precision",
    "Recall",
    "Sparse categorical accuracy",
)

Group = Literal[
    "Architecture", "Pre-processing", "Augmentation", "Partition", "Optimisation", "Forest"
]


def _setting(default: Any, group: Group, tooltip: str, **limits: Any) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"group": group, "tooltip": tooltip, **limits})


def _network_setting(default: Any, group: Group, tooltip: str, **limits: Any) -> Any:  # noqa: ANN401
    return _setting(default, group, tooltip, only=NETWORKS, **limits)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides how a classifier is built and fitted.

    The metadata of each field (`group`, `tooltip`, `min`, `max`, `choices`, and `only`, the
    architectures that heed it, where not all do) is its form and its command-line option.
    The defaults are ours, for few labels; Piximi's own are :data:`PIXIMI_SETTINGS`.
    """

    architecture: str = _setting(
        "SimpleCNN", "Architecture", "What to build", choices=ARCHITECTURES
    )
    height: int = _network_setting(28, "Architecture", "Input height in pixels", min=1, max=4096)
    width: int = _network_setting(28, "Architecture", "Input width in pixels", min=1, max=4096)
    weights: str = _setting(
        "",
        "Architecture",
        "MobileNet's pretrained model.json; empty downloads it once; 'random' uses none",
        only=("MobileNet",),
    )

    rescale: bool = _network_setting(
        True, "Pre-processing", "Feed values in 0 to 1; off feeds raw values (0 to 255 or 65535)"
    )
    center: bool = _network_setting(
        False, "Pre-processing", "Subtract each sample's mean per channel (Piximi ignores this)"
    )
    crop_schema: str = _network_setting(
        "None",
        "Pre-processing",
        "None resizes the whole thing; Match pads or crops to the input size without scaling",
        choices=CROP_SCHEMAS,
    )
    num_crops: int = _network_setting(
        1, "Pre-processing", "Random crops per thing while fitting, with Match", min=1, max=100
    )

    shift: float = _network_setting(
        0.1,
        "Augmentation",
        "Shift samples at random, by up to this share of the input size",
        min=0.0,
        max=0.5,
    )
    flip_horizontal: bool = _network_setting(
        False, "Augmentation", "Mirror left and right at random"
    )
    flip_vertical: bool = _network_setting(False, "Augmentation", "Mirror top and bottom at random")
    quarter_turns: bool = _network_setting(
        False, "Augmentation", "Turn by 0, 90, 180 or 270 degrees at random (square inputs)"
    )
    rotation: float = _network_setting(
        10.0,
        "Augmentation",
        "Turn samples at random, by up to this many degrees either way",
        min=0.0,
        max=180.0,
    )
    zoom: float = _network_setting(
        0.1,
        "Augmentation",
        "Enlarge or shrink samples at random, by up to this share",
        min=0.0,
        max=0.5,
    )
    brightness: float = _network_setting(
        0.0,
        "Augmentation",
        "Multiply intensities by a random factor within 1 plus or minus this",
        min=0.0,
        max=0.9,
    )

    training_percentage: float = _setting(
        0.75, "Partition", "Share of the labelled things used to train", min=0.05, max=1.0
    )
    seed: int = _setting(
        0, "Partition", "The same seed gives the same result", min=0, max=2**31 - 1
    )
    shuffle: bool = _setting(
        True, "Partition", "Split at random and draw samples in a new order every epoch"
    )

    optimizer: str = _network_setting(
        "Adam", "Optimisation", "Optimisation algorithm", choices=OPTIMIZERS
    )
    learning_rate: float = _network_setting(
        0.003, "Optimisation", "Learning rate", min=1e-7, max=10.0
    )
    loss: str = _network_setting(
        "Categorical (softmax) cross entropy", "Optimisation", "Loss function", choices=LOSSES
    )
    metrics: tuple[str, ...] = _setting(
        ("Categorical accuracy",), "Optimisation", "Figures recorded each epoch", choices=METRICS
    )
    epochs: int = _network_setting(
        300, "Optimisation", "Most passes over the training things", min=1, max=100_000
    )
    batch_size: int = _network_setting(32, "Optimisation", "Samples per step", min=1, max=65_536)
    patience: int = _network_setting(
        50,
        "Optimisation",
        "Stop after this many epochs without a better validation loss; 0 never stops early",
        min=0,
        max=100_000,
    )
    keep_best: bool = _network_setting(
        True, "Optimisation", "End with the weights of the best epoch instead of the last"
    )
    class_weights: bool = _setting(
        False, "Optimisation", "Weigh rare categories up, so that each counts the same"
    )
    label_smoothing: float = _network_setting(
        0.1,
        "Optimisation",
        "Share of each target that is spread over all categories; calms a fit on few labels",
        min=0.0,
        max=0.5,
    )
    averaging: float = _network_setting(
        0.95,
        "Optimisation",
        "Use a running average of the weights over epochs, that keeps this share; 0 is off",
        min=0.0,
        max=0.999,
    )
    softmax_twice: bool = _network_setting(
        False,
        "Optimisation",
        "Repeat Piximi's fault: cross entropy of outputs put through softmax a second time",
    )

    trees: int = _setting(
        200, "Forest", "Trees; more cost time and never harm", min=1, max=5000, only=(FOREST,)
    )
    min_samples_leaf: int = _setting(
        1,
        "Forest",
        "Fewest things in a leaf of a tree; more calms a forest on noisy labels",
        min=1,
        max=1000,
        only=(FOREST,),
    )
    max_features: float = _setting(
        0.0,
        "Forest",
        "Share of the features that each split looks at; 0 takes the root of their number",
        min=0.0,
        max=1.0,
        only=(FOREST,),
    )


PIXIMI_SETTINGS = Settings(
    height=20,
    width=20,
    shift=0.0,
    rotation=0.0,
    zoom=0.0,
    learning_rate=0.01,
    epochs=10,
    patience=0,
    keep_best=False,
    label_smoothing=0.0,
    averaging=0.0,
    softmax_twice=True,
)
PRESETS: Mapping[str, Settings] = {"few labels": Settings(), "Piximi defaults": PIXIMI_SETTINGS}


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """A model as its two files hold it: TensorFlow.js's layers or graph, or a forest of ours.

    Attributes
    ----------
    document : mapping
        The JSON file, parsed: ``modelTopology``, ``weightsManifest``, ``format`` and
        Piximi's ``classes``, ``preprocessSettings`` and ``optimizerSettings``. Never changed.
    weights : bytes
        All weight shards, in the manifest's order, end to end.
    """

    document: Mapping[str, Any]
    weights: bytes

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by output index; empty when the file has no list of texts."""
        names = self.document.get("classes")
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            return ()
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Run:
    """One fit: what went in, what happened in each epoch, how it ended.

    Attributes
    ----------
    settings : Settings
        Or, of a segmentation network, its own.
    history : mapping of str to tuple of float
        ``loss``, ``accuracy`` and other figures per epoch; those of the validation things
        begin with ``val_``.
    best_epoch : int
        Index of the epoch whose weights were kept; -1: those that a continued fit began with.
    training, validation : int
        How many things were in each partition.
    stopped : str
        ``"finished"``, ``"early"`` (patience ran out), ``"cancelled"``, ``"diverged"`` (loss
        or weights no longer finite; the best weights were kept) or ``"interrupted"`` (the
        process that computed died; the best weights put aside were kept).
    device, backend : str
        Where it ran, and on which Keras backend.
    seconds : float
        Wall time of the epochs.
    """

    settings: Any
    history: Mapping[str, tuple[float, ...]]
    best_epoch: int = 0
    training: int = 0
    validation: int = 0
    stopped: str = "finished"
    device: str = ""
    backend: str = ""
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.history.get("loss", ()))


@dataclass(frozen=True, slots=True)
class Classifier:
    """A named model of one kind, with all that was ever done with it.

    Attributes
    ----------
    name : str
        Unique in its kind; no dots (Piximi takes the text before the first as the name).
    kind : str
        Id of the kind it classifies; empty when it came without one.
    settings : Settings
    channels : int
        Channels of its input.
    planes : int
        Planes that Piximi notes in its input shape.
    model : ModelArtifact or None
        None when a bundle knows the model's settings but lacks its files.
    class_map : tuple of str
        Category id per output index; empty when not mapped yet.
    runs, evaluations : tuple
        Oldest first.
    """

    name: str
    kind: str
    settings: Settings = Settings()
    channels: int = 1
    planes: int = 1
    model: ModelArtifact | None = None
    class_map: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Input as (planes, height, width, channels)."""
        return self.planes, self.settings.height, self.settings.width, self.channels
