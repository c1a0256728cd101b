"""Runs that are kept, listed and compared."""

import pytest

from helpers.cli import main
from helpers.files import read_json, write_json
from helpers.history import compare_runs, find_run, is_kept, keep_in_history, list_runs, previous_run, read_history

HOSTILE = "sheets\x1b[2J"


def record(value, low=None, high=None, unit="fraction", split="holdout"):
    found = {"value": value, "unit": unit, "split": split, "definition": "what it is"}
    return found if low is None else found | {"low": low, "high": high}


def scored(model, dice, validation):
    names = {"kaggle_dice": 0.8, "above_floor": 0.02, "defect_dice": dice, "validation_kaggle_dice": validation}
    return {f"04_segmentation.{model}.{name}": record(value, 0.1, 0.9) for name, value in names.items()}


def write_run(directory, finished, results, **about):
    run = {"data": "sheets", "profile": "demo", "finished": finished, "seconds": 90, **about}
    write_json(directory / "run.json", run)
    write_json(directory / "results.json", results)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project with two runs, one of which was completed twice."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "run_all.py").touch()
    monkeypatch.chdir(tmp_path)
    first, second = tmp_path / "runs" / "sheets-demo", tmp_path / "runs" / "other-smoke"
    for finished, dice in (("2026-01-02T03:04:05+00:00", 0.25), ("2026-01-03T03:04:05+00:00", 0.5)):
        write_run(first, finished, scored("a", dice, 0.7) | scored("b", 0.125, 0.9))
        keep_in_history(first)
    write_run(second, "2026-01-01T00:00:00+00:00", {}, data=HOSTILE)
    return tmp_path


def test_read_history_gives_the_oldest_first(root):
    kept = read_history(root / "runs" / "sheets-demo")
    assert [entry["run"]["finished"][:10] for entry in kept] == ["2026-01-02", "2026-01-03"]
    assert kept[0]["results"]["04_segmentation.a.defect_dice"]["value"] == 0.25
    assert read_history(root / "runs" / "other-smoke") == []


def test_read_history_of_something_else(root):
    write_json(root / "runs" / "sheets-demo" / "history" / "x.json", [1])
    with pytest.raises(ValueError, match=r"x\.json: expected the settings and results of a run"):
        read_history(root / "runs" / "sheets-demo")


def test_previous_run_is_the_one_before_the_one_that_stands(root):
    run = root / "runs" / "sheets-demo"
    assert previous_run(run)["run"]["finished"][:10] == "2026-01-02"
    write_run(run, "2026-01-04T00:00:00+00:00", {})  # a part was run again, which history doesn't keep
    assert previous_run(run)["run"]["finished"][:10] == "2026-01-03"
    write_json(run / "run.json", {"data": "sheets"})  # under way
    assert previous_run(run)["run"]["finished"][:10] == "2026-01-03"
    assert previous_run(root / "runs" / "other-smoke") is None


@pytest.mark.parametrize(
    ("name", "dice"),
    [
        ("sheets-demo", 0.5),
        ("runs/sheets-demo", 0.5),
        ("sheets-demo@20260102T030405", 0.25),
        ("runs/sheets-demo@20260102T030405", 0.25),
        ("report@work", 0.75),
    ],
)
def test_find_run(root, name, dice):
    write_run(root / "report@work", "2026-01-05", scored("a", 0.75, 1))  # as a report's folder is
    assert find_run(name, root)["results"]["04_segmentation.a.defect_dice"]["value"] == dice


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", r"nothing: there is no run of that name.* Runs here: other-smoke, sheets-demo"),
        ("sheets-demo@20260102", r"no run of that time is kept. There are: 20260102T030405, 20260103T030405"),
        ("other-smoke@20260102", r"no run of that time is kept. There are: none"),
        ("", "there is no run of that name"),
        ("x\x1b[2J", r"x\\x1b\[2J: there is no run"),
    ],
)
def test_find_run_that_is_not_there(root, name, message):
    with pytest.raises(FileNotFoundError, match=message):
        find_run(name, root)


@pytest.mark.parametrize("wrong", [3, {"value": "0.5"}, {"value": 0.5, "low": "a"}])
def test_find_run_whose_numbers_are_none(root, wrong):
    write_json(root / "report" / "results.json", {"a.b": wrong})
    write_json(root / "report" / "run.json", {})
    with pytest.raises(ValueError, match="a.b is no record of a number"):
        find_run("report", root)


