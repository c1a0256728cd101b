"""benchmarks/results.md says what is stored beside it."""

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
    "recipe": {"optimizer": "adamw"}, "peer": RUN | {"miou": [0.1, 0.0, 0.2]}, "ours": [RUN | {"multiply_adds": 5e6}],
}  # fmt: skip


@pytest.fixture
def module(load_benchmark):
    """The script that writes the page."""
    return load_benchmark("write_results")


@pytest.fixture
def page(module):
    """The function that writes the page."""
    return module.page


def test_page_is_that_of_the_stored_results(page):
    assert page(FOLDER) == (FOLDER / "results.md").read_text(), "run `make readme`"


def test_readme_says_what_is_stored_of_cameras_and_clusters(module, tmp_path):
    readme = (FOLDER.parent / "README.md").read_text()
    for name, block in module.readme_blocks(module.read_results(FOLDER)).items():
        assert block and module.place_in_readme(name, block) in readme, "run `make readme`"
    rates = {"one process": 30.0, "cluster of 2": 50.0, "cluster of 2, one killed": 45.0}
    about = {"cluster_bundle": "a", "engine": "keras", "processor": "2 cores", "cores": 2}
    times = {"median": 30.4, "p99": 39.2}
    line = {"frames": 1500, "frames_per_second": 5.0, "missed": 3}
    camera = {"camera_bundle": "a", "once": True, "engine": "keras", "processor": "2 cores", "frame": [16, 32]}
    old = "".join(module.place_in_readme(name, "old") for name in ("cameras", "clusters"))
    (tmp_path / "README.md").write_text(f"before {old} after")
    stored = [about | {"images_per_second": rates}, camera | {"line": line, "milliseconds_at_batch_1": times}]
    module.write_readme(tmp_path / "README.md", stored)
    text = " ".join((tmp_path / "README.md").read_text().split())
    assert "30 images a second by one process, 50 by a cluster of 2 processes, 45 with one of them killed" in text
    assert "not measured: 25 such machines for 1,000 images a second, and 6.9 hours for 100,000,000 images" in text
    assert "`a` and `once=True` (2 cores; keras)" in text
    assert "16 x 32 pixels takes 30 ms at batch 1, 99 of 100 no more than 40; of 1,500 frames, 5 a second, 3" in text
    assert text.startswith("before") and text.endswith("after") and "old" not in text


def test_page_has_a_row_for_each_training(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text(json.dumps(VERSUS))
    text = page(tmp_path)
    dice = "0.500 (0.400 to 0.600)"
    assert (
        f"| 1 | 1 | whole images | U-Net on ResNet18 | 1,200 | 61 | 3 | – | {dice} | 0.100 (0.000 to 0.200) |" in text
    )
    assert (
        f"| 1 | whole images | `steel_unet`, AdamW, seed 0 | 1,200 | 61 | 3 | 5 | {dice} | 0.250 (0.200 to 0.300) |"
        in text
    )
    assert "the 4 images of the holdout, at 0.5" in text and "0.8215" in text
    gain = "+0.000 in `defect_dice` and +0.150 in `miou` over the U-Net on ResNet18 (1,200 steps in 61 seconds)"
    assert f"Comparison 1, ours by AdamW, 61 seconds (one seed): {gain}." in text
    assert "Judged by folds" not in text
    half = VERSUS | {"peer_bfloat16": RUN, "ours": [RUN | {"precision": "mixed_bfloat16"}]}
    half |= {"recipe": {"optimizer": "muon", "coarse_share": 0.55}}
    (tmp_path / "results" / "a.json").write_text(json.dumps(half))
    text = page(tmp_path)
    assert f"| U-Net on ResNet18, bfloat16 | 1,200 | 61 | 3 | – | {dice} |" in text
    assert "| 1 | whole images, 55 % of the steps on smaller ones | `steel_unet`, Muon, seed 0, bfloat16 |" in text
    assert "Comparison 1, ours by Muon, 61 seconds (one seed, bfloat16): " in text
    assert (
        f"{gain}; +0.000 in `defect_dice` and +0.000 in `miou` over the U-Net on ResNet18, bfloat16 (1,200 steps in 61 "
        "seconds)." in text
    )


def test_page_has_a_row_for_each_kind_of_decisions_on_folds(page, tmp_path):
    """With how long a fold took, in steps and in seconds on average, beside what it was given, and what they chose."""
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    scores = {"all": {"kaggle_dice": [0.8, 0.7, 0.9], "above_floor": [0.1, 0.0, 0.2], "defect_dice": [0.5, 0.4, 0.6]}}
    result = {
        "data": "sheets", "model": "steel_unet", "beginning": {"pretrained": "ab", "pretrained_on": "made-up"},
        "minutes_each_fold": 20.0, "recipe": {"most_draws": 140.0}, "steps_each_fold": 1560,
        "seconds_each_fold": [60.0, 70.0], "usual": scores, "tuned": scores,
        "tuned_for_defect_dice": scores | {"all": scores["all"] | {"defect_dice": [0.6, 0.5, 0.7]}},
    }  # fmt: skip
    (tmp_path / "results" / "a.json").write_text(json.dumps(result))
    text = page(tmp_path)
    taken = "| sheets | `steel_unet` | made-up | 20 | 140 | 1,560 | 65"
    row = taken + " | {} | 0.800 (0.700 to 0.900) | 0.100 (0.000 to 0.200) | {} |"
    assert row.format("0.5", "0.500 (0.400 to 0.600)") in text
    assert row.format("for kaggle_dice", "0.500 (0.400 to 0.600)") in text
    assert row.format("for defect_dice", "0.600 (0.500 to 0.700)") in text
    recipe = {"recipe": {"most_draws": 100.0}}
    for name, changes, chosen in (("b", recipe | {"beginning": {}}, False), ("c", recipe, True)):
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(result | changes))
        assert ("somewhat too good" in page(tmp_path)) == chosen
    assert "random weights | 20 | – | 1,560" in page(tmp_path) and "made-up | 20 | 100 | 1,560" in page(tmp_path)


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


