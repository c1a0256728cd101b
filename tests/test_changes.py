"""What makes a step run again, worked by hand; the whole of it is tested in test_series_run."""

import pytest

from helpers.files import write_json
from helpers.series.changes import Now, in_short, input_changes, output_changes, why_again
from helpers.series.parameters import SeriesError
from helpers.series.plan import Step
from helpers.series.records import Digests, Places, Record, read_records, sort_notes

BEFORE = {
    "source": "s",
    "modules": {"helpers.a": "1", "helpers.b": "1"},
    "parameters": {"EPOCHS": 8, "WINDOW": [1, 2]},
    "versions": {"python": "3.12.1", "numpy": "2.0"},
    "data": {"name": "sheets", "fingerprint": "f"},
    "results": {"01_eda": "1"},
    "files": {"split.csv": ["1", 5, 7], "$HELPERS/data/published.csv": ["1", 5, 7]},
}


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, []),
        ({"source": "t"}, ["its source changed"]),
        ({"modules": {"helpers.a": "2", "helpers.b": "1"}}, ["helpers.a changed"]),
        ({"modules": {"helpers.a": "1"}}, ["the modules that it needs are others"]),
        ({"parameters": {"EPOCHS": 80, "WINDOW": [1, 2]}}, ["EPOCHS: 8 -> 80"]),
        ({"parameters": {"EPOCHS": 8, "WINDOW": [1, 2], "NEW": None}}, ["NEW: 'none' -> None"]),
        ({"versions": {"python": "3.13.0", "numpy": "2.0"}}, ["python: '3.12.1' -> '3.13.0'"]),
        ({"data": {"name": "sheets", "fingerprint": "g"}}, ["the data changed"]),
        ({"results": {"01_eda": "2"}}, ["the numbers of 01_eda changed"]),
        ({"results": {"01_eda": "1", "02_x": "1"}}, ["the numbers of 02_x changed"]),
        ({"files": BEFORE["files"] | {"split.csv": ["2", 5, 7]}}, ["split.csv changed"]),
        ({"files": BEFORE["files"] | {"split.csv": ["1", 5, 8]}}, []),  # touched, and the same
        ({"files": BEFORE["files"] | {"split.csv": None}}, ["split.csv is gone"]),
        ({"files": BEFORE["files"] | {"tables/05_pairs.csv": ["1", 5, 7]}}, ["tables/05_pairs.csv is there now"]),
        ({"files": BEFORE["files"] | {"tables/05_pairs.csv": None}}, []),  # as before
        (
            {"files": BEFORE["files"] | {"$HELPERS/data/published.csv": ["2", 5, 7]}},
            ["helpers/data/published.csv changed"],
        ),
        ({"source": "t", "data": {}}, ["its source changed", "the data changed"]),
    ],
)
def test_input_changes(changed, reasons):
    assert input_changes(BEFORE, BEFORE | changed) == reasons


def test_input_changes_of_what_reads_no_results():
    assert input_changes(BEFORE | {"results": None}, BEFORE | {"results": None}) == []


def test_in_short_names_the_first_reasons():
    assert in_short(list("abc")) == "a; b; c"
    assert in_short(list("abcde")) == "a; b; c; and 2 more"


@pytest.fixture
def now(tmp_path):
    """A run's directory with a file and a number."""
    places = Places(tmp_path, tmp_path / "runs" / "x")
    write_json(places.run / "bundle.json", 1)
    write_json(places.run / "results.json", {"03_classifier.a.n": {"value": 1}, "03_classifier.b.n": {"value": 2}})
    return Now(places, Digests(), {})


def recorded(now, label="03_classifier-a", **changes):
    entry = now.digests.of(now.places.path("bundle.json"))
    scope = label.replace("-", ".")
    about = {"outputs": {"bundle.json": entry}, "recorded": now.recorded().get(scope, "")}
    return Record(label, "then", finished="later", **about | changes)


STEP = Step("03_classifier", "03_classifier-a", {})


def test_output_changes_where_all_is_as_it_was(now):
    assert output_changes(STEP, recorded(now), [], now) == []


def test_output_changes_of_files(now):
    record = recorded(now)
    write_json(now.places.run / "bundle.json", 2)
    assert output_changes(STEP, record, [], now) == ["bundle.json was changed"]
    (now.places.run / "bundle.json").unlink()
    assert output_changes(STEP, record, [], now) == ["bundle.json is gone"]


def test_output_that_a_later_step_changed(now):
    """It is as that one left it; one that didn't end may have left anything."""
    record = recorded(now)
    write_json(now.places.run / "bundle.json", 2)
    later = recorded(now, "05_evaluation")
    assert output_changes(STEP, record, [later], now) == []
    stopped = Record("05_evaluation", "then", own=["bundle.json"])
    assert output_changes(STEP, record, [stopped], now) == []
    other = Record("05_evaluation", "then", own=["tuning.json"])
    assert output_changes(STEP, record, [other], now) == ["bundle.json was changed"]
    write_json(now.places.run / "bundle.json", 3)
    assert output_changes(STEP, record, [later], now) == ["bundle.json was changed"]


