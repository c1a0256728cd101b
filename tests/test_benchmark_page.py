"""benchmarks/README.md says what is stored beside it."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).absolute().parents[1] / "benchmarks"
RUN = {
    "seed": 0,
    "steps": 1200,
    "seconds": 61.2,
    "parameters": 3,
    "defect_dice": [0.5, 0.4, 0.6],
    "miou": [0.25, 0.2, 0.3],
}
VERSUS = {
    "data": "sheets", "images": {"train": 10, "holdout": 4}, "split": "groups", "minutes": 1, "batch_size": 2,
    "window": 0,
    "shape": [8, 16], "scored_on": "holdout, at 0.5", "processor": "2 cores", "model": "steel_unet",
    "peer": RUN | {"miou": [0.1, 0.0, 0.2]}, "ours": [RUN | {"multiply_adds": 5e6}],
}  # fmt: skip


@pytest.fixture
def page():
    """The function that writes the page."""
    spec = importlib.util.spec_from_file_location("write_readme", FOLDER / "write_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page


def test_page_is_that_of_the_stored_results(page):
    assert page(FOLDER) == (FOLDER / "README.md").read_text(), "run `make readme`"


def test_page_has_a_row_for_each_training(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text(json.dumps(VERSUS))
    text = page(tmp_path)
    dice = "0.500 (0.400 to 0.600)"
    assert f"| 1 | whole images | U-Net on ResNet18 | 1,200 | 61 | 3 | – | {dice} | 0.100 (0.000 to 0.200) |" in text
    assert f"| 1 | whole images | `steel_unet`, seed 0 | 1,200 | 61 | 3 | 5 | {dice} | 0.250 (0.200 to 0.300) |" in text
    assert "the 4 images of the holdout, at 0.5" in text and "0.8215" in text
    assert "Judged by folds" not in text


def test_page_has_a_table_of_recipes_and_one_of_answers(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    costs = {"parameters": 3, "multiply_adds": 5e6, "steps": 12, "seconds": 300.2}
    names = ("kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy", "miou")
    scores = {name: [0.5, 0.4, 0.6] for name in names}
    answers = {name: [0.9, 0.8, 1.0] for name in ("accuracy", "f1", "auc", "average_precision")}
    result = {
        "data": "sheets", "recipe_minutes": 5, "images": {"train": 6, "validation": 2, "holdout": 3}, "defective": 1,
        "shape": [8, 16], "processor": "2 cores",
        "recipes": {
            "paper": costs | {"tuned": scores, "usual": scores | {"miou": [0.1, 0.0, 0.2]}},
            "classifier_small": costs | {"answers": {"defect": answers}},
        },
    }  # fmt: skip
    (tmp_path / "results" / "a.json").write_text(json.dumps(result))
    text = page(tmp_path)
    dice, sure = "0.500 (0.400 to 0.600)", "0.900 (0.800 to 1.000)"
    assert f"| `paper` | 12 | 300 | 3 | 5 | {' | '.join([dice] * 6)} | 0.100 (0.000 to 0.200) |" in text
    assert f"| `classifier_small` | 12 | 300 | 3 | 5 | defect | {' | '.join([sure] * 4)} |" in text
    assert "3 images, 1 of them with a defect" in text


def test_page_has_the_dashboard_s_times_and_what_it_lost(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    times = {"alone": {"median": 40.2, "p99": 90.0}, "with_pictures": {"median": 120.0, "p99": 250.4}}
    load = {
        "clients": 50,
        "seconds": 60.0,
        "requests": 12345,
        "lost": {"status 500": 2, "timeout": 1},
        "a_second": 205.7,
    }
    result = {
        "dashboard_images": 12568, "seconds_to_start_first": 31.04, "seconds_to_start": 2.96, "page_ms": times,
        "page_again_ms": times, "load": load | {"latency_ms": {"median": 100.4, "p99": 900.0}}, "processor": "2 cores",
    }  # fmt: skip
    (tmp_path / "results" / "a.json").write_text(json.dumps(result))
    text = page(tmp_path)
    assert "| 12,568 | 31.0 | 3.0 | 40 / 90 | 120 / 250 | 120 / 250 |" in text
    assert "| 12,568 | 50 | 60 | 12,345 | 3 | 206 | 100 / 900 |" in text
