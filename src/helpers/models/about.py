"""What a bundle says of itself, as lines for the terminal; loads no TensorFlow."""

import contextlib
from pathlib import Path

from helpers.data.problems import one_line
from helpers.models.bundle_file import ONCE, read_bundle, taken_once
from helpers.models.length import count_passes, format_passes
from helpers.models.versions import Version
from helpers.results import format_estimate

KINDS = {1: "grey", 3: "colour"}


def about_bundle(folder):
    """What a bundle is, how it decides and how well: read from `bundle.json` alone.

    Args:
        folder: the bundle's folder.

    Returns:
        Text of several lines, without control characters, whatever the bundle holds.

    Raises:
        FileNotFoundError, ValueError: as `helpers.models.bundle_file.read_bundle`.
    """
    bundle = read_bundle(folder)
    lines = [
        ("bundle", f"{Path(folder).absolute().name}, format {bundle['format']}"),
        ("network", f"{bundle['architecture']}, gives {bundle.get('target', 'masks')}"),
        ("weights", f"{_whole(bundle.get('parameters'))}, {bundle['weights']}, SHA-256 {bundle['sha256']}"),
        ("input", f"{_size(bundle['input_shape'])}, {KINDS[bundle['channels']]}, {bundle['scaling']}"),
        ("photographs", _size(bundle["image_shape"]) if "image_shape" in bundle else "of a size that isn't told"),
        ("trained on", _training(bundle["training"])),
        ("predicted", Version.of(bundle).name),
        *_decisions(bundle),
    ]
    if ONCE in bundle:
        lines += [(f"{name}, once", words) for name, words in _decisions(taken_once(bundle))]
    if any(any(each.get("gates", ())) for each in (bundle, taken_once(bundle))):
        lines.append(("asks first", bundle["classifier"]))
    lines += [(name, _score(score)) for name, score in bundle["scores"].items()]
    lines.append(("limits", str(bundle.get("limits", "not told"))))
    width = max(len(one_line(name)) for name, _ in lines)
    return "\n".join(f"{one_line(name):{width}}  {one_line(text)}" for name, text in lines)


def limits_of(training):
    """What the scores of a bundle don't tell, for its card: a text of a few sentences.

    Args:
        training: the bundle's `training`.
    """
    if training.get("made_up_data"):
        return "It has seen made-up sheets alone. Take it to begin a training with, not to judge steel."
    seen = f"{training['images']:,} photographs" if isinstance(training.get("images"), int) else "some photographs"
    return (
        f"It has seen {seen} from one source, with its light and its camera. How far its scores can be trusted, their "
        "intervals say; on other steel, other light or other classes they say nothing. Score it on labelled images of "
        "your own before you use it, and let a person look at what it passes."
    )


def _size(sides):
    return f"{sides[0]} x {sides[1]} pixels"


def _whole(number):
    return f"{number:,}" if isinstance(number, int) else "an untold number"


def _training(training):
    """On what it was trained; what a bundle doesn't tell is left out."""
    known = [str(training.get("data_name", "data that isn't told"))]
    if isinstance(training.get("images"), int):
        known.append(f"{training['images']:,} images")
    with contextlib.suppress(KeyError, TypeError, ValueError, ArithmeticError):
        known.append(f"{format_passes(count_passes(training))} passes over them")
    return ", ".join(known)


def _decisions(bundle):
    """A line for each class: threshold, smallest mask that is believed, gate and holes."""
    for number, name in enumerate(bundle["class_names"]):
        words = [f"from a probability of {bundle['thresholds'][number]:g}"]
        words.append(f"masks of {100 * bundle['smallest_masks'][number]:g} % of the image and more")
        if any(bundle.get("gates", ())):
            clean = bundle["smallest_masks_clean"][number]
            words.append(
                f"where the classifier says less than {bundle['gates'][number]:g} "
                + ("none" if clean > 1 else f"masks of {100 * clean:g} % and more")
            )
        words += ["holes filled"] if bundle.get("filled") and bundle["filled"][number] else []
        yield name, "; ".join(words)


def _score(score):
    """A score with its interval and split, or as it stands where it is something else."""
    try:
        value = format_estimate(score["value"], score.get("low"), score.get("high"))
        return f"{value}, {score['split']}"
    except (TypeError, KeyError, AttributeError, ValueError):
        return str(score)
