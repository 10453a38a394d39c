"""How well a segmenter does: what it finds, against what is annotated."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_piximi.errors import SegmentError
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
)
from napari_piximi.model.things import IMAGE_KIND, Annotation, BBox, Image
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.annotated import Piece, annotated_planes, split_of
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.found import Found, taken
from napari_piximi.segment.matching import Matching, match_objects
from napari_piximi.segment.running import (
    Ask,
    Request,
    check_request,
    segment_image,
    told_apart,
    within,
)

__all__ = ["annotated_images", "score_held_out", "score_images"]

OWN = "own"
"""Key of the segmenter that asks networks of the project."""


def annotated_images(project: Project, kind: str) -> tuple[str, ...]:
    """Return the ids of the images that hold annotations of a kind, in order."""
    return tuple(dict.fromkeys(piece.image.id for piece in annotated_planes(project, kind)))


def score_held_out(
    project: Project, network: SegmentationNetwork, progress: Progress = silent
) -> SegmentationScore:
    """Score a network on the annotated images, or the part of one, that it has held out.

    Parameters
    ----------
    project : Project
        Not changed; the network need not be in it.
    network : SegmentationNetwork
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    SegmentError, ModelFileError
        As for :func:`score_images`; also if it has held out none that is annotated still.
    """
    split = split_of(network)
    settings = find_segmenter(OWN).settings()
    request = Request(OWN, settings, network.channels, region=split.region, network=network)
    return score_images(
        project, request, network.kind, split.validation, progress, partition="Validation"
    )[0]


def score_images(
    project: Project,
    request: Request,
    kind: str,
    images: Sequence[str],
    progress: Progress = silent,
    ask: Ask | None = None,
    *,
    partition: str = "All annotated",
) -> tuple[SegmentationScore, tuple[ScoredImage, ...]]:
    """Segment images, and compare what is found with their annotations of a kind.

    Nothing in the project changes. Planes and images without annotations of the kind are left
    out: nothing tells those without objects from those that are not annotated yet.

    Parameters
    ----------
    project : Project
    request : Request
        With any segmenter. Where it has a region, only that is looked at, and annotations are cut
        at its edges; all annotated planes are. Where the segmenter tells several sorts of
        objects, only those that are called as the kind are compared.
    kind : str
        Kind id.
    images : sequence of str
        Image ids.
    progress : Progress
        May raise Cancelled.
    ask : callable, optional
        Used in place of :func:`~napari_piximi.segment.running.segment_image`; it gets a
        project that holds just the image, which shows the plane in question.
    partition : str
        What the score calls the images.

    Returns
    -------
    score : SegmentationScore
        Of all images that could be segmented, with the rows. Where the request has a network,
        after its last run.
    rows : tuple of ScoredImage
        One for each annotated image, in the order of `images`; those that could not be
        segmented tell why.

    Raises
    ------
    SegmentError
        If there is no such kind of objects or none of them on the images, the request suits no
        image, the segmenter never finds such objects, or no image could be segmented.
    WeightsUnavailableError, ModelFileError, Cancelled
        As for :func:`~napari_piximi.segment.running.segment_image`.
    """
    if kind not in project.kinds or kind == IMAGE_KIND:
        raise SegmentError(f"There is no kind of objects {kind!r} to compare with")
    check_request(project, request)
    wanted = _wanted_class(project, request, kind)
    pieces = _pieces(project, kind, images, request.region)
    if not pieces:
        name = project.kinds[kind].name
        raise SegmentError(f"None of the images has annotations of the kind {name!r}")
    request = replace(request, every_plane=False)
    count = sum(map(len, pieces.values()))
    shares = (within(progress, number, count) for number in range(count))
    rows = []
    for planes in pieces.values():
        reports = [next(shares) for _ in planes]
        try:
            parts = [
                _compared(project, piece, request, wanted, ask or segment_image, report)
                for piece, report in zip(planes, reports, strict=True)
            ]
            rows.append(_row(planes[0].image, parts))
        except SegmentError as error:
            rows.append(_failed(planes, str(error)))
    progress(1, 1, "Compared")
    return _score(rows, request, partition), tuple(rows)


def _wanted_class(project: Project, request: Request, kind: str) -> str | None:
    """Return which of a segmenter's sorts of objects are compared; None for all that it finds."""
    segmenter, name = find_segmenter(request.segmenter), project.kinds[kind].name
    if not segmenter.classes:
        return None
    for known in segmenter.classes:
        if known.casefold() == name.casefold():
            return known
    shown = ", ".join(segmenter.classes[:5]) + (", …" if len(segmenter.classes) > 5 else "")
    raise SegmentError(f"{segmenter.title} finds {shown}, but not {name!r}")


