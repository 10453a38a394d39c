"""``napari-piximi fit-network | score``: networks that find objects, and how well they do."""

from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_piximi.cli.segmenting import (
    Asked,
    ChannelNumbers,
    Download,
    Given,
    ImageNames,
    NetworkName,
    SendPixels,
    prepared,
    read_channels,
)
from napari_piximi.cli.settings import changed_settings, with_settings
from napari_piximi.cli.stopping import check_kept, tell_if_stopped
from napari_piximi.cli.terminal import (
    Bundle,
    Device,
    KindName,
    Out,
    check_out,
    choose_device,
    counted,
    naming_file,
    new_text,
    one_line,
    progress_bar,
)
from napari_piximi.errors import Cancelled, SegmentError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.networks import free_network_name
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.segment.own_networks import fit_network
from napari_piximi.segment.report import write_scores
from napari_piximi.segment.scoring import annotated_images, score_held_out, score_images

__all__ = ["fit_own", "score"]

NetworkChannels = Annotated[
    str,
    typer.Option(
        metavar="1,2,…",
        help="Which channels of the images, counted from 1, the network takes; all by default",
    ),
]
Scored = Annotated[
    str,
    typer.Option(
        help="What finds the objects, see segment --list; threshold by default, and own where "
        "a network is named"
    ),
]

SHOWN = (0, 5, 9)
"""Thresholds in the printed table: 0.5, 0.75 and 0.95."""


@with_settings(UNetSettings)
def fit_own(
    bundle: Bundle,
    kind: KindName,
    out: Out,
    name: Annotated[str, typer.Option(help="Name of the network")] = "",
    base: Annotated[
        str, typer.Option("--continue", metavar="NAME", help="Go on fitting this network")
    ] = "",
    channels: NetworkChannels = "",
    device: Device = "",
    **chosen: Any,  # noqa: ANN401
) -> None:
    """Fit a network that finds objects like the annotated ones of a kind, and save the project."""
    check_out(out)
    choose_device(device)
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    old = project.find_network(base) if base else None
    settings = changed_settings(old.settings if old else UNetSettings(), chosen)
    name = name or base or free_network_name(project)
    _check_name(project, name, key, base)
    taken = read_channels(channels, first=1) or tuple(range(project.image_channels or 1))
    with progress_bar() as progress:
        fitted = fit_network(project, key, settings, taken, name=name, base=old, progress=progress)
        check_kept(fitted.runs[-1])
        project = edits.put_network(project, fitted)
        if fitted.runs[-1].validation:
            with suppress(Cancelled):  # the fit is kept all the same
                found = score_held_out(project, fitted, progress)
                project = edits.add_score(project, name, found)
        write_bundle(project, out, progress=progress.show)
    _print_run(project.find_network(name))
    tell_if_stopped(fitted.runs[-1], out)


def _check_name(project: Project, name: str, kind: str, base: str) -> None:
    """Tell before the work, not after it, that a name cannot be taken."""
    edits.put_network(project, SegmentationNetwork(name, kind))
    if name != base and any(network.name == name for network in project.networks):
        raise SegmentError(f"--name {name!r}: there is a network of that name; choose another")


def _print_run(fitted: SegmentationNetwork) -> None:
    """Print how a fit went, and how good the network is on what it has held out."""
    run = fitted.runs[-1]
    print(
        f"{one_line(fitted.name)}: {counted(run.epochs, 'epoch')} in {run.seconds:.1f} s, "
        f"best was {run.best_epoch + 1}, on {run.device}"
    )
    best = max(run.best_epoch, 0)
    figures = [
        f"{title} {run.history[key][best]:.4f}"
        for key, title in (("val_iou", "IoU"), ("val_f1", "F1 at IoU 0.5"))
        if len(run.history.get(key, ())) > best
    ]
    if figures:
        print(f"held out: {', '.join(figures)}")
    if fitted.scores and fitted.scores[-1].run == len(fitted.runs) - 1:
        found = fitted.scores[-1]
        print(
            f"evaluated on it: F1 {found.f1[0]:.4f} at IoU 0.5, {found.f1[5]:.4f} at 0.75, "
            f"{found.matched[0]} of {counted(found.annotated, 'object')} found"
        )


def score(
    bundle: Bundle,
    kind: KindName,
    segmenter: Scored = "",
    given: Given = None,
    channels: ChannelNumbers = "",
    network: NetworkName = "",
    images: ImageNames = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save the project with the score of its network")
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Also write a table here")] = None,
    download: Download = False,
    send_pixels: SendPixels = False,
    device: Device = "",
) -> None:
    """Compare what a segmenter finds with the annotations of a kind."""
    choose_device(device)
    segmenter = segmenter or ("own" if network else "threshold")
    if out is not None:
        if segmenter != "own":
            raise SegmentError("--out: only scores of a project's own networks are saved")
        check_out(out)
    asked = Asked(segmenter, tuple(given or ()), channels, network)
    project, request, chosen, _ = prepared(
        [bundle], asked, images or (), unasked=download, send_pixels=send_pixels
    )
    key = project.find_kind(kind).id
    chosen = [image for image in annotated_images(project, key) if image in set(chosen)]
    name = request.network.name if request.network else segmenter
    with new_text(table) if table else nullcontext() as file, progress_bar() as progress:
        found, rows = score_images(project, request, key, chosen, progress)
        if table and file:
            with naming_file(table):
                write_scores(file, name, found, rows)
        if out is not None:
            write_bundle(edits.add_score(project, name, found), out, progress=progress)
    _print_score(found, rows)


def _print_score(found: SegmentationScore, rows: tuple[ScoredImage, ...]) -> None:
    print(f"{'IoU':>6}{'precision':>11}{'recall':>9}{'F1':>9}{'mean IoU':>10}")
    for place in SHOWN:
        figures = (found.precision[place], found.recall[place], found.f1[place])
        cells = "".join(
            f"{value:>{width}.4f}" for value, width in zip(figures, (11, 9, 9), strict=True)
        )
        print(f"{THRESHOLDS[place]:>6.2f}{cells}{found.mean_iou[place]:>10.4f}")
    print(f"{found.found} found, {found.annotated} annotated, on {counted(found.images, 'image')}")
    for row in rows:
        if row.trouble:
            print(f"left out: {row.trouble}")
