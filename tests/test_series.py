from pathlib import Path

import nbformat
import pytest

from helpers.models.recipes import find_recipe
from helpers.series.parameters import Parameter, SeriesError, parse_setting, read_parameters
from helpers.series.plan import Step, check_name, path_parameters, paths_from_root, plan_steps
from helpers.series.profiles import (
    MODELS,
    NOTEBOOKS,
    PROFILE_NOTES,
    PROFILES,
    TRAINS,
    default_profile,
    training_minutes,
)

ROOT = Path(__file__).absolute().parents[1]


def write_notebook(path, *parameter_cells):
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]}) for source in parameter_cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_read_parameters_gives_values_and_comments(tmp_path):
    path = write_notebook(tmp_path / "a.ipynb", 'DATA = ""  # path: the data\nRATE = 1e-3  # of Adam\nSHAPE = [1, 2]')
    assert read_parameters(path) == {
        "DATA": Parameter("DATA", "", "path: the data"),
        "RATE": Parameter("RATE", 1e-3, "of Adam"),
        "SHAPE": Parameter("SHAPE", [1, 2], ""),
    }


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ((), "0 cells are tagged"),
        (("A = 1", "B = 2"), "2 cells are tagged"),
        (("A = len('x')",), "no `NAME = literal`"),  # derived: papermill's injection would leave it stale
        (("import os",), "no `NAME = literal`"),
        (("A = ",), "the parameters can't be read as Python .*Mend the cell"),
    ],
)
def test_read_parameters_refuses(tmp_path, cells, message):
    with pytest.raises(SeriesError, match=message):
        read_parameters(write_notebook(tmp_path / "a.ipynb", *cells))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("04_segmentation.EPOCHS", "3", 3),
        ("04_segmentation.LEARNING_RATE", "1", 1.0),  # a whole number serves where a fraction is expected
        ("04_segmentation.MODEL", "12", "12"),  # text stays text
        ("01_eda.LABEL_SHAPE", "[128, 800]", [128, 800]),
    ],
)
def test_parse_setting(name, text, value):
    notebook, parameter = name.split(".")
    assert parse_setting(name, text, ROOT) == (notebook, parameter, value)
    assert type(parse_setting(name, text, ROOT)[2]) is type(value)


def test_parse_setting_makes_a_path_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_setting("01_eda.AREAS", "areas.csv", ROOT)[2] == str(tmp_path / "areas.csv")
    name = "04_segmentation.ENCODER_WEIGHTS"
    assert parse_setting(name, "resnet18.h5", ROOT)[2] == str(tmp_path / "resnet18.h5")
    assert parse_setting(name, "imagenet", ROOT)[2] == "imagenet"
    none = Step("04_segmentation", "x", {"ENCODER_WEIGHTS": "none", "PRETRAINED": ""})
    assert paths_from_root(ROOT, none) == none.parameters and path_parameters(ROOT, none) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("07_nothing.EPOCHS", "3", "there is no notebook '07_nothing'. Choose one of: 01_eda"),
        ("04_segmentation.EPOCS", "3", "has no parameter 'EPOCS'. It has: .*EPOCHS"),
        ("04_segmentation.DATA", "x", "has no parameter 'DATA'"),  # --data sets it for all notebooks
        ("04_segmentation.EPOCHS", "many", "expected a value of type int like"),
        ("04_segmentation.EPOCHS", "True", "expected a value of type int like"),
        ("04_segmentation", "3", "has no parameter ''"),
    ],
)
def test_parse_setting_refuses(name, text, message):
    with pytest.raises(SeriesError, match=message):
        parse_setting(name, text, ROOT)