def test_page_tells_of_many_images_a_line_and_a_cluster(page, tmp_path):
    """Projections are computed from what was measured, and labelled so."""
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    about = {"engine": "keras", "processor": "2 cores"}
    runs = [{"images": 20, "seconds": 9.0, "images_per_second": 4.04, "peak_memory_mib": 900}]
    times = {"median": 12.34, "p99": 45.6}
    for name, result in {
        "predict": {"predicted_bundle": "a", "chunk": 16, "runs": runs, "same_to_the_byte_after_kills": True,
                    "once": runs[0] | {"images_per_second": 9.0},
                    "chunks_before_and_after_each_kill": [[0, 2], [2, 3]]},
        "camera": {"camera_bundle": "a", "once": False, "frame": [256, 1600], "milliseconds_at_batch_1": times,
                   "line": {"frames_per_second": 5.0, "frames": 150, "missed": 0, "milliseconds_to_the_result": times}},
        "cluster": {"cluster_bundle": "a", "images": 20, "cores": 2, "same_to_the_byte": {"cluster of 2": True},
                    "images_per_second": {"one process": 30.0, "cluster of 2": 50.0}},
    }.items():  # fmt: skip
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(result | about))
    text = page(tmp_path)
    assert "| `a` |  | keras | 20 | 4.0 | 900 |" in text and "| `a` | `--once` | keras | 20 | 9.0 | 900 |" in text
    assert "killed 2 times at random moments, in which 0 finished chunks of 16 images were lost" in text
    assert "| `a` |  | keras | 256 x 1600 | 12.3 | 45.6 | 5 | 150 | 0 | 45.6 |" in text
    assert "| `a` | keras | one process | 30.0 | – |" in text and "| cluster of 2 | 50.0 | yes |" in text
    # 40 useful images a second: 25 machines for 1,000; 400 do 100 million in 250,000 seconds, 2.9 days.
    assert "**Projected**, not measured" in text
    assert "| 1,000 images a second, as they come | 25 | – |" in text
    assert "| 100,000,000 images in an object store | 10 | 2.9 days |" in text


