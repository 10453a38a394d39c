"""What a thing looks like: its channels in their colours, as Piximi shows them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.things import Channel, default_channels

__all__ = ["dim_outside", "render", "shrink"]

NARROWEST = 1e-6
"""Range that stands for one of no width: everything above it is bright."""
MEAN_OVER = 4
"""Pixels per side of a block that are averaged, at least, where a plane is shrunk a lot."""
DIMMED = 0.35


def render(
    array: NDArray[Any], channels: Sequence[Channel], bit_depth: int = 8
) -> NDArray[np.uint8]:
    """Lay the visible channels over each other, each in its colour.

    Parameters
    ----------
    array : (Y, X, C) array
        Integers are divided by 2**bit_depth − 1; floating-point values are in 0…1.
    channels : sequence of C Channel
        Piximi's first look is taken where there is another number of them.
    bit_depth : int
        8 or 16.

    Returns
    -------
    (Y, X, 3) array
        Red, green and blue; black where a value is not a number.

    Notes
    -----
    Each channel is stretched from its range to 0…1 and cut off there, multiplied by its
    colour, and all are added and cut off at 1: napari's additive blending, so that a thumbnail
    looks like the layers.
    """
    if len(channels) != array.shape[-1]:
        channels = default_channels(array.shape[-1])
    shown = [index for index, channel in enumerate(channels) if channel.visible]
    if not shown:
        return np.zeros((*array.shape[:2], 3), np.uint8)
    divisor = 2**bit_depth - 1 if array.dtype.kind in "iub" else 1
    low = np.array([channels[i].minimum for i in shown], np.float32)
    high = np.array([channels[i].maximum for i in shown], np.float32)
    span = np.maximum(high - low, np.float32(NARROWEST))
    chosen = array if len(shown) == array.shape[-1] else array[..., shown]
    with np.errstate(over="ignore", invalid="ignore"):
        values = chosen.astype(np.float32)
        values -= low * np.float32(divisor)
        values /= span * np.float32(divisor)
        np.fmin(np.fmax(values, 0, out=values), 1, out=values)  # fmax also takes NaN to 0
    colors = np.array([channels[i].color for i in shown], np.float32)
    mixed = values.reshape(-1, len(shown)) @ colors
    np.minimum(mixed, 1, out=mixed)
    mixed *= 255
    mixed += np.float32(0.5)
    return mixed.astype(np.uint8).reshape(*array.shape[:2], 3)


def shrink(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """Shrink a plane to less than twice `side`, averaging blocks of pixels.

    Parameters
    ----------
    plane : (Y, X, ...) array
    side : int
        Wished length of the longer side, in pixels; a plane not longer than twice this is
        returned as it is.

    Returns
    -------
    (Y', X', ...) array
        Of the same type; of a mask that is shrunk, the share of each block that is inside. Of
        a very large plane only some rows and columns are looked at, so
        that the time depends on `side` rather than on the plane.
    """
    factor = max(plane.shape[:2]) // max(side, 1)
    if factor < 2:
        return plane
    step = max(factor // MEAN_OVER, 1)
    block = factor // step
    part = plane[::step, ::step]
    rows, columns = (max(length // block, 1) for length in part.shape[:2])
    down, across = min(block, part.shape[0]), min(block, part.shape[1])
    total = np.zeros((rows, columns, *part.shape[2:]), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for top in range(down):
            for left in range(across):
                total += part[top::block, left::block][:rows, :columns]
        total /= down * across
        if plane.dtype.kind == "b":
            return total
        if plane.dtype.kind != "f":
            np.rint(total, out=total)
        return total.astype(plane.dtype)


def dim_outside(picture: NDArray[np.uint8], inside: NDArray[Any]) -> NDArray[np.uint8]:
    """Darken what lies outside of a mask.

    Parameters
    ----------
    picture : (Y, X, 3) array
    inside : (Y, X) array
        0 outside … 1 inside.
    """
    strength = DIMMED + (1 - DIMMED) * inside.astype(np.float32)
    return np.asarray((picture * strength[..., np.newaxis] + 0.5).astype(np.uint8))
