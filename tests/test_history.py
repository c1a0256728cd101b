import pytest

from helpers.files import write_json
from helpers.history import previous_run


@pytest.fixture
def run(tmp_path):
    """A run that ended on the third; its history holds what ended on the given days of January."""

    def make(*days, finished="2026-01-03"):
        write_json(tmp_path / "run.json", {"finished": finished} if finished else {})
        for day in days:
            kept = {"run": {"finished": f"2026-01-{day:02}"}, "results": {"day": {"value": day}}}
            write_json(tmp_path / "history" / f"202601{day:02}T000000.json", kept)
        return tmp_path

    return make


def test_previous_run_is_the_last_but_the_one_that_stands(run):
    found = previous_run(run(1, 2, 3))
    assert found == {"run": {"finished": "2026-01-02"}, "results": {"day": {"value": 2}}}


@pytest.mark.parametrize("finished", ["2026-01-04", None])
def test_previous_run_of_one_that_is_not_kept_is_the_last(run, finished):
    """A part that was rerun, or a run that hasn't ended."""
    assert previous_run(run(1, 2, finished=finished))["run"]["finished"] == "2026-01-02"


@pytest.mark.parametrize("days", [(), (3,)])
def test_previous_run_of_the_first_is_none(run, days):
    assert previous_run(run(*days)) is None
