"""A network that lets out what goes into its last decision."""

from typing import Any

from napari_piximi.learn._keras import keras

__all__ = ["with_features"]


def with_features(model: Any) -> Any:  # noqa: ANN401
    """Return a model that puts out features and outputs side by side.

    The features are what goes into the last layer that has weights, averaged over what is
    left of the picture: of a SimpleCNN what was flattened, of MobileNet what was pooled.

    Parameters
    ----------
    model : keras.Model
        From one input to (N, classes). Shares its weights with the result, and is not changed.

    Returns
    -------
    keras.Model
        To (N, D + classes): D features, then what `model` puts out. No features where no
        layer has weights.
    """
    seen = _penultimate(model)
    outputs = model.outputs[0]
    if seen is None:
        return model
    flat = _flattened(seen)
    return keras.Model(model.inputs[0], keras.layers.Concatenate(name="seen")([flat, outputs]))


def _penultimate(model: Any) -> Any:  # noqa: ANN401
    """Return what goes into the last layer with weights, of nested models as a whole."""
    for layer in reversed(model.layers):
        if layer.weights:
            given = _inputs(model, layer)
            return given[0] if len(given) == 1 else keras.layers.Concatenate()(given)
    return None


def _inputs(model: Any, layer: Any) -> list[Any]:  # noqa: ANN401
    """Return what a layer is given within a model; a nested model has an input of its own too."""
    functional = getattr(model, "_functional", model)
    nodes = {id(node) for depth in functional._nodes_by_depth.values() for node in depth}
    used = [node for node in layer._inbound_nodes if id(node) in nodes]
    return list(used[-1].input_tensors)


def _flattened(seen: Any) -> Any:  # noqa: ANN401
    if len(seen.shape) == 4:
        return keras.layers.GlobalAveragePooling2D()(seen)
    return seen if len(seen.shape) == 2 else keras.layers.Flatten()(seen)
