"""The dashboard's places, table of images, scores and queries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.counts import PixelCounts
from helpers.dashboard.catalogue import image_key, make_catalogue
from helpers.dashboard.places import open_places
from helpers.dashboard.scores import ALARM, JUDGED, MISSED, MIXED, RIGHT, TUNED, ModelScores, ScoreKeeper, read_scores
from helpers.dashboard.select import BY_DICE, BY_INVENTED, BY_SIZE, CLEAN, Query, select_rows
from helpers.files import read_json, write_json
from helpers.rle import mask2rle
from made_board import IMAGES, MODEL, make_places, predicted
from tiny_models import tiny_masks


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return make_places(tmp_path_factory.mktemp("board") / "project")


@pytest.fixture(scope="module")
def catalogue(places):
    return make_catalogue(places)


@pytest.fixture(scope="module")
def scores(places):
    return read_scores(places, MODEL)


def names(catalogue, rows):
    return [f"{part}/{image_id}" for part, image_id in map(catalogue.image_of, rows)]


def test_open_places_takes_the_last_run_of_the_data_and_writes_nothing_but_its_own(places):
    before = {path: path.stat().st_mtime_ns for path in places.run.directory.rglob("*")}
    found = open_places(places.root, str(places.dataset.directory))
    assert found.run == places.run and found.home == places.home
    assert {path: path.stat().st_mtime_ns for path in before} == before
    made = set(places.run.directory.rglob("*")) - set(before)
    assert all(path.is_relative_to(places.home) for path in made)


def test_marks_outlive_the_run(places):
    """They are the data set's; a run is made again, or another one is looked at."""
    assert replace(places, run=None, home=places.root / "runs" / "other").marks == places.marks
    assert places.marks.parent == places.root / "marks"


def test_open_places_by_the_name_of_a_run_or_without_one(tmp_path, places):
    assert open_places(places.root, str(places.dataset.directory), "tiny-smoke").run == places.run
    alone = make_places(tmp_path / "alone", 5, run=False)
    found = open_places(alone.root, str(alone.dataset.directory))
    assert found.run is None and found.home == alone.root / "runs" / "tiny-dashboard"
    with pytest.raises(
        FileNotFoundError, match="no run of that name, and no folder with run.json. Runs here: tiny-smoke"
    ):
        open_places(places.root, str(places.dataset.directory), "other")


def test_open_places_of_data_that_changed_since_the_run(tmp_path):
    """Its predictions would be shown on other images: an error where the run was asked for, else a line."""
    places, said = make_places(tmp_path / "project", 5, run=False), []
    write_json(tmp_path / "project" / "runs" / "tiny-smoke" / "run.json", {"data": "tiny", "fingerprint": "0"})
    data = str(places.dataset.directory)
    with pytest.raises(ValueError, match="this run is of other data than .* Name the run's own data with --data"):
        open_places(places.root, data, "tiny-smoke")
    assert open_places(places.root, data, say=said.append).run is None
    assert said == ["tiny-smoke is of tiny before it changed: its predictions are not shown. Run the series anew."]


def test_catalogue_has_every_image_with_its_split_and_areas(catalogue):
    table = catalogue.table
    assert len(table) == IMAGES + 3 and table["key"].is_unique
    assert table["split"].value_counts().to_dict() == {"train": 10, "validation": 5, "holdout": 5, "test": 3}
    row = catalogue.row_of("train", "07.png")
    assert catalogue.image_of(row) == ("train", "07.png") and catalogue.path_of(row).parent.name == "train_images"
    assert catalogue.areas[row].tolist() == tiny_masks(7).sum(axis=(0, 1)).tolist()
    assert catalogue.row_of("test", "07.png") is None  # the test images are 00 to 02


def test_catalogue_has_what_the_submission_marks_on_test_images(catalogue):
    """Image 00 of the test part has the name of a training image, and masks of its own."""
    row = catalogue.row_of("test", "00.png")
    assert catalogue.test_areas[row].tolist() == predicted(100).sum(axis=(0, 1)).tolist()
    assert not catalogue.areas[row].any() and not catalogue.test_areas[catalogue.row_of("train", "00.png")].any()