def test_page_has_a_table_of_engines_for_each_network(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()

    def row(subject, engine, network, whole, check=None):
        rates = {"network_images_per_second": network, "images_per_second": whole}
        return {
            "subject": subject, "network": subject.title(), "engine": engine, "name": f"By {engine}", **rates,
            "least": rates, "most": rates, "check": check,
        }  # fmt: skip

    result = {
        "engines_on": "sheets", "processor": "2 cores", "abilities": ["FP32"], "python": "3",
        "versions": {"keras": "3"},
        "unet_weights": "random", "shipped_weights": "ab12", "batch_size": 8,
        "shapes": {"unet": [256, 1600], "shipped": [128, 800]},
        "seconds": 5, "rounds": 2,
        "rows": [
            row("unet", "predict", 3, 2.5), row("unet", "openvino", 9, 8.1), row("unet", "onnx", 2, 3),
            row("shipped", "openvino-int8", 60, 50, {"images": 57, "kaggle_dice_change": -0.0012}),
        ],
    }  # fmt: skip
    (tmp_path / "results" / "a.json").write_text(json.dumps(result))
    text = page(tmp_path)
    assert "| By predict | 3.0 (3.0 to 3.0) | 1.00 | 2.5 (2.5 to 2.5) | 1.00 | 17 % | – | – |" in text
    assert "| By openvino | 9.0 (9.0 to 9.0) | 3.00 | 8.1 (8.1 to 8.1) | 3.24 | 10 % | – | – |" in text
    assert "| By openvino-int8 | 60.0 (60.0 to 60.0) | – | 50.0 (50.0 to 50.0) | – | 17 % | -0.0012 | 57 |" in text
    assert "| By onnx | 2.0 (2.0 to 2.0) | 0.67 | 3.0 (3.0 to 3.0) | 1.20 | – | – | – |" in text
    assert "### Shipped, at 128 x 800 pixels" in text
    assert "The U-Net's weights are random, those of `steel_unet` the ones shipped then (ab12)." in text
    assert (
        "beside the U-Net on ResNet18 at 256 x 1600 pixels under Keras `predict`: Unet, at 256 x 1600 pixels, 3.2 "
        "times; Shipped, at 128 x 800 pixels, 20.0 times as many images a second" in text
    )


def test_page_has_a_table_of_growth(page, tmp_path):
    shutil.copy2(FOLDER / "published.csv", tmp_path)
    (tmp_path / "results").mkdir()
    rows = [
        {"task": task, "images": images, "seconds": images / 10, "cpu_seconds": 2.0, "peak_memory_mib": 300,
         "found": ["OpenVINO", 3]}
        for images in (1000, 100)
        for task in ("scoring", "prediction")
    ]  # fmt: skip
    result = {"growth": rows, "shape": [64, 384], "processor": "2 cores"}
    (tmp_path / "results" / "a.json").write_text(json.dumps(result))
    lines = page(tmp_path).splitlines()
    assert "by OpenVINO; 2 cores." in " ".join(lines)
    first = lines.index("| prediction | 100 | 10.0 | 2.0 | 100.00 | 300 |")
    assert lines[first + 1 : first + 3] == [
        "| prediction | 1,000 | 100.0 | 2.0 | 100.00 | 300 |", "| scoring | 100 | 10.0 | 2.0 | 100.00 | 300 |"
    ]  # fmt: skip


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


SHARED = {"batch_size": 2, "augmentation": {}, "window": None, "weight_decay": 0.1, "warm_up": 0.0}


@pytest.mark.parametrize(
    ("changes", "recipe", "kept"),
    [
        ({}, {}, ["minutes", "recipe", "ours", "peer"]),
        ({}, {"coarse_share": 0.5}, ["minutes", "recipe", "peer"]),
        ({}, {"optimizer": "muon"}, ["minutes", "recipe", "peer"]),  # ours alone is trained again
        ({}, {"weight_decay": 0.2}, ["minutes", "recipe"]),  # the peer has it, too
        ({"minutes": 2}, {}, ["minutes", "recipe"]),
        ({"new": 1}, {}, ["minutes", "recipe", "new"]),  # a setting that the stored one doesn't tell
    ],
)
def test_versus_goes_on_with_what_is_still_the_same(load_benchmark, tmp_path, changes, recipe, kept):
    module = load_benchmark("versus_unet")
    stored = {"minutes": 1, "recipe": SHARED | {"optimizer": "adamw"}, "ours": [RUN], "peer": RUN}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(stored))
    later = {"coarse_share": 0.0, "most_draws": 0.0}  # what the stored one doesn't tell, as it was then
    asked = {"minutes": 1, "recipe": stored["recipe"] | later | recipe, "ours": []} | changes
    found = module.go_on_with(path, asked)
    assert sorted(name for name, value in found.items() if value != []) == sorted(kept)
    assert found["recipe"] == asked["recipe"]
    assert module.go_on_with(tmp_path / "none.json", asked) == asked