def test_output_changes_of_numbers_are_of_its_own(now):
    record = recorded(now)
    write_json(now.places.run / "results.json", {"03_classifier.a.n": {"value": 1}, "03_classifier.b.n": {"value": 3}})
    assert output_changes(STEP, record, [], now) == []
    write_json(now.places.run / "results.json", {"03_classifier.a.n": {"value": 2}})
    assert output_changes(STEP, record, [], now) == ["its numbers in results.json were changed"]


def test_why_again_without_a_record_and_after_a_kill(now):
    assert why_again(STEP, None, [], now) == ["it never ran"]
    assert why_again(STEP, Record("03_classifier-a", "then"), [], now) == ["it was begun then and didn't end"]


def test_an_earlier_step_does_not_answer_for_what_a_later_one_wrote(tmp_path, now, monkeypatch):
    monkeypatch.setattr(Now, "inputs", lambda *given: BEFORE)
    record = recorded(now, "05_evaluation", inputs=BEFORE)
    write_json(now.places.run / "bundle.json", 2)
    earlier = recorded(now, "03_classifier-a")
    step = Step("05_evaluation", "05_evaluation", {})
    assert why_again(step, record, [earlier], now) == ["bundle.json was changed"]


def test_earlier_results_are_of_the_notebooks_before(now):
    write_json(
        now.places.run / "results.json",
        {
            name: {"value": 1}
            for name in ("01_eda.n", "03_classifier.a.n", "03_classifier.b.n", "05_evaluation.n", "x.n")
        },
    )
    assert set(now.earlier_results(Step("04_taken_apart", "04_taken_apart", {}))) == {
        "01_eda", "03_classifier.a", "03_classifier.b"
    }  # fmt: skip
    assert set(now.earlier_results(STEP)) == {"01_eda"}


def test_places_have_names_that_hold_elsewhere(tmp_path):
    places = Places(tmp_path, tmp_path / "runs" / "x")
    for path, name in (
        (places.run / "models" / "a" / "bundle.json", "models/a/bundle.json"),
        (tmp_path / "models" / "a.h5", "$PROJECT/models/a.h5"),
        (tmp_path.parent / "areas.csv", str(tmp_path.parent / "areas.csv")),
    ):
        assert places.name(path) == name and places.path(name) == path


def test_sort_notes_leaves_out_what_no_step_is_judged_by(tmp_path):
    places = Places(tmp_path, tmp_path / "runs" / "x")
    read = ["run.json", "split.csv", "models/a/trained.npz", ".part-1-x", "cache/images.u8", "bundle.json"]
    written = [
        "models/a/checkpoint.npz",
        "bundle.json",
        "figures/1.png",
        "results.json",
        "images.csv",
        "figures/.part-1-x",
    ]
    notes = places.notes("a")
    notes.parent.mkdir(parents=True)
    lines = ["[]", *(f'["read", "{places.run / name}"]' for name in read)]
    lines += [f'["asked", "{places.run / name}"]' for name in ("tables/1.csv", "figures/1.png", "run.json")]
    lines += [f'["written", "{places.run / name}"]' for name in written] + [f'["results", "{places.run}/results.json"]']
    notes.write_text("\n".join(lines) + "\n")
    noted = sort_notes(places, "a")
    assert noted.read == {"split.csv"} and noted.written == {"bundle.json", "figures/1.png"}
    assert noted.kept == {"models/a/trained.npz", "models/a/checkpoint.npz"} and noted.results
    assert noted.asked == {"tables/1.csv"}


def test_read_records_of_a_step_that_was_killed(tmp_path):
    """What it wrote until then is taken from its notes."""
    places = Places(tmp_path, tmp_path / "runs" / "x")
    Record("a", "then", own=("old.csv",)).write(places)
    places.notes("a").write_text(f'[]\n["written", "{places.run}/new.csv"]\n')
    (record,) = read_records(places, Digests()).values()
    assert (record.own, record.finished) == (("new.csv", "old.csv"), "")


def test_read_records_that_are_none(tmp_path):
    places = Places(tmp_path, tmp_path / "runs" / "x")
    write_json(places.record("a"), {"label": "a", "strange": 1})
    with pytest.raises(SeriesError, match=r"a\.json: this is no record of a step. Delete it"):
        read_records(places, Digests())


def test_digests_read_a_file_once(tmp_path):
    path, digests = tmp_path / "a", Digests()
    path.write_text("steel")
    entry = digests.of(path)
    assert entry[1] == 5 and len(entry[0]) == 64
    other = Digests()
    other.learn(path, ["known", *entry[1:]])
    assert other.of(path)[0] == "known"
    path.write_text("steels")
    assert len(other.of(path)[0]) == 64
    assert digests.of(tmp_path / "nowhere") is None
