"""What a project holds, in words: counts and classifiers."""

from collections.abc import Mapping

from napari_piximi.model.accuracy import known_accuracy
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import THRESHOLDS, SegmentationNetwork
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import Classifier
from napari_piximi.ui.percent import percent

__all__ = ["classifier_lines", "count_kinds", "kind_text", "project_text"]


def count_kinds(project: Project) -> Mapping[str, int]:
    """Count the things of each kind that has any."""
    places = places_of(project)
    counts = {kind: places.count(kind) for kind in places.planes}
    return {IMAGE_KIND: len(places.images), **counts} if places.images else counts


def project_text(project: Project, counts: Mapping[str, int]) -> str:
    """Say how many images and objects there are."""
    images = counts.get(IMAGE_KIND, 0)
    objects = len(project.things) - images
    return f"{_counted(images, 'image')}, {_counted(objects, 'object')}"


def kind_text(
    project: Project, kind: str, counts: Mapping[str, Mapping[Partition, int]]
) -> tuple[str, str]:
    """Say how many things of a kind are labelled, and how many each partition has.

    Parameters
    ----------
    project : Project
    kind : str
    counts : mapping of category id to mapping of Partition to int
        Of that kind; see :meth:`napari_piximi.model.gallery.Gallery.counts`.

    Returns
    -------
    labelled, partitions : str
        Empty where there are no things.
    """
    total = sum(sum(found.values()) for found in counts.values())
    if not total:
        return "", ""
    unknown = project.kinds[kind].unknown
    labelled = total - sum(counts.get(unknown, {}).values())
    by_partition = ((p, sum(found.get(p, 0) for found in counts.values())) for p in Partition)
    parts = ", ".join(f"{p.value} {count:,}" for p, count in by_partition if count)
    return f"{labelled:,} of {total:,} labelled ({percent(labelled / total)})", parts


def classifier_lines(project: Project) -> list[tuple[str, str]]:
    """Return a line and a longer text for each classifier, and for each segmentation network."""
    found = [_classifier_line(project, classifier) for classifier in project.classifiers]
    unread = "It could not be opened; saving keeps its files as they are"
    found += [(f"{name}: not usable", unread) for name in project.unread_models]
    return found + [_network_line(project, network) for network in project.networks]


def _network_line(project: Project, network: SegmentationNetwork) -> tuple[str, str]:
    kind = project.kind_name(network.kind)
    line, details = f"{network.name} (finds {kind})", f"Network {network.name} finds {kind}"
    if network.model is None:
        return f"{line}, not fitted", f"{details}, not fitted yet"
    if not network.scores:
        return line, f"{details}, not evaluated yet"
    f1 = (network.held_out_score or network.scores[-1]).f1[0]
    return f"{line}, F1 {f1:.2f}", f"{details}: F1 {f1:.3f} at an IoU of {THRESHOLDS[0]}"


def _classifier_line(project: Project, classifier: Classifier) -> tuple[str, str]:
    kind = project.kind_name(classifier.kind) if classifier.kind else "no kind"
    line = f"{classifier.name} ({kind})"
    details = f"Classifier {classifier.name} of {kind}"
    if classifier.model is None:
        return f"{line}, not fitted", f"{details}, not fitted yet"
    found = known_accuracy(classifier)
    if found is None:
        return line, f"{details}, not evaluated yet on things that it did not learn from"
    return (
        f"{line}, {percent(found.share)} right ({found.briefly})",
        f"{details}: accuracy {found.share:.1%} {found.where}",
    )


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
