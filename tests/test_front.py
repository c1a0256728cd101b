"""The front page's words: which model, of which decisions, and which class is weakest."""

import pandas as pd

from executed import records_of
from helpers.files import write_csv
from helpers.report.front import glance, read_classes

RUN = {"data": "sheets"}


def make_classes(folder, dice):
    """The table and the records that 05_evaluation leaves of classes with these scores; None is undefined."""
    texts = {name: "–" if value is None else f"{value:.3f}" for name, value in {"all": 0.5, **dice}.items()}
    write_csv(folder / "tables" / "05_classes.csv", pd.DataFrame({"defect_dice": texts}).rename_axis("class"))
    return {
        f"05_evaluation.class_{number}_defect_dice": {"value": value}
        for number, value in enumerate(dice.values(), start=1)
    }


def asked(folder, records, question):
    (answer,) = [each for each in glance(RUN, records, read_classes(folder, records)) if each["question"] == question]
    return answer


def where_it_fails(folder, dice):
    return asked(folder, records_of(["net"]) | make_classes(folder, dice), "Where does it fail?")


def test_headline_is_of_the_model_that_was_evaluated(tmp_path):
    """Which need not be the best on the validation part, nor the first of several that are equal."""
    records = records_of(["a", "b"]) | {"05_evaluation.sheets_passed_b": {"value": 0.1}}
    assert asked(tmp_path, records_of(["b", "a"]), "How good?")["lines"][0].startswith("kaggle_dice of a, by the")
    assert asked(tmp_path, records, "How good?")["lines"][0].startswith("kaggle_dice of b, by the decisions of its t")


def test_how_the_main_model_came_to_be_it(tmp_path):
    records, question = records_of(["a", "b"]), "Compared with what?"
    assert "of 2, chosen on images that judge none; of the others b" in asked(tmp_path, records, question)["lines"][1]
    named = records | {"05_evaluation.sheets_passed_b": {"value": 0.1}}
    assert "of 2, named beforehand and not chosen" in asked(tmp_path, named, question)["lines"][1]


def test_headline_is_after_the_last_step_where_there_was_one(tmp_path):
    after = {f"05_evaluation.{name}": {"value": value} for name, value in (("kaggle_dice", 0.9), ("above_floor", 0.2))}
    records = records_of(["net", "other"]) | {"05_evaluation.sheets_passed_net": {"value": 0.1}} | after
    good = asked(tmp_path, records, "How good?")
    assert good["figure"] == "0.900"
    assert good["lines"][0] == "kaggle_dice of net, after the last step of 05_evaluation, which ships: 0.900."
    compared = asked(tmp_path, records, "Compared with what?")
    assert compared["figure"] == "+0.200" and "by the decisions of its training, judged on" in compared["lines"][1]


def test_weakest_class_goes_by_values_not_by_their_rounded_texts(tmp_path):
    answer = where_it_fails(tmp_path, {"pit": 0.40004, "scratch": 0.40001})
    assert answer["figure"] == "scratch" and "Strongest on pit" in answer["lines"][-1]
    same = where_it_fails(tmp_path, {"pit": 0.4, "scratch": 0.4})
    assert same == {
        "question": "Where does it fail?",
        "figure": "no class more",
        "lines": ["defect_dice is the same for each class, 0.400."],
    }
    assert where_it_fails(tmp_path, {"pit": 0.0, "scratch": 0.0})["figure"] == "every class"
    assert where_it_fails(tmp_path, {"pit": 0.0, "scratch": 0.0002})["figure"] == "pit"


def test_one_scored_class_is_compared_with_none(tmp_path):
    for dice in ({"pit": 0.4}, {"pit": 0.4, "scratch": None}):
        answer = where_it_fails(tmp_path, dice)
        assert answer["figure"] == "pit"
        assert answer["lines"] == ["The one class with a score of its own: defect_dice 0.400."]