def test_plan_steps_runs_a_notebook_once_for_each_model(monkeypatch):
    """A model that is trained a second time under another name says which it is."""
    segmented = {"first": {}, "second": {"TRAIN_MINUTES": 5.0, "BATCH_SIZE": 2}, "again": {"MODEL": "first"}}
    monkeypatch.setitem(MODELS, "smoke", {"03_classifier": {"sure": {}}, "04_segmentation": segmented})
    steps = {step.label: step.parameters for step in plan_steps("smoke", {"04_segmentation": {"EPOCHS": 5}})}
    trained = {label: parameters for label, parameters in steps.items() if "-" in label}
    assert trained == {
        "03_classifier-sure": {"MODEL": "sure", "EPOCHS": 1},
        "04_segmentation-first": {"EPOCHS": 5, "TRAIN_MINUTES": 0.0, "MODEL": "first"},
        "04_segmentation-second": {"EPOCHS": 5, "TRAIN_MINUTES": 0.0, "BATCH_SIZE": 2, "MODEL": "second"},
        "04_segmentation-again": {"EPOCHS": 5, "TRAIN_MINUTES": 0.0, "MODEL": "first", "NAME": "again"},
    }
    assert list(steps)[:2] == ["01_eda", "02_preprocessing"] and list(steps)[-1] == NOTEBOOKS[-1]
    steps = {step.label: step.parameters for step in plan_steps("smoke", {"04_segmentation": {"BATCH_SIZE": 3}})}
    assert steps["04_segmentation-second"] == {
        "EPOCHS": 1, "TRAIN_MINUTES": 5.0, "BATCH_SIZE": 3, "MODEL": "second"
    }  # fmt: skip


def test_plan_steps_with_a_name_given():
    given = {"04_segmentation": {"MODEL": "mine", "NAME": "other"}}
    (step,) = plan_steps("smoke", given, ["04_segmentation"])
    assert (step.label, step.parameters["MODEL"], step.parameters["NAME"]) == (
        "04_segmentation-other", "mine", "other"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"NAME": "mine"}, "'mine' without a model. Give 04_segmentation.MODEL, too"),
        ({"MODEL": "paper", "NAME": "a/b"}, "'a/b' can't name a model"),
        ({"MODEL": "paper", "NAME": ".."}, "'..' can't name a model"),
        ({"MODEL": "paper", "NAME": "a.b"}, "'a.b' can't name a model"),
        ({"MODEL": "paper", "NAME": "classifier_small"}, "is a classifier's name. Choose another"),
    ],
)
def test_plan_steps_refuses_names_that_would_overwrite_others(given, message):
    with pytest.raises(SeriesError, match=message):
        plan_steps("smoke", {"04_segmentation": given})


def test_plan_steps_of_a_profile_s_own_name():
    """It stands for what the profile trains by that name."""
    steps = plan_steps("study", {"04_segmentation": {"MODEL": "steel_unet_short"}}, ["04_segmentation"])
    (step,) = steps
    assert (step.label, step.parameters["MODEL"]) == ("04_segmentation-steel_unet_short", "steel_unet")
    assert step.parameters["NAME"] == "steel_unet_short"


def test_every_profile_trains_recipes_that_there_are_in_the_notebook_for_them():
    for profile, notebooks in MODELS.items():
        assert set(notebooks) == set(TRAINS)
        for notebook, trained in notebooks.items():
            for name, parameters in trained.items():
                recipe = find_recipe(parameters.get("MODEL", name))
                assert (recipe.target == "masks") == (notebook == "04_segmentation"), (profile, name)
                assert not parameters.get("GATE") or parameters["GATE"] in notebooks["03_classifier"]


def test_paths_of_a_profile_are_taken_from_the_project():
    """A path of the user's own, and an empty one, stay as they are."""
    given = {"PRETRAINED": "models/one", "EPOCHS": 3}
    assert paths_from_root(ROOT, Step("04_segmentation", "x", given)) == {
        "PRETRAINED": str(ROOT / "models" / "one"),
        "EPOCHS": 3,
    }
    for value in ("", "/elsewhere/two"):
        step = Step("04_segmentation", "x", {"PRETRAINED": value})
        assert paths_from_root(ROOT, step) == {"PRETRAINED": value}


