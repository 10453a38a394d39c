"""Models between TensorFlow.js's files and Keras."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi import __version__
from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import MODELS, check_topology, model_node, weight_arrays
from napari_piximi.learn._keras import keras
from napari_piximi.learn._layer_dialect import tfjs_config, weight_name
from napari_piximi.learn._model_graph import build_model, references, walk_layers
from napari_piximi.learn.layer_rows import LayerRow
from napari_piximi.model.training import ModelArtifact

__all__ = ["LayerRow", "from_keras", "summary", "to_keras"]


def to_keras(artifact: ModelArtifact) -> keras.Model:
    """Build the Keras model that an artifact describes, weights and all.

    Weights are matched by name, as TensorFlow.js does.

    Parameters
    ----------
    artifact : ModelArtifact

    Returns
    -------
    keras.Model
        A ``keras.Sequential`` where the file has one. Not compiled.

    Raises
    ------
    ModelFileError
        If the topology holds what we do not run, does not fit together, or its weights
        are missing, superfluous or of other shapes; the message names the layer or weight.
    """
    check_topology(artifact.document)
    arrays = weight_arrays(artifact)
    budget = sum(array.size for array in arrays.values())
    model = build_model(model_node(artifact.document, "model"), budget)
    targets = _named_variables(model)
    for name, array in arrays.items():
        variable = targets.pop(_target(name, targets), None)
        if variable is None:
            raise ModelFileError(f"weight {name!r} belongs to no layer of the model")
        if tuple(variable.shape) != array.shape:
            raise ModelFileError(
                f"weight {name!r} has the shape {list(array.shape)}, "
                f"its layer needs {list(variable.shape)}"
            )
        variable.assign(np.array(array))
    if targets:
        raise ModelFileError(f"weight {next(iter(targets))!r} is missing ({len(targets)} in all)")
    return model


def from_keras(model: keras.Model, metadata: Mapping[str, Any]) -> ModelArtifact:
    """Write a Keras model in the dialect of TensorFlow.js 4.2.

    Parameters
    ----------
    model : keras.Model
        Built; Sequential or functional, of layers that TensorFlow.js has.
    metadata : mapping
        Further keys of the document: what :func:`~napari_piximi.io.tfjs.piximi_metadata`
        makes.

    Returns
    -------
    ModelArtifact
        All weights as float32, trainable ones first, in a single shard.

    Raises
    ------
    ModelFileError
        If TensorFlow.js lacks a layer, or would silently ignore one of its settings, or
        two layers share a name.
    """
    topology = {
        **_model_entry(model),
        "keras_version": "tfjs-layers 4.2.0",
        "backend": "tensor_flow.js",
    }
    variables = _named_variables(model)
    # TensorFlow.js lists what trains before what does not.
    ordered = sorted(variables.items(), key=lambda item: not item[1].trainable)
    arrays = {name: _values(variable) for name, variable in ordered}
    specs = [
        {"name": name, "shape": list(array.shape), "dtype": "float32"}
        for name, array in arrays.items()
    ]
    document = {
        "modelTopology": topology,
        "format": "layers-model",
        "generatedBy": f"napari-piximi {__version__}",
        "convertedBy": None,
        "weightsManifest": [{"paths": ["./model.weights.bin"], "weights": specs}],
        **metadata,
    }
    return ModelArtifact(document, b"".join(array.tobytes() for array in arrays.values()))


def summary(artifact: ModelArtifact) -> list[LayerRow]:
    """Tabulate a model's layers, those of nested models included.

    Raises
    ------
    ModelFileError
        As for :func:`to_keras`.
    """
    return [
        LayerRow(
            name=layer.name,
            class_name=type(layer).__name__,
            output_shape=tuple(keras.tree.flatten(layer.output)[0].shape[1:]),
            parameters=sum(int(np.prod(weight.shape)) for weight in layer.weights),
            trainable=bool(layer.trainable_weights),
        )
        for layer in walk_layers(to_keras(artifact))
    ]


def _named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Weights by TensorFlow.js's names, which leave out the names of nested models."""
    named: dict[str, keras.Variable] = {}
    for layer in walk_layers(model):
        for variable in layer.weights:
            name = weight_name(layer, variable)
            if name in named:
                raise ModelFileError(
                    f"two layers are named {layer.name!r}; TensorFlow.js needs names that differ"
                )
            named[name] = variable
    return named


def _values(variable: keras.Variable) -> NDArray[np.float32]:
    # Converting the variable itself warns on one backend or the other; a plain tensor does not.
    tensor = keras.ops.stop_gradient(variable)
    return np.asarray(keras.ops.convert_to_numpy(tensor), "<f4")


def _target(name: str, targets: Mapping[str, Any]) -> str:
    """Find the layer's name for a weight.

    Converted files may have ``model/layer/weight``, ``layer/cell/weight`` or ``weight:0``.
    """
    parts = name.split(":")[0].split("/")
    spellings = (name, "/".join(parts[-2:]), "/".join([*parts[:-2], parts[-1]]))
    return next((spelling for spelling in spellings if spelling in targets), name)


def _model_entry(model: keras.Model) -> dict[str, Any]:
    if isinstance(model, keras.Sequential):
        return {"class_name": "Sequential", "config": _sequential_config(model)}
    if not hasattr(model, "operations") or len(model.operations) != len(model.layers):
        raise ModelFileError(f"model {model.name!r}: only models made of layers alone can be saved")
    return {"class_name": "Model", "config": _functional_config(model)}


def _layer_entry(layer: keras.layers.Layer) -> dict[str, Any]:
    if isinstance(layer, keras.Model):
        return _model_entry(layer)
    return {"class_name": type(layer).__name__, "config": tfjs_config(layer)}


def _sequential_config(model: keras.Sequential) -> dict[str, Any]:
    if not model.built or not model.layers:
        raise ModelFileError(f"model {model.name!r} is not built; give it an input shape")
    entries = [_layer_entry(layer) for layer in model.layers]
    if entries[0]["class_name"] not in MODELS:
        entries[0]["config"] |= {
            "batch_input_shape": list(model.input_shape),
            "dtype": "float32",
        }
    return {"name": model.name, "layers": entries}


def _functional_config(model: keras.Model) -> dict[str, Any]:
    config = model.get_config()
    nested = {layer.name for layer in model.layers if isinstance(layer, keras.Model)}
    return {
        "name": model.name,
        "layers": [
            _functional_entry(model.get_layer(entry["name"]), entry, nested)
            for entry in config["layers"]
        ],
        "input_layers": _written(config["input_layers"], nested),
        "output_layers": _written(config["output_layers"], nested),
    }


def _functional_entry(
    layer: keras.layers.Layer, entry: Mapping[str, Any], nested: set[str]
) -> dict[str, Any]:
    if isinstance(layer, keras.layers.InputLayer):
        config = {
            "batch_input_shape": list(layer.batch_shape),
            "dtype": "float32",
            "sparse": False,
            "name": layer.name,
        }
        written = {"class_name": "InputLayer", "config": config}
    else:
        written = _layer_entry(layer)
    calls = [
        [[*tensor, {}] for tensor in _written(node, nested)] for node in entry["inbound_nodes"]
    ]
    return {"name": layer.name, **written, "inbound_nodes": calls}


def _written(structure: object, nested: set[str]) -> list[list[Any]]:
    """List tensors; TensorFlow.js counts the making of a nested model as its call 0."""
    return [[name, call + (name in nested), tensor] for name, call, tensor in references(structure)]
