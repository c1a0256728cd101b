"""The post for general readers: its sentences, chosen by the results."""

from dataclasses import dataclass

from helpers.data.dataset import COMPETITION_CLASSES
from helpers.files import read_json
from helpers.report.prose import Prose, list_words

EVALUATION, OWN = "05_evaluation", "08_blog"
GOOD_DICE = 0.5  # from which two marks are said to agree
GOOD_SCORE = 0.7  # from which a score is said to sound good
FAR = 0.1  # from which a score is said to lie far above another
HALF, TENTH = 0.5, 0.1  # shares of sheets from which a mill's loss is said to be too large, or large


@dataclass(frozen=True)
class Story:
    """What the post tells of one run. Each method gives Markdown with the marks of `Prose`; "" leaves a piece out.

    Attributes:
        prose: the run's numbers.
        main: name of the model that the story is about.
        class_names: a name for each kind of defect.
        made_up: whether the data set was made up by the project.
        beginning: what the model's bundle tells of its first weights.
    """

    prose: Prose
    main: str
    class_names: tuple
    made_up: bool
    beginning: dict

    @classmethod
    def of(cls, run, dataset):
        """The story of a run.

        Raises:
            FileNotFoundError: the run was not evaluated yet.
        """
        main = read_json(run.need("tuning.json"))["model"]
        training = read_json(run.need(f"models/{main}/bundle.json"))["training"]
        return cls(Prose(run), main, tuple(dataset.class_names), dataset.made_up, training["beginning"])

    @property
    def marked_by(self):
        """Who told where the defects are."""
        return "the program" if self.made_up else "people"

    @property
    def sheets(self):
        """Names of the records of sheets passed and sheets rejected."""
        return tuple(f"{EVALUATION}.sheets_{what}_{self.main}" for what in ("passed", "rejected"))

    def beforehand(self):
        """That the sheets are made up, where they are."""
        if not self.made_up:
            return ""
        return (
            "**Before you read on: the sheets on this page are made up.** The project brings no photographs along, so "
            "a program drew these, steel, light and flaws. The learning, the tests and the numbers are real. Take "
            "this page for a rehearsal: it shows how such a test goes, and says nothing about steel from a mill."
        )

    def views(self):
        """What the picture at the top shows."""
        origin, told = ("the program drew it", "put there") if self.made_up else ("the camera saw it", "marked")
        text = (
            f"Here is one sheet of the test: as {origin}, with the flaws that {self.marked_by} {told}, and with those "
            "that a network marked, which had never seen it before. Cover the coloured pictures with your hand and "
            "look for yourself first. "
        )
        shown = f"{OWN}.shown_dice"
        if not self.prose.has(shown):
            return text
        dice = self.prose.number(shown)
        if dice >= GOOD_DICE:
            return text + "This is the sheet on which the two agree best; the worst come further down."
        if dice > 0:
            return text + "This is the sheet on which the two agree best, and even here they don't agree well."
        return text + "On this sheet, as on every other one of the test, the network missed the flaws."

    def data(self):
        """What there was to learn from."""
        prose, labelled, used = self.prose, "01_eda.training_images", "02_preprocessing.images_used"
        known = labelled if prose.has(labelled) else used
        kinds = f"{prose.setting(len(self.class_names), 'kinds of flaw', spelt=True)} kinds of flaw"
        names = f": {list_words([prose.name(name) for name in self.class_names])}"
        names = "" if self.class_names == COMPETITION_CLASSES else names
        several = len(self.class_names) > 1
        count = prose.count(known, "sheet" if self.made_up else "photograph")
        if self.made_up:
            text = f"The program drew {count}{self._with_and_without()}, and noted where it put the flaws."
            text += f" It knows {kinds}{names}." if several else ""
        else:
            text = f"The collection has {count}{self._with_and_without()}. People painted over the flaws by hand"
            text += f", and told {kinds} apart{names}." if several else "."
        if prose.number(used) < prose.number(known):
            text += f" For this page {prose.value(used)} of them were used."
        return text

    def _with_and_without(self):
        """How many sheets have a defect, as a part of a sentence."""
        defective, clean = "01_eda.defective_images", "01_eda.clean_images"
        if not self.prose.has(defective, clean):
            return ""
        if not self.prose.number(clean):
            return ", every one of them with a flaw (keep that in mind: it will matter)"
        return f", {self.prose.value(defective)} with a flaw and {self.prose.value(clean)} without"

    def learning(self):
        """How the network learns."""
        prose, weights = self.prose, f"04_segmentation.{self.main}.parameters"
        dials = f"{prose.value(weights)} dials" if prose.has(weights) else "a great many dials"
        text = (
            f"The network is a program with {dials}. It gets a picture, and answers for every dot with the chance that "
            "it belongs to a flaw. Then it is told where the flaws are, and all its dials are turned by a hair, so "
            "that the next answer gets a little better. Nobody explains to it what a scratch is. "
        )
        if self.beginning["pretrained"]:
            text += f"Ours had practised on another collection before ({prose.name(self.beginning['pretrained_on'])}). "
        elif self.beginning["encoder_weights"] != "none":
            text += "A part of ours had practised on other pictures before. "
        return text + self._training_time()

    def _training_time(self):
        """How long the training took, in a unit that suits."""
        name = f"04_segmentation.{self.main}.seconds"
        if not self.prose.has(name):
            return ""
        seconds = self.prose.number(name)
        unit, of_unit, form = next(
            each
            for each in (("hours", 3600, ".1f"), ("minutes", 60, ".0f"), ("seconds", 1, ".0f"))
            if seconds >= 2 * each[1] or each[1] == 1
        )
        return f"The learning took {self.prose.setting(seconds / of_unit, f'{unit} of training', form)} {unit}."

    def testing(self):
        """Which sheets the network was tested on."""
        sheets = self._judged("sheets", "sheet")
        text = "What counts is how it does on sheets that it never saw; those that it saw, it may just remember. "
        if self.prose.records[f"{EVALUATION}.kaggle_dice"]["split"] == "folds":
            return text + (
                "So the work was done several times over: each time a fresh network learned from most of the sheets "
                f"and was tested on the others, until each of the {sheets} had been in a test once."
            )
        return text + f"So {sheets} stayed under lock and key until everything was settled. The test is on these alone."

    def _judged(self, kind, word):
        """How many sheets of a kind judge."""
        return self.prose.count(f"{OWN}.judged_{kind}", word, spelt=True)

    def measure(self):
        """How the competition's score is made."""
        return (
            "How do you give a mark for this? The best-known way comes from a public competition. For every sheet and "
            f"every kind of flaw, the area that the network painted is laid over the area that {self.marked_by} "
            "marked. A perfect match earns one point, no overlap none, and half a match something between. (This is "
            "called *Dice*, after an ecologist who asked how often two species live side by side.) The mean of all "
            "points is the score. There is a catch: where there is no flaw of a kind and nothing is painted, the two "
            "match as well. That earns a full point, too."
        )

    def floor(self):
        """The score beside that of predicting nothing, and what follows from it."""
        prose = self.prose
        score, floor, gain = (f"{EVALUATION}.{name}" for name in ("kaggle_dice", "all_empty_dice", "above_floor"))
        sounds = " That sounds like a good mark." if prose.number(score) >= GOOD_SCORE else ""
        since = ", since most kinds of flaw are absent from most sheets" if prose.number(floor) > HALF else ""
        text = (
            f"Our network scored **{prose.value(score)}**.{sounds} Now imagine a rival that is switched off. It never "
            f"paints anything and misses every flaw there is, and it scores **{prose.value(floor)}**{since}. That is "
            "the floor: what you earn by saying nothing. "
        )
        if self._is_silent():
            return text + (
                "And the network does just the same, for it says nothing, either: it painted no dot on any sheet."
            )
        difference, sign = prose.value(gain), prose.sign(gain)
        between = f"{self._end(gain, 'low')} and {self._end(gain, 'high')}"
        if sign > 0:
            return text + (
                f"The network does better than that, by {difference}. Luck in the choice of sheets doesn't explain it: "
                f"with other sheets of this sort the gain would mostly lie between {between}. But only this step above "
                "the floor has anything to do with seeing."
            )
        if sign < 0:
            return text + (
                f"The network does *worse* than that; the difference is {difference}. It would have got a better mark "
                "switched off. What it invents where there is no flaw costs it more than it earns where there is one."
            )
        return text + (
            f"Is the network any better? The difference is {difference}, but with other sheets of this sort it could "
            f"as well lie anywhere between {between}. Whether it beats the switched-off rival, these sheets can't tell."
        )

    def _end(self, name, end):
        """One end of a recorded interval."""
        record = self.prose.records[name]
        return self.prose.setting(record[end], f"{end} end of the 95 % interval: {record['definition']}")

    def _is_silent(self):
        """Whether the network predicts nothing at all: every pair without a defect is right, and none with one."""
        right, dice = f"{EVALUATION}.empty_accuracy", f"{EVALUATION}.defect_dice"
        return self.prose.has(right, dice) and self.prose.number(right) == 1 and self.prose.number(dice) == 0

    def found(self):
        """What is found of the defects that are there, and what is invented."""
        prose = self.prose
        names = ("defect_dice", "defects_found", "false_components")
        dice, share, invented = (f"{EVALUATION}.{name}" for name in names)
        if self._is_silent() or not prose.has(dice, share, invented):
            return ""
        return (
            f"Asked only about flaws that are there, the same network earns **{prose.value(dice, '.2f')}** of a point "
            f"on average. Of the separate flaws it touches {prose.value(share, '.0%')} with at least one dot. And for "
            f"every sheet it paints {prose.value(invented, '.1f')} spots, on average, where there is no such flaw."
        )

    def looking(self, mistakes):
        """How to read the picture of what goes wrong.

        Args:
            mistakes: "missed" and "invented", or what there is of them.
        """
        if not mistakes:
            return "On the sheets of this test, nothing does."
        what = {
            "missed": "the sheet of which it missed the largest area",
            "invented": "the sheet on which it invented the largest",
        }
        return (
            f"An average hides what is interesting. So here is {list_words([what[kind] for kind in mistakes])}; once "
            f"as {self.marked_by} marked it, and once as the network did."
        )

    def size(self):
        """Whether large defects are outlined better than small ones."""
        prose, difference = self.prose, f"{OWN}.large_less_small"
        if self._is_silent() or not prose.has(difference):
            return ""
        large, small = (prose.value(f"{OWN}.dice_of_{size}", ".2f") for size in ("large", "small"))
        told = (
            f"the quarter with the largest flaws earned {large} of a point on average, that with the smallest {small}"
        )
        if prose.sign(difference) > 0:
            return f"Size matters: {told}."
        if prose.sign(difference) < 0:
            return f"Small flaws, of all things, came out better: {told}."
        return f"You would expect small flaws to be missed most. Here {told}, which on these sheets may be chance."

    def blame(self):
        """Who may be wrong where the two disagree."""
        if self.made_up:
            return (
                "With made-up sheets one doubt falls away: the program knows where it put a flaw. People who mark "
                "photographs do it generously, each in their own way, and now and then overlook one. Who is right "
                "then, only somebody who knows steel can say."
            )
        return (
            "Before you blame the network, look at the marks once more. People mark generously, and now and then "
            "overlook a flaw, or take a shadow for one. Who is right, only somebody who knows steel can say."
        )

    def mill(self):
        """What the threshold costs a mill."""
        prose, (passed, rejected) = self.prose, self.sheets
        text = (
            "A mill doesn't count dots. It asks of every sheet: does it go to the customer, or not? The network can "
            "answer with a degree of suspicion, and people have to draw a line. Draw it low, and hardly any flawed "
            "sheet slips through, but good steel is thrown away. Draw it high, and it is the other way round. "
        )
        if not prose.has(passed):
            return text
        text += (
            f"We drew it low, so that nearly every flawed sheet should be caught. In the test, {self._part_of(passed)} "
            f"the {self._judged('flawed', 'flawed sheet')} slipped through"
        )
        if not prose.has(rejected):
            return text + (
                ". And how many good ones would be thrown away? Nobody can tell, for in this test every sheet has a "
                "flaw. Where a test has no good pieces in it, that is the first thing to ask about."
            )
        text += f", and {self._part_of(rejected)} the {self._judged('clean', 'good one')} would have been thrown away. "
        return text + self._price(prose.number(passed), prose.number(rejected))

    def _part_of(self, name):
        """A recorded share as the beginning of "... of the sheets"."""
        words = {0: "none", 1: "all"}
        return f"{words.get(self.prose.number(name)) or self.prose.value(name, '.0%')} of"

    def _price(self, passed, rejected):
        """Whether a mill could live with these shares."""
        if rejected == 1:
            text = "That is no judgement: a rival that calls everything flawed does the same. "
        elif rejected >= HALF:
            spared = self.prose.setting(1 - rejected, "share of the good sheets that are not pulled out", ".0%")
            text = (
                "No mill could live with that, unless a person looks again at what was pulled out, and is glad to be "
                f"spared {spared} of the good ones. "
            )
        elif rejected >= TENTH:
            text = "That is much good steel on the scrap heap, unless a person looks again at what was pulled out. "
        else:
            text = "That is little good steel for the price. "
        if passed >= TENTH:
            text += "And it was meant to catch nearly all: what is set on some sheets need not hold on others. "
        return text + "Which of the two mistakes is dearer, no score decides. Whoever pays for them must."

    def published_mill(self):
        """The same in a published system."""
        accuracy, bad, good = (
            self.prose.published("classifier B", measure, ".0%")
            for measure in ("accuracy", "recall of defective sheets", "recall of normal sheets")
        )
        rejected = self.sheets[1]
        same = self.prose.has(rejected) and self.prose.number(rejected) >= TENTH
        begin = "Published systems have the same trouble. One" if same else "Take a published system. It"
        return (
            f"{begin} is reported as right on {accuracy} of its photographs. It caught {bad} of the flawed sheets, you "
            f"read further down, and called only {good} of the good ones good."
        )

    def copies(self):
        """Copies on both sides of the split."""
        prose, copied = self.prose, "01_eda.images_with_a_copy"
        text = (
            "**Are there copies on both sides?** Cameras catch the same stretch of steel twice, and collectors mirror "
            "and turn pictures to have more of them. A network that learns from one copy and is tested on the other "
            "needn't look. It can remember. "
        )
        if not prose.has(copied):
            return text
        if not prose.number(copied):
            return text + "We looked for copies, and found none in this collection."
        text += f"In this collection {prose.count(copied, 'picture has a copy', 'pictures have a copy', spelt=True)}. "
        dealt, theirs = "02_preprocessing.leaks_random_holdout", "02_preprocessing.leaks_the_publishers_test"
        if prose.has(dealt) and prose.number(dealt):
            several = ("picture whose copy lies outside it", "pictures whose copies lie outside it")
            text += f"Dealt out at random, the test would have held {prose.count(dealt, *several, spelt=True)}. "
        if prose.has(theirs) and prose.number(theirs):
            text += (
                f"As its publisher dealt them out, the test holds {prose.count(theirs, 'such picture', spelt=True)}. "
            )
        return text + "On this page copies always stay on one side."

    def measures(self):
        """Measures that go by one name."""
        worst, best = (
            self.prose.value(choose(self.rulers().values(), key=self.prose.number), ".2f") for choose in (min, max)
        )
        return (
            "**Which measure is it?** One name often stands for several things. The bars are all of our one network, "
            f"each is computed correctly, and they reach from {worst} to {best}."
        )

    def rulers(self):
        """Measures of the one network: dict of label -> name of the record; those that were recorded."""
        names = {
            "the competition's score": f"{EVALUATION}.kaggle_dice",
            "flawless and left blank": f"{EVALUATION}.empty_accuracy",
            "Dice of whole batches*": f"04_segmentation.{self.main}.validation_batch_dice_coef",
            "flaws touched at all": f"{EVALUATION}.defects_found",
            "Dice where there is a flaw": f"{EVALUATION}.defect_dice",
            "overlap by union": f"{EVALUATION}.miou",
        }
        return {label: name for label, name in names.items() if self.prose.has(name)}

    def pot(self):
        """A published Dice, and what it takes to reach it."""
        prose, share = self.prose, "04_taken_apart.share_found_for_published_dice"
        text = (
            f"A paper on photographs of steel reports a Dice of {prose.published('small U-Net', 'batch_dice_coef')}. "
            "It was taken on flawed sheets only, with all dots of many sheets thrown into one pot, where one large "
            "flaw outweighs a hundred small ones. "
        )
        if prose.has(share):
            text += (
                f"On our sheets you could find the largest {prose.value(share, '.0%')} of the marked areas, miss all "
                "the others, and reach it. "
            )
        return text + (
            f"The winner of the competition reached {prose.published('winner', 'kaggle_dice')}, in the measure with "
            "the floor inside. The two don't stand on one scale, and neither stands on ours."
        )

    def loss(self):
        """A loss that can't be."""
        prose, fallen, right = self.prose, "04_taken_apart.lowest_loss_logits", "04_taken_apart.lowest_loss_right"
        text = (
            "**Can the number be true?** While a network learns, its error is summed up in one number, the *loss*. "
            "Zero is perfect, and nothing is better than perfect. The paper just mentioned prints a loss of "
            f"{prose.published('small U-Net', 'final loss', '.1e')}. "
        )
        if prose.has(fallen, right) and prose.number(fallen) < 0 <= prose.number(right):
            text += (
                "We made the like happen on purpose, by telling a network that a flawed dot counts for more than one, "
                f"as when the white of a picture file is taken as it is. Its loss fell to {self._large(fallen)}; with "
                f"right marks it never fell below {prose.value(right, '.1f')}. "
            )
        return text + "No alarm rings when that happens; the curve looks splendid."

    def _large(self, name):
        """A recorded number that may have many digits."""
        size = abs(self.prose.number(name))
        return self.prose.value(name, ".1e" if size >= 1e6 else ",.0f" if size >= 100 else ".1f")

    def learned(self):
        """The story in a few points."""
        prose, (passed, rejected), gain = self.prose, self.sheets, f"{EVALUATION}.above_floor"
        sign = prose.sign(gain)
        if self._is_silent():
            points = ["The network learned to say nothing, the cheapest way to a fair-looking score."]
        elif sign > 0:
            far = ", if not far" if prose.number(gain) < FAR else ""
            points = [f"The network sees something: its score lies above that of saying nothing{far}."]
        elif sign < 0:
            points = ["By the competition's score the network does more harm than good. Only the floor tells."]
        else:
            points = ["Whether the network sees more than a rival that is switched off, these sheets can't tell."]
        if prose.has(rejected):
            points.append("Catching nearly every flawed sheet has a price in good ones. It belongs in the headline.")
        elif prose.has(passed):
            points.append("What the network would do to good sheets, nobody knows: there were none to try it on.")
        points.append("A score without its floor, its measure and its worst cases is half a message.")
        return "\n".join(f"- {point}" for point in points)

    def next_steps(self):
        """What comes next."""
        disagree = "the sheets on which people and network disagree"
        if self.made_up:
            return (
                "What comes next is plain: photographs, from a real mill, and somebody who knows steel, to look at "
                f"{disagree}."
            )
        return (
            "What would help most? More photographs, from more than one mill, and an hour with somebody who knows "
            f"steel, over {disagree}."
        )

    def source(self, name):
        """Where the pictures come from, and whose they are.

        Args:
            name: of the data set.
        """
        if self.made_up:
            return "*Pictures: drawn by the project's own program, and free to use under its licence (MIT).*"
        owner = "their owner"
        if self.class_names == COMPETITION_CLASSES:
            owner += " (those of the Kaggle competition Severstal: Steel Defect Detection to Severstal)"
        return (
            f"*Photographs: data set {self.prose.name(name)}. They belong to {owner}; look up the terms before you "
            "pass them on.*"
        )
