"""The U-Net of StarDist, from its published configuration."""

from typing import TYPE_CHECKING, Any

from napari_piximi.learn._keras import keras

if TYPE_CHECKING:
    from napari_piximi.segment._star_config import StarConfig

__all__ = ["built"]


def built(config: "StarConfig") -> Any:  # noqa: ANN401
    """Build a network without its weights.

    Returns
    -------
    keras.Model
        (B, Y, X, C) to probability (B, Y/g, X/g, 1), rays (B, Y/g, X/g, K), and with
        `n_classes` probabilities of classes.

    Notes
    -----
    Source: Schmidt et al., Cell detection with star-convex polygons, MICCAI 2018, and what the
    package's configuration documents. Layers carry the names that its weights are stored under.
    """
    layers = keras.layers
    image = keras.Input((None, None, config.n_channel_in), name="input")
    x = image
    pooled: tuple[int, ...] = (1, 1)
    while pooled != config.grid:
        shrink = tuple(2 if p < g else 1 for p, g in zip(pooled, config.grid, strict=True))
        pooled = tuple(p * s for p, s in zip(pooled, shrink, strict=True))
        for _ in range(config.unet_n_conv_per_depth):
            x = _convolution(config, config.unet_n_filter_base, "")(x)
        x = layers.MaxPooling2D(shrink)(x)
    trunk = _unet(config, x)
    last = _feature(config, trunk, "features")
    heads = [
        layers.Conv2D(1, 1, name="prob", padding="same", activation="sigmoid")(last),
        layers.Conv2D(config.n_rays, 1, name="dist", padding="same")(last),
    ]
    if config.n_classes is not None:
        classes = layers.Conv2D(config.n_classes + 1, 1, name="prob_class", activation="softmax")
        heads.append(classes(_feature(config, trunk, "features_class")))
    return keras.Model(image, heads)


def _unet(config: "StarConfig", x: Any) -> Any:  # noqa: ANN401
    layers, depth, each = keras.layers, config.unet_n_depth, config.unet_n_conv_per_depth

    def width(level: int) -> int:
        return int(config.unet_n_filter_base * config.unet_expansion ** max(level, 0))

    skipped = []
    for level in range(depth):
        for number in range(each):
            x = _block(config, x, width(level), f"down_level_{level}_no_{number}")
        skipped.append(x)
        x = layers.MaxPooling2D(config.unet_pool, name=f"{config.unet_prefix}max_{level}")(x)
    for number in range(each - 1):
        x = _block(config, x, width(depth), f"middle_{number}")
    x = _block(config, x, width(depth - 1), f"middle_{each}")
    for level in reversed(range(depth)):
        x = layers.UpSampling2D(config.unet_pool)(x)
        x = layers.Concatenate()([x, skipped[level]])
        for number in range(each - 1):
            x = _block(config, x, width(level), f"up_level_{level}_no_{number}")
        last = "" if level else config.unet_last_activation
        x = _block(config, x, width(level - 1), f"up_level_{level}_no_{each}", last)
    return x


def _block(config: "StarConfig", x: Any, width: int, name: str, activation: str = "") -> Any:  # noqa: ANN401
    activation = activation or config.unet_activation
    name = config.unet_prefix + name
    if not config.unet_batch_norm:
        return _convolution(config, width, name, activation)(x)
    x = _convolution(config, width, name, "linear")(x)
    return keras.layers.Activation(activation)(keras.layers.BatchNormalization()(x))


def _convolution(config: "StarConfig", width: int, name: str, activation: str = "") -> Any:  # noqa: ANN401
    return keras.layers.Conv2D(
        width,
        config.unet_kernel_size,
        padding="same",
        activation=activation or config.unet_activation,
        name=name or None,
    )


def _feature(config: "StarConfig", x: Any, name: str) -> Any:  # noqa: ANN401
    if not config.net_conv_after_unet:
        return x
    return _convolution(config, config.net_conv_after_unet, name)(x)
