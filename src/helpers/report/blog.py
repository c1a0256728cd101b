"""The post for general readers: its sentences, chosen by the results."""

from dataclasses import dataclass

from helpers.data.dataset import COMPETITION_CLASSES
from helpers.files import read_json
from helpers.inference.trials import JOINED
from helpers.report.prose import Prose, list_words

EVALUATION = "05_evaluation"
OWN = "08_blog"
GOOD_DICE = 0.5  # from which two marks are said to agree


@dataclass(frozen=True)
class Story:
    """What the post tells of one run. Each method gives Markdown with the marks of `Prose`; "" leaves a sentence out.

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
        main = read_json(run.need("tuning.json"))["model"].split(JOINED)[0]
        training = read_json(run.need(f"models/{main}/bundle.json"))["training"]
        return cls(Prose(run), main, tuple(dataset.class_names), dataset.made_up, training["beginning"])

    @property
    def marked_by(self):
        """Who told where the defects are."""
        return "the program" if self.made_up else "people"

    def beforehand(self):
        """That the sheets are made up, where they are."""
        if not self.made_up:
            return ""
        return (
            "**Before you read on: the sheets on this page are made up.** The project brings no photographs along, so "
            "a program drew these, the steel and the light as well as the flaws. The learning, the tests and the "
            "numbers are real. Take this page for a rehearsal: it shows how such a test goes, and says nothing about "
            "steel from a mill."
        )

    def views(self):
        """What the picture at the top shows."""
        text = (
            f"Here is one sheet of the test: as {'the program drew it' if self.made_up else 'the camera saw it'}, with "
            f"the flaws that {self.marked_by} {'put there' if self.made_up else 'marked'}, and with those that a "
            "network marked, which had never seen it before. Cover the coloured pictures with your hand and look for "
            "yourself first. It is harder than it looks. "
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
        prose = self.prose
        names = "" if self.class_names == COMPETITION_CLASSES else f" ({list_words(map(prose.name, self.class_names))})"
        kinds = prose.setting(len(self.class_names), "kinds of flaw", spelt=True)
        each = f"{kinds} kinds{names}" if len(self.class_names) > 1 else f"{kinds} kind{names}"
        count = prose.count("01_eda.training_images", "sheet" if self.made_up else "photograph")
        if self.made_up:
            text = f"The program drew {count}{self._clean_or_not()}. For every dot of every picture it noted whether "
            text += f"the dot belongs to a flaw. There are {each} of them."
        else:
            text = f"The collection has {count}{self._clean_or_not()}. People went through them and painted over the "
            text += f"flaws by hand, in one colour for each of {each}."
        if prose.has("02_preprocessing.images_used"):
            used = prose.number("02_preprocessing.images_used")
            if used < prose.number("01_eda.training_images"):
                text += f" For this page {prose.value('02_preprocessing.images_used')} of them were used."
        return text

    def _clean_or_not(self):
        """How many sheets have a defect, as the second part of a sentence."""
        defective, clean = "01_eda.defective_images", "01_eda.clean_images"
        if not self.prose.has(defective, clean):
            return ""
        if not self.prose.number(clean):
            return ", and every one of them shows a flaw. Keep that in mind: it will matter"
        return f", {self.prose.value(defective)} with a flaw and {self.prose.value(clean)} without"

    def learning(self):
        """How the network learns."""
        prose, weights = self.prose, f"04_segmentation.{self.main}.parameters"
        dials = f" with {prose.value(weights)} dials" if prose.has(weights) else " with a great many dials"
        text = (
            f"The network is a program{dials}. It gets a picture, and answers for every dot with the chance that it "
            "belongs to a flaw. Then it is told where the flaws are, and all its dials are turned by a hair, so that "
            "the next answer gets a little better. Nobody explains to it what a scratch is. It is corrected, over and "
            "over. "
        )
        if self.beginning["pretrained"]:
            text += f"Ours had practised on another collection before ({prose.name(self.beginning['pretrained_on'])}). "
        elif self.beginning["encoder_weights"] != "none":
            text += "Ours had learned to tell everyday pictures apart before. "
        took = self._duration(f"04_segmentation.{self.main}.seconds")
        return text + (f"The learning took {took}." if took else "")

    def _duration(self, name):
        """A recorded number of seconds in words."""
        if not self.prose.has(name):
            return ""
        seconds = self.prose.number(name)
        by, unit, form = (
            (1, "seconds", ".0f")
            if seconds < 120
            else (60, "minutes", ".0f")
            if seconds < 7200
            else (3600, "hours", ".1f")
        )
        return f"{self.prose.setting(seconds / by, f'time of the training, {unit}', form)} {unit}"

    def testing(self):
        """Which sheets the network was tested on."""
        sheets = self.prose.count(f"{OWN}.judged_sheets", "sheet")
        text = (
            "What counts is how it does on sheets that it has never seen, for what it has seen it may just remember. "
        )
        if self.prose.records[f"{EVALUATION}.kaggle_dice"]["split"] == "folds":
            return text + (
                "So the work was done several times over: each time a fresh network learned from most of the sheets "
                f"and was tested on the others, until each of the {sheets} had been in a test once."
            )
        return text + f"So {sheets} stayed under lock and key until everything was settled. The test is on these alone."

    def measure(self):
        """How the competition's score is made."""
        return (
            "How do you give a mark for this? The best-known way comes from a public competition. For every sheet and "
            f"every kind of flaw, the area that the network painted is laid over the area that {self.marked_by} "
            "marked. A perfect match earns one point, no overlap none, and anything between the share that the two "
            "have in common. (That share is called *Dice*, after an ecologist who asked how often two species live "
            "side by side.) The mean of all the points is the score. There is a catch: where there is no flaw of a "
            "kind and nothing is painted, the two match as well. That earns a full point, too."
        )

    def floor(self):
        """The score beside that of predicting nothing, and what follows from it."""
        prose = self.prose
        score, floor, gain = (f"{EVALUATION}.{name}" for name in ("kaggle_dice", "all_empty_dice", "above_floor"))
        text = f"Our network scored **{prose.value(score)}**. "
        text += "That sounds like a good mark. " if prose.number(score) >= 0.7 else ""
        text += (
            "Now imagine a rival that is switched off. It never paints anything and misses every flaw there is, and "
        )
        text += f"it scores **{prose.value(floor)}**"
        text += ", since most kinds of flaw are absent from most sheets. " if prose.number(floor) > 0.5 else ". "
        text += "That is the floor: what you earn by saying nothing. "
        between = f"{self._end(gain, 'low')} and {self._end(gain, 'high')}"
        sign = prose.sign(gain)
        if self._is_silent():
            return (
                text
                + "And the network does just the same, for it says nothing, either: it painted no dot on any sheet."
            )
        if sign > 0:
            return text + (
                f"The network does better than that, by {prose.value(gain)}. Luck in the choice of sheets doesn't "
                f"explain it: with other sheets of this sort the gain should lie between {between}. But only this step "
                "above the floor has anything to do with seeing."
            )
        if sign < 0:
            return text + (
                f"The network does *worse* than that; the difference is {prose.value(gain)}. It would have got a "
                "better mark switched off. What it invents where there is no flaw costs it more than it earns where "
                "there is one."
            )
        return text + (
            f"Is the network any better? The difference is {prose.value(gain)}, but with other sheets of this sort it "
            f"could as well lie anywhere between {between}. Whether it beats the switched-off rival, these sheets "
            "can't tell."
        )

    def _end(self, name, end):
        """One end of a recorded interval."""
        record = self.prose.records[name]
        return self.prose.setting(record[end], f"{end} end of the 95 % interval: {record['definition']}")

    def _is_silent(self):
        """Whether the network predicts nothing at all."""
        names = [f"{EVALUATION}.{name}" for name in ("empty_accuracy", "defect_dice")]
        defined = [self.prose.number(name) for name in names if self.prose.has(name)]
        return defined == [1, 0]

    def found(self):
        """What is found of the defects that are there, and what is invented."""
        prose = self.prose
        dice, share, invented = (
            f"{EVALUATION}.{name}" for name in ("defect_dice", "defects_found", "false_components")
        )
        text = ""
        if prose.has(dice):
            text += (
                f"Asked only about flaws that are there, the same network earns **{prose.value(dice)}** of a point on "
                "average. "
            )
        if prose.has(share):
            text += f"Of the separate flaws it touches {prose.value(share, '.0%')} with at least one dot. "
        if prose.has(invented):
            spots = prose.value(invented, ".1f")
            text += f"And for every sheet it paints {spots} spots, on average, where there is no such flaw. "
        return text

    def looking(self):
        """How to read the pictures of what goes wrong."""
        return (
            "An average hides what is interesting. So here are the sheets on which the network did worst, first by "
            f"what it missed. At the left is what {self.marked_by} marked, in the middle what the network marked, and "
            "at the right how sure it was: black where it saw no flaw, the brighter the surer."
        )

    def alarms(self, shown):
        """How to read the false alarms.

        Args:
            shown: whether there is a picture of them.
        """
        if not shown:
            return "It invented nothing: there is no sheet on which it painted a kind of flaw that isn't there."
        return "And here by what it invented:"

    def size(self):
        """Whether large defects are outlined better than small ones."""
        prose, difference = self.prose, f"{OWN}.large_less_small"
        if not prose.has(difference):
            return ""
        large, small = prose.value(f"{OWN}.dice_of_large"), prose.value(f"{OWN}.dice_of_small")
        told = (
            f"the quarter with the largest flaws earned {large} of a point on average, that with the smallest {small}"
        )
        if prose.sign(difference) > 0:
            return (
                f"Size matters: {told}. A large flaw is hard to overlook, and a dot more or less at its edge costs "
                "little."
            )
        if prose.sign(difference) < 0:
            return f"Small flaws, of all things, came out better: {told}."
        return f"You would expect small flaws to be missed most. Here {told}, which on so few sheets may be chance."

    def blame(self):
        """Who may be wrong where the two disagree."""
        if self.made_up:
            return (
                "With made-up sheets one doubt falls away: the program knows where it put a flaw. With photographs it "
                "stays. People mark generously, each in their own way, and now and then they overlook one. Who is "
                "right then, only somebody who knows steel can say."
            )
        return (
            "Before you blame the network, look at the left column once more. People mark generously, each in their "
            "own way; now and then they overlook a flaw, or take a shadow for one. Who is right, only somebody who "
            "knows steel can say."
        )

    def mill(self):
        """What the threshold costs a mill."""
        passed, rejected = (f"{EVALUATION}.sheets_{what}_{self.main}" for what in ("passed", "rejected"))
        text = (
            "A mill doesn't count dots. It asks of every sheet: does it go to the customer, or not? The network can "
            "answer with a degree of suspicion, and people have to draw a line. Draw it low, and hardly any flawed "
            "sheet slips through, but good steel is thrown away. Draw it high, and it is the other way round. "
        )
        if not self.prose.has(passed):
            return text
        text += "We drew it low, so that nearly every flawed sheet should be caught. "
        slipped = self.prose.value(passed, ".0%")
        if not self.prose.has(rejected):
            return text + (
                f"In the test, {slipped} of the flawed sheets slipped through all the same. And how many good ones "
                "would be thrown away? Nobody can tell, for in this collection every sheet has a flaw. Where a test "
                "has no good pieces in it, that is the first thing to ask about."
            )
        text += (
            f"In the test, {slipped} of the {self.prose.count(f'{OWN}.judged_flawed', 'flawed sheet')} slipped "
            f"through, and {self.prose.value(rejected, '.0%')} of the "
            f"{self.prose.count(f'{OWN}.judged_clean', 'good one')} were thrown away. "
        )
        return text + self._price(self.prose.number(passed), self.prose.number(rejected))

    def _price(self, passed, rejected):
        """Whether a mill could live with these shares."""
        spared = self.prose.setting(1 - rejected, "share of the good sheets that are not pulled out", ".0%")
        if rejected >= 0.5:
            text = "No mill could live with that. "
            if rejected < 0.995:
                text += (
                    "But if a person looks again at each sheet that was pulled out, instead of scrapping it, the "
                    f"network still spares them a look at {spared} of the good ones. "
                )
        elif rejected >= 0.1:
            text = "That is much good steel on the scrap heap, unless a person looks again at what was pulled out. "
        else:
            text = "That is little good steel for the price. "
        if passed >= 0.1:
            text += "And it was meant to catch nearly all: what is promised on some sheets need not hold on others. "
        return text + "No score decides which of the two mistakes is dearer. Whoever pays for them must."

    def published_mill(self):
        """The same in a published system."""
        accuracy, bad, good = (
            self.prose.published("classifier B", measure, ".0%")
            for measure in ("accuracy", "recall of defective sheets", "recall of normal sheets")
        )
        return (
            f"Published systems have the same trouble. One is reported to be right on {accuracy} of its photographs. A "
            f"line further down you find that it caught {bad} of the flawed sheets, and called only {good} of the good "
            "ones good."
        )

    def copies(self):
        """Copies on both sides of the split."""
        prose, copied = self.prose, "01_eda.images_with_a_copy"
        text = (
            "**Are there copies on both sides?** Cameras catch the same stretch of steel twice, and collectors mirror "
            "and turn pictures to have more of them. If the network learns from one copy and is tested on the other, "
            "it needn't look. It can remember. "
        )
        if not prose.has(copied):
            return text
        if not prose.number(copied):
            return text + "We looked for copies, and found none in this collection."
        text += f"In this collection {prose.count(copied, 'picture has a copy', 'pictures have a copy')}. "
        dealt, theirs = "02_preprocessing.leaks_random_holdout", "02_preprocessing.leaks_the_publishers_test"
        if prose.has(dealt) and prose.number(dealt):
            text += (
                f"Had we dealt them out at random, {prose.value(dealt)} of those in the test would have had one "
                "outside it. "
            )
        if prose.has(theirs) and prose.number(theirs):
            text += (
                f"In the division that came with the collection, {prose.value(theirs)} of the test pictures have one. "
            )
        return text + "On this page copies always stay on one side."

    def measures(self):
        """Measures that go by one name."""
        prose, share = self.prose, "04_taken_apart.share_found_for_published_dice"
        best, worst = (self._ruler(choose) for choose in (max, min))
        text = (
            "**Which measure is it?** One name often stands for several things. The bars below are all of one network, "
            f"each is computed correctly, and they reach from {worst} to {best}. A paper on photographs of steel "
            f"reports a Dice of {prose.published('small U-Net', 'batch_dice_coef')}. It was taken on flawed sheets "
            "only, with all dots of many sheets thrown into one pot, where one large flaw outweighs a hundred small "
            "ones. "
        )
        if prose.has(share):
            text += (
                f"On our sheets you could reach it by finding {prose.value(share, '.0%')} of the marked areas, the "
                "largest, and missing all the others. "
            )
        return text + (
            f"The winner of the competition reached {prose.published('winner', 'kaggle_dice')}, in the measure with "
            "the floor inside. Is that better? The two don't stand on one scale, nor does either stand on ours."
        )

    def _ruler(self, choose):
        """The largest or smallest of the measures."""
        return self.prose.value(choose(self.rulers().values(), key=self.prose.number))

    def rulers(self):
        """Measures of the one network: dict of label -> name of the record; those that were recorded."""
        names = {
            "the competition's score": f"{EVALUATION}.kaggle_dice",
            "the same, if nothing is painted": f"{EVALUATION}.all_empty_dice",
            "rightly left blank": f"{EVALUATION}.empty_accuracy",
            "Dice of whole batches*": f"04_segmentation.{self.main}.validation_batch_dice_coef",
            "flaws touched at all": f"{EVALUATION}.defects_found",
            "Dice where there is a flaw": f"{EVALUATION}.defect_dice",
            "overlap by union": f"{EVALUATION}.miou",
        }
        return {label: name for label, name in names.items() if self.prose.has(name)}

    def loss(self):
        """A loss that can't be."""
        prose, fallen = self.prose, "04_taken_apart.lowest_loss_logits"
        right = "04_taken_apart.lowest_loss_right"
        text = (
            "**Can the number be true?** While a network learns, its error is summed up in one number, the *loss*. "
            "Zero is perfect, and nothing is better than perfect. The paper just mentioned prints a loss of "
            f"{prose.published('small U-Net', 'final loss', '.1e')}. "
        )
        if prose.has(fallen, right) and prose.number(fallen) < 0 <= prose.number(right):
            text += (
                "We made the same happen on purpose, by telling a network that a flawed dot counts as much as white "
                "does in a picture file, instead of one; an easy slip. Its loss fell to "
                f"{self._large(fallen)}, where with right labels it never fell below {prose.value(right, '.2f')}. "
            )
        return text + (
            "No alarm rings when that happens; the curve looks splendid. Only somebody who knows what the number means "
            "would stop."
        )

    def _large(self, name):
        """A recorded number that may have many digits."""
        return self.prose.value(name, ".1e" if abs(self.prose.number(name)) >= 1e6 else ",.0f")

    def learned(self):
        """The story in a few points."""
        prose, gain = self.prose, f"{EVALUATION}.above_floor"
        rejected = f"{EVALUATION}.sheets_rejected_{self.main}"
        sign = prose.sign(gain)
        if self._is_silent():
            points = ["The network learned to say nothing, which is the cheapest way to a fair-looking score."]
        elif sign > 0:
            points = ["The network sees something: its score lies above that of saying nothing."]
            points[0] += " But not far above." if prose.number(gain) < 0.1 else ""
        elif sign < 0:
            points = [
                "By the competition's score, the network does more harm than good. Without the floor, you wouldn't "
                "know."
            ]
        else:
            points = ["Whether the network sees more than a rival that is switched off, these sheets can't tell."]
        if prose.has(rejected):
            points.append(
                "Catching nearly every flawed sheet has a price in good ones, and it belongs into the headline."
            )
        elif prose.has(f"{EVALUATION}.sheets_passed_{self.main}"):
            points.append("What the network would do to good sheets, nobody knows: there were none to try it on.")
        points.append("A score without its floor, its measure and its worst cases is half a message.")
        return "\n".join(f"- {point}" for point in points)

    def next_steps(self):
        """What comes next."""
        if self.made_up:
            return (
                "What comes next is plain: photographs, from a real mill, and somebody who knows steel to look at "
                "those on which people and network disagree."
            )
        return (
            "What would help most? More photographs, from more than one mill, and an hour with somebody who knows "
            "steel, over the sheets on which people and network disagree. A larger network comes only after that."
        )

    def source(self, name):
        """Where the pictures come from, and whose they are.

        Args:
            name: of the data set.
        """
        if self.made_up:
            return "*Pictures: drawn by the project's own program, and free to use under its licence (MIT).*"
        shown = self.prose.name(name)
        of_competition = self.class_names == COMPETITION_CLASSES
        kind = "in the classes of the Kaggle competition Severstal: Steel Defect Detection" if of_competition else ""
        about = ", ".join(filter(None, [f"data set {shown}", kind]))
        return f"*Photographs: {about}. They belong to their owner; look up the terms before you pass them on.*"
