"""Runs of a tiny series: what runs again and what doesn't, and going on after a failure or a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import helpers.series.execute
import helpers.series.run
import helpers.series.tidy
from helpers.files import read_json, write_json
from helpers.history import read_history
from helpers.results import read_results
from helpers.runs import package_versions
from helpers.series.parameters import SeriesError
from helpers.series.run import explain_series, run_series
from tiny_series import CELLS, run_forked, use_tiny_series, write_notebook, write_project

LABELS = list(CELLS)
RUN = Path("runs") / "sheets-smoke"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The tiny series, each notebook in a fork; gives the list of those that ran."""
    ran = []

    def run_notebook(root, run_directory, data, step, title):
        ran.append(step.label)
        run_forked(root, run_directory, data, step, title)

    use_tiny_series(monkeypatch.setattr)
    monkeypatch.setattr(helpers.series.execute, "run_notebook", run_notebook)
    return ran


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project whose series ran once."""
    root = write_project(tmp_path_factory.mktemp("first") / "project")
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_series(patch.setattr)
        patch.setattr(helpers.series.execute, "run_notebook", run_forked)
        run(root)
    return root


@pytest.fixture
def project(first, tmp_path, tiny):
    """A copy of it."""
    shutil.copytree(first, tmp_path / "project")
    return tmp_path / "project"


def run(root, **asked):
    """Run the series; gives the lines that it said."""
    said = []
    run_series(root, data=str(root / "sheets"), profile="smoke", say=said.append, **asked)
    return said


def explain(root, **asked):
    """What --explain says, by label."""
    said = []
    explain_series(root, data=str(root / "sheets"), profile="smoke", say=said.append, **asked)
    return dict(line.split(": ", 1) for line in said[1:])


def change(root, name, old, new):
    """Change a notebook's source."""
    cells = [source.replace(old, new) for source in CELLS[name]]
    assert cells != CELLS[name]
    write_notebook(root, name, cells)


