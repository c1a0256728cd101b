"""The paper's passages on the method: how the main network was trained, and which images judge."""

from helpers.data.split import NUM_FOLDS
from helpers.models.length import count_passes, passes_form
from helpers.report.paper.facts import LOSS_WORDS
from helpers.report.prose import escape_markdown


def how_trained(paper):
    """How the main network was trained, by its bundle."""
    if not paper.main:
        return ""
    prose, training = paper.prose, paper.bundles[paper.main]["training"]
    passes = count_passes(training)
    loss = " plus ".join(LOSS_WORDS.get(name, escape_markdown(name)) for name in training["loss"])
    text = [
        f"{paper.code(paper.main)} is trained with {loss}, in batches of "
        f"{prose.setting(training['batch_size'], 'images in a batch')}, on "
        f"{prose.count(paper.score('training_images'), 'image')}"
        f"{', each with a defect' if training.get('defects_only') else ''}; on average each was drawn "
        f"{prose.setting(passes, 'times that each image was drawn', passes_form(passes))} times."
    ]
    if training.get("window"):
        height, width = (prose.setting(side, "pixels, window trained on", "d") for side in training["window"])
        text.append(
            f"It learns on windows of {height} x {width} pixels, since most of a strip is clean and the surroundings "
            "of defects teach most; it predicts whole images."
        )
    if training.get("lift"):
        text.append("Rare classes are drawn more often than they occur.")
    if training.get("augmentation"):
        text.append(
            "Each time that an image is drawn it is changed: mirrored, shifted or zoomed, made brighter or darker, "
            "blurred."
        )
    return " ".join([*text, _beginning(paper, training.get("beginning", {}))])


def _counted(prose, number, word):
    """A setting with its word in the right number."""
    return f"{prose.setting(number, f'{word}s')} {word}{'' if number == 1 else 's'}"


def _beginning(paper, beginning):
    """With which weights the main network began."""
    if beginning.get("pretrained"):
        return (
            f"It doesn't begin at random: {_counted(paper.prose, beginning['layers_taken'], 'layer')} take up weights "
            f"that were learned on {paper.prose.name(beginning['pretrained_on'])}."
        )
    if beginning.get("encoder_weights", "none") != "none":
        return "Its encoder begins with weights that were learned on other photographs."
    return "It begins with random weights."


def how_judged(paper):
    """Which images judge, and in how many folds."""
    prose, splits = paper.prose, {}
    for name in paper.models:
        splits.setdefault(prose.records[paper.score("kaggle_dice", name)]["split"], []).append(name)
    folds, held = splits.get("folds", []), splits.get("holdout", [])
    text = []
    if folds:
        text.append(
            f"{paper.list_codes(folds)} {'is' if len(folds) == 1 else 'are'} judged by folds: "
            f"{prose.setting(NUM_FOLDS, 'folds', spelt=True)} networks are trained, each without one part of the "
            "images, and each predicts the part that it never saw. The decisions for a fold are tuned on the others."
        )
    if held:
        text.append(
            f"{paper.list_codes(held)} {'is' if len(held) == 1 else 'are'} judged by a holdout of "
            f"{prose.count(paper.judged_images(held[0]), 'image')}, which neither training nor tuning touched."
        )
    if folds and held:
        text.append(
            "Scores on all images and scores on a part of them don't stand beside each other; the comparison in pairs "
            "takes only the images that judge both."
        )
    return " ".join(text)
