"""What the paper is written from."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from helpers.data.dataset import COMPETITION_CLASSES
from helpers.data.labels import choose_examples
from helpers.files import read_json
from helpers.models.build import build_model
from helpers.models.bundle import read_bundle
from helpers.models.describe import describe_layers
from helpers.report.architecture import network_stages
from helpers.report.prose import Prose, list_words
from helpers.report.scores import CLASSIFIED, headline, main_model, scored_models
from helpers.report.show import has_table

FEW = 500  # images that judge, below which the paper calls them few
THEIRS = "unet_paper"  # the network of the U-Net paper
COMPETITION_SHAPE = (256, 1600)
EVALUATION, TAKEN_APART = "05_evaluation", "04_taken_apart"
VERDICTS = {
    1: "better than predicting nothing",
    -1: "worse than predicting nothing",
    0: "not shown to be better or worse than predicting nothing",
}
LOSS_WORDS = {
    "bce_dice_loss": "cross-entropy plus Dice loss of the whole batch",
    "bce": "cross-entropy",
    "dice_loss": "Dice loss of the whole batch",
    "class_dice_loss": "Dice loss of each class",
    "tversky": "Tversky loss",
    "focal_tversky": "focal Tversky loss",
    "focal": "focal loss",
}


@dataclass(frozen=True)
class Paper:
    """What the paper is written from.

    Attributes:
        run: the `Run`.
        prose: its numbers as words.
        dataset: its `Dataset`.
    """

    run: object
    prose: Prose
    dataset: object

    @classmethod
    def read(cls, run):
        """Read what the notebooks before wrote."""
        return cls(run, Prose(run), run.read_dataset())

    @cached_property
    def models(self):
        """Names of the networks for masks that have scores, in the order of their training."""
        return scored_models(self.prose.records)

    @cached_property
    def classifiers(self):
        """Names of the classifiers that were judged."""
        return scored_models(self.prose.records, CLASSIFIED)

    @cached_property
    def tuning(self):
        """What 05_evaluation decided, as `tuning.json` holds it; empty where it was not run."""
        path = self.run.directory / "tuning.json"
        return read_json(path) if path.is_file() else {}

    @cached_property
    def main(self):
        """The network that the paper is about: that of 05_evaluation, else the best one; None without any."""
        return main_model(self.prose.records)

    @cached_property
    def bundles(self):
        """What the bundle of each network holds, by its name."""
        return {name: read_bundle(self.run.directory / "models" / name) for name in self.models}

    @property
    def made_up(self):
        """Whether the photographs are made up."""
        return bool(self.dataset.made_up)

    @property
    def of_competition(self):
        """Whether the data set looks like the competition's, or a part of it: its classes and its image size."""
        return (
            not self.made_up
            and tuple(self.dataset.class_names) == COMPETITION_CLASSES
            and tuple(self.dataset.shape) == COMPETITION_SHAPE
        )

    def example(self):
        """An image with a defect; some image where none has any."""
        return next(iter(choose_examples(self.dataset.areas, self.dataset.class_names).values()))

    def drawn_networks(self):
        """The networks that the paper draws: the main one and that of the U-Net paper, as far as they are of this run.

        Returns:
            dict of network -> list of `Stage`; one that is no U is left out.
        """
        shown = [name for name, bundle in self.bundles.items() if name == self.main or bundle["architecture"] == THEIRS]
        drawn = {}
        for name in sorted(shown, key=lambda name: name != self.main):
            bundle = self.bundles[name]
            if bundle["architecture"] in drawn:
                continue
            model = build_model(
                bundle["architecture"], bundle["input_shape"], len(bundle["class_names"]), **bundle["arguments"]
            )
            drawn[bundle["architecture"]] = network_stages(describe_layers(model))
        return {name: stages for name, stages in drawn.items() if stages}

    def has_table(self, name):
        """Whether an earlier notebook left a table of this name."""
        return has_table(self.run, name)

    def table(self, name):
        """A table that an earlier notebook left, its cells as texts."""
        path = self.run.directory / "tables" / f"{name}.csv"
        return pd.read_csv(path, dtype=str, keep_default_na=False, index_col=0)

    def score(self, name, model=None):
        """The full name of a score of a network by the decisions of its training, the main one's unless told."""
        return f"04_segmentation.{model or self.main}.{name}"

    def headline(self, name):
        """The full name of a score of the main network: after the last step of 05_evaluation, where that was run."""
        return headline(self.prose.records, self.main, name)

    def of_which_decisions(self):
        """Of which decisions `headline` is, in words."""
        if self.headline("kaggle_dice").startswith(EVALUATION):
            return "by the decisions that ship"
        return "by the decisions of its training"

    def code(self, name):
        """A name of a model, as code; its digits are no number of the text."""
        return f"<code>{self.prose.name(name)}</code>"

    def list_codes(self, names):
        """Names of models as a list in a sentence."""
        return list_words([self.code(name) for name in names])

    def count_classes(self):
        """How many classes of defects there are, with that word."""
        number = self.dataset.num_classes
        return f"{self.prose.setting(number, 'classes of defects', spelt=True)} class{'' if number == 1 else 'es'}"

    @property
    def of_one_size(self):
        """Whether all images have the same size."""
        return len(self.dataset.images[["height", "width"]].drop_duplicates()) == 1

    def class_name(self, number):
        """The name of a class, counted from 1."""
        return self.prose.name(self.dataset.class_names[number - 1])

    def list_classes(self, numbers):
        """Names of classes as a list in a sentence."""
        return list_words([self.class_name(number) for number in numbers])

    @property
    def class_numbers(self):
        """The numbers of the classes, from 1."""
        return range(1, self.dataset.num_classes + 1)

    def judged_images(self, model=None):
        """The full name of the number of images that judge a network."""
        folds = self.prose.records[self.score("kaggle_dice", model)]["split"] == "folds"
        return f"02_preprocessing.{'images_used' if folds else 'holdout_images'}"

    def judging(self):
        """Which images judge the main network, in few words."""
        images = self.prose.count(self.judged_images(), "image")
        if self.prose.records[self.score("kaggle_dice")]["split"] == "folds":
            return f"all {images}, each predicted by a network that never saw it"
        return f"the {images} of the holdout"
