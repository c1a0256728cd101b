"""The series as a user runs it, in a copy of the project's notebooks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from helpers.data.dataset import read_dataset
from helpers.data.made_up import make_data
from helpers.metrics import pixel_counts
from helpers.report.post import pictures
from helpers.report.prose import check_executed
from helpers.results import read_results
from helpers.rle import rle2mask
from helpers.series.profiles import NOTEBOOKS

ROOT = Path(__file__).absolute().parents[1]
SMOKE_PAGES = (
    "01_eda", "02_preprocessing", "03_classifier-classifier_small", "04_segmentation-unet_paper", "04_taken_apart",
    "05_evaluation", "06_submission", "07_paper", "08_blog",
)  # fmt: skip
PUBLISHED_AS = {"07_paper": "paper.html", "08_blog": "blog.html"}
SHOWN_AGAIN = {"08_blog": 1}  # figures of other notebooks that a page shows again
REAL = Path(os.environ.get("SEVERSTAL_DIR", ROOT.parent / "shared" / "severstal"))
LABELS = Path(os.environ.get("SEVERSTAL_LABELS", ROOT.parent / "shared" / "severstal_labels"))
needs_real = pytest.mark.skipif(
    not (REAL / "train.csv").exists(), reason="no real images: set SEVERSTAL_DIR to the sample of 115 images"
)
needs_labels = pytest.mark.skipif(
    not (LABELS / "areas.csv").exists(), reason="no table of areas: set SEVERSTAL_LABELS to its folder"
)


def copy_project(folder):
    """What `run_all.py` needs of the project, to run it where it can leave its files."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copy2(ROOT / "run_all.py", folder)
    return folder


def run_all(project, *words):
    """Run the command as a user does; gives exit code, standard output and standard error."""
    environment = {name: value for name, value in os.environ.items() if name != "SEVERSTAL_DIR"}
    done = subprocess.run(
        [sys.executable, "run_all.py", *words],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The smoke profile on made-up data."""
    project = copy_project(tmp_path_factory.mktemp("smoke"))
    code, out, err = run_all(project, "--profile", "smoke")
    assert code == 0, err
    return project, out, err


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The smoke profile on the real sample."""
    project = copy_project(tmp_path_factory.mktemp("real"))
    code, _, err = run_all(project, "--profile", "smoke", "--data", str(REAL), "--name", "sample")
    assert code == 0, err
    return project


def test_smoke_says_that_it_makes_data_up_and_where_the_report_is(smoke):
    project, out, _ = smoke
    assert "making up 24 steel sheets" in out
    assert "Report: reports/made-up-small/index.html" in out
    assert (project / "reports" / "made-up-small" / "index.html").is_file()
    assert "made-up-small/index.html" in (project / "reports" / "index.html").read_text()


def test_smoke_shows_one_progress_line_a_notebook_with_cells_and_time(smoke):
    _, _, err = smoke
    for number, label in enumerate(SMOKE_PAGES, 1):
        assert re.search(rf"{number}/{len(SMOKE_PAGES)} {label}: 100%.* (\d+)/\1 \[\d\d:\d\d<", err)
    assert "oneDNN" not in err and "cuda" not in err.lower()


def test_smoke_report_has_every_page_and_figure(smoke):
    project, _, _ = smoke
    report = project / "reports" / "made-up-small"
    for page in set(SMOKE_PAGES) - {"07_paper"}:  # it shows figures of other pages again
        text = (report / PUBLISHED_AS.get(page, f"{page}.html")).read_text()
        for image in re.findall(r"<img [^>]*>", text):
            assert re.search(r'alt="[^"]+"', image)
        named = {"04_taken_apart": "04_taken_apart"}.get(page, "_".join([page[:2], *page.split("-")[1:]]))
        own = len(list((report / "figures").glob(f"{named}_*.png")))
        assert text.count("<figure ") == own + SHOWN_AGAIN.get(page, 0)
    assert "made-up photographs" in (report / "index.html").read_text()


def test_smoke_records_can_be_read_back_and_hold_against_the_data(smoke):
    project, _, _ = smoke
    results = read_results(project / "reports" / "made-up-small" / "results.json")
    for name, record in results.items():
        assert set(record) - {"low", "high"} == {"value", "unit", "split", "definition"}, name
        assert record["value"] is None or np.isfinite(record["value"]), name
        if record.get("low") is not None:
            assert record["low"] <= record["value"] <= record["high"], name
    dataset = read_dataset(project / "data" / "made-up-small")
    assert results["01_eda.training_images"]["value"] == len(dataset.training_ids) == 24
    for class_id in range(1, 5):
        expected = dataset.labels.loc[dataset.labels["ClassId"] == class_id, "ImageId"].nunique()
        assert results[f"01_eda.images_with_class_{class_id}"]["value"] == expected
    assert results["06_submission.lint_errors"]["value"] == 0
    assert results["04_segmentation.unet_paper.bundle_difference"]["value"] < 1e-6
    assert results["08_blog.check_score"]["value"] < 1e-12 and results["08_blog.pictures_missing"]["value"] == 0
    identity = {name: results[f"04_segmentation.unet_paper.{name}"]["value"] for name in
                ("kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy")}  # fmt: skip
    floor = identity["all_empty_dice"]
    total = floor * identity["empty_accuracy"] + (1 - floor) * identity["defect_dice"]
    assert identity["kaggle_dice"] == pytest.approx(total, abs=1e-12)


def test_smoke_paper_holds_computed_numbers_alone(smoke):
    """And every marked number is that of its record: the check fails when one of them is another."""
    run = smoke[0] / "runs" / "made-up-small-smoke"
    records = read_results(run / "results.json")
    notebook = nbformat.read(run / "notebooks" / "07_paper.ipynb", as_version=4)
    assert check_executed(notebook, records) == []
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) > 10 and all(picture.metadata["image/png"]["alt"] for picture in pictures)
    assert records["07_paper.check_identity"]["value"] < 1e-9 and records["07_paper.scores_checked"]["value"] > 3
    name = "04_segmentation.unet_paper.kaggle_dice"
    other = records | {name: records[name] | {"value": records[name]["value"] + 0.01}}
    assert any(wrong.startswith(f"{name}: ") for wrong in check_executed(notebook, other))
    cell = next(cell for cell in notebook.cells if cell.source.startswith("## Introduction"))
    cell.source += " It took 20 minutes."
    assert any(wrong.startswith("20 in: ") for wrong in check_executed(notebook, records))


