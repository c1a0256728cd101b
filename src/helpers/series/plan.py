"""The steps of a series: which notebooks run, how often, and with which parameters."""

import re
from dataclasses import dataclass
from pathlib import Path

from helpers.series.parameters import SeriesError, read_parameters
from helpers.series.profiles import CLASSIFIERS, MODELS, NOTEBOOKS, PROFILES, TRAINS


@dataclass(frozen=True)
class Step:
    """One run of one notebook.

    Attributes:
        notebook: such as "04_segmentation".
        label: the name of the executed copy and of its page, such as "04_segmentation-unet_paper".
        parameters: values to inject.
    """

    notebook: str
    label: str
    parameters: dict

    @property
    def scope(self):
        """What stands before the names of the numbers that it records, such as "04_segmentation.unet_paper"."""
        return self.label.replace("-", ".", 1)


def scope_of(name):
    """The scope of the step that recorded a number of this name.

    Example:
        >>> scope_of("01_eda.training_images"), scope_of("04_segmentation.unet_paper.kaggle_dice")
        ('01_eda', '04_segmentation.unet_paper')
    """
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] in TRAINS else 1])


def place_of(name):
    """Where the notebook of a label or scope stands in the series; behind all where there is none such any more."""
    notebook = re.split(r"[.-]", name)[0]
    return NOTEBOOKS.index(notebook) if notebook in NOTEBOOKS else len(NOTEBOOKS)


def plan_steps(profile, settings, only=()):
    """The steps of a series, in order.

    Args:
        profile: one of `PROFILES`.
        settings: dict of notebook -> dict of parameters given by the user.
        only: names of the notebooks to run; all when empty.

    Returns:
        List of `Step`.

    Raises:
        SeriesError: the profile or a notebook isn't known.
    """
    if profile not in PROFILES:
        raise SeriesError(f"there is no profile {profile!r}. Choose one of: {', '.join(PROFILES)}.")
    strangers = [name for name in only if name not in NOTEBOOKS]
    if strangers:
        raise SeriesError(f"there is no notebook {strangers[0]!r}. Choose from: {', '.join(NOTEBOOKS)}.")
    steps = []
    for notebook in NOTEBOOKS:
        given = settings.get(notebook, {})
        of_profile = PROFILES[profile].get(notebook, {})
        if notebook not in TRAINS:
            steps.append(Step(notebook, notebook, of_profile | given))
            continue
        trained = MODELS[profile][notebook]
        for name in [_check_model_name(notebook, given)] if {"MODEL", "NAME"} & set(given) else trained:
            parameters = {"MODEL": name} | of_profile | trained.get(name, {})
            if "EPOCHS" in given:  # who asks for epochs doesn't want the profile's minutes
                parameters |= {"TRAIN_MINUTES": 0.0}
            parameters |= {key: value for key, value in given.items() if key != "MODEL" or value not in trained}
            if parameters["MODEL"] != name:
                parameters["NAME"] = name
            steps.append(Step(notebook, f"{notebook}-{name}", parameters))
    return [step for step in steps if not only or step.notebook in only]


def _check_model_name(notebook, given):
    """The name of what a notebook trains, where the user chose a model.

    Raises:
        SeriesError: there is a name without a model, or it is no plain one, or another notebook's.
    """
    if "MODEL" not in given:
        raise SeriesError(f"-p {notebook}.NAME: got {given['NAME']!r} without a model. Give {notebook}.MODEL, too.")
    name = given.get("NAME") or given["MODEL"]
    if not re.fullmatch(r"\w[\w-]{0,49}", name):
        raise SeriesError(f"-p {notebook}: {name!r} can't name a model. Use letters, digits, '-' and '_'.")
    if notebook == "04_segmentation" and name in CLASSIFIERS:
        raise SeriesError(f"-p {notebook}: {name!r} is a classifier's name. Choose another.")
    return name


def paths_from_root(root, step):
    """The step's parameters; a profile's paths, which are written from the project's folder, as whole paths."""
    known = read_parameters(root / "notebooks" / f"{step.notebook}.ipynb")
    return {
        name: str(root / value) if known[name].names_path(value) else value for name, value in step.parameters.items()
    }


def path_parameters(root, step):
    """The files and folders that a step's parameters name."""
    known = read_parameters(root / "notebooks" / f"{step.notebook}.ipynb")
    values = paths_from_root(root, step)
    return [Path(value) for name, value in values.items() if known[name].names_path(value)]


def check_name(name):
    """A name for run and report that is one plain folder name.

    Raises:
        SeriesError: it is none.
    """
    if not re.fullmatch(r"[\w][\w .-]{0,99}", name):
        raise SeriesError(f"--name: {name!r} can't be a folder's name. Use letters, digits, '-', '_' and '.'.")
    return name
