"""Where a training begins: at random, or with weights that were trained on something else."""

from pathlib import Path

from helpers.models.bundle import load_bundle


def begin_with(model, pretrained="", encoder_weights="none"):
    """Give a fresh network the weights to begin with.

    Args:
        model: keras.Model with fresh weights.
        pretrained: folder of a model bundle of the same network, perhaps with other classes or another image size;
            "" for none. Layers whose weights have another shape, as the last one of another number of classes has,
            keep their fresh weights.
        encoder_weights: for `sm_unet`: "none", "imagenet" (downloads), or a file.

    Returns:
        dict of plain values that tells what it begins with, for the training's settings.

    Raises:
        FileNotFoundError: there is no such bundle or file.
        ValueError: the bundle is faulty or of another network, or these encoder weights can't be had.
    """
    if pretrained:
        return _take_up_bundle(model, Path(pretrained))
    if encoder_weights != "none":
        from helpers.models.sm import load_encoder_weights

        load_encoder_weights(model, encoder_weights)
    return {"pretrained": "", "encoder_weights": str(encoder_weights)}


def _take_up_bundle(model, folder):
    """Copy the weights of all layers whose shapes agree, by the layers' names."""
    known, bundle = load_bundle(folder)
    if known.name != model.name:
        raise ValueError(
            f"{folder}: this is a bundle of {known.name}, expected {model.name}. Give one of the same network."
        )
    taken = []
    for layer in model.layers:
        try:
            weights = known.get_layer(layer.name).get_weights()
        except ValueError:
            continue
        if weights and [value.shape for value in weights] == [value.shape for value in layer.get_weights()]:
            layer.set_weights(weights)
            taken.append(layer.name)
    if not taken:
        raise ValueError(f"{folder}: no layer's weights fit. Was it trained with other widths or channels?")
    return {"pretrained": bundle["sha256"], "encoder_weights": "none", "layers_taken": len(taken)}
