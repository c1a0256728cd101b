"""The paper's passages on what others reported, on its limits, and on what was learned."""

from helpers.data.labels import read_published
from helpers.models.length import may_end_by_draws
from helpers.report.paper.competition import competition_labels
from helpers.report.paper.facts import FEW, TAKEN_APART, VERDICTS
from helpers.report.references import cite

QUICK = ("smoke", "demo")  # profiles that show that all works, and train little


def beside_published(paper):
    """How the published figures stand beside ours."""
    prose, floor = paper.prose, competition_labels()["floor"]
    reproduced = read_published().dropna(subset="ours")["ours"]
    here = sum(prose.has(name) for name in reproduced)
    told = prose.setting(here, "published figures with a counterpart in this run", spelt=True)
    table = (
        "The table holds published figures against what the same measure gives here. They are of other images, of "
        "other splits, and mostly of longer trainings, so that a difference between the two doesn't say which system "
        "is better. A recipe of this project reproduces "
        f"{prose.setting(len(reproduced), 'published figures', spelt=True)} of them; of {'none' if not here else told} "
        "was the counterpart computed in this run."
    )
    competition = (
        f"The competition was won with a `kaggle_dice` of {prose.published('winner', 'kaggle_dice')} on its private "
        "test images. Their floor is not among the published figures; that of the competition's training images is "
        f"{prose.setting(floor, 'all_empty_dice of the training labels, from the label file', '.4f')}. Most of what "
        "looks like skill is that floor."
    )
    if paper.main and prose.has(paper.headline("above_floor")):
        won = prose.published_number("winner", "kaggle_dice") - floor
        competition += (
            " If both floors are about the same, the winner's difference to it is "
            f"{prose.setting(won, 'its kaggle_dice less that floor', '+.2f')}. That of {paper.code(paper.main)}, on "
            f"other images and with another floor, is {prose.value(paper.headline('above_floor'), '+.2f')}."
        )
    return f"{table}\n\n{competition}"


def impossible_loss(paper):
    """What leads to a loss that no correct loss can have."""
    prose = paper.prose
    loss = prose.published("small U-Net", "final loss", ".1e")
    text = [
        f"The U-Net paper trains with cross-entropy plus one minus Dice, and reports that its loss ended at {loss}. "
        "With labels that are 0 or 1 neither part can be below zero, so their sum can't be. There is a simple way to "
        "get there: masks stored as white pixels, and never divided by white. Cross-entropy of such a label, computed "
        "from logits, has no lower bound: the surer the network gets, the further it falls."
    ]
    names = [f"{TAKEN_APART}.lowest_loss_{labels}" for labels in ("logits", "clipped", "right")]
    if not prose.has(*names):
        return " ".join([*text, "The experiment that shows it, in `04_taken_apart`, is not part of this run."])
    logits, clipped, right = (prose.value(name, _loss_form(prose.number(name))) for name in names)
    text.append(
        "We trained the same network on such labels on purpose. The lowest loss of a batch was "
        f"{logits} from logits, {clipped} where probabilities are clipped first, and {right} with right labels."
    )
    text.append(
        "That is no proof of what happened in that paper, but it is one road there. Its Dice comes from the same "
        "training, and can be relied on no more than its loss. Our masks are decoded from run lengths, which can't "
        "say anything but 0 and 1, and a training stops at labels above one before its first epoch."
        if prose.number(names[0]) < 0
        else "In so few steps it didn't fall below zero yet; a longer training shows it."
    )
    return " ".join(text)


def _loss_form(value):
    """A format for a loss, which may be of any size."""
    return ".1e" if abs(value) >= 1e4 else ".2f"


def suspect_dice(paper):
    """Why the Dice of that paper says little."""
    prose, share = paper.prose, f"{TAKEN_APART}.share_found_for_published_dice"
    if not prose.has(share):
        return ""
    return (
        f"That Dice, {prose.published('small U-Net', 'batch_dice_coef')}, is flattened over the batch: all pixels of "
        "all images are one mask, so that large defects decide it. On the labels of this run, it is enough to find "
        f"the largest {prose.value(share, '.0%')} of the defects, to the pixel, and to miss all others. `defect_dice`, "
        "in which each defect weighs the same, would be that share itself."
    )


def silent_faults(paper):
    """Faults that raise no error: decoding, batches, copies."""
    prose, text = paper.prose, []
    late, dropped = f"{TAKEN_APART}.off_by_one_dice", f"{TAKEN_APART}.dropped_of_holdout"
    leaked, kept = f"{TAKEN_APART}.copies_at_random", f"{TAKEN_APART}.copies_by_group"
    if prose.has(late):
        text.append(
            "Run lengths count pixels from 1 down each column. A decoder that takes the first number as counted from "
            f"zero shifts each mask by a pixel; a perfect prediction then scores {prose.value(late)} where there is a "
            "defect."
        )
    if prose.has(dropped) and prose.number(dropped):
        images = prose.count(dropped, "image", spelt=True)
        text.append(f"A generator of whole batches drops the rest: {images} of our holdout would never be judged.")
    if prose.has(leaked, kept):
        text.append(
            f"Split at random, {prose.count(leaked, 'image', spelt=True)} of those that judge would have a copy among "
            f"those trained on; split by group, {prose.words(kept)}. A memory would pass for skill ({cite('leakage')})."
            if prose.number(leaked)
            else "Split at random, no image that judges would have a copy among those trained on here, so that such a "
            f"split would do little harm. In other data it does ({cite('leakage')}); one has to look each time."
        )
    return " ".join(["Other faults cost little each, and raise no error.", *text]) if text else ""