def _pieces(
    project: Project, kind: str, images: Sequence[str], region: BBox | None
) -> dict[str, list[Piece]]:
    """Return the annotated planes, or their parts in a region, of each image that has any."""
    found: dict[str, list[Piece]] = {image: [] for image in images}
    for piece in annotated_planes(project, kind):
        if piece.image.id in found:
            part = piece if region is None else piece.cut(region)
            found[piece.image.id] += [part] if part.annotations else []
    return {image: pieces for image, pieces in found.items() if pieces}


def _compared(
    project: Project,
    piece: Piece,
    request: Request,
    wanted: str | None,
    ask: Ask,
    progress: Progress,
) -> Matching:
    image = piece.image
    progress(0, 0, image.name)
    alone = replace(project, things={image.id: replace(image, plane=piece.plane)})
    with told_apart(image.name):
        (part,) = ask(alone, image.id, request, progress)
    return match_objects(_annotated(piece), _of_class(part.found, wanted))


def _annotated(piece: Piece) -> Found:
    """Return the annotations of a piece, cut at its edges."""
    cut = [_cut(annotation, piece.region) for annotation in piece.annotations]
    kept = [(box, runs) for box, runs in cut if masks.area(runs)]
    boxes = np.array([box for box, _ in kept], np.int64).reshape(-1, 4)
    return Found(boxes, tuple(runs for _, runs in kept))


def _cut(annotation: Annotation, region: BBox) -> tuple[BBox, bytes]:
    top, left, bottom, right = box = annotation.bbox
    inside = (max(top, region[0]), max(left, region[1]), min(bottom, region[2]),
              min(right, region[3]))  # fmt: skip
    if inside == box:
        return box, annotation.runs
    mask = masks.decode(annotation.runs, (bottom - top, right - left))
    part = mask[inside[0] - top : inside[2] - top, inside[1] - left : inside[3] - left]
    return inside, masks.encode(part)


def _of_class(found: Found, wanted: str | None) -> Found:
    if wanted is None:
        return found
    return taken(found, np.array([name == wanted for name in found.classes], bool))


def _row(image: Image, parts: Sequence[Matching]) -> ScoredImage:
    matched = np.sum([part.matched for part in parts], axis=0)
    total = np.sum([part.total_iou for part in parts], axis=0)
    annotated, found = sum(part.annotated for part in parts), sum(part.found for part in parts)
    means = _means(total, matched)
    return ScoredImage(image.id, image.name, annotated, found, tuple(matched.tolist()), means)


def _failed(planes: Sequence[Piece], trouble: str) -> ScoredImage:
    none, image = len(THRESHOLDS), planes[0].image
    annotated = sum(len(_annotated(piece)) for piece in planes)
    return ScoredImage(image.id, image.name, annotated, 0, (0,) * none, (0.0,) * none, trouble)


def _score(rows: Sequence[ScoredImage], request: Request, partition: str) -> SegmentationScore:
    """Add up the rows of images that could be segmented."""
    sound = [row for row in rows if not row.trouble]
    if not sound:
        raise SegmentError(f"No image could be segmented: {rows[0].trouble}")
    matched = np.array([row.matched for row in sound])
    total = (matched * np.array([row.mean_iou for row in sound])).sum(axis=0)
    runs = len(request.network.runs) if request.network is not None else 0
    return SegmentationScore(
        partition,
        len(sound),
        sum(row.annotated for row in sound),
        sum(row.found for row in sound),
        tuple(matched.sum(axis=0).tolist()),
        _means(total, matched.sum(axis=0)),
        runs - 1 if runs else None,
        tuple(rows),
    )


def _means(total: Any, matched: Any) -> tuple[float, ...]:  # noqa: ANN401
    """Divide sums by numbers of pairs; a mean of shares is at most 1, whatever was rounded."""
    return tuple(np.minimum(total / np.maximum(matched, 1), 1.0).tolist())