def test_catalogue_without_a_sound_submission(tmp_path):
    places = make_places(tmp_path / "project", 15)
    (places.run.directory / "submission.csv").write_text("ImageId,ClassId\n")
    found = make_catalogue(places)
    assert found.test_runs == {} and found.notes[0].startswith("The run's submission is not shown: ")


def test_keys_differ_by_part_name_and_content():
    keys = {
        image_key(*one) for one in (("train", "a", "1"), ("test", "a", "1"), ("train", "b", "1"), ("train", "a", "2"))
    }
    assert len(keys) == 4 and all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


def test_scores_are_of_images_that_the_network_never_saw(places, scores):
    """Holdout and validation; by hand: all right but 13, which is missed, and 19, on which class 1 is invented."""
    assert scores.image_ids == [f"{number:02}.png" for number in (15, 16, 17, 18, 19, 10, 11, 12, 13, 14)]
    assert scores.seen == [JUDGED] * 5 + [TUNED] * 5
    assert scores.dice.tolist() == [1, 1, 1, 1, 0.75, 1, 1, 1, 0.75, 1]
    assert scores.verdicts.tolist() == [RIGHT] * 4 + [ALARM] + [RIGHT] * 3 + [MISSED, RIGHT]
    assert scores.invented[4] == 300 and scores.missed[8] == tiny_masks(13).sum()
    assert scores.missed.sum() + scores.invented.sum() == 300 + tiny_masks(13).sum()
    for number in (16, 19, 13):
        np.testing.assert_array_equal(scores.masks(f"{number}.png", (32, 64)), predicted(number))
    found = scores.probabilities(places.dataset, "16.png")
    assert found.shape == (32, 64, 4) and found.max() == pytest.approx(0.98, abs=1e-3)


def test_scores_are_kept_and_computed_anew_when_the_predictions_changed(places, scores, monkeypatch):
    path = places.home / "scores" / f"{MODEL}.json"
    kept = read_json(path)
    monkeypatch.setattr("helpers.dashboard.scores._compute", lambda *given: pytest.fail("computed again"))
    assert read_scores(places, MODEL).runs == scores.runs
    write_json(path, kept | {"key": "of other predictions"})
    assert read_scores(places, MODEL, compute=False) is None
    monkeypatch.undo()
    assert read_scores(places, MODEL).runs == scores.runs


def test_scores_of_the_model_that_05_decided_are_by_its_decisions(tmp_path):
    """Tuned for another measure, and named first."""
    places = make_places(tmp_path / "project")
    decided = {"model": MODEL, "measure": "defect_dice", "fill_holes": False, "classifier": ""}
    write_json(places.run.directory / "tuning.json", decided)
    keeper = ScoreKeeper(places)
    keeper.start()
    keeper.wait()
    assert list(keeper.models) == [MODEL] and keeper.waiting == [] and keeper.problems == {}
    assert keeper.models[MODEL].dice.mean() == pytest.approx(0.95)


def test_a_model_whose_predictions_are_gone_is_named_and_keeps_none_of_the_others(tmp_path):
    places = make_places(tmp_path / "project")
    (places.run.directory / "models" / MODEL / "predictions.zip").unlink()
    keeper = ScoreKeeper(places)
    keeper.start()
    keeper.wait()
    assert keeper.models == {} and keeper.waiting == [] and "predictions.zip" in keeper.problems[MODEL]


def hand_made_scores(true, predicted, shared):
    counts = PixelCounts(*(np.array(each) for each in (true, predicted, shared)))
    ids = [f"{number}.png" for number in range(len(true))]
    return ModelScores("hand", None, ids, [JUDGED] * len(ids), counts, [], [])


