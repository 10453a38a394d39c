"""What a user is asked before a segmenter runs: may pixels leave, may weights be fetched."""

import weakref
from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from qtpy.QtWidgets import QWidget

from napari_piximi.segment.catalog import Segmenter
from napari_piximi.ui import sending_dialog, weights_dialog
from napari_piximi.ui.segment_choice import SegmenterChoice
from napari_piximi.ui.segment_where import pixel_bytes
from napari_piximi.ui.segmenter_facts import missing_bytes
from napari_piximi.ui.workspace import Workspace

__all__ = ["host_of", "may_segment"]

_allowed: weakref.WeakKeyDictionary[object, set[tuple[str, str]]] = weakref.WeakKeyDictionary()
"""Segmenters and hosts that are not asked about again, of each session of a project."""


def may_segment(
    workspace: Workspace,
    choice: SegmenterChoice,
    images: Sequence[str],
    parent: QWidget | None = None,
    *,
    every_plane: bool,
) -> bool:
    """Ask what is to be asked before images are segmented.

    Returns
    -------
    bool
        True where all is agreed to and here; False also where another project was opened while
        a question was on the screen.
    """
    segmenter, session = choice.segmenter, workspace.session
    if segmenter is None:
        return False
    settings = choice.settings
    if segmenter.remote and not _may_send(
        workspace, choice, segmenter, images, parent, every_plane=every_plane
    ):
        return False
    if missing_bytes(segmenter, settings) and not weights_dialog.ask_weights(
        workspace, segmenter, parent
    ):
        return False
    return workspace.session is session


def _may_send(
    workspace: Workspace,
    choice: SegmenterChoice,
    segmenter: Segmenter,
    images: Sequence[str],
    parent: QWidget | None,
    *,
    every_plane: bool,
) -> bool:
    host = host_of(segmenter, choice.settings)
    allowed = _allowed.setdefault(workspace.session, set())
    if (segmenter.key, host) in allowed:
        return True
    channels = sum(channel >= 0 for channel in choice.channels)
    size = pixel_bytes(workspace.project, images, channels, every_plane=every_plane)
    agreed, always = sending_dialog.ask_sending(segmenter.title, host, len(images), size, parent)
    if always:
        allowed.add((segmenter.key, host))
    return agreed


def host_of(segmenter: Segmenter, settings: Any) -> str:  # noqa: ANN401
    """Return the name of the machine that pixels are sent to: that of the address it is set to."""
    values = [getattr(settings, setting.name) for setting in fields(settings)]
    hosts = [urlsplit(value).netloc for value in values if isinstance(value, str)]
    return next((host for host in hosts if host), f"the server of {segmenter.title}")
