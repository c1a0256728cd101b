"""The names of what can be built and learned, known without loading TensorFlow."""

ARCHITECTURES = (
    "unet_paper",
    "unet_wide",
    "resunet",
    "sm_unet",
    "sm_fpn",
    "sm_pspnet",
    "deeplabv3plus",
    "steel_unet",
    "classifier_resnet50",
    "classifier_small",
)
TARGETS = ("masks", "defect", "defect and classes")
ANY_SIZE = ("steel_unet",)  # networks that take images of any size
MOST_PIXELS = 4096 * 4096  # of a network's input


def require_any_size(name, asked):
    """Stop where a network takes images of one size alone.

    Args:
        name: the network's name.
        asked: what needs more, to begin the message with.

    Raises:
        ValueError: it does.
    """
    if name not in ANY_SIZE:
        raise ValueError(
            f"{asked}: {name} is built for one size of image. Leave it out, or take {', '.join(ANY_SIZE)}."
        )
