"""The paper's beginning: which run it is of, the abstract, and the question."""

from helpers.report.paper.facts import EVALUATION, TAKEN_APART, VERDICTS
from helpers.report.prose import list_words


def byline(paper):
    """Which run this is the paper of."""
    prose, settings = paper.prose, paper.prose.settings
    return (
        f"*Data set {prose.name(settings['data'])}, profile {prose.name(settings['profile'])}, run begun on "
        f"{prose.name(settings['started'][:10])}. Every number in the text is read from the records of this run or "
        "from the file of published figures; point at one to see what it is and which images it is of.*"
    )


def abstract(paper):
    """The paper in short."""
    prose = paper.prose
    text = [
        "Where on a steel sheet is a defect, and of which class? We train networks that answer this for each pixel, "
        f"on a data set of {prose.count('01_eda.training_images', 'labelled image')} with {paper.count_classes()} of "
        "defects, and score them on images that they never saw."
    ]
    if paper.made_up:
        text.append(
            "**The images are made up**: they show that the method works from end to end, and nothing of real steel."
        )
    text += _main_scores(paper) if paper.main else ["No network was trained in this run, so this paper has no results."]
    text.append(
        "We hold this against what has been published on the data of a Kaggle competition, and find that most of those "
        "figures can't stand beside each other: they call different measures by one name, and are taken from different "
        "images, split at random, or from sheets with a defect alone."
    )
    if prose.has(f"{TAKEN_APART}.lowest_loss_logits"):
        loss = prose.published("small U-Net", "final loss", ".1e")
        text.append(
            f"One training is reported to end at a loss of {loss}, which no correct loss can reach; we show what leads "
            "there."
        )
    return " ".join(text)


def _main_scores(paper):
    """The main network's scores, as sentences of the abstract."""
    prose, score = paper.prose, paper.headline
    text = [
        f"Our main network, {paper.code(paper.main)}, has {prose.value(paper.score('parameters'))} weights. By the "
        f"competition's measure it scores {prose.estimate(score('kaggle_dice'))}, where an empty prediction scores "
        f"{prose.value(score('all_empty_dice'))}: it is {VERDICTS[prose.sign(score('above_floor'))]}."
    ]
    if prose.has(score("defect_dice")):
        text.append(f"Where there is a defect, the mean Dice is {prose.estimate(score('defect_dice'))}.")
    if prose.has(score("empty_accuracy")):
        text.append(f"Of the masks that should be empty, {prose.value(score('empty_accuracy'), '.0%')} are.")
    if prose.has(f"{EVALUATION}.defects_found"):
        text.append(f"It touches {prose.value(f'{EVALUATION}.defects_found', '.0%')} of the separate defects.")
    return text


def what_was_asked(paper):
    """Which data the questions are put to."""
    prose, dataset = paper.prose, paper.dataset
    height, width = (prose.setting(side, "pixels", "d") for side in dataset.shape)
    classes = list_words([prose.name(name) for name in dataset.class_names])
    text = (
        f"The data set of this run is {prose.name(dataset.name)}: images of {height} x {width} pixels"
        f"{'' if paper.of_one_size else ' and of other sizes'}, with {paper.count_classes()}, "
        f"called {classes}. "
    )
    if paper.made_up:
        return text + (
            "**Its images are made up.** A program draws strips with rolling marks and defects, and labels them as it "
            "draws; no photograph of steel is among them. The numbers below say how well the method recovers what the "
            "program drew. How well it would do in a mill, they can't say."
        )
    if not paper.of_competition:
        return text + (
            "It is not the competition's data. What is said below of published figures is about that other set: it "
            "stands here for the method, not for a comparison of scores."
        )
    whole = prose.published("training set", "images", ",.0f", source="Severstal")
    here = "01_eda.training_images"
    if prose.number(here) == prose.published_number("training set", "images", source="Severstal"):
        return text + f"It is the competition's training set, all {whole} images of it."
    return text + (
        f"It has the form of the competition's data, of whose {whole} training images {prose.value(here)} are here. A "
        "part need not look like the whole: the next section compares the shares of the classes."
    )