def test_list_runs_shows_the_best_model_by_the_validation(root):
    """The last run first; a control character in a name is spelt out."""
    table = list_runs(root)
    assert table.index.tolist() == ["sheets-demo", "other-smoke"]
    row = table.loc["sheets-demo"]
    assert (row["models"], row["best"], row["minutes"]) == ("a, b", "b", "1.5")
    assert row["defect_dice"] == "0.125 (0.100 to 0.900)"
    assert table.loc["other-smoke", ["data", "best", "kaggle_dice"]].tolist() == [r"sheets\x1b[2J", "", "–"]


@pytest.mark.parametrize(
    ("chosen", "best", "dice"), [("a", "a", "0.500"), ("gone", "b", "0.125"), (None, "b", "0.125")]
)
def test_list_runs_shows_the_model_of_which_05_evaluation_decided(root, chosen, best, dice):
    path = root / "runs" / "sheets-demo" / "results.json"
    write_json(path, read_json(path) | {f"05_evaluation.sheets_passed_{chosen}": {"value": None}})
    row = list_runs(root).loc["sheets-demo"]
    assert (row["best"], row["defect_dice"]) == (best, f"{dice} (0.100 to 0.900)")


def test_is_kept_once_the_run_is_in_the_history_as_it_ended_last(root):
    run = root / "runs" / "sheets-demo"
    assert is_kept(run) and not is_kept(root / "runs" / "other-smoke")
    write_json(run / "run.json", {"data": "sheets"})  # under way
    assert not is_kept(run)


def test_compare_runs_worked_by_hand(root):
    a = {
        "run": {"data": "one", "profile": "demo", "git_revision": "abc", "versions": {"numpy": "2.0", "keras": "3.1"},
                "steps": {"01_eda": {"seconds": 1, "parameters": {"MOST": 3, "SEED": 1}}}},
        "results": {"s.small": record(0.5), "s.large": record(0.25, 0.125, 0.5), "s.same": record(0.5),
                    "s.gone": record(1),
                    "s.undefined": record(None), "s.seconds": record(10, unit="seconds"),
                    "s.images": record(4, unit="images")},
    }  # fmt: skip
    b = {
        "run": {"data": "one", "profile": "demo", "git_revision": "def", "versions": {"numpy": "2.1", "keras": "3.1"},
                "steps": {"01_eda": {"seconds": 9, "parameters": {"MOST": 4, "SEED": 1}},
                          "02": {"parameters": {"X": 1}}}},
        "results": {"s.small": record(0.625), "s.large": record(0.0, 0.0, 0.25, split="folds"), "s.same": record(0.5),
                    "s.new": record(1), "s.undefined": record(0.5), "s.seconds": record(12, unit="seconds"),
                    "s.images": record(8, unit="images")},
    }  # fmt: skip
    found = compare_runs(a, b)
    assert found.settings.to_dict("index") == {"01_eda.MOST": {"A": "3", "B": "4"}, "02.X": {"A": "-", "B": "1"}}
    assert found.versions.to_dict("index") == {"code": {"A": "abc", "B": "def"}, "numpy": {"A": "2.0", "B": "2.1"}}
    assert found.scores.index.tolist() == ["s.large", "s.small", "s.undefined"]
    assert found.scores.loc["s.large"].tolist() == [
        "0.250 (0.125 to 0.500)", "0.000 (0.000 to 0.250)", "-0.25", "fraction", "holdout -> folds"
    ]  # fmt: skip
    assert found.scores.loc["s.undefined", ["A", "B", "difference"]].tolist() == ["–", "0.500", "–"]
    assert found.others.index.tolist() == ["s.images", "s.seconds"]  # in proportion, twice as many is more
    assert (found.only_a, found.only_b, found.same) == (["s.gone"], ["s.new"], 1)
    text = str(found)
    assert "the runs are not paired here" in text and "In A alone (1):\n  s.gone" in text
    assert "Numbers that are the same in both: 1." in text


def test_compare_runs_of_a_run_with_itself(root):
    one = find_run("sheets-demo", root)
    found = compare_runs(one, one)
    assert found.same == len(one["results"]) and not len(found.scores)
    assert str(found).count("  none") == 4 and "not paired" not in str(found)


def test_runs_and_diff_as_commands(root, capsys):
    assert main(["runs"]) == 0
    assert main(["diff", "sheets-demo@20260102T030405", "sheets-demo"]) == 0
    out = capsys.readouterr().out
    assert "0.125 (0.100 to 0.900)" in out and "+0.25" in out and "\x1b" not in out
    assert main(["diff", "sheets-demo", "nothing"]) == 1
    assert capsys.readouterr().err.startswith("steel diff: nothing: there is no run of that name")


def test_runs_without_any(root, capsys):
    (root / "runs").rename(root / "elsewhere")
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "There are no runs here. Begin with: python run_all.py\n"
