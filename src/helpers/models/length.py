"""How long a training was, in words and in passes over its images; told without loading TensorFlow."""

import math


def count_passes(trained):
    """How often as many images were drawn in a training as there are to learn from.

    An epoch of a training by the minutes is no such pass: it ends where the validation is looked at. A phase with the
    encoder frozen isn't counted.

    Args:
        trained: dict of `helpers.models.recipes.describe_training`.

    Returns:
        float, passes.
    """
    return count_steps(trained) / math.ceil(trained["images"] / trained["batch_size"])


def count_steps(trained):
    """How many batches a training took, of a dict as in `count_passes`."""
    return trained["epochs"] * trained["steps_per_epoch"]


def passes_form(passes):
    """With how many digits passes are told: as whole numbers where they are many, and never as none."""
    return ",.0f" if passes >= 10 else ".1f" if passes >= 1 else ".2g"


def format_passes(passes):
    """Passes as text, with as many digits as `passes_form` says."""
    return format(passes, passes_form(passes))


def may_end_by_draws(trained, minutes):
    """Whether a training, told as in `count_passes`, of so many minutes may have ended by its recipe's `most_draws`."""
    return bool(minutes and trained.get("most_draws") and trained.get("beginning", {}).get("pretrained"))


def describe_length(trained, minutes=0.0):
    """How often the images of a training were drawn, and what may have ended it: a few sentences.

    Args:
        trained: as in `count_passes`, with the `beginning` of `helpers.models.beginning.begin_with` where that decided
            it.
        minutes: of those that were asked for; 0 where it went by the epochs.
    """
    steps, passes = count_steps(trained), format_passes(count_passes(trained))
    told = [f"In {steps:,} steps it drew each image that it learns from {passes} times on average."]
    if minutes and not trained["minutes"]:
        told.append("It took as many steps as the network of the first fold, which learns from fewer images.")
    if may_end_by_draws(trained, minutes):
        told.append(
            f"Where its {minutes:g} minutes hold more, a training that begins with trained weights ends once whole "
            f"batches have held each image {trained['most_draws']:g} times (`most_draws`). That number was chosen by "
            "folds of the competition's sample that this project was built with: scores on those images are somewhat "
            "too good."
        )
    return " ".join(told)