def files(folder):
    """Content and time of all files."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_first_run_keeps_records_and_history(first):
    directory = first / RUN
    records = {path.stem: read_json(path) for path in sorted((directory / "steps").iterdir())}
    assert list(records) == LABELS and all(record["finished"] for record in records.values())
    assert list(records["02_preprocessing"]["inputs"]["files"]) == ["split.csv"]
    assert list(records["06_submission"]["inputs"]["results"]) == ["01_eda", "02_preprocessing"]
    assert records["01_eda"]["inputs"]["results"] is None
    assert set(records["01_eda"]["outputs"]) == {"notebooks/01_eda.ipynb", "split.csv", "figures/01_one.png"}
    about = read_json(directory / "run.json")
    assert about["seconds"] == round(sum(record["seconds"] for record in records.values()), 1)
    assert about["steps"]["06_submission"]["parameters"] == {"MOST": 1}
    (kept,) = read_history(directory)
    assert kept == {"run": about, "results": read_results(directory / "results.json")}
    assert (first / "reports" / "sheets" / "02_preprocessing.html").is_file()


def test_unchanged_series_runs_and_writes_nothing(project, tiny):
    run(project)  # in its new place
    before = files(project / RUN), files(project / "reports")
    assert run(project)[-2:] == ["Nothing changed: no notebook had to run.", "Report: reports/sheets/index.html"]
    after = files(project / RUN), files(project / "reports")
    assert tiny == []
    assert after == before


def test_changed_source_runs_again_and_so_does_what_reads_what_changed(project, tiny):
    change(project, "01_eda", "'images, scaled'", "'images, times SCALE'")
    assert explain(project) == {
        "01_eda": "runs, since its source changed",
        "02_preprocessing": "may run, since 01_eda will run before it, and it reads split.csv",
        "06_submission": "may run, since 01_eda will run before it, and it reads its numbers; "
        "02_preprocessing may run before it, and it reads its numbers",
    }
    said = run(project)
    assert tiny == ["01_eda", "06_submission"]  # split.csv came out the same, the record's definition didn't
    assert "01_eda runs again, since its source changed" in said
    assert "Unchanged: 02_preprocessing" in said
    assert "06_submission runs again, since the numbers of 01_eda changed" in said
    assert len(read_history(project / RUN)) == 2
    assert list(read_results(project / RUN / "results.json")) == ["01_eda.images", "02_preprocessing.kept",
                                                                  "06_submission.twice"]  # fmt: skip


def test_changed_source_that_changes_nothing_else(project, tiny):
    change(project, "01_eda", "value = results", "# why\nvalue = results")
    run(project)
    assert tiny == ["01_eda"]


def test_changed_parameter(project, tiny):
    assert explain(project, settings={"02_preprocessing": {"WORD": "iron"}}) == {
        "01_eda": f"unchanged since {read_json(project / RUN / 'steps' / '01_eda.json')['finished']}",
        "02_preprocessing": "runs, since WORD: 'steel' -> 'iron'",
        "06_submission": "may run, since 02_preprocessing will run before it, and it reads its numbers",
    }
    run(project, settings={"02_preprocessing": {"WORD": "iron"}})
    assert tiny == ["02_preprocessing"]
    assert read_json(project / RUN / "run.json")["settings"] == {"02_preprocessing": {"WORD": "iron"}}
    run(project, settings={"02_preprocessing": {"WORD": "iron"}})
    assert len(tiny) == 1
    run(project)
    assert tiny == ["02_preprocessing"] * 2


def test_changed_data(project, tiny):
    labels = project / "sheets" / "train.csv"
    labels.write_text("\n".join(labels.read_text().splitlines()[:-1]) + "\n")
    assert set(explain(project).values()) == {"runs, since the data changed"}
    run(project)
    assert tiny == LABELS


def test_changed_version(project, tiny, monkeypatch):
    versions = package_versions() | {"numpy": "1.0"}
    monkeypatch.setattr("helpers.series.changes.package_versions", lambda: versions)
    assert "numpy: " in explain(project)["01_eda"] and "-> '1.0'" in explain(project)["01_eda"]


@pytest.mark.parametrize(
    ("name", "reason", "label"),
    [
        ("figures/01_one.png", "figures/01_one.png is gone", "01_eda"),
        ("notebooks/02_preprocessing.ipynb", "notebooks/02_preprocessing.ipynb is gone", "02_preprocessing"),
        ("split.csv", "split.csv is gone", "01_eda"),
    ],
)
def test_output_that_is_gone_is_made_again(project, tiny, name, reason, label):
    (project / RUN / name).unlink()
    assert explain(project)[label] == f"runs, since {reason}"
    run(project)
    assert tiny == [label] and (project / RUN / name).is_file()


def test_number_that_was_changed_by_hand_is_recorded_again(project, tiny):
    path = project / RUN / "results.json"
    records = read_results(path)
    records["02_preprocessing.kept"]["value"] = 99
    write_json(path, records)
    assert explain(project)["02_preprocessing"] == "runs, since its numbers in results.json were changed"
    run(project)
    assert "02_preprocessing" in tiny and read_results(path)["02_preprocessing.kept"]["value"] == 2


def test_failed_notebook_is_gone_on_from(project, tiny):
    report = files(project / "reports")
    change(project, "02_preprocessing", "02_word.csv", "02_words.csv")
    change(project, "01_eda", "write_json(run.directory / 'figures'", "raise RuntimeError('rust')\nwrite_json(run")
    for _ in range(2):
        with pytest.raises(SeriesError, match="01_eda failed"):
            run(project)
    assert tiny == ["01_eda"] * 2 and files(project / "reports") == report
    assert "begun" in explain(project)["01_eda"] and "didn't end" in explain(project)["01_eda"]
    write_notebook(project, "01_eda", CELLS["01_eda"])
    run(project)
    assert tiny == ["01_eda"] * 3 + ["02_preprocessing"]


def test_only_from_and_force(project, tiny):
    run(project, only=["02_preprocessing"])
    assert tiny == ["02_preprocessing"]
    run(project, start="02_preprocessing")
    assert tiny[1:] == ["02_preprocessing", "06_submission"]
    assert (
        explain(project, start="06_submission")["06_submission"]
        == "runs, since it is asked for by --from 06_submission"
    )
    run(project, force=True)
    assert tiny[3:] == LABELS
    change(project, "01_eda", "'images, scaled'", "'images, times SCALE'")
    run(project, start="06_submission")
    assert tiny[6:] == ["01_eda", "06_submission"]
    with pytest.raises(SeriesError, match="--from: there is no notebook '99'"):
        run(project, start="99")


def test_only_keeps_the_settings_of_the_others(project):
    run(project, settings={"01_eda": {"SCALE": 3}, "02_preprocessing": {"WORD": "iron"}})
    run(project, only=["02_preprocessing"], settings={"02_preprocessing": {"WORD": "tin"}})
    about = read_json(project / RUN / "run.json")
    assert about["settings"] == {"01_eda": {"SCALE": 3}, "02_preprocessing": {"WORD": "tin"}}
    assert list(about["steps"]) == LABELS
    assert len(read_history(project / RUN)) == 2  # a part alone is not kept


FAILS = "raise RuntimeError('rust')\n"


def test_part_does_not_complete_a_run_that_failed(project, tiny):
    """Its pages are of two states then: the last good report stays until all of it has run."""
    report = files(project / "reports")
    change(project, "02_preprocessing", "kept = read_json", FAILS + "kept = read_json")
    with pytest.raises(SeriesError, match="02_preprocessing failed"):
        run(project)
    said = run(project, only=["01_eda"], settings={"01_eda": {"SCALE": 3}})
    assert said[-2].startswith("The run isn't complete") and said[-2].endswith("Run again without --only.")
    assert files(project / "reports") == report and "finished" not in read_json(project / RUN / "run.json")
    write_notebook(project, "02_preprocessing", CELLS["02_preprocessing"])
    run(project, settings={"01_eda": {"SCALE": 3}})
    assert read_results(project / "reports" / "sheets" / "results.json")["01_eda.images"]["value"] == 12
    assert "finished" in read_json(project / RUN / "run.json")


def test_part_does_not_complete_a_run_whose_other_notebooks_are_out_of_date(project, tiny):
    report = files(project / "reports")
    write_notebook(project, "06_submission", [*CELLS["06_submission"], "def half("])
    assert run(project, only=["01_eda"])[-2].startswith("The run isn't complete")
    assert tiny == ["01_eda"] and files(project / "reports") == report


def test_part_alone_is_shown_where_there_is_no_report_of_a_complete_run(tmp_path, tiny):
    root = write_project(tmp_path)
    run(root, only=["01_eda"])
    front = root / "reports" / "sheets" / "index.html"
    assert front.is_file() and "finished" not in read_json(root / RUN / "run.json")
    (front.parent / "run.json").write_text("damaged")
    run(root, only=["01_eda"])
    assert read_json(front.parent / "run.json")["data"] == "sheets"


@pytest.mark.parametrize("source", ["files = !ls", "%%bash\nls", "run?", "%matplotlib inline"])
def test_cell_for_ipython_alone_is_no_obstacle(project, source):
    write_notebook(project, "06_submission", [*CELLS["06_submission"], source])
    assert explain(project)["06_submission"] == "runs, since its source changed"


def test_half_typed_cell_is_named_and_takes_nothing_away(project, tiny):
    before = files(project / RUN)
    write_notebook(project, "01_eda", [*CELLS["01_eda"], "def half("])
    for act in (explain, run, lambda root: run(root, force=True)):
        with pytest.raises(SeriesError, match=r"01_eda: cell 8 can't be read as Python .* Mend the cell"):
            act(project)
    after = files(project / RUN)
    assert {path for path in before if path.suffix != ".json"} <= set(after) and tiny == []


ASKS = [
    *CELLS["02_preprocessing"],
    "from helpers.report.show import has_figure",
    "note = write_json(run.directory / 'tables' / '02_has.csv', has_figure(run, '01_two'))",
]


def test_figure_that_was_not_there_runs_what_asked_for_it_again(project, tiny):
    write_notebook(project, "02_preprocessing", ASKS)
    run(project)
    assert read_json(project / RUN / "steps" / "02_preprocessing.json")["inputs"]["files"]["figures/01_two.png"] is None
    run(project)
    change(project, "01_eda", "write_json(run.directory / 'figures' / '01_one.png', SCALE)",
           "for name in ('one', 'two'): write_json(run.directory / 'figures' / f'01_{name}.png', SCALE)")  # fmt: skip
    said = run(project)
    assert tiny == ["02_preprocessing", "01_eda", "02_preprocessing"]
    assert "02_preprocessing runs again, since figures/01_two.png is there now" in said
    assert read_json(project / RUN / "tables" / "02_has.csv") is True


def test_kill_at_the_end_of_a_run_leaves_it_out_of_no_history(project, tiny, monkeypatch):
    def killed(*given):
        raise KeyboardInterrupt

    change(project, "01_eda", "'images, scaled'", "'images, times SCALE'")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("helpers.series.course.keep_in_history", killed)
        run(project)
    assert len(read_history(project / RUN)) == 1
    assert "Nothing changed: no notebook had to run." in run(project)
    kept = read_history(project / RUN)
    assert len(kept) == 2 and kept[-1]["run"] == read_json(project / RUN / "run.json")


def test_explain_writes_nothing(project):
    image = next((project / "sheets" / "train_images").iterdir())
    shutil.copy(image, image.with_name("another.jpg"))
    before = files(project)
    assert set(explain(project).values()) == {"runs, since the data changed"}
    assert files(project) == before


def test_force_trains_anew_what_has_no_record(project, monkeypatch):
    """As after training by hand."""
    monkeypatch.setitem(helpers.series.tidy.KEEPS, "01_eda", "a")
    kept, of_another = (project / RUN / "models" / name / "fold-1" / "trained.npz" for name in ("a", "ab"))
    write_json(kept, 1)
    write_json(of_another, 1)
    (project / RUN / "steps" / "01_eda.json").unlink()
    run(project, only=["01_eda"])
    assert kept.is_file()
    (project / RUN / "steps" / "01_eda.json").unlink()
    run(project, force=True)
    assert not kept.exists() and of_another.is_file()


def test_force_forgets_what_was_trained_but_a_change_does_not(project, tiny):
    kept = project / RUN / "models" / "a" / "trained.npz"
    change(project, "01_eda", "write_json(run.directory / 'figures'",
           "path = run.directory / 'models' / 'a' / 'trained.npz'\n"
           "write_json(path, [len(kept) for kept in [path.read_bytes() if path.exists() else b'']])\n"
           "write_json(run.directory / 'figures'")  # fmt: skip
    run(project)
    assert read_json(kept) == [0]
    run(project, settings={"01_eda": {"SCALE": 3}})
    assert read_json(kept) != [0]
    run(project, force=True)
    assert read_json(kept) == [0]


def test_step_that_vanished_leaves_nothing_in_the_report(project, tiny, monkeypatch):
    def vanish(module):
        monkeypatch.setattr(module, "NOTEBOOKS", ("01_eda", "06_submission"))

    vanish(sys.modules["helpers.series.plan"])
    run(project)
    assert tiny == ["06_submission"]  # whose numbers before it are fewer
    report = project / "reports" / "sheets"
    assert not (report / "02_preprocessing.html").exists() and not (report / "tables").exists()
    assert set(read_results(report / "results.json")) == {"01_eda.images", "06_submission.twice"}
    assert not (project / RUN / "steps" / "02_preprocessing.json").exists()


def test_files_of_no_step_are_not_shown(project, tiny):
    """Such as a figure that a notebook no longer makes, or those of a run before there were records."""
    (project / RUN / "figures" / "99_old.png").touch()
    change(project, "02_preprocessing", "02_word.csv", "02_words.csv")
    run(project)
    assert tiny == ["02_preprocessing"]
    report = project / "reports" / "sheets"
    assert [path.name for path in sorted((report / "tables").iterdir())] == ["02_words.csv"]
    assert [path.name for path in sorted((report / "figures").iterdir())] == ["01_one.png"]


def amend(value):
    """Cells of the last notebook that change what the first one wrote."""
    amends = "if MOST == 1:\n    path = run.directory / 'figures' / '01_one.png'\n"
    return [*CELLS["06_submission"], f"{amends}    write_json(path, [2, {value}])"]


def test_output_that_a_later_step_changes(project, tiny):
    """It doesn't run the first one again; but when the later one no longer does it, the first puts it right."""
    write_notebook(project, "06_submission", amend(1))
    run(project)
    assert tiny == ["06_submission"]
    run(project)
    assert tiny == ["06_submission"]
    assert read_json(project / RUN / "figures" / "01_one.png") == [2, 1]
    write_notebook(project, "06_submission", amend(3))
    run(project)
    assert tiny == ["06_submission"] * 2
    assert read_json(project / RUN / "figures" / "01_one.png") == [2, 3]
    run(project, settings={"06_submission": {"MOST": 2}})
    assert tiny == [*["06_submission"] * 3, "01_eda"]
    assert read_json(project / RUN / "figures" / "01_one.png") == 2


