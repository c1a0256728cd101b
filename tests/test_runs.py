import pandas as pd
import pytest

from helpers.data.check import check_dataset
from helpers.files import read_json, write_json
from helpers.results import best_model
from helpers.runs import CODE, Run, describe_run, find_data, find_root, git_revision, open_run


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project to stand in, with no data named anywhere."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "run_all.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEVERSTAL_DIR", raising=False)
    return tmp_path


def test_find_root_from_a_folder_below(project):
    assert find_root(project / "notebooks") == project


def test_find_root_outside_a_project(tmp_path):
    with pytest.raises(FileNotFoundError, match="run_all.py. Go there first"):
        find_root(tmp_path)


def test_find_data_takes_what_is_given_before_all_else(project, monkeypatch):
    (project / "mine").mkdir()
    (project / "other").mkdir()
    monkeypatch.setenv("SEVERSTAL_DIR", str(project / "other"))
    assert find_data("mine", project) == project / "mine"
    assert find_data("", project) == project / "other"


@pytest.mark.parametrize("source", ["--data or DATA", "$SEVERSTAL_DIR"])
def test_find_data_that_is_not_there(project, monkeypatch, source):
    if source == "$SEVERSTAL_DIR":
        monkeypatch.setenv("SEVERSTAL_DIR", "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere is not there") as raised:
        find_data("" if source == "$SEVERSTAL_DIR" else "nowhere", project)
    assert source in str(raised.value)


def test_find_data_prefers_data_severstal_to_made_up_data(project):
    place = project / "data" / "severstal"
    place.mkdir(parents=True)
    (place / "train.csv").touch()
    assert find_data("", project) == place


def test_find_data_takes_the_input_folder_on_kaggle(project, monkeypatch):
    place = project / "kaggle"
    place.mkdir()
    (place / "train.csv").touch()
    monkeypatch.setattr("helpers.runs.KAGGLE_INPUTS", (project / "nowhere", place))
    assert find_data("", project) == place


def test_find_data_takes_what_another_run_made_up_meanwhile(project, monkeypatch):
    """Of two first runs at once, whichever is later."""

    def make_data(path, images, shape):
        path.mkdir(parents=True)
        (path / "train.csv").touch()
        raise OSError("Directory not empty")

    monkeypatch.setattr("helpers.runs.make_data", make_data)
    said = []
    assert find_data("", project, "smoke", said.append) == project / "data" / "made-up-small"
    assert said[-1] == "Another run made data/made-up-small up meanwhile: it is taken."


def test_find_data_that_cannot_be_made_up(project, monkeypatch):
    def make_data(path, images, shape):
        raise OSError("No space left")

    monkeypatch.setattr("helpers.runs.make_data", make_data)
    with pytest.raises(OSError, match="No space left"):
        find_data("", project, "smoke", [].append)


def test_look_at_dataset_writes_nothing(project, tiny_data):
    run = open_run(str(tiny_data()), "runs/mine")
    before = sorted(run.directory.iterdir())
    assert run.look_at_dataset().fingerprint == run.read_dataset().fingerprint
    assert before == [run.directory / "run.json"] and (run.directory / "images.csv").is_file()


def test_find_copies_looks_once_for_the_same_data(project, tiny_data, monkeypatch):
    calls = []

    def find_dataset_copies(dataset):
        calls.append(dataset.fingerprint)
        return pd.DataFrame([("train_images/a.jpg", "train_images/b.jpg", "same", 0.9)],
                            columns=["first", "second", "transform", "similarity"])  # fmt: skip

    monkeypatch.setattr("helpers.runs.find_dataset_copies", find_dataset_copies)
    directory = tiny_data()
    run = open_run(str(directory), "runs/mine")
    first = run.find_copies(run.read_dataset())
    assert run.find_copies(run.read_dataset()).equals(first) and len(calls) == 1
    (directory / "train.csv").write_text("ImageId,ClassId,EncodedPixels\na.jpg,1,1 9\n")
    run.find_copies(run.read_dataset())
    assert len(calls) == 2


def test_find_problems_looks_once_for_the_same_data_and_faults(project, tiny_data, monkeypatch):
    """An image that can't be used is no part of the fingerprint, and makes it look again all the same."""
    calls = []

    def check(dataset, copies):
        calls.append(len(copies))
        return check_dataset(dataset, copies)

    monkeypatch.setattr("helpers.runs.check_dataset", check)
    directory = tiny_data()
    run = open_run(str(directory), "runs/mine")
    for _ in range(2):
        dataset = run.read_dataset()
        assert len(run.find_problems(dataset)) == calls[0] and len(calls) == 1
    (directory / "train_images" / "broken.jpg").write_text("no image")
    again = run.read_dataset()
    assert again.fingerprint == dataset.fingerprint
    assert run.describe_dataset(again) != run.describe_dataset(dataset)
    found = run.find_problems(again)
    assert len(calls) == 2 and "broken.jpg" in found["image_id"].tolist()


def test_tables_that_are_found_once_are_found_again_by_other_code(project, tiny_data, monkeypatch):
    run = open_run(str(tiny_data()), "runs/mine")
    run.find_copies(run.read_dataset())
    monkeypatch.setattr("helpers.runs.code_digest", lambda *names: "another")
    monkeypatch.setattr("helpers.runs.find_dataset_copies", lambda dataset: pd.DataFrame({"first": ["x"]}))
    assert run.find_copies(run.read_dataset())["first"].tolist() == ["x"]