def test_smoke_post_holds_computed_numbers_alone_and_has_its_length(smoke):
    project = smoke[0]
    run = project / "runs" / "made-up-small-smoke"
    records = read_results(run / "results.json")
    notebook = nbformat.read(run / "notebooks" / "08_blog.ipynb", as_version=4)
    assert check_executed(notebook, records) == []
    assert 900 <= records["08_blog.words"]["value"] <= 1500
    assert len(pictures((project / "reports" / "made-up-small" / "blog.md").read_text(encoding="utf-8"))) == 6


def test_smoke_submission_has_a_row_for_each_test_image_and_class(smoke):
    project, _, _ = smoke
    dataset = read_dataset(project / "data" / "made-up-small")
    table = pd.read_csv(project / "reports" / "made-up-small" / "submission.csv", keep_default_na=False)
    assert table.columns.tolist() == ["ImageId_ClassId", "EncodedPixels"]
    expected = [f"{image_id}_{number}" for image_id in dataset.test_ids for number in range(1, 5)]
    assert table["ImageId_ClassId"].tolist() == expected
    for text in table["EncodedPixels"]:
        assert rle2mask(text, dataset.shape).shape == dataset.shape


def test_smoke_keeps_settings_and_results_in_the_history(smoke):
    project, _, _ = smoke
    run = project / "runs" / "made-up-small-smoke"
    (kept,) = (run / "history").glob("*.json")
    history = json.loads(kept.read_text())
    assert history["run"]["profile"] == "smoke" and history["results"] == read_results(run / "results.json")
    assert not list(run.glob("models/*/checkpoint.npz")) and list(run.glob("models/*/trained.npz"))
    about = json.loads((run / "run.json").read_text())
    assert list(about["steps"]) == list(SMOKE_PAGES)
    assert about["seconds"] == pytest.approx(sum(step["seconds"] for step in about["steps"].values()), abs=0.1)


def test_smoke_records_what_each_notebook_rests_on(smoke):
    """Files and numbers of the notebooks before it, and nothing that comes later or is its own."""
    project, _, _ = smoke
    inputs, outputs = {}, {}
    for path in (project / "runs" / "made-up-small-smoke" / "steps").glob("*.json"):
        record = json.loads(path.read_text())
        inputs[path.stem], outputs[path.stem] = record["inputs"], set(record["outputs"])
    assert set(inputs) == set(SMOKE_PAGES)
    for number, label in enumerate(SMOKE_PAGES):
        earlier = set().union({"copies.csv"}, *(outputs[page] for page in SMOKE_PAGES[:number]))
        there = {name for name, entry in inputs[label]["files"].items() if entry}
        read = {name for name in there if not name.startswith("$HELPERS/")}
        assert read <= earlier and not read & outputs[label], label
    assert {"split.csv", "preprocessing.json"} <= set(inputs["04_segmentation-unet_paper"]["files"])
    assert "models/unet_paper/trial.json" in inputs["05_evaluation"]["files"]
    assert "models/unet_paper/bundle.json" in outputs["05_evaluation"]  # which carries its decisions
    assert "models/unet_paper/bundle.json" in inputs["06_submission"]["files"]
    assert "$HELPERS/data/published.csv" in inputs["04_taken_apart"]["files"]
    rest = {label for label in SMOKE_PAGES if inputs[label]["results"] is not None}
    assert rest == {"04_taken_apart", "05_evaluation", "06_submission", "07_paper", "08_blog"}


