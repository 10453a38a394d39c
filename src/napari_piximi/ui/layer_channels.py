"""The channels of the shown image as napari Image layers, and back."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray

from napari_piximi.model import edits
from napari_piximi.model.things import Channel, Image

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.utils.events import Event

    from napari_piximi.ui.workspace import Workspace

__all__ = [
    "ChannelLayers",
    "apply_channels_to_all",
    "scale_of",
    "set_scale",
    "units_of",
    "value_range",
]

CHANGES = ("contrast_limits", "colormap", "visible")
COLORS = {
    (1.0, 0.0, 0.0): "red",
    (0.0, 1.0, 0.0): "green",
    (0.0, 0.0, 1.0): "blue",
    (1.0, 1.0, 0.0): "yellow",
    (0.0, 1.0, 1.0): "cyan",
    (1.0, 0.0, 1.0): "magenta",
    (1.0, 1.0, 1.0): "gray",
}
"""Colours that napari has a colormap of, which goes from black to it."""
SAME = 2e-6
NARROWEST = 1e-6
SAME_COLOR = 1 / 512
DARKEST = 1 / 16


class ChannelLayers:
    """One additive Image layer for each channel of an image.

    Parameters
    ----------
    changed : callable
        Called when the user changed contrast, colour or visibility of a layer.
    """

    def __init__(self, changed: Callable[..., object]) -> None:
        self._changed = changed
        self.layers: dict[int, ImageLayer] = {}
        self.image: Image | None = None

    def show(self, image: Image, pixels: NDArray[Any]) -> list[ImageLayer]:
        """Show an image, with the layers that are there as far as they fit.

        Parameters
        ----------
        image : Image
        pixels : (Z, Y, X, C) array

        Returns
        -------
        list of Image layer
            New ones, not in the viewer yet.
        """
        self.image = None
        new: list[ImageLayer] = []
        stack = pixels[0] if pixels.shape[0] == 1 else pixels
        names = _names(image)
        for number, channel in enumerate(image.channels):
            if number not in self.layers:
                layer = ImageLayer(stack[..., number], **_look(image, channel), blending="additive")
                self._connect(layer)
                self.layers[number] = layer
                new.append(layer)
            layer = self.layers[number]
            layer.name = names[number]
            if layer not in new:
                layer.data = stack[..., number]
                set_scale(layer, image)
            _set_look(layer, image, channel)
        self.image = image
        return new

    def fits(self, image: Image) -> bool:
        """Tell whether :meth:`show` could use the layers that are there."""
        planes, _, _, channels = image.pixels.shape
        axes = 2 if planes == 1 else 3
        return set(self.layers) == set(range(channels)) and all(
            layer.ndim == axes and layer.data.dtype == image.pixels.dtype
            for layer in self.layers.values()
        )

    def hide(self) -> None:
        """Show nothing until the pixels of another image are there."""
        self.image = None
        for layer in self.layers.values():
            layer.visible = False

    def update(self, image: Image) -> None:
        """Follow the image in the project: only what differs there from before is set."""
        old, self.image = self.image, image
        if old is None:
            return
        names = _names(image) if old.name != image.name or old.channels != image.channels else None
        for number, layer in self.layers.items():
            if names is not None:
                layer.name = names[number]
            if image.channels[number] != old.channels[number]:
                _set_look(layer, image, image.channels[number])

    def channels(self) -> tuple[Channel, ...]:
        """Return the image's channels as the layers show them now."""
        assert self.image is not None
        return tuple(
            _seen(self.layers[n], self.image, channel) if n in self.layers else channel
            for n, channel in enumerate(self.image.channels)
        )

    def forget(self, layer: object) -> bool:
        """Let go of a layer; tell whether it was one of these."""
        for number, ours in list(self.layers.items()):
            if ours is layer:
                del self.layers[number]
                self._disconnect(ours)
                return True
        return False

    def take_all(self) -> list[ImageLayer]:
        """Let go of all layers and return them."""
        layers = list(self.layers.values())
        self.layers, self.image = {}, None
        for layer in layers:
            self._disconnect(layer)
        return layers

    def _connect(self, layer: ImageLayer) -> None:
        for name in CHANGES:
            getattr(layer.events, name).connect(self._note)

    def _disconnect(self, layer: ImageLayer) -> None:
        for name in CHANGES:
            getattr(layer.events, name).disconnect(self._note)

    def _note(self, event: "Event") -> None:
        if self.image is not None and self.channels() != self.image.channels:
            self._changed()


