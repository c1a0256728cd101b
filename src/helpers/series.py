"""The series of notebooks: which there are, with which parameters, and running them in order."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from helpers.data.check import check_dataset, summarise
from helpers.files import read_json, write_csv, write_json
from helpers.report.site import write_report
from helpers.runs import CODE, Run, describe_run, find_data, git_revision, now, update_run

NOTEBOOKS = (
    "01_eda",
    "02_preprocessing",
    "03_classifier",
    "04_segmentation",
    "04_taken_apart",
    "05_evaluation",
    "06_submission",
    "07_paper",
    "08_blog",
)
TRAINS = ("03_classifier", "04_segmentation")  # notebooks that run once for each of the profile's models
OWN = ("DATA", "RUN")

# What a profile changes against the notebooks' own parameters, which are those of `demo`.
PROFILES = {
    "smoke": {
        "02_preprocessing": {"MAX_IMAGES": 24, "MAX_PIXELS": 64 * 384},
        "03_classifier": {"EPOCHS": 1},
        "04_segmentation": {"EPOCHS": 1},
        "04_taken_apart": {"STEPS": 20},
        "05_evaluation": {"CLASSIFIER": "classifier_small", "REPEATS": 10},
    },
    "demo": {"05_evaluation": {"CLASSIFIER": "classifier_small"}},
    "study": {
        "02_preprocessing": {"MAX_IMAGES": 0},
        "03_classifier": {"TRAIN_MINUTES": 5.0},
        "04_segmentation": {"TRAIN_MINUTES": 5.0},
        "04_taken_apart": {"ABLATION_MINUTES": 2.0},
        "05_evaluation": {"CLASSIFIER": "classifier_small"},
    },
    "pretrain": {
        "02_preprocessing": {"MAX_IMAGES": 0},
        "04_segmentation": {"EPOCHS": 10, "STEPS_PER_EPOCH": 1000},
    },
    "full": {
        "02_preprocessing": {"MAX_IMAGES": 0, "MAX_PIXELS": 0, "CHANNELS": 3},
        "04_taken_apart": {"ABLATION_MINUTES": 10.0},
        "05_evaluation": {"CLASSIFIER": "classifier_resnet50"},
    },
}
MADE_UP = "models/steel_unet-made-up"  # weights to begin with where images are few
TWO_STAGE = {"GATE": "classifier_resnet50"}
PUBLISHED = {
    "paper": {},
    "unet_wide": {},
    "sm_fpn": {},
    "sm_pspnet": {},
    "deeplabv3plus": {},
    "sm_unet_baseline": {},
    "resnet_unet": {},
    "resunet": TWO_STAGE,
    "resunet_tversky": TWO_STAGE,
}
CLASSIFIERS = {"classifier_small": {}, "classifier_resnet50": {}}
# What a profile trains, by the name that it gets, and what each changes against the profile.
MODELS = {
    "smoke": {"03_classifier": {"classifier_small": {}}, "04_segmentation": {"unet_paper": {}}},
    "demo": {
        "03_classifier": {"classifier_small": {"PRETRAINED": MADE_UP}},
        "04_segmentation": {"unet_paper": {}, "steel_unet": {"PRETRAINED": MADE_UP}},
    },
    "study": {
        "03_classifier": {**CLASSIFIERS, "classifier_small": {"FOLDS": True, "TRAIN_MINUTES": 3.0}},
        "04_segmentation": {
            "steel_unet": {"PRETRAINED": MADE_UP, "TRAIN_MINUTES": 20.0, "MIRRORED": True, "FOLDS": True},
            "steel_unet_short": {"MODEL": "steel_unet"},
            **PUBLISHED,
        },
    },
    "pretrain": {"03_classifier": {}, "04_segmentation": {"steel_unet": {}}},
    "full": {"03_classifier": CLASSIFIERS, "04_segmentation": {"steel_unet": {"EPOCHS": 60}, **PUBLISHED}},
}
PROFILE_NOTES = {
    "smoke": "a handful of small images, one epoch; under 3 minutes on 2 cores",
    "demo": "a sample of the data at reduced size; 15 minutes at most on 2 cores",
    "study": "all images, ours by five folds, and every published network; four hours on 2 cores, goes on when stopped",
    "pretrain": "steel_unet alone in ten thousand steps, for weights to begin with; half an hour on 2 cores",
    "full": "all images at the paper's sizes; meant for a GPU",
}


class SeriesError(Exception):
    """The series can't go on; the message is for the user, whole as it is."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook: its name, its value as Python, and the comment beside it."""

    name: str
    default: object
    note: str

    @property
    def is_path(self):
        """Whether the value is a path: its comment begins with that word."""
        return self.note.startswith("path")


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


