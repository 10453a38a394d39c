"""What a user should know of a segmenter before choosing it: can it run here, and what it needs."""

from dataclasses import dataclass
from typing import Any

from napari_piximi.model.project import Project
from napari_piximi.segment.catalog import Segmenter, is_installed
from napari_piximi.ui.segment_words import megabytes

__all__ = ["FACTS", "Standing", "facts", "missing_bytes", "standing"]

OWN_MODEL = "model"
"""Name of a setting: with it, the published weights are not needed."""
FACTS = ("Takes", "Finds", "Works on", "Runs", "Needs", "Download", "Licence", "Cite")
"""Headings of what there is to know."""
NAMED = 4
"""Most sorts of objects that are named."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a segmenter can run here.

    Attributes
    ----------
    note : str
        A word or two beside its title; empty where there is nothing to say.
    trouble : str
        Why it cannot run now, with what to do; empty where it can.
    copied : str
        What the user may want to copy for that.
    """

    note: str = ""
    trouble: str = ""
    copied: str = ""


def standing(segmenter: Segmenter, project: Project) -> Standing:
    """Tell whether a segmenter can run here and now; weights that are to be had are no trouble."""
    if not is_installed(segmenter):
        command = f"pip install {segmenter.package}"
        return Standing(
            "not installed",
            f"{segmenter.title} is not installed. Run this where napari is installed, and start "
            f"napari again: {command}",
            command,
        )
    if segmenter.own and not any(network.model is not None for network in project.networks):
        return Standing(
            "none trained yet",
            "The project has no network of its own yet: train one on the page “Train your own”",
        )
    size = missing_bytes(segmenter)
    if size:
        return Standing(f"{megabytes(size)} download")
    return Standing()


def missing_bytes(segmenter: Segmenter, settings: Any = None) -> int:  # noqa: ANN401
    """Return how much must be downloaded before it can run; 0 for nothing.

    Parameters
    ----------
    segmenter : Segmenter
    settings : object, optional
        With files of the user's own, nothing is to be downloaded.
    """
    own: object = getattr(settings, OWN_MODEL, None)
    if not segmenter.weights or own:
        return 0
    from napari_piximi.segment import weights

    return weights.missing_bytes(segmenter.weights)


def facts(segmenter: Segmenter) -> list[tuple[str, str]]:
    """Return what there is to know, as pairs of a heading and a text."""
    texts = (
        _channels(segmenter),
        _finds(segmenter),
        segmenter.pixel_size,
        "on another machine: pixels are sent there" if segmenter.remote else "on this machine",
        f"the package {segmenter.package}" if segmenter.package else "",
        _download(segmenter),
        segmenter.licence,
        segmenter.citation,
    )
    return [(name, text) for name, text in zip(FACTS, texts, strict=True) if text]


def _channels(segmenter: Segmenter) -> str:
    if segmenter.own:
        return "the channels that it was trained with"
    names = [
        f"{name[:-1]} (if there are any)" if name.endswith("?") else name
        for name in segmenter.channels
    ]
    count = "1 channel" if len(names) == 1 else f"{len(names)} channels"
    return f"{count}: {', '.join(names)}"


def _finds(segmenter: Segmenter) -> str:
    if not segmenter.classes:
        return f"objects of one kind, called {segmenter.kind} unless you say otherwise"
    some = ", ".join(segmenter.classes[:NAMED])
    more = ", …" if len(segmenter.classes) > NAMED else ""
    return f"{len(segmenter.classes)} sorts ({some}{more}), each a kind of its own"


def _download(segmenter: Segmenter) -> str:
    if not segmenter.weights:
        return ""
    from napari_piximi.segment import weights

    size = weights.missing_bytes(segmenter.weights)
    if not size:
        return f"nothing, the weights are here: {weights.folder(segmenter.weights)}"
    return f"{megabytes(size)} once, from {weights.host(segmenter.weights)}, when you agree"