def apply_channels_to_all(workspace: "Workspace") -> bool:
    """Show all images with the colours, ranges and visibility of the image on show.

    Returns
    -------
    bool
        False where no image is on show, or the edit was refused.
    """
    workspace.layers.flush()
    shown = workspace.project.things.get(workspace.shown or "")
    if not isinstance(shown, Image):
        return False
    ids = [image.id for image in workspace.project.images()]
    label = f"Show all images like {shown.name}"
    return workspace.edit(label, edits.set_channels, ids, shown.channels)


def scale_of(image: Image) -> tuple[float, ...]:
    """Return the world size of a pixel along Z, Y and X, or Y and X of a single plane."""
    size = image.pixel_size or (1.0, 1.0, 1.0)
    return size if image.pixels.shape[0] > 1 else size[1:]


def units_of(image: Image) -> tuple[str, ...]:
    """Return the unit of each of these sizes: napari warns of every layer that has another."""
    unit = "pixel" if image.pixel_size is None else "micrometer"
    return (unit,) * len(scale_of(image))


def set_scale(layer: "Layer", image: Image) -> None:
    """Give a layer the size of an image's pixels."""
    scale = scale_of(image)
    if tuple(layer.scale) != scale:  # each time, the layer draws all anew
        layer.scale = scale
    units = units_of(image)
    if tuple(map(str, layer.units)) != units:
        layer.units = units


def value_range(image: Image) -> float:
    """Return the value that is 1.0 in a channel's range."""
    return 1.0 if image.pixels.dtype.kind == "f" else float(2**image.bit_depth - 1)


def _names(image: Image) -> list[str]:
    if len(image.channels) == 1:
        return [image.name]
    colors = [COLORS.get(channel.color) for channel in image.channels]
    return [
        f"{image.name} · {color if color and colors.count(color) == 1 else f'channel {number}'}"
        for number, color in enumerate(colors, 1)
    ]


def _colormap(channel: Channel) -> str | Colormap:
    name = COLORS.get(channel.color)
    if name is not None:
        return name
    shade = "#" + "".join(f"{round(255 * part):02X}" for part in channel.color)
    return Colormap([(0, 0, 0), channel.color], name=f"{shade}", display_name=shade)


def _limits(image: Image, channel: Channel) -> tuple[float, float]:
    """Return contrast limits that napari takes: they must not be equal."""
    top = value_range(image)
    return channel.minimum * top, max(channel.maximum, channel.minimum + NARROWEST) * top


def _whole_range(image: Image, channel: Channel) -> tuple[float, float]:
    low, high = _limits(image, channel)
    return min(0.0, low), max(value_range(image), high)


def _look(image: Image, channel: Channel) -> dict[str, Any]:
    return {
        "contrast_limits": _limits(image, channel),
        "colormap": _colormap(channel),
        "visible": channel.visible,
        "scale": scale_of(image),
        "units": units_of(image),
    }


def _set_look(layer: ImageLayer, image: Image, channel: Channel) -> None:
    """Let a layer show a channel, without a word where it does already."""
    seen = _seen(layer, image, channel)
    wanted = _whole_range(image, channel)
    if tuple(layer.contrast_limits_range) != wanted:
        layer.contrast_limits_range = wanted
    if (seen.minimum, seen.maximum) != (channel.minimum, channel.maximum):
        layer.contrast_limits = _limits(image, channel)
    if seen.color != channel.color or _top_color(layer) != channel.color:
        layer.colormap = _colormap(channel)
    layer.visible = channel.visible


def _seen(layer: ImageLayer, image: Image, channel: Channel) -> Channel:
    """Return `channel` with what a layer shows differently."""
    top = value_range(image)
    low, high = (float(limit) / top for limit in layer.contrast_limits)
    shown = low, high
    same = all(
        abs(a - b) <= SAME for a, b in zip(shown, (channel.minimum, channel.maximum), strict=True)
    )
    minimum, maximum = (channel.minimum, channel.maximum) if same else shown
    color = _top_color(layer)
    if max(color) < DARKEST or _alike(color, channel.color):
        color = channel.color
    return replace(
        channel, minimum=minimum, maximum=maximum, color=color, visible=bool(layer.visible)
    )


def _top_color(layer: ImageLayer) -> tuple[float, float, float]:
    """Return the brightest colour of a layer's colormap, as a colour on the screen."""
    red, green, blue = (round(float(part), 6) for part in np.asarray(layer.colormap.colors)[-1][:3])
    return red, green, blue


def _alike(one: Iterable[float], other: Iterable[float]) -> bool:
    return all(abs(a - b) < SAME_COLOR for a, b in zip(one, other, strict=True))