def test_the_bundles_of_the_profiles_are_there():
    trained = [parameters for models in MODELS.values() for named in models.values() for parameters in named.values()]
    begun = [parameters["PRETRAINED"] for parameters in trained if "PRETRAINED" in parameters]
    assert begun
    for folder in begun:
        assert (ROOT / folder / "bundle.json").is_file()


def test_plan_steps_with_a_model_given():
    (step,) = plan_steps("smoke", {"04_segmentation": {"MODEL": "mine"}}, ["04_segmentation"])
    assert (step.label, step.parameters["MODEL"]) == ("04_segmentation-mine", "mine")


@pytest.mark.parametrize(("profile", "only"), [("quick", ()), ("smoke", ("01_edaa",))])
def test_plan_steps_refuses_strangers(profile, only):
    with pytest.raises(SeriesError, match="Choose"):
        plan_steps(profile, {}, only)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 101, "a\nb"])
def test_check_name_refuses(name):
    with pytest.raises(SeriesError, match="can't be a folder's name"):
        check_name(name)


def test_check_name_lets_plain_names_through():
    assert check_name("severstal-sample 2.1") == "severstal-sample 2.1"


def test_default_profile_without_a_gpu(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert default_profile() == "demo"


def test_default_profile_with_a_gpu(tmp_path, monkeypatch):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: something'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert default_profile() == "full"


def test_profiles_name_parameters_that_the_notebooks_have():
    assert set(PROFILES) == set(MODELS) == set(PROFILE_NOTES)
    for profile in PROFILES.values():
        for notebook, parameters in profile.items():
            known = read_parameters(ROOT / "notebooks" / f"{notebook}.ipynb")
            for name, value in parameters.items():
                assert type(value) is type(known[name].default), f"{notebook}.{name}"


def test_notebooks_are_those_that_lie_there():
    assert sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")) == sorted(NOTEBOOKS)


def test_training_minutes_counts_each_network(monkeypatch):
    """Two minutes by default, four for one; six networks of what is judged by folds, and ten of the ablation."""
    trained = {"03_classifier": {"sure": {}}, "04_segmentation": {"a": {"TRAIN_MINUTES": 4.0}, "b": {"FOLDS": True}}}
    monkeypatch.setitem(MODELS, "smoke", trained)
    settings = {name: {"TRAIN_MINUTES": 2.0} for name in TRAINS} | {"04_taken_apart": {"ABLATION_MINUTES": 0.5}}
    monkeypatch.setitem(PROFILES, "smoke", settings)
    assert training_minutes("smoke") == 2 + 4 + 6 * 2 + 10 * 0.5
    settings["04_taken_apart"]["PRETRAINED"] = "models/some"
    assert training_minutes("smoke") == 2 + 4 + 6 * 2 + 11 * 0.5


def test_demo_trains_by_the_minutes_and_leaves_time_for_the_rest_of_its_quarter_of_an_hour():
    """However slow the machine is, and however many images the data has."""
    trained = [step.parameters for step in plan_steps("demo", {}) if step.notebook in TRAINS]
    assert len(trained) == 3 and all(each["TRAIN_MINUTES"] > 0 for each in trained)
    assert training_minutes("demo") <= 7


def test_study_trains_so_briefly_that_all_of_it_takes_two_and_a_half_hours():
    """And says so; every published system, and ours beside them, have the same five minutes."""
    assert 100 <= training_minutes("study") <= 130
    assert f"{training_minutes('study'):.0f} minutes of training" in PROFILE_NOTES["study"]
    steps = [step.parameters for step in plan_steps("study", {}) if step.notebook == "04_segmentation"]
    by_holdout = [each for each in steps if not each.get("FOLDS")]
    assert {each["TRAIN_MINUTES"] for each in by_holdout} == {5.0} and len(by_holdout) == len(steps) - 1
