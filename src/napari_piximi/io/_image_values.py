"""Bring values of any type into those that a project holds, without loss where that is possible.

===================================  =====================================================
in the file                          in the project
===================================  =====================================================
boolean                              uint8, 0 and 255
uint8, uint16                        as they are
int8, int16                          uint8 + 128, uint16 + 32,768: exact, and the same in
                                     every file, so that images stay comparable
wider integers, all in 0…65,535      uint16, exact
float, all in 0…1                    float32
float, whole numbers in 0…65,535     uint16, exact
anything else                        float32 (value − minimum) / (maximum − minimum), with one
                                     minimum and maximum for all channels, and a note
===================================  =====================================================

Where floats are not finite, not-a-number and −∞ become the minimum and +∞ the maximum of the
finite values, with a note.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError
from napari_piximi.io._image_facts import Stack
from napari_piximi.model.things import Channel, default_channels

__all__ = ["SHIFT", "bit_depth_of", "channels_of", "rescaled_note", "settle"]

SHIFT = 1 << 15
TOP = (1 << 16) - 1


def settle(stack: Stack) -> Stack:
    """Bring a stack's values into those that a project holds; see the module.

    The array itself may be changed in place.

    Returns
    -------
    Stack
        Of native uint8 or uint16, or of float32 in 0…1.

    Raises
    ------
    ImageFileError
        If the values are not numbers on one axis, or none is finite.
    """
    array = stack.array
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        return stack._replace(array=array.view(np.uint8) * np.uint8(255))
    if kind in "ui" and width <= 2:
        return stack._replace(array=_shifted(array) if kind == "i" else _native(array))
    if kind in "ui":
        return _settle_integers(stack)
    if kind == "f":
        return _settle_floats(stack)
    raise ImageFileError(f"values of type {array.dtype} are no intensities")


def bit_depth_of(array: NDArray[Any]) -> int:
    """Return Piximi's bit depth of settled values; that of floats is 16."""
    return 8 if array.dtype == np.uint8 else 16


def channels_of(array: NDArray[Any]) -> tuple[Channel, ...]:
    """Return Piximi's first look at settled values.

    Each channel is shown from its smallest to its largest value in the whole stack, as in
    Piximi; one that has the same value everywhere from 0 to that value.
    """
    top = 1.0 if array.dtype.kind == "f" else float(2 ** bit_depth_of(array) - 1)
    channels = []
    for number, channel in enumerate(default_channels(array.shape[-1])):
        values = array[..., number]
        low, high = float(values.min()) / top, float(values.max()) / top
        if low == high:
            low, high = 0.0, high or 1.0
        channels.append(Channel(channel.color, low, high, channel.visible))
    return tuple(channels)


def rescaled_note(low: float, high: float) -> str:
    """Tell that values were scaled."""
    return (
        f"its values from {low:.7g} to {high:.7g} were scaled to 0…1; "
        "intensities cannot be compared with those of other files"
    )


def _native(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _shifted(array: NDArray[Any]) -> NDArray[Any]:
    """Add half the range: in two's complement, that flips the topmost bit."""
    unsigned: NDArray[Any] = _native(array).view(f"u{array.dtype.itemsize}")
    unsigned ^= unsigned.dtype.type(1 << (8 * array.dtype.itemsize - 1))
    return unsigned


def _settle_integers(stack: Stack) -> Stack:
    low, high = int(stack.array.min()), int(stack.array.max())
    if low >= 0 and high <= TOP:
        return stack._replace(array=stack.array.astype(np.uint16))
    return _rescaled(stack, low, high)


def _settle_floats(stack: Stack) -> Stack:
    low, high, odd = _finite_range(stack.array)
    if odd:
        _replace_odd(stack.array, low, high)
        note = f"{odd} of its values were no finite numbers and became {low:.7g} or {high:.7g}"
        stack = stack._replace(notes=(*stack.notes, note))
    if low >= 0 and high <= 1:
        return stack._replace(array=stack.array.astype(np.float32, copy=False))
    if low >= 0 and high <= TOP and all((plane == np.rint(plane)).all() for plane in stack.array):
        return stack._replace(array=stack.array.astype(np.uint16))
    return _rescaled(stack, low, high)


def _finite_range(array: NDArray[Any]) -> tuple[float, float, int]:
    """Return minimum and maximum of the finite values, and how many others there are."""
    low, high, odd = np.inf, -np.inf, 0
    for plane in array:
        finite = np.isfinite(plane)
        odd += plane.size - int(finite.sum())
        low = min(low, float(plane.min(where=finite, initial=np.inf)))
        high = max(high, float(plane.max(where=finite, initial=-np.inf)))
    if low > high:
        raise ImageFileError("none of its values is a finite number")
    return low, high, odd


def _replace_odd(array: NDArray[Any], low: float, high: float) -> None:
    for plane in array:
        np.nan_to_num(plane, copy=False, nan=low, posinf=high, neginf=low)


def _rescaled(stack: Stack, low: float, high: float) -> Stack:
    """Scale plane by plane, so that no second stack of wide values is made."""
    out = stack.array if stack.array.dtype == np.float32 else np.empty(stack.array.shape, "f4")
    unit = 2.0 if math.isinf(high - low) else 1.0  # so that the range is a number
    span = (high / unit - low / unit) or 1.0
    for source, target in zip(stack.array, out, strict=True):
        target[...] = (source / np.float64(unit) - low / unit) / span
    return stack._replace(array=out, notes=(*stack.notes, rescaled_note(low, high)))
