"""What would be evaluated now, and what would keep that from being done."""

from collections.abc import Mapping
from dataclasses import dataclass

from napari_piximi.errors import PiximiError
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import BBox
from napari_piximi.segment.annotated import split_of
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.running import Request, check_request
from napari_piximi.ui.segmenter_facts import standing

__all__ = ["ALL", "HELD", "SHOWN", "Images", "images_to_compare", "obstacle", "own_request"]

ALL, HELD, SHOWN = "All annotated", "Validation", "On show"
"""What scores call the images."""

OWN = "own"
NOTHING = (
    "Nothing is annotated yet to compare with: draw the objects of an image in the viewer, or "
    "find and correct them"
)


@dataclass(frozen=True)
class Images:
    """Images that can be compared.

    Attributes
    ----------
    ids : tuple of str
    region : (min_row, min_col, max_row, max_col), optional
        Only this of them.
    of : str
        Name of the network that held them out.
    """

    ids: tuple[str, ...] = ()
    region: BBox | None = None
    of: str = ""


def images_to_compare(
    project: Project, kind: str, shown: str | None, network: SegmentationNetwork | None
) -> Mapping[str, Images]:
    """Find the images with annotations of a kind.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    shown : str or None
        Id of the image on show.
    network : SegmentationNetwork or None
        Whose held-out images are wanted.

    Returns
    -------
    mapping of str to Images
        By :data:`ALL`, :data:`HELD` and :data:`SHOWN`; the ids are those with annotations.
    """
    places = places_of(project)
    there = places.images_of(kind)
    found = {ALL: Images(tuple(image for image in places.images if image in there))}
    if network is not None and network.model is not None:
        split = split_of(network)
        held = tuple(key for key in split.validation if key in there)
        if held:
            found[HELD] = Images(held, split.region, network.name)
    found[SHOWN] = Images((shown,) if shown in there and shown is not None else ())
    return found


def own_request(network: SegmentationNetwork) -> Request:
    """Return what asks a network of the project, as it is set from the beginning."""
    return Request(OWN, find_segmenter(OWN).settings(), network.channels, network=network)


def obstacle(project: Project, request: Request | None, kind: str, images: Images) -> str:
    """Say what would keep an evaluation from being done; empty where nothing would."""
    if request is None:
        return "There is no segmenter: install napari-piximi again"
    if kind not in project.kinds:
        return NOTHING
    trouble = standing(find_segmenter(request.segmenter), project).trouble
    if trouble:
        return trouble
    if not images.ids:
        name = project.kind_name(kind)
        return (
            f"None of these images has annotations of the kind {name!r}: choose others, or annotate"
        )
    try:
        check_request(project, request)
    except PiximiError as error:
        return str(error)
    return ""
