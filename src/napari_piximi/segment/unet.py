"""The U-Net: made of layers that TensorFlow.js has too."""

from typing import Any

import numpy as np

from napari_piximi.learn._keras import keras
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.segment.unet_targets import CLASSES

__all__ = ["build_unet"]


def build_unet(settings: UNetSettings, channels: int) -> keras.Model:
    """Build a network from pixels to how likely each of them is what.

    Parameters
    ----------
    settings : UNetSettings
        Depth, filters and seed.
    channels : int

    Returns
    -------
    keras.Model
        From (N, Y, X, C), Y and X multiples of 2 to the depth, to (N, Y, X, 3): probabilities
        of :data:`~napari_piximi.segment.unet_targets.CLASSES`.

    Notes
    -----
    Source: Ronneberger, Fischer and Brox (2015), with padding, batch normalisation, and nearest
    neighbours in place of transposed convolutions.
    """
    random = np.random.default_rng((settings.seed, 2))
    inputs = keras.Input((None, None, channels), name="pixels")
    flow, across = inputs, []
    for level in range(settings.depth):
        flow = _twice(flow, settings.filters * 2**level, f"down{level}", random)
        across.append(flow)
        flow = keras.layers.MaxPooling2D(2, name=f"halve{level}")(flow)
    flow = _twice(flow, settings.filters * 2**settings.depth, "bottom", random)
    for level in reversed(range(settings.depth)):
        flow = keras.layers.UpSampling2D(2, name=f"double{level}")(flow)
        flow = keras.layers.Concatenate(name=f"join{level}")([flow, across[level]])
        flow = _twice(flow, settings.filters * 2**level, f"up{level}", random)
    outputs = keras.layers.Conv2D(
        len(CLASSES),
        1,
        activation="softmax",
        kernel_initializer=_initial(random),
        name="classes",
    )(flow)
    return keras.Model(inputs, outputs, name="unet")


def _twice(flow: Any, filters: int, name: str, random: np.random.Generator) -> Any:  # noqa: ANN401
    for part in ("a", "b"):
        flow = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=_initial(random),
            name=f"{name}{part}",
        )(flow)
        flow = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}{part}_norm")(flow)
        flow = keras.layers.Activation("relu", name=f"{name}{part}_relu")(flow)
    return flow


def _initial(random: np.random.Generator) -> Any:  # noqa: ANN401
    return keras.initializers.HeNormal(seed=int(random.integers(2**31)))
