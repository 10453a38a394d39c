"""Networks that are fitted on the annotations of a project; importing this loads no Keras."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from napari_piximi.errors import PiximiWarning, SegmentError
from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model.limits import first_trouble
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import ModelArtifact, Run
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.annotated import (
    SEGMENTATION,
    SPLIT,
    Piece,
    Split,
    annotated_planes,
    split_of,
    split_pieces,
)

__all__ = ["FIXED", "FitPlan", "check_fit", "fit_network"]

FIXED = ("depth", "filters", "low", "high", "border")
"""Settings that a network keeps when it is continued."""

FEWEST = 2
"""Objects without which there is nothing to learn from, or to judge by."""


@dataclass(frozen=True, slots=True)
class FitPlan:
    """What a fit is to do.

    Attributes
    ----------
    settings : UNetSettings
    channels : tuple of int
    split : Split
    training, validation : tuple of Piece
    """

    settings: UNetSettings
    channels: tuple[int, ...]
    split: Split
    training: tuple[Piece, ...]
    validation: tuple[Piece, ...]


def check_fit(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    base: SegmentationNetwork | None = None,
) -> FitPlan:
    """Plan a fit without reading a pixel, or say why there can be none.

    Parameters
    ----------
    project : Project
    kind : str
        Id of a kind, or its name.
    settings : UNetSettings
    channels : sequence of int
        Which channels of the images the network is to take, in order.
    base : SegmentationNetwork, optional
        The one that is continued: of the settings in :data:`FIXED` and of the channels, its own
        are used.

    Raises
    ------
    SegmentError
        If a setting is out of its limits, the images lack a channel, too few objects are
        annotated, or there is nothing to continue; it says what to do.
    EditError
        If there is no such kind.
    """
    found = project.find_kind(kind)
    if base is not None:
        settings = replace(settings, **{name: getattr(base.settings, name) for name in FIXED})
        channels = base.channels
    if trouble := first_trouble(settings):
        raise SegmentError(trouble)
    _check_base(project, found.id, base)
    _check_channels(project, channels)
    pieces = annotated_planes(project, found.id)
    _check_objects(pieces, found.name)
    before = None if base is None else split_of(base)
    split, training, validation = split_pieces(pieces, settings, before)
    if not training:
        raise SegmentError(
            f"All annotated images of kind {found.name!r} are held out by {base.name!r}; "
            "annotate others, or fit a new network"
            if base is not None
            else f"No annotated object of kind {found.name!r} is left to learn from"
        )
    return FitPlan(settings, tuple(channels), split, training, validation)


def fit_network(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress = silent,
    keep: Callable[[SegmentationNetwork], None] | None = None,
) -> SegmentationNetwork:
    """Fit a U-Net on the annotated objects of a kind.

    A plane with an annotation of the kind counts as annotated in all: what no annotation
    covers is background. Planes without any are not looked at. A quarter of the images, or of
    the objects of a single image, is held out to judge by, as the settings say.

    Parameters
    ----------
    project : Project
        Not changed.
    kind : str
        Id of a kind, or its name.
    settings : UNetSettings
    channels : sequence of int
        Which channels of the images it takes, in order.
    name : str
        For the network.
    base : SegmentationNetwork, optional
        Continue with this one: it keeps its channels, the settings in :data:`FIXED`, its runs
        and scores. What it has held out stays held out, and newly annotated images train.
    progress : Progress
        Told batches done and in all, with `epoch`, and `loss`, `iou`, `val_loss`, `val_iou`,
        `val_f1` of the last of the `complete` epochs. When it raises Cancelled during the
        epochs, the best weights so far are returned, or the current ones if no epoch is
        complete, and the run says ``"cancelled"``.
    keep : callable, optional
        Called now and then with the best so far, in case the process dies.

    Returns
    -------
    SegmentationNetwork
        With this run as its last. Not in the project yet.

    Raises
    ------
    SegmentError
        As for :func:`check_fit`; or if an image has NaN pixels.
    FitError
        If the first epoch diverges, or the memory does not suffice.
    EditError
        If there is no such kind, or an annotation does not lie in its image.
    ModelFileError
        If the model of `base` is damaged.
    Cancelled
        If `progress` raises it before the first epoch has begun.

    Warns
    -----
    PiximiWarning
        If nothing is held out, or a later epoch diverges.
    """
    plan = check_fit(project, kind, settings, channels, base)
    if not plan.validation:
        warnings.warn(
            "Nothing is held out to judge the network by, so the training loss decides which "
            "epoch is best; annotate another image",
            PiximiWarning,
            stacklevel=2,
        )
    progress(0, 0, "Building the network")
    kind = project.find_kind(kind).id
    start = SegmentationNetwork(name, kind) if base is None else replace(base, name=name, kind=kind)
    start = replace(start, settings=plan.settings, channels=plan.channels)

    def fitted(model: ModelArtifact, run: Run) -> SegmentationNetwork:
        return replace(start, model=model, runs=(*start.runs, run))

    def keep_it(model: ModelArtifact, run: Run) -> None:
        if keep is not None:
            keep(fitted(model, run))

    from napari_piximi.segment.unet_learning import learn

    return fitted(*learn(plan, start, progress, None if keep is None else keep_it))


def metadata_of(plan: FitPlan) -> dict[str, object]:
    """Return what is noted with a model: how it was fitted, and on what."""
    note = {
        "settings": asdict(plan.settings),
        "channels": list(plan.channels),
        SPLIT: plan.split.note,
    }
    return {EXTRA_KEY: {SEGMENTATION: note}}


def _check_base(project: Project, kind: str, base: SegmentationNetwork | None) -> None:
    if base is None:
        return
    if base.model is None:
        raise SegmentError(f"The files of {base.name!r} are missing; fit a new network")
    if base.kind and base.kind != kind:
        raise SegmentError(
            f"{base.name!r} finds {project.kind_name(base.kind)!r}, not "
            f"{project.kind_name(kind)!r}; fit a new network"
        )


def _check_channels(project: Project, channels: Sequence[int]) -> None:
    available = project.image_channels or 0
    if not channels or len({*channels}) != len(channels):
        raise SegmentError("Choose at least one channel of the images, each of them once")
    beyond = [channel + 1 for channel in channels if not 0 <= channel < available]
    if beyond:
        raise SegmentError(
            f"The network takes channel {beyond[0]}, but the images have {available}; "
            "choose other channels, or fit a new network"
        )


def _check_objects(pieces: Sequence[Piece], kind: str) -> None:
    count = sum(len(piece.annotations) for piece in pieces)
    if not count:
        raise SegmentError(
            f"No objects of kind {kind!r} are annotated; annotate all objects on one image, "
            "better on several"
        )
    if count < FEWEST:
        raise SegmentError(
            f"One image with 1 object of kind {kind!r}: too few to learn from; annotate all "
            f"objects on {pieces[0].image.name!r}, at least {FEWEST}"
        )