def test_verdicts_look_at_the_classes_alone():
    found = hand_made_scores(
        #  same    class missed  invented  another   both empty
        [[9, 0], [9, 4], [9, 0], [9, 0], [0, 0]],
        [[1, 0], [9, 0], [9, 4], [0, 4], [0, 0]],
        [[1, 0], [9, 0], [9, 0], [0, 0], [0, 0]],
    )
    assert found.verdicts.tolist() == [RIGHT, MISSED, ALARM, MIXED, RIGHT]
    assert found.dice.round(2).tolist() == [0.6, 0.5, 0.5, 0.0, 1.0]
    assert found.missed.tolist() == [8, 4, 0, 9, 0] and found.invented.tolist() == [0, 0, 4, 4, 0]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"class_id": "2", "order": "name"}, ["test/01.png", *(f"train/{each:02}.png" for each in (1, 5, 13, 17))]),
        ({"class_id": CLEAN, "splits": ["holdout"]}, ["train/19.png"]),
        ({"verdict": "wrong", "order": "name"}, ["train/13.png", "train/19.png"]),
        ({"verdict": "missed"}, ["train/13.png"]),
        ({"verdict": "false alarm"}, ["train/19.png"]),
        (
            {"verdict": "right", "splits": ["holdout"], "order": "name"},
            [f"train/{each}.png" for each in (15, 16, 17, 18)],
        ),
        ({"scores": [0, 0.8], "order": "name"}, ["train/13.png", "train/19.png"]),
        ({"order": BY_INVENTED}, ["train/19.png"]),
        ({"shares": [0, 0], "splits": ["validation"]}, ["train/14.png"]),
        ({"start": "2020-01-01"}, []),
        ({"class_id": "no such class", "splits": ["no such split"]}, []),
    ],
)
def test_select_rows(catalogue, scores, asked, expected):
    rows = select_rows(catalogue, Query.of(asked | {"model": MODEL}), scores)
    assert names(catalogue, rows) == expected


def test_select_rows_in_their_order(catalogue, scores):
    worst = select_rows(catalogue, Query(order=BY_DICE), scores)
    assert sorted(names(catalogue, worst[:2])) == ["train/13.png", "train/19.png"] and len(worst) == 10
    shares = (catalogue.areas + catalogue.test_areas).sum(axis=1)[select_rows(catalogue, Query(order=BY_SIZE))]
    assert (np.diff(shares) <= 0).all()
    taken = catalogue.table["taken"].iloc[select_rows(catalogue, Query())]
    assert taken.is_monotonic_increasing and len(taken) == IMAGES + 3


def test_select_rows_within_days_that_count_whole(catalogue):
    taken = catalogue.table["taken"].sort_values()
    first, last = f"{taken.iloc[3]:%Y-%m-%d}", f"{taken.iloc[9]:%Y-%m-%d}"
    rows = select_rows(catalogue, Query(start=first, end=last))
    days = catalogue.table["taken"].iloc[rows].dt.strftime("%Y-%m-%d")
    assert days.min() == first and days.max() == last
    assert len(rows) == taken.dt.strftime("%Y-%m-%d").between(first, last).sum()


def test_select_rows_of_keys_keeps_their_order_and_leaves_out_strangers(catalogue):
    keys = catalogue.table["key"].tolist()
    assert select_rows(catalogue, Query(keys=(keys[5], "../../etc/passwd", keys[2]))).tolist() == [5, 2]


def test_select_rows_of_marked_images_and_without_scores(catalogue):
    marked = [("train", "03.png"), ("test", "gone.png")]
    assert names(catalogue, select_rows(catalogue, Query(marked=True), None, marked)) == ["train/03.png"]
    assert len(select_rows(catalogue, Query(order=BY_DICE))) == 0 == len(select_rows(catalogue, Query(verdict="right")))


@pytest.mark.parametrize(
    "asked",
    [None, [], "x", {"start": "yesterday", "end": 7, "order": "; DROP TABLE", "verdict": None, "splits": "train"},
     {"shares": ["a", "b"], "scores": [1], "keys": {"a": 1}, "marked": "yes"}, {"start": "9999-99-99", "order": []}],
)  # fmt: skip
def test_what_is_no_query_asks_for_all(asked):
    assert Query.of(asked) == Query()


def test_query_comes_back_as_it_was_described():
    query = Query(
        "2019-01-01", "2019-02-01", "3", ("train",), (1.0, 2.0), (0.1, 0.2), "missed", "dice", "m", ("k",), True
    )
    assert Query.of(query.describe()) == query
    assert Query.of({"shares": [900, -5]}).shares == (0.0, 100.0)


def test_runs_of_submissions_are_whole_texts(catalogue):
    texts = catalogue.test_runs["02.png"]
    assert texts == [mask2rle(predicted(102)[..., index]) for index in range(4)]
    assert pd.Series(texts).ne("").sum() == 1
