"""README.md, reports/README.md and models/README.md say what the committed report and bundles say."""

import re
import shutil
from pathlib import Path

import pytest

from helpers.files import read_json, write_json
from helpers.report.card import model_card
from helpers.report.readme import BEGIN, END, results_block, write_readmes
from helpers.report.scores import MAIN_SCORES, main_model, scored_models
from helpers.results import format_estimate, read_results

ROOT = Path(__file__).absolute().parents[1]
REPORT = ROOT / "reports" / "severstal-sample"


@pytest.fixture
def project(tmp_path):
    """A copy of the README and of the committed report."""
    shutil.copy2(ROOT / "README.md", tmp_path)
    shutil.copytree(REPORT, tmp_path / "reports" / REPORT.name)
    shutil.copytree(ROOT / "models", tmp_path / "models")
    return tmp_path


def test_readmes_are_those_that_the_report_gives(project):
    write_readmes(project, REPORT.name)
    for name in ("README.md", "reports/README.md", "models/README.md"):
        assert (project / name).read_text() == (ROOT / name).read_text(), f"{name}: run `make readme`"


def test_results_block_gives_each_model_s_scores_with_their_split(project):
    text = results_block(REPORT, "figures")
    results = read_results(REPORT / "results.json")
    models = scored_models(results)
    assert "steel_unet" in models
    for model in models:
        records = [results[f"04_segmentation.{model}.{score}"] for score in MAIN_SCORES]
        values = [format_estimate(record["value"], record["low"], record["high"]) for record in records]
        assert f"| `{model}` | {records[0]['split']} | {' | '.join(values)} |" in text
    assert f"figures/04_{main_model(results)}_predictions.png" in text


def test_readmes_point_to_files_that_are_there():
    for readme in (ROOT / "README.md", ROOT / "reports" / "README.md", ROOT / "models" / "README.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", readme.read_text()):
            assert (readme.parent / link).exists(), f"{readme.name}: {link}"


def test_write_readmes_without_the_marks(project):
    (project / "README.md").write_text("no marks")
    with pytest.raises(ValueError, match="Put them where the results belong"):
        write_readmes(project, REPORT.name)
    assert (project / "README.md").read_text() == "no marks"


def test_write_readmes_without_a_bundle(project):
    shutil.rmtree(project / "models")
    with pytest.raises(FileNotFoundError, match="holds no bundle"):
        write_readmes(project, REPORT.name)


def test_a_card_tells_the_decisions_for_one_pass(project):
    """All of them, where the bundle carries any."""
    path = project / "models" / "steel_unet" / "bundle.json"
    bundle = {key: value for key, value in read_json(path).items() if key != "once"}
    names = bundle["class_names"]
    once = {
        "thresholds": [0.2, 0.4, 0.6, 0.8],
        "smallest_masks": [0.01, 0.02, 0.03, 0.04],
        "filled": [False, True, False, True],
        "mirrored": False,
        "sizes": [1.0],
    }
    lines = [
        f"| {names[0]} | 0.2 | 1 | no |",
        f"| {names[1]} | 0.4 | 2 | yes |",
        f"| {names[2]} | 0.6 | 3 | no |",
        f"| {names[3]} | 0.8 | 4 | yes |",
    ]
    for changes, told in (({}, False), ({"once": once}, True)):
        write_json(path, bundle | changes)
        assert ("\n".join(lines) in model_card(path.parent)) == told


def test_write_readmes_of_a_report_that_is_not_there(project):
    with pytest.raises(FileNotFoundError, match="run_all.py --name other"):
        write_readmes(project, "other")


def test_marks_stand_in_the_readme_once():
    text = (ROOT / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1


def test_committed_report_is_small_and_of_the_sample():
    assert sum(path.stat().st_size for path in REPORT.rglob("*") if path.is_file()) < 20e6
    results = read_results(REPORT / "results.json")
    assert results["01_eda.training_images"]["value"] == 115