def test_read_dataset_notes_the_fingerprint(project, tiny_data):
    run = open_run(str(tiny_data()), "runs/mine")
    dataset = run.read_dataset()
    assert run.settings["fingerprint"] == dataset.fingerprint and run.settings["made_up"] is False


def test_find_data_makes_data_up_once_and_says_so(project, monkeypatch):
    said, made = [], []

    def make_data(path, images, *, shape):
        made.append((path, images, shape))
        path.mkdir(parents=True)

    monkeypatch.setattr("helpers.runs.make_data", make_data)
    first = find_data("", project, "smoke", said.append)
    assert find_data("", project, "smoke", said.append) == first == project / "data" / "made-up-small"
    assert made == [(first, 24, (64, 384))]
    assert len(said) == 1 and "making up 24 steel sheets" in said[0]


def test_find_data_that_may_not_make_any(project):
    assert find_data("", project, "smoke", pytest.fail, make=False) == project / "data" / "made-up-small"
    assert not (project / "data").exists()


def test_open_run_by_hand_names_the_run_after_data_and_profile(project):
    (project / "sheets").mkdir()
    run = open_run("sheets")
    assert run.directory == project / "runs" / "sheets-demo"
    about = read_json(run.directory / "run.json")
    assert (about["data"], about["profile"]) == ("sheets", "demo")
    assert about["versions"]["tensorflow"].startswith("2.")


def test_open_run_keeps_what_run_json_says(project):
    (project / "sheets").mkdir()
    describe_run(project / "runs" / "mine", project / "sheets", "smoke", settings={"a": 1})
    run = open_run("sheets", "runs/mine")
    assert run.settings["profile"] == "smoke"
    assert run.settings["settings"] == {"a": 1}


def test_need_names_the_notebook_to_run_first(tmp_path):
    run = Run(tmp_path, tmp_path)
    with pytest.raises(FileNotFoundError, match="split.csv is not there. Run 02_preprocessing first"):
        run.need("split.csv")
    with pytest.raises(FileNotFoundError, match="Run 04_segmentation first"):
        run.need("models/unet_paper")


def test_best_model_goes_by_the_validation_score(tmp_path):
    for model, score in (("a", 0.7), ("b", 0.9), ("c", 0.8)):
        write_json(tmp_path / "models" / model / "bundle.json", {})
        records = read_json(tmp_path / "results.json") if (tmp_path / "results.json").exists() else {}
        name = f"04_segmentation.{model}.validation_kaggle_dice"
        write_json(tmp_path / "results.json", records | {name: {"value": score}})
    write_json(tmp_path / "models" / "of_an_earlier_run" / "bundle.json", {})
    assert Run(tmp_path, tmp_path).best_model() == Run(tmp_path, tmp_path).decided_model() == "b"


def test_decided_model_is_that_of_05_evaluation(tmp_path):
    """Whatever their scores, and not the classifier that 05_evaluation asked beside it."""
    for model in ("a", "b", "a_classifier"):
        write_json(tmp_path / "models" / model / "bundle.json", {})
    scores = {"a": 0.9, "b": 0.8}
    records = {f"04_segmentation.{model}.validation_kaggle_dice": {"value": scores[model]} for model in scores}
    records |= {f"05_evaluation.sheets_passed_{name}": {"value": None} for name in ("b", "a_classifier")}
    write_json(tmp_path / "results.json", records)
    assert Run(tmp_path, tmp_path).decided_model() == "b"
    assert Run(tmp_path, tmp_path).best_model() == "a"


def test_best_model_of_equal_ones_is_the_first_by_name_whatever_their_order(tmp_path):
    for model in ("b", "a"):
        write_json(tmp_path / "models" / model / "bundle.json", {})
    tied = {f"04_segmentation.{model}.validation_kaggle_dice": {"value": 0.7} for model in ("b", "a")}
    write_json(tmp_path / "results.json", tied)
    assert Run(tmp_path, tmp_path).best_model() == best_model(tied, ["b", "a"]) == "a"


def test_trials_are_those_that_this_run_scored(tmp_path):
    """A folder that an earlier run left there doesn't count."""
    for model in ("a", "b", "left"):
        write_json(tmp_path / "models" / model / "trial.json", {})
    records = {f"04_segmentation.{model}.kaggle_dice": {"value": 0.5} for model in ("b", "a", "without_a_trial")}
    write_json(tmp_path / "results.json", records)
    assert Run(tmp_path, tmp_path).trials() == {name: tmp_path / "models" / name for name in ("a", "b")}


def test_best_model_without_any(tmp_path):
    (tmp_path / "models" / "begun").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no finished model. Run 04_segmentation first"):
        Run(tmp_path, tmp_path).best_model()


def test_git_revision_outside_git(tmp_path):
    assert git_revision(tmp_path / "nowhere") == "unknown"


def test_describe_run_from_a_folder_outside_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    describe_run(tmp_path / "run", tmp_path / "sheets", "smoke")
    assert read_json(tmp_path / "run" / "run.json")["git_revision"] == git_revision(CODE)