def test_step_that_never_settles_is_named(project, tiny):
    write_notebook(
        project, "02_preprocessing", [*CELLS["02_preprocessing"], "import os; os.remove(run.directory / 'split.csv')"]
    )
    with pytest.raises(
        SeriesError, match="02_preprocessing would run a third time, since split.csv is there now. Does it, or"
    ):
        run(project)


HOLD = """
import sys, time
from pathlib import Path
from helpers.series.lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_two_runs_at_once_and_a_lock_that_a_kill_left(project, tiny):
    """The second is told who holds the directory; a killed one holds nothing."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, project / RUN], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    message = rf"runs/sheets-smoke: another run is under way there \(process {holder.pid}, since 20"
    with pytest.raises(SeriesError, match=message):
        run(project)
    said = explain(project)  # which is not held up
    assert said["runs/sheets-smoke"].startswith("another run is under way") and len(said) == 4
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert run(project)[-2] == "Nothing changed: no notebook had to run."


def test_killed_run_is_gone_on_from(tmp_path):
    """With the real kernels: killed with SIGKILL amid the second notebook, whose kernel ends, too."""
    root = write_project(tmp_path)
    waits = (
        "import os, time\n(run.directory / 'here').write_text(str(os.getpid()))\n"
        "time.sleep(0 if WORD == 'iron' else 600)"
    )
    write_notebook(root, "02_preprocessing", [*CELLS["02_preprocessing"], waits])
    command = [sys.executable, str(Path(__file__).parent / "tiny_series.py"), str(root)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    here = root / RUN / "here"
    for _ in range(1800):
        if (here.exists() and here.read_text()) or process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kernel = int(here.read_text())
    for _ in range(300):
        if not Path(f"/proc/{kernel}").exists():
            break
        time.sleep(0.1)
    assert explain(root)["01_eda"].startswith("unchanged since ")
    assert "didn't end" in explain(root)["02_preprocessing"]
    first = json.loads((root / RUN / "steps" / "01_eda.json").read_text())
    run(root, settings={"02_preprocessing": {"WORD": "iron"}})
    assert json.loads((root / RUN / "steps" / "01_eda.json").read_text()) == first
    assert (root / "reports" / "sheets" / "06_submission.html").is_file()
