"""What would stop the fit of a network, or spoil it; found without reading a pixel."""

from collections.abc import Iterator, Sequence

from napari_piximi.errors import PiximiError
from napari_piximi.learn.readiness import Remedy, Severity, Trouble
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.segment.own_networks import FitPlan, check_fit

__all__ = ["FIND", "network_troubles"]

FEW = 20
"""Objects to learn from below which a network mostly guesses."""
FEW_HELD = 5
"""Objects below which a judgement is mostly chance."""
FIND = Remedy("Go to Find objects", "find")
ANOTHER = Remedy("New network instead", "new")
NO_IMAGE = "There is no image yet: drop images into the window, or open File ▸ Open Sample"
NO_OBJECTS = (
    "Nothing is annotated yet: let another segmenter find objects and correct them, or draw them "
    "in the viewer; all objects of an image, or else the rest counts as background"
)


def network_troubles(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    base: SegmentationNetwork | None = None,
) -> tuple[Trouble, ...]:
    """Find what would stop or spoil a fit.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id; empty where there is no kind of objects.
    settings : UNetSettings
    channels : sequence of int
    base : SegmentationNetwork, optional
        The one that is to be continued.

    Returns
    -------
    tuple of Trouble
        The worst first; empty when all is well.
    """
    if next(project.images(), None) is None:
        return (Trouble(NO_IMAGE, "stop"),)
    if kind not in project.kinds or next(iter(project.of_kind(kind)), None) is None:
        return (Trouble(NO_OBJECTS, "stop", FIND),)
    try:
        plan = check_fit(project, kind, settings, channels, base)
    except PiximiError as error:
        return (Trouble(str(error), "stop", ANOTHER if base is not None else None),)
    order: dict[Severity, int] = {"stop": 0, "spoil": 1, "note": 2}
    return tuple(sorted(_spoiling(plan), key=lambda trouble: order[trouble.severity]))


def _spoiling(plan: FitPlan) -> Iterator[Trouble]:
    taught = sum(len(piece.annotations) for piece in plan.training)
    held = sum(len(piece.annotations) for piece in plan.validation)
    if not held:
        yield Trouble(
            "Nothing is held out to judge the network by, so the fit cannot tell when it learns by "
            "heart: annotate another image, or train with less than 100 %",
            "spoil",
        )
    elif held < FEW_HELD:
        objects = "1 object is" if held == 1 else f"{held} objects are"
        yield Trouble(f"Only {objects} held out to judge by: annotate more", "note")
    if taught < FEW:
        objects = "1 object" if taught == 1 else f"{taught} objects"
        yield Trouble(f"It learns from {objects} only: {FEW} or more teach better", "spoil")
    if plan.split.region is not None:
        yield Trouble(
            "One image is annotated: a strip of it is held out to judge the network by"
            f"{_cut(plan)}. A second image judges better",
            "note",
        )


def _cut(plan: FitPlan) -> str:
    """Say how many objects the edge of the strip cuts, which count on both sides."""
    taught, held = (
        {annotation.id for piece in pieces for annotation in piece.annotations}
        for pieces in (plan.training, plan.validation)
    )
    if count := len(taught & held):
        objects = (
            "1 object at its edge counts" if count == 1 else f"{count} objects at its edge count"
        )
        return f"; {objects} on both sides"
    return ""
