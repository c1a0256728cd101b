"""The paper's passages on the results."""

from helpers.report.paper.facts import EVALUATION, FEW, VERDICTS
from helpers.report.prose import list_words
from helpers.report.references import cite
from helpers.report.show import has_figure

NO_EVALUATION = "The notebook `05_evaluation` was not run, so this paper can't say."


def main_result(paper):
    """How good the main network is, and against what."""
    if not paper.main:
        return "No network was trained in this run."
    prose, score = paper.prose, paper.headline
    above = prose.sign(score("above_floor"))
    text = [
        f"On {paper.judging()}, {paper.code(paper.main)} reaches a `kaggle_dice`, {paper.of_which_decisions()}, of "
        f"{prose.estimate(score('kaggle_dice'))}. Predicting nothing at all scores "
        f"{prose.value(score('all_empty_dice'))}. The difference, taken image by image, is "
        f"{prose.estimate(score('above_floor'), '+.3f')}: the network is **{VERDICTS[above]}**."
    ]
    if above < 0:
        text.append("What it loses by marking places where nothing is, is more than it gains on the defects.")
    if above == 0:
        text.append(
            "More images to judge would make the interval narrower, and might decide it."
            if prose.number(score("above_floor"))
            else "Its decisions leave it as good as an empty prediction, and no better."
        )
    if prose.has(score("defect_dice"), score("empty_accuracy")):
        text.append(
            "The two parts of that score tell more. On the pairs of image and class that do have a defect, the mean "
            f"Dice is {prose.estimate(score('defect_dice'))}. Of the pairs that have none, "
            f"{prose.estimate(score('empty_accuracy'), '.1%')} are left empty."
        )
    if len(paper.models) > 1:
        better = sum(prose.sign(paper.score("above_floor", name)) > 0 for name in paper.models)
        text.append(
            f"Of the {prose.setting(len(paper.models), 'networks that have scores', spelt=True)} networks of this run, "
            "each by the decisions of its own training, "
            f"{_many(prose, better, 'networks whose interval lies above the floor')} shown to be better than the "
            "floor; [Table](#table-07_scores) has them all."
        )
    return " ".join(text)


def _many(prose, number, about):
    """A small count with its verb."""
    return f"{'none' if not number else prose.setting(number, about, spelt=True)} {'is' if number == 1 else 'are'}"


def the_trade(paper):
    """What the decisions do to the two measures."""
    prose, score = paper.prose, paper.score
    needed = ("usual_kaggle_dice", "usual_defect_dice", "tuned_for_defect_dice_defect_dice", "defect_dice")
    if not paper.main or not prose.has(*map(score, needed)):
        return ""
    return (
        "Much of a score lies in the decisions behind the network. Here are those of its training, before any later "
        "step. With a threshold of one half for all classes, the "
        f"same probabilities give a `kaggle_dice` of {prose.value(score('usual_kaggle_dice'))} and a `defect_dice` of "
        f"{prose.value(score('usual_defect_dice'))}. Thresholds and smallest masks tuned for the first measure give "
        f"{prose.value(score('kaggle_dice'))} and {prose.value(score('defect_dice'))}; tuned for the second, "
        f"{prose.value(score('tuned_for_defect_dice_kaggle_dice'))} and "
        f"{prose.value(score('tuned_for_defect_dice_defect_dice'))}. One of these numbers without the other, and "
        "without what it was tuned for, says little."
    )


def the_steps(paper):
    """What each decision adds."""
    if not paper.has_table("05_steps"):
        return ""
    prose = paper.prose
    gains = {
        step: f"{EVALUATION}.step_{step.replace(' ', '_').replace(',', '')}_kaggle_dice_gain"
        for step in paper.table("05_steps").index[1:]
    }
    gains = {step: name for step, name in gains.items() if prose.has(name)}
    if not gains:
        return ""
    text = ["Each decision is tuned on images that don't judge, and added to those before it."]
    idle = [step for step, name in gains.items() if _is_nothing(prose.records[name])]
    firm = [step for step, name in gains.items() if prose.sign(name) > 0]
    if firm:
        most = max(firm, key=lambda step: prose.number(gains[step]))
        text.append(
            f"Most is gained by the step *{prose.name(most)}*: {prose.estimate(gains[most], '+.3f')} in `kaggle_dice`."
        )
    for sign, one, several in (
        (0, "may be chance: its interval holds zero.", "may be chance: their intervals hold zero."),
        (-1, "is a loss.", "are losses."),
    ):
        found = [
            f"*{prose.name(step)}*" for step, name in gains.items() if prose.sign(name) == sign and step not in idle
        ]
        if found:
            text.append(
                f"The gain{'s' if len(found) > 1 else ''} of {list_words(found)} {several if found[1:] else one}"
            )
    if idle:
        verb = "changes" if len(idle) == 1 else "change"
        named = list_words([f"*{prose.name(step)}*" for step in idle])
        text.append(f"The step{'s' if len(idle) > 1 else ''} {named} {verb} nothing in `kaggle_dice`.")
    return " ".join(text)


def _is_nothing(record):
    """Whether a recorded gain and both ends of its interval are zero."""
    return [record.get(part) for part in ("value", "low", "high")] == [0, 0, 0]


