"""``napari-piximi segment``."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from napari_piximi.cli.terminal import (
    Device,
    check_out,
    choose_device,
    counted,
    one_line,
    progress_bar,
)
from napari_piximi.errors import Cancelled, EditError, ImageFileError, SegmentError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.images import image_files, read_images
from napari_piximi.io.sniffing import looks_like_bundle
from napari_piximi.model import edits
from napari_piximi.model.limits import usual_value
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.progress import Progress
from napari_piximi.segment import catalog
from napari_piximi.segment.asking import default_kind, request_of, settings_from_text
from napari_piximi.segment.results import Fate, Target, apply_outcome, check_target, fate_of
from napari_piximi.segment.running import Outcome, Request, check_request, segment_images

__all__ = ["read_sources", "segment"]

Sources = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SOURCE…", help="A project, or image files and folders of them"),
]

OutFile = Annotated[
    Path | None, typer.Option("--out", help="Where to save the project (.zip or .zarr)")
]
SegmenterKey = Annotated[str, typer.Option(help="What finds the objects; --list names them all")]
KindOfObjects = Annotated[
    str, typer.Option("--kind", help="Name of the objects' kind; by default the segmenter's")
]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the segmenter; repeat it"),
]
ChannelNumbers = Annotated[
    str,
    typer.Option(
        metavar="1,2,…",
        help="Which channels of the images, counted from 1, are taken, in the order of what "
        "takes them; 0 for one that it can do without",
    ),
]
NetworkName = Annotated[str, typer.Option(help="A network of the project, for the segmenter 'own'")]
ImageNames = Annotated[
    list[str] | None, typer.Option("--image", help="Only the image of this name; repeat it")
]
EveryPlane = Annotated[
    bool, typer.Option("--every-plane", help="All planes of stacks, not only the one on show")
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Objects of that kind on those planes go, with their categories, where any are found",
    ),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch weights that are missing, without asking")
]
SendPixels = Annotated[
    bool, typer.Option("--send-pixels", help="Allow a remote segmenter to send images away")
]
Listed = Annotated[bool, typer.Option("--list", help="List the segmenters")]


TOLD = 5
"""So many different problems are told in full."""


def segment(
    sources: Sources = None,
    out: OutFile = None,
    segmenter: SegmenterKey = "threshold",
    kind: KindOfObjects = "",
    given: Given = None,
    channels: ChannelNumbers = "",
    network: NetworkName = "",
    images: ImageNames = None,
    every_plane: EveryPlane = False,
    replace: Replace = False,
    download: Download = False,
    send_pixels: SendPixels = False,
    device: Device = "",
    listed: Listed = False,
) -> None:
    """Find the objects on images, and save the project with them."""
    if listed:
        _print_segmenters()
        return
    if not sources or out is None:
        raise SegmentError("Name a project or images, and with --out where to save the project")
    check_out(out)
    choose_device(device)
    asked = Asked(segmenter, tuple(given or ()), channels, network, every_plane=every_plane)
    project, request, chosen, unread = prepared(
        sources, asked, images or (), unasked=download, send_pixels=send_pixels
    )
    target = Target(kind or default_kind(project, request), replace)
    check_target(target)
    with progress_bar() as progress:
        outcome = segment_images(project, chosen, request, progress)
        if chosen and not outcome.parts:
            raise _stopped(outcome) or SegmentError(
                f"no image could be segmented: {_problems(outcome)}"
            )
        fate = fate_of(project, outcome, target)
        project = apply_outcome(project, outcome, target)
        write_bundle(project, out, progress=progress.show)
    done = _report(project, outcome, request, len(chosen), fate)
    problems = "; ".join(filter(None, (unread, _problems(outcome))))
    if _stopped(outcome):
        text = f"stopped: {done} of {counted(len(chosen), 'image')} done, saved in {out}"
        raise Cancelled("; ".join(filter(None, (text, problems))))
    if problems:
        raise SegmentError(f"what was found is saved, but {problems}")


@dataclass(frozen=True)
class Asked:
    """What was said of the segmenter."""

    segmenter: str
    given: tuple[str, ...]
    channels: str
    network: str
    every_plane: bool = False


def prepared(
    sources: list[Path],
    asked: Asked,
    images: Sequence[str],
    *,
    unasked: bool,
    send_pixels: bool,
) -> tuple[Project, Request, list[str], str]:
    """Read what is to be segmented, and see to all that could keep it from being so.

    Returns
    -------
    project : Project
    request : Request
    images : list of str
        Image ids.
    unread : str
        That files could not be read, if so; which and why has been printed.
    """
    about = catalog.find_segmenter(asked.segmenter)
    settings = settings_from_text(about, asked.given)
    with progress_bar() as progress:
        project, refused = read_sources(sources, progress)
    for text in refused:
        print(f"napari-piximi: not read: {text}", file=sys.stderr)
    files = len(refused) + sum(1 for _ in project.images())
    unread = f"{len(refused)} of {counted(files, 'file')} could not be read" if refused else ""
    request = request_of(
        project,
        asked.segmenter,
        settings=settings,
        channels=read_channels(asked.channels),
        every_plane=asked.every_plane,
        network=asked.network,
    )
    check_request(project, request)
    chosen = _chosen(project, images)
    _check_consent(about, len(chosen), allowed=send_pixels)
    _fetch_weights(about, settings, unasked=unasked)
    return project, request, chosen, unread


def read_sources(sources: list[Path], progress: Progress) -> tuple[Project, tuple[str, ...]]:
    """Read a project, or make one of image files and folders.

    Returns
    -------
    project : Project
    refused : tuple of str
        Of each file among several that could not be read, which it is, and why.

    Raises
    ------
    SegmentError
        If there is a project among several sources.
    BundleError, ImageFileError, EditError
        If a project, or not one of the files, can be read; or a named file is not there.
    """
    for path in sources:
        if not path.exists():
            raise ImageFileError(f"{path}: there is no such file")
    bundles = [path for path in sources if looks_like_bundle(path)]
    if bundles and len(sources) > 1:
        raise SegmentError(f"{bundles[0]}: is a project; name it alone, or images without it")
    if bundles:
        return read_bundle(sources[0]), ()
    return _read_files(new_project(sources[0].stem), image_files(sources), progress)


def _read_files(
    project: Project, files: Sequence[Path], progress: Progress
) -> tuple[Project, tuple[str, ...]]:
    unknown, refused = project.kinds[IMAGE_KIND].unknown, []
    for number, path in enumerate(files):
        progress(number, len(files), f"Reading {path.name}")
        try:
            project = edits.add_images(project, read_images(path, category=unknown))
        except (ImageFileError, EditError) as error:
            if len(files) == 1:
                raise
            text = one_line(str(error))
            refused.append(text if str(path) in text else f"{path}: {text}")
    progress(len(files), len(files))
    if len(refused) == len(files):
        raise ImageFileError(f"none of {len(files)} files could be read: {'; '.join(refused)}")
    return project, tuple(refused)


def read_channels(text: str, *, first: int = 0) -> tuple[int, ...] | None:
    """Read channels, which people count from 1; 0, where that may be said, stands for none."""
    if not text:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise SegmentError(f"--channels {text!r}: write numbers, such as 1,3") from None
    if min(numbers) < first:
        raise SegmentError(f"--channels {text!r}: channels are counted from 1")
    return tuple(number - 1 for number in numbers)


def _chosen(project: Project, names: Sequence[str]) -> list[str]:
    known = {image.name for image in project.images()}
    for name in names:
        if name not in known:
            raise SegmentError(f"--image {name!r}: the project has no image of that name")
    return [image.id for image in project.images() if not names or image.name in names]


def _check_consent(about: catalog.Segmenter, images: int, *, allowed: bool) -> None:
    if about.remote and not allowed:
        raise SegmentError(
            f"{about.title} sends the pixels of {counted(images, 'image')} to another machine; "
            "say --send-pixels if they may leave this one"
        )


def _fetch_weights(about: catalog.Segmenter, settings: dict[str, object], *, unasked: bool) -> None:
    """Fetch what is missing, if the user agrees."""
    if not about.weights or settings.get("model"):
        return
    from napari_piximi.segment import weights

    if weights.is_here(about.weights):
        return
    size, host = weights.missing_bytes(about.weights) / 1e6, weights.host(about.weights)
    question = f"{about.title} needs weights of {size:.1f} MB from {host}. Download them?"
    if not unasked and not (sys.stdin.isatty() and typer.confirm(question)):
        raise SegmentError(
            f"{about.title} needs weights of {size:.1f} MB from {host}; say --download to fetch "
            f"them, or put the files into {weights.folder(about.weights)}"
        )
    with progress_bar() as progress:
        weights.fetch(about.weights, progress)


def _stopped(outcome: Outcome) -> Cancelled | None:
    return outcome.ended if isinstance(outcome.ended, Cancelled) else None


def _report(project: Project, outcome: Outcome, request: Request, images: int, fate: Fate) -> int:
    """Print what was found on each image that is done; return how many those are."""
    counts: Counter[str] = Counter()
    for part in outcome.parts:
        counts[part.image] += len(part.found)
    for key, count in counts.items():
        print(f"{one_line(project.things[key].name)}: {counted(count, 'object')}")
    title = catalog.find_segmenter(request.segmenter).title
    found, done = counted(outcome.objects, "object"), counted(images, "image")
    print(f"{title}: {found} on {sum(map(bool, counts.values()))} of {done}")
    if fate.lost:
        print(f"{title}: {fate.lost}")
    if fate.saved:
        print(f"{title}: where nothing was found, {fate.saved}")
    if taken := _stated(request):
        print(f"{title}: {taken}, as the network states")
    return len(counts)


def _stated(request: Request) -> str:
    """Say which settings were taken from the network that was asked."""
    about, given = catalog.find_segmenter(request.segmenter), request.settings
    stated = {k: v for k, v in about.stated(given).items() if getattr(given, k) is None}
    return ", ".join(f"{name}={value:g}" for name, value in stated.items())


def _problems(outcome: Outcome) -> str:
    """Say what went wrong, each thing once; of many the first ones."""
    texts = [text for _, text in outcome.failures]
    if outcome.ended is not None and not _stopped(outcome):
        texts.append(str(outcome.ended))
    different = list(dict.fromkeys(texts))
    more = len(different) - TOLD
    return "; ".join(different[:TOLD]) + (f"; and {more} more" if more > 0 else "")


def _print_segmenters() -> None:
    for key, about in catalog.segmenters().items():
        print(f"{key:<16}{about.title}: {about.summary}")
        for title, text in _facts(about):
            if text:
                print(f"{'':<16}{title:<10}{text}")


def _facts(about: catalog.Segmenter) -> list[tuple[str, str]]:
    settings = [f"{setting.name}={usual_value(setting)}" for setting in fields(about.settings)]
    return [
        ("channels", "those of the network" if about.own else ", ".join(about.channels)),
        ("for", about.pixel_size),
        ("needs", _needs(about)),
        ("licence", about.licence),
        ("cite", about.citation),
        ("--set", ", ".join(settings)),
    ]


def _needs(about: catalog.Segmenter) -> str:
    needs = [f"pip install {about.package}"] if about.package else []
    if about.weights:
        from napari_piximi.segment import weights

        size = weights.missing_bytes(about.weights) / 1e6
        host = weights.host(about.weights)
        needs.append(f"{size:.1f} MB to download from {host}" if size else "its weights are here")
    needs += ["a network that was fitted in the project"] if about.own else []
    return ", ".join([*needs, "--send-pixels"] if about.remote else needs)