def test_smoke_again_runs_nothing(smoke, tmp_path):
    """And loads none of what takes long to load."""
    project = tmp_path / "again"
    shutil.copytree(smoke[0], project)
    for _ in range(2):  # the report knows its place; the second time it need not be written either
        before = os.times().children_user
        code, out, err = run_all(project, "--profile", "smoke")
        assert code == 0, err
        assert "Nothing changed: no notebook had to run." in out
    assert os.times().children_user - before < 15
    code, out, _ = run_all(project, "--profile", "smoke", "--explain", "-p", "05_evaluation.REPEATS", "11")
    assert code == 0
    assert re.search(r"^04_taken_apart: unchanged since ", out, re.MULTILINE)
    assert "05_evaluation: runs, since REPEATS: 10 -> 11" in out
    assert "06_submission: may run, since 05_evaluation will run before it, and it reads models/unet_paper/b" in out


def test_changed_notebook_runs_again_without_training(smoke, tmp_path):
    """Another caption of a figure: the network and its numbers stay, to the second."""
    project = tmp_path / "changed"
    shutil.copytree(smoke[0], project)
    path = project / "notebooks" / "04_segmentation.ipynb"
    text = path.read_text()
    assert "drawn from its layers" in text
    path.write_text(text.replace("drawn from its layers", "drawn from all its layers"))
    before = read_results(project / "runs" / "made-up-small-smoke" / "results.json")
    code, out, err = run_all(project, "--profile", "smoke")
    assert code == 0, err
    assert "04_segmentation-unet_paper runs again, since its source changed" in out
    assert "01_eda runs again" not in out and "04_taken_apart runs again" not in out
    assert read_results(project / "runs" / "made-up-small-smoke" / "results.json") == before
    report = project / "reports" / "made-up-small"
    assert "drawn from all its layers" in (report / "04_segmentation-unet_paper.html").read_text()


def test_failing_notebook_is_named_and_the_last_report_stays(smoke, tmp_path):
    project = tmp_path / "broken"
    shutil.copytree(smoke[0], project)
    front = project / "reports" / "made-up-small" / "index.html"
    before = front.read_bytes()
    path = project / "notebooks" / "02_preprocessing.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(4, nbformat.v4.new_code_cell("raise RuntimeError('the mill stands still')"))
    nbformat.write(notebook, path)
    code, _, err = run_all(project, "--profile", "smoke")
    assert code == 1
    assert re.search(r"02_preprocessing failed in cell \d+ .*RuntimeError: the mill stands still", err)
    partial = re.search(r"The partly run copy: (\S+\.ipynb)\.", err).group(1)
    assert (project / partial).is_file()
    assert front.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "nowhere"], "nowhere is not there"),
        (["-p", "04_segmentation.EPOCS", "3"], "has no parameter 'EPOCS'"),
        (["--name", "../x"], "can't be a folder's name"),
        (["--only", "99_none"], "there is no notebook '99_none'"),
    ],
)
def test_wrong_arguments_get_one_line(tmp_path, words, message):
    project = copy_project(tmp_path)
    code, _, err = run_all(project, *words)
    assert code == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("run_all: ") and message in line
    assert not (project / "reports").exists()


def test_list_names_every_parameter(tmp_path):
    code, out, _ = run_all(copy_project(tmp_path), "--list")
    assert code == 0
    assert "EPOCHS = " in out and "smoke: 1" in out and "AREAS = ''" in out


def run_by_hand(project, name):
    """Run a notebook as JupyterLab does."""
    notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(project / "notebooks")}}).execute()


def test_notebooks_run_by_hand_in_order(tmp_path, monkeypatch):
    """And the submission once more without any test image, as imported data sets have none."""
    project = copy_project(tmp_path)
    make_data(project / "sheets", 12, shape=(32, 192), progress=False)
    monkeypatch.setenv("SEVERSTAL_DIR", str(project / "sheets"))
    for name in NOTEBOOKS:
        run_by_hand(project, name)
    run = project / "runs" / "sheets-demo"
    assert (run / "submission.csv").is_file()
    assert {name.split(".")[0] for name in read_results(run / "results.json")} == set(NOTEBOOKS)
    for image in (project / "sheets" / "test_images").iterdir():
        image.unlink()
    run_by_hand(project, "06_submission")
    assert (run / "submission.csv").read_text().strip() == "ImageId_ClassId,EncodedPixels"
    records = read_results(run / "results.json")
    assert records["06_submission.test_images"]["value"] == records["06_submission.lint_errors"]["value"] == 0
    assert records["06_submission.predicted_share_class_1"]["value"] is None