def by_class(paper):
    """Which class is found best and worst."""
    prose = paper.prose
    dice = {n: name for n in paper.class_numbers if prose.has(name := f"{EVALUATION}.class_{n}_defect_dice")}
    if not dice:
        return NO_EVALUATION
    best, worst = (choose(dice, key=lambda n: prose.number(dice[n])) for choose in (max, min))
    if prose.number(dice[best]) == 0:
        text = ["No class is found: for each of them, `defect_dice` is zero."]
    else:
        text = [f"Found best is {paper.class_name(best)}, with a `defect_dice` of {prose.estimate(dice[best])}."]
        if worst != best:
            text.append(f"Found worst is {paper.class_name(worst)}, with {prose.estimate(dice[worst])}.")
    if prose.number(dice[worst]) == 0 and paper.tuning.get("measure") == "kaggle_dice":
        text.append("Where masks of a class are rarely right, tuning for `kaggle_dice` learns that silence pays.")
    sides = {n: prose.sign(f"{EVALUATION}.class_{n}_above_floor") for n in dice}
    above, below = ([n for n, side in sides.items() if side == wanted] for wanted in (1, -1))
    text.append(
        f"Shown to be better than the floor on {'its' if len(above) == 1 else 'their'} own: "
        f"{paper.list_classes(above)}."
        if above
        else "No class on its own is shown to be better than the floor"
        + (": each rests on few images." if prose.number(paper.judged_images()) < FEW else ".")
    )
    if below:
        text.append(f"Shown to be worse: {paper.list_classes(below)}.")
    return " ".join(text)


def the_pairs(paper):
    """Which networks are told apart from the main one."""
    if len(paper.models) < 2:
        return "This run has no second network to compare with."
    if not paper.has_table("05_pairs"):
        return NO_EVALUATION
    prose, table = paper.prose, paper.table("05_pairs")
    text = [
        "Two scores whose intervals overlap may still differ, because the same images are hard for both. So the "
        f"networks are compared in pairs, on the same images: each of the others less {paper.code(paper.main)}."
    ]
    for measure in ("kaggle_dice", "defect_dice"):
        found = table[f"{measure}, verdict"].value_counts()
        about = f"networks beside the main one, by {measure}"
        better, worse, open_ = (int(found.get(word, 0)) for word in ("better", "worse", "not told apart"))
        sides = f"{_many(prose, better, about)} better and {_many(prose, worse, about)} worse"
        rest = f"; {_many(prose, open_, about)} not told apart from it" if open_ else ""
        text.append(f"By `{measure}`, {sides}{rest}.")
    return " ".join(text)


def the_classifiers(paper):
    """How well a whole sheet is called clean or defective."""
    prose = paper.prose
    if not paper.classifiers:
        return "No classifier was trained in this run."
    ranked = [name for name in paper.classifiers if prose.has(f"03_classifier.{name}.auc")]
    if not ranked:
        return (
            "The images that judge are all of one kind, clean or defective, so there is nothing that could be ranked."
        )
    return " ".join(
        [
            "Before asking where, one can ask whether. A classifier answers for the whole sheet, and it can stand "
            "before the masks as a gate: where it says *clean*, none is drawn.",
            *(_classifier(paper, name) for name in ranked),
            "The two thresholds, both of them in print, make two machines of one network; an accuracy alone doesn't "
            f"tell which is meant. Where a classifier looks can be seen by Grad-CAM ({cite('gradcam')}) on its own "
            "page of this report.",
        ]
    )


def _classifier(paper, name):
    """One classifier's ranking, and what two thresholds cost."""
    prose, scope = paper.prose, f"03_classifier.{name}"
    text = (
        f"{paper.code(name)} ranks a defective sheet above a clean one with a probability (AUC) of "
        f"{prose.estimate(f'{scope}.auc')}."
    )
    costs = [
        f"{scope}.at_{threshold}_sheets_{what}" for threshold in ("0_5", "0_01") for what in ("passed", "rejected")
    ]
    if not prose.has(*costs):
        return text
    passed, rejected, low_passed, low_rejected = (prose.value(cost, ".0%") for cost in costs)
    return text + (
        f" At a threshold of one half it passes {passed} of the defective sheets and rejects {rejected} of the clean "
        f"ones; at one hundredth, {low_passed} and {low_rejected}."
    )


def where_it_fails(paper):
    """Defects found and false marks."""
    prose = paper.prose
    found, false = f"{EVALUATION}.defects_found", f"{EVALUATION}.false_components"
    if not prose.has(found, false):
        return NO_EVALUATION
    text = (
        f"Of the separate pieces of defects, {prose.estimate(found, '.0%')} are touched by a mask of their class. For "
        f"each image, {prose.estimate(false, '.2f')} marks lie on nothing. A small mask has little room for error, "
        "since a row of pixels at its edge is a large part of it"
    )
    chart = "; [Figure](#figure-05_size) shows the Dice of each image and class by the area of the defects."
    return text + (chart if has_figure(paper.run, "05_size") else ".")


def the_mill(paper):
    """What a mill would get: sheets passed and rejected."""
    prose = paper.prose
    wanted, passed, rejected = (
        f"{EVALUATION}.{name}"
        for name in ("recall_wanted", f"sheets_passed_{paper.main}", f"sheets_rejected_{paper.main}")
    )
    if not prose.has(wanted, passed):
        return NO_EVALUATION
    text = [
        "A mill doesn't ask for Dice. It asks how many bad sheets pass, and how many good ones are thrown away; the "
        "one can be had for the other by a threshold. We choose the threshold that catches "
        f"{prose.value(wanted, '.0%')} of the defective sheets on images that don't judge. On those that do, "
        f"{prose.value(passed, '.1%')} of the defective sheets pass."
    ]
    if prose.has(rejected):
        text.append(
            f"Of the clean sheets, {prose.value(rejected, '.1%')} are rejected. Whether that is worth it depends on "
            "what a missed defect costs and what a good sheet: each threshold is a choice, and the mill has to make it."
        )
    else:
        text.append(
            "How many clean sheets would be rejected can't be said: there are none among the images that judge."
        )
    return " ".join(text)
