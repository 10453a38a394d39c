"""Segmentation networks of a project's own, as plain values: settings, model, runs, scores."""

from dataclasses import dataclass, field
from typing import Any, Literal

from napari_piximi.model.training import ModelArtifact, Run

__all__ = [
    "THRESHOLDS",
    "ScoredImage",
    "SegmentationNetwork",
    "SegmentationScore",
    "UNetSettings",
]

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Intersection over union from which an object counts as found."""

Group = Literal["Architecture", "Pre-processing", "Augmentation", "Partition", "Optimisation"]


def _setting(default: Any, group: Group, tooltip: str, **limits: Any) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"group": group, "tooltip": tooltip, **limits})


@dataclass(frozen=True, slots=True)
class UNetSettings:
    """Everything that decides how a U-Net is built and fitted.

    The metadata of each field is its form and its command-line option, as for
    :class:`napari_piximi.model.training.Settings`.
    """

    depth: int = _setting(
        3, "Architecture", "How often the image is halved; more sees farther", min=1, max=5
    )
    filters: int = _setting(
        8,
        "Architecture",
        "Filters of the first level; doubled at each further one",
        min=4,
        max=128,
    )
    tile: int = _setting(
        64,
        "Pre-processing",
        "Side in pixels of the pieces that it is fitted on: two or three times as long as an "
        "object. Rounded up to a multiple of 2 to the depth",
        min=16,
        max=1024,
    )
    low: float = _setting(
        1.0, "Pre-processing", "Percentile of an image that becomes 0", min=0.0, max=49.0
    )
    high: float = _setting(
        99.8, "Pre-processing", "Percentile of an image that becomes 1", min=51.0, max=100.0
    )
    flips: bool = _setting(True, "Augmentation", "Mirror and turn tiles at random")
    brightness: float = _setting(
        0.2,
        "Augmentation",
        "Change brightness and contrast at random by up to this",
        min=0.0,
        max=0.9,
    )
    training_percentage: float = _setting(
        0.75,
        "Partition",
        "Share of the annotated images used to train; of a single one, of its objects",
        min=0.05,
        max=1.0,
    )
    seed: int = _setting(
        0, "Partition", "The same seed gives the same result", min=0, max=2**31 - 1
    )
    border: int = _setting(
        2,
        "Optimisation",
        "Width in pixels of the class that keeps touching objects apart",
        min=1,
        max=10,
    )
    border_weight: float = _setting(
        3.0, "Optimisation", "How much more a pixel of that class counts", min=1.0, max=100.0
    )
    learning_rate: float = _setting(0.005, "Optimisation", "Learning rate", min=1e-7, max=10.0)
    epochs: int = _setting(
        60,
        "Optimisation",
        "Most epochs; the learning rate falls towards the last",
        min=1,
        max=100_000,
    )
    tiles: int = _setting(
        64, "Optimisation", "Tiles that are drawn for each epoch", min=1, max=100_000
    )
    batch_size: int = _setting(2, "Optimisation", "Tiles per step", min=1, max=1024)
    patience: int = _setting(
        15,
        "Optimisation",
        "Stop after this many epochs without a better validation; 0 never stops early",
        min=0,
        max=100_000,
    )


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """How well the objects of one image were found.

    Attributes
    ----------
    image, name : str
        Its id and name.
    annotated, found : int
        Objects, on those of its planes that hold annotations.
    matched : tuple of int
        Pairs at each of :data:`THRESHOLDS`.
    mean_iou : tuple of float
        Mean intersection over union of those pairs; 0 where there is none.
    trouble : str
        Why the image could not be segmented; it does not count then.
    """

    image: str
    name: str
    annotated: int
    found: int
    matched: tuple[int, ...]
    mean_iou: tuple[float, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SegmentationScore:
    """How well objects were found, against annotations.

    Only planes that hold annotations of the kind were looked at; their objects are added up over
    all images, so that each object counts the same, not each image.

    Attributes
    ----------
    partition : str
        On which images: ``"Validation"``, ``"Training"`` or ``"All annotated"``.
    images : int
        How many of them were compared.
    annotated, found : int
        Objects.
    matched : tuple of int
        Pairs at each of :data:`THRESHOLDS`; each object is in one pair at most.
    mean_iou : tuple of float
        Mean intersection over union of those pairs; 0 where there is none.
    run : int or None
        Index of the network's run after which it was made.
    rows : tuple of ScoredImage
        Image by image; empty where that is not known.
    """

    partition: str
    images: int
    annotated: int
    found: int
    matched: tuple[int, ...]
    mean_iou: tuple[float, ...]
    run: int | None = None
    rows: tuple[ScoredImage, ...] = ()

    @property
    def precision(self) -> tuple[float, ...]:
        """At each threshold: matched among the found; 0 where none was found."""
        return tuple(n / self.found if self.found else 0.0 for n in self.matched)

    @property
    def recall(self) -> tuple[float, ...]:
        """At each threshold: matched among the annotated; 0 where there are none."""
        return tuple(n / self.annotated if self.annotated else 0.0 for n in self.matched)

    @property
    def f1(self) -> tuple[float, ...]:
        """At each threshold: harmonic mean of precision and recall; 0 where there is nothing."""
        both = self.found + self.annotated
        return tuple(2 * n / both if both else 0.0 for n in self.matched)

    @property
    def average_precision(self) -> tuple[float, ...]:
        """At each threshold: matched among matched, missed and wrongly found objects.

        AP = TP / (TP + FP + FN) of the Data Science Bowl 2018 and of Schmidt et al. 2018, whose
        package ``stardist`` calls it accuracy; 0 where there is nothing.
        """
        both = self.found + self.annotated
        return tuple(n / (both - n) if both else 0.0 for n in self.matched)

    @property
    def panoptic_quality(self) -> tuple[float, ...]:
        """At each threshold: mean intersection over union times F1 (Kirillov et al. 2019)."""
        return tuple(iou * f1 for iou, f1 in zip(self.mean_iou, self.f1, strict=True))


@dataclass(frozen=True, slots=True)
class SegmentationNetwork:
    """A named network that finds the objects of one kind, with all that was done with it.

    Attributes
    ----------
    name : str
        Unique in the project; no dots, no path.
    kind : str
        Id of the kind whose annotations it was fitted on.
    settings : UNetSettings
    channels : tuple of int
        Which channels of the images it takes, in order.
    model : ModelArtifact or None
        A layers model of TensorFlow.js; None when a bundle lacks its files.
    runs : tuple of Run
        Oldest first. Their `settings` are :class:`UNetSettings`; their history has ``loss``,
        ``val_loss``, ``iou``, ``val_iou`` (of inside pixels) and ``val_f1`` (at 0.5).
    scores : tuple of SegmentationScore
        Oldest first.
    """

    name: str
    kind: str
    settings: UNetSettings = UNetSettings()
    channels: tuple[int, ...] = (0,)
    model: ModelArtifact | None = None
    runs: tuple[Run, ...] = ()
    scores: tuple[SegmentationScore, ...] = ()

    @property
    def held_out_score(self) -> SegmentationScore | None:
        """How well it finds what the newest run held out, as evaluated last; None if it was not."""
        newest = len(self.runs) - 1
        held = (s for s in reversed(self.scores) if s.partition == "Validation" and s.run == newest)
        return next(held, None)
