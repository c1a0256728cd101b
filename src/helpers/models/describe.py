"""What a network is made of, and what it costs."""

import math

import keras


def describe_layers(model):
    """The layers of a model, for drawing it without TensorFlow.

    Returns:
        List of dicts: name, kind (class name), shape (height, width, channels of the output), inputs (names).
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
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += count_multiply_adds(layer)
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            # each weight meets each place of the input once
            total += math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
        elif hasattr(layer, "kernel") or hasattr(layer, "depthwise_kernel"):
            kernels = [getattr(layer, name, None) for name in ("kernel", "depthwise_kernel", "pointwise_kernel")]
            weights = sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)
            total += weights * math.prod(layer.output.shape[1:3] if len(layer.output.shape) == 4 else (1,))
    return total
