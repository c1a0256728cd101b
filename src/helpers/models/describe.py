"""What a network is made of, and what it costs."""

import math

import keras


def describe_layers(model):
    """The layers of a model, for drawing it without TensorFlow.

    Returns:
        List of dicts: name, kind (class name), shape (height, width, channels of the output), inputs (names),
        parameters (its own weights), multiply_adds (of one image).
    """
    described = []
    for operation in model.layers:
        nodes = operation._inbound_nodes
        inputs = [tensor._keras_history.operation.name for tensor in nodes[0].input_tensors] if nodes else []
        described.append(
            {
                "name": operation.name,
                "kind": type(operation).__name__,
                "shape": tuple(operation.output.shape[1:]),
                "inputs": inputs,
                "parameters": operation.count_params(),
                "multiply_adds": layer_multiply_adds(operation),
            }
        )
    return described


def count_multiply_adds(model):
    """Multiply-adds that one image takes in the convolutions and dense layers, the rest being small beside them.

    Args:
        model: keras.Model of a fixed input size, with networks inside it counted too.

    Returns:
        int.
    """
    return sum(map(layer_multiply_adds, model.layers))


def layer_multiply_adds(layer):
    """Multiply-adds of one layer for one image; 0 for what is no convolution or dense layer.

    Args:
        layer: keras layer of a fixed input size, or a network inside a network.

    Returns:
        int.
    """
    if isinstance(layer, keras.Model):
        return count_multiply_adds(layer)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        # each weight meets each place of the input once
        return math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
    kernels = [getattr(layer, name, None) for name in ("kernel", "depthwise_kernel", "pointwise_kernel")]
    weights = sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)
    if not weights:
        return 0
    return weights * math.prod(layer.output.shape[1:3] if len(layer.output.shape) == 4 else (1,))