def default_profile():
    """`full` where there is a GPU, else `demo`."""
    driver = shutil.which("nvidia-smi")
    if driver and "GPU 0" in subprocess.run([driver, "-L"], capture_output=True, text=True, check=False).stdout:
        return "full"
    return "demo"


def read_parameters(path):
    """The parameters of a notebook, by name, from its cell tagged `parameters`.

    Raises:
        SeriesError: there isn't exactly one such cell, or a value in it is no literal.
    """
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise SeriesError(f"{path.name}: {len(cells)} cells are tagged `parameters`; expected one.")
    source = cells[0].source
    lines = source.splitlines()
    found = {}
    for statement in ast.parse(source).body:
        try:
            (target,) = statement.targets
            value = ast.literal_eval(statement.value)
        except (AttributeError, ValueError):
            line = lines[statement.lineno - 1]
            raise SeriesError(f"{path.name}: {line!r} in the parameters is no `NAME = literal`.") from None
        note = lines[statement.end_lineno - 1][statement.end_col_offset :].strip().lstrip("#").strip()
        found[target.id] = Parameter(target.id, value, note)
    return found


def parse_setting(name, text, root):
    """One `-p NOTEBOOK.NAME VALUE` of the command line, checked against the notebook.

    Args:
        name: "NOTEBOOK.NAME".
        text: the value as typed.
        root: the project's folder.

    Returns:
        (notebook, parameter's name, value).

    Raises:
        SeriesError: there is no such notebook or parameter, or the value is of another kind.
    """
    notebook, _, parameter_name = name.partition(".")
    if notebook not in NOTEBOOKS:
        raise SeriesError(f"-p {name}: there is no notebook {notebook!r}. Choose one of: {', '.join(NOTEBOOKS)}.")
    parameters = read_parameters(root / "notebooks" / f"{notebook}.ipynb")
    settable = sorted(set(parameters) - set(OWN))
    if parameter_name not in settable:
        raise SeriesError(f"-p {name}: {notebook} has no parameter {parameter_name!r}. It has: {', '.join(settable)}.")
    parameter = parameters[parameter_name]
    if isinstance(parameter.default, str):
        return notebook, parameter_name, str(Path(text).absolute()) if parameter.is_path and text else text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(parameter.default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(parameter.default):
        kind = type(parameter.default).__name__
        raise SeriesError(f"-p {name}: got {text!r}, expected a value of type {kind} like {parameter.default!r}.")
    return notebook, parameter_name, value


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


def run_series(root, *, data="", profile=None, name="", settings=None, only=(), say=print):
    """Run the notebooks in order and write the report.

    Args:
        root: the project's folder.
        data: data directory, or "" to look for one.
        profile: one of `PROFILES`; None chooses by whether there is a GPU.
        name: of run and report; "" takes the data set's folder name.
        settings: dict of notebook -> dict of parameters.
        only: names of the notebooks to run; all when empty.
        say: called with each line for the user.

    Returns:
        Path of the report's front page.

    Raises:
        SeriesError: an argument is wrong, or a notebook failed. The last good report stays in place.
    """
    profile = profile or default_profile()
    steps = plan_steps(profile, settings or {}, only)
    name = check_name(name) if name else None
    tables = _label_tables(settings or {}, only)
    try:
        data = find_data(data or (Path(tables[0]).parent if tables else ""), root, profile, say)
    except FileNotFoundError as error:
        raise SeriesError(str(error)) from None
    name = name or check_name(data.name)
    run_directory = root / "runs" / f"{name}-{profile}"
    say(f"Data {data.name}, profile {profile} ({PROFILE_NOTES[profile]}); run in runs/{run_directory.name}")
    _begin_run(run_directory, data, profile, settings or {}, keep=bool(only))
    started = time.perf_counter()
    if not tables:
        _check_data(Run(run_directory, data), say)
    for number, step in enumerate(steps, start=1):
        _run_step(root, run_directory, data, step, f"{number}/{len(steps)} {step.label}")
    _finish_run(run_directory, time.perf_counter() - started, complete=not only)
    page = write_report(run_directory, root / "reports" / name)
    say(f"Report: {page.relative_to(root)}")
    return page


def _label_tables(settings, only):
    """The tables to explore where labels alone are asked for, so that no photographs are needed; else none."""
    given = settings.get("01_eda", {})
    return [given[name] for name in ("AREAS", "RUNS") if given.get(name)] if list(only) == ["01_eda"] else []


def _check_data(run, say):
    """Look through the data before anything is computed from it; errors are set aside, and end nothing."""
    try:
        dataset = run.read_dataset()
        problems = check_dataset(dataset, run.find_copies(dataset))
    except (ValueError, OSError) as error:
        raise SeriesError(str(error)) from None
    path = run.directory / "problems.csv"
    write_csv(path, problems, index=False)
    say(f"Check: {summarise(problems)}{f' (see runs/{run.directory.name}/{path.name})' if len(problems) else ''}")


def check_name(name):
    """A name for run and report that is one plain folder name.

    Raises:
        SeriesError: it is none.
    """
    if not re.fullmatch(r"[\w][\w .-]{0,99}", name):
        raise SeriesError(f"--name: {name!r} can't be a folder's name. Use letters, digits, '-', '_' and '.'.")
    return name


def _begin_run(run_directory, data, profile, settings, keep):
    """Write `run.json`; executed notebooks, figures and tables of an earlier run go, unless only a part is rerun."""
    if not keep:
        for folder in ("notebooks", "figures", "tables"):
            shutil.rmtree(run_directory / folder, ignore_errors=True)
        (run_directory / "results.json").unlink(missing_ok=True)
    if not keep or not (run_directory / "run.json").exists():
        describe_run(run_directory, data, profile, settings=settings)
    else:
        update_run(run_directory, settings=settings, git_revision=git_revision(CODE), started=now())


def _finish_run(run_directory, seconds, complete):
    """Note when the run ended, keep its settings and results in `history/`, and clear the checkpoints."""
    update_run(run_directory, finished=now(), seconds=round(seconds, 1))
    if complete:
        run = read_json(run_directory / "run.json")
        results = read_json(run_directory / "results.json")
        stamp = re.sub(r"[^0-9T]", "", run["finished"][:19])
        write_json(run_directory / "history" / f"{stamp}.json", {"run": run, "results": results})
        for kept in ("checkpoint*.npz", "best.npz"):
            for checkpoint in run_directory.glob(f"models/**/{kept}"):
                checkpoint.unlink()


def _run_step(root, run_directory, data, step, title):
    """Run one notebook with papermill, in its own folder, under one progress line."""
    output = run_directory / "notebooks" / f"{step.label}.ipynb"
    partial = run_directory / "partial" / f"{step.label}.ipynb"
    for path in (output, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
    folder = root / "notebooks"
    parameters = {"DATA": str(data), "RUN": str(run_directory), **paths_from_root(root, step)}
    with _kernel_log(run_directory / "kernels.log") as terminal, warnings.catch_warnings():
        # papermill's own dependencies warn about themselves; nothing that a user could mend
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            papermill.execute_notebook(
                folder / f"{step.notebook}.ipynb",
                partial,
                cwd=folder,
                parameters=parameters,
                progress_bar={"desc": title, "unit": "cell", "file": terminal, "dynamic_ncols": True},
                stderr_file=_ProgressRelay(title, terminal),
            )
        except PapermillExecutionError as error:
            raise SeriesError(
                f"{step.label} failed in cell {error.cell_index + 1} (In [{error.exec_count}]): "
                f"{error.ename}: {error.evalue}\n"
                f"The partly run copy: {partial.relative_to(root)}. The last good report stays in place."
            ) from None
        except DeadKernelError:
            raise SeriesError(
                f"{step.label}: the notebook's process died, perhaps for want of memory. Its last words are in "
                f"{(run_directory / 'kernels.log').relative_to(root)}, the partly run copy is "
                f"{partial.relative_to(root)}. Run again to go on; the last good report stays in place."
            ) from None
    partial.replace(output)


def paths_from_root(root, step):
    """The step's parameters; a profile's paths, which are written from the project's folder, as whole paths."""
    known = read_parameters(root / "notebooks" / f"{step.notebook}.ipynb")
    return {
        name: str(root / value) if value and known[name].is_path else value for name, value in step.parameters.items()
    }


@contextmanager
def _kernel_log(path):
    """Send what the kernels' libraries write to the terminal on their own to a file; hand out the terminal."""
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w") as terminal, open(path, "a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), 2)


class _ProgressRelay:
    """Shows a notebook's own progress bar on that notebook's progress line, where there is a terminal."""

    def __init__(self, title, terminal):
        self.title, self.terminal = title, terminal

    def write(self, text):
        bars = [line for line in re.split(r"[\r\n]", text) if "%|" in line]
        if bars and self.terminal.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.terminal.write("\r\x1b[2K" + f"{self.title}: {bars[-1].strip()}"[:width])

    def flush(self):
        self.terminal.flush()