def test_notebook_run_out_of_order_names_the_one_to_run_first(tmp_path, monkeypatch):
    project = copy_project(tmp_path)
    make_data(project / "sheets", 12, shape=(32, 192), progress=False)
    code, _, err = run_all(project, "--data", "sheets", "--only", "06_submission")
    assert code == 1
    assert "Run 04_segmentation first" in err


@needs_real
def test_real_images_are_counted_as_published(real):
    results = read_results(real / "reports" / "sample" / "results.json")
    value = {name.removeprefix("01_eda."): record["value"] for name, record in results.items()}
    assert (value["training_images"], value["clean_images"], value["test_images"]) == (115, 36, 31)
    assert [value[f"images_with_class_{number}"] for number in range(1, 5)] == [18, 16, 38, 17]
    assert value["images_set_aside"] == 0
    assert value["label_rows"] == results["02_preprocessing.exact_round_trips"]["value"] == 89


@needs_real
def test_real_submission_has_31_times_4_rows(real):
    table = pd.read_csv(real / "reports" / "sample" / "submission.csv", keep_default_na=False)
    assert len(table) == 31 * 4


@needs_real
def test_real_scores_are_those_of_the_bundle(real):
    from helpers.inference.predict import predict_masks
    from helpers.metrics import PixelCounts, kaggle_dice
    from helpers.models.bundle import load_bundle

    run = real / "runs" / "sample-smoke"
    model, bundle = load_bundle(run / "models" / "unet_paper")
    dataset = read_dataset(REAL)
    split = pd.read_csv(run / "split.csv")
    counts = []
    for image_id in split.loc[split["split"] == "holdout", "image_id"]:
        (masks,) = predict_masks(model, bundle, [dataset.image(image_id, bundle["channels"])])
        counts.append(pixel_counts(dataset.masks(image_id), masks))
    recorded = read_results(run / "results.json")["04_segmentation.unet_paper.kaggle_dice"]["value"]
    assert kaggle_dice(PixelCounts.concatenate(counts)) == pytest.approx(recorded, abs=1e-6)


def test_folds_judge_every_image_and_ship_one_network(smoke, tmp_path):
    """Our network, by folds, in a run that is there: its page and its scores beside those of the other."""
    project = tmp_path / "project"
    shutil.copytree(smoke[0], project)
    settings = ("-p", "04_segmentation.MODEL", "steel_unet", "-p", "04_segmentation.FOLDS", "True")
    words = ("--profile", "smoke", "--only", "04_segmentation", *settings, "-p", "04_segmentation.EPOCHS", "1")
    code, _, err = run_all(project, *words)
    assert code == 0, err
    report = project / "reports" / "made-up-small"
    results = read_results(report / "results.json")
    record = results["04_segmentation.steel_unet.kaggle_dice"]
    assert record["split"] == "folds" and record["low"] <= record["value"] <= record["high"]
    assert results["04_segmentation.unet_paper.kaggle_dice"]["split"] == "holdout"
    assert "the holdout" in (report / "index.html").read_text()
    assert "never saw it (folds)" in (report / "index.html").read_text()
    bundle = json.loads((project / "runs" / "made-up-small-smoke/models/steel_unet/bundle.json").read_text())
    assert bundle["training"]["images"] == 24 and bundle["scores"]["kaggle_dice"]["split"] == "folds"
    decisions = pd.read_csv(report / "tables" / "04_steel_unet_decisions.csv", index_col=0)
    assert decisions["threshold, ships"].tolist() == bundle["thresholds"]
    assert len(decisions.columns) == 18


@needs_labels
def test_labels_alone_give_the_published_table_2_and_ask_for_no_photographs(tmp_path):
    project = copy_project(tmp_path)
    areas, runs = str(LABELS / "areas.csv"), str(LABELS / "train_partial.csv")
    settings = ("-p", "01_eda.AREAS", areas, "-p", "01_eda.RUNS", runs)
    code, out, err = run_all(project, "--only", "01_eda", *settings)
    assert code == 0, err
    assert "making up" not in out and not (project / "data").exists()
    report = project / "reports" / LABELS.name
    table = pd.read_csv(report / "tables" / "01_table_2.csv", index_col=0)
    assert table.loc["mean"].round(6).tolist() == [0.564529, 0.000760, 0.000162, 0.025507, 0.005349]
    assert table.loc["max"].round(6).tolist() == [3, 0.076423, 0.034236, 0.899023, 0.470654]
    results = read_results(report / "results.json")
    assert results["01_eda.largest_difference_to_published"]["value"] == 0
    assert (report / "figures" / "01_defect_maps.png").is_file()
    assert not (report / "figures" / "01_images.png").exists()
