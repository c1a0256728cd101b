"""Networks by name."""

import inspect

from helpers.models.classifiers import classifier_resnet50, classifier_small
from helpers.models.deeplabv3plus import deeplabv3plus
from helpers.models.parts import is_whole
from helpers.models.resunet import resunet
from helpers.models.sm import sm_fpn, sm_pspnet, sm_unet
from helpers.models.steel_unet import steel_unet
from helpers.models.unet_paper import unet_paper, unet_wide

BUILDERS = {
    "unet_paper": unet_paper,
    "unet_wide": unet_wide,
    "resunet": resunet,
    "sm_unet": sm_unet,
    "sm_fpn": sm_fpn,
    "sm_pspnet": sm_pspnet,
    "deeplabv3plus": deeplabv3plus,
    "steel_unet": steel_unet,
    "classifier_resnet50": classifier_resnet50,
    "classifier_small": classifier_small,
}
MAX_CLASSES = 1000


def build_model(name, shape, num_classes, /, **arguments):
    """Build a network by its name.

    Args:
        name: one of `BUILDERS`.
        shape: (height, width) of the input in pixels.
        num_classes: number of defect classes.
        **arguments: what that network takes besides.

    Returns:
        keras.Model, not compiled, with fresh weights.

    Raises:
        ValueError: there is no network of that name, or what it is given makes no network. Nothing large is built
            to find that out, since a bundle may come from a stranger.
    """
    if name not in BUILDERS:
        raise ValueError(f"model: got {name!r}, which is not known. Choose one of: {', '.join(sorted(BUILDERS))}.")
    if not is_whole(num_classes) or not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(
            f"num_classes: got {num_classes!r}, expected a whole number from 1 to {MAX_CLASSES}. "
            "Take it from the data set."
        )
    taken = set(inspect.signature(BUILDERS[name]).parameters) - {"shape", "num_classes"}
    strange = sorted(set(arguments) - taken)
    if strange:
        raise ValueError(
            f"{name} takes no {', '.join(strange)}; expected none but {', '.join(sorted(taken))}. Leave it out."
        )
    channels = arguments.get("channels", 1)
    if not is_whole(channels) or channels not in (1, 3):
        raise ValueError(f"channels: got {channels!r}, expected 1 or 3. Take 1 for grey images, 3 for colour.")
    return BUILDERS[name](shape, num_classes, **arguments)


def any_size_twin(model, name, arguments):
    """The same network with the same weights, for images of any size.

    Args:
        model: keras.Model of `build_model(name, shape, num_classes, **arguments)`.
        name: one of `helpers.models.known.ANY_SIZE`.
        arguments: what it was built with.

    Returns:
        keras.Model.
    """
    twin = build_model(name, (None, None), model.output_shape[-1], **arguments)
    twin.set_weights(model.get_weights())
    return twin