def limits(paper):
    """What this paper can't say."""
    prose, points = paper.prose, []
    if paper.made_up:
        points.append("**Made-up images.** Nothing about real steel follows from them.")
    if paper.main:
        judged = paper.judged_images()
        points.append(
            f"**{'Few images' if prose.number(judged) < FEW else 'Images of one kind'}.** The main network is judged "
            f"by {prose.count(judged, 'image')}. The intervals say what other images of the same kind would change. "
            "What another mill, camera or week would change, they don't say."
        )
        if list(paper.bundles[paper.main]["input_shape"]) != list(paper.dataset.shape):
            points.append(
                "**Reduced size.** The networks see smaller images than the camera took; the smallest defects suffer "
                "most."
            )
        points.append(
            "**One training each.** Another seed gives another network. Where two are close, one training of each "
            "doesn't tell which recipe is better."
        )
    training = paper.bundles[paper.main]["training"] if paper.main else {}
    if paper.of_competition and may_end_by_draws(training, training.get("minutes")):
        points.append(
            "**A length chosen on such images.** How long the main network's recipe goes on from trained weights was "
            "chosen by folds of the sample that this project was built with. Where that sample judges, as its folds "
            "do, the scores are somewhat too good."
        )
    if any(bundle["architecture"].startswith("sm_") and _at_random(bundle) for bundle in paper.bundles.values()):
        points.append(
            "**Published systems from random weights.** Nothing is downloaded here unless asked for, so that encoders "
            "which their authors took from other photographs begin at random, and have little time."
        )
    if not paper.made_up:
        points.append(
            "**Labels by people.** Some are wrong, and a network that is right against such a label is counted as "
            "wrong; we can't tell how often."
        )
    if prose.settings["profile"] in QUICK:
        points.append(
            f"**A short run.** The profile {prose.name(prose.settings['profile'])} shows that everything works; it "
            "doesn't train for long."
        )
    return "\n".join(f"- {point}" for point in points)


def _at_random(bundle):
    """Whether a network began with random weights."""
    beginning = bundle["training"].get("beginning", {})
    return not beginning.get("pretrained") and beginning.get("encoder_weights", "none") == "none"


def future_work(paper):
    """What would tell more, and what could be tried."""
    images, whole = paper.prose.number("01_eda.training_images"), competition_labels()["images"]
    photographs = "photographs from a second mill would show what of this travels"
    if paper.made_up:
        first = "The first wish is for photographs of real steel, with labels by people, not for another network."
    elif paper.of_competition and images < whole:
        first = (
            "The first wish is for more sheets, not for another network. The competition's whole training set would "
            f"give more images to judge, and so narrower intervals; {photographs}."
        )
    else:
        first = f"The first wish is for sheets of another kind, not for another network: {photographs}."
    labelled = (
        "Some hundred sheets should be labelled twice, by two people: how far they agree is the most that any model "
        "can be asked for."
    )
    return " ".join(
        [
            first,
            *([] if paper.made_up else [labelled]),
            *(["We know of no such figure for the competition's data."] if paper.of_competition else []),
            "Encoders with weights from other photographs should be tried where downloading is allowed, judged by the "
            "same images. A mill that knows what a missed defect costs, and what a good sheet, could tune for money "
            "instead of Dice: its decisions would be tuned as ours are, for another measure. And to count defects by "
            "instance segmentation, labels are needed that tell one from another.",
        ]
    )


def conclusion(paper):
    """What was learned, in a few lines."""
    prose, points = paper.prose, []
    if paper.main:
        above = paper.headline("above_floor")
        points.append(
            f"By the competition's measure {paper.code(paper.main)} is {VERDICTS[prose.sign(above)]}, with a "
            f"difference of {prose.estimate(above, '+.3f')}. A score without its floor hides this."
        )
        points.append(
            "One network has several scores. Which of them is meant, and what the decisions were tuned for, has to "
            "stand beside each."
        )
    points.append(
        "Figures that share a name can be compared only if they share measure, split and images. Of the published "
        "ones on the competition's data, hardly two do."
    )
    if prose.has(f"{TAKEN_APART}.lowest_loss_logits"):
        points.append("A loss below zero is a fault in the labels, not a success.")
    return "\n".join(f"- {point}" for point in points)
