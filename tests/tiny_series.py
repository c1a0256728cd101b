"""A series of three notebooks without TensorFlow, and running it as a command: for tests of what runs again."""

import os
import sys
import traceback
import warnings
from pathlib import Path

import nbformat

from helpers.data.made_up import make_data
from helpers.series.parameters import SeriesError

PARAMETERS = 'DATA = ""  # path: the data\nRUN = ""  # path: the run\n'
CELLS = {
    "01_eda": [
        PARAMETERS + "SCALE = 2  # times that the images are counted",
        "from helpers.files import write_json\nfrom helpers.runs import open_run",
        "run = open_run(DATA, RUN)\nresults = run.results('01_eda')\ndataset = run.read_dataset()",
        "value = results.record('images', SCALE * len(dataset.training_ids), 'images', 'train', 'images, scaled')",
        "write_json(run.directory / 'split.csv', sorted(dataset.training_ids)[:SCALE])",
        "write_json(run.directory / 'figures' / '01_one.png', SCALE)",
    ],
    "02_preprocessing": [
        PARAMETERS + 'WORD = "steel"  # a word',
        "from helpers.files import read_json, write_json\nfrom helpers.runs import open_run",
        "run = open_run(DATA, RUN)\nresults = run.results('02_preprocessing')",
        "kept = read_json(run.need('split.csv'))",
        "import shutil\nfolder = run.directory / 'temporary'",
        "write_json(folder / 'a.json', 1)\nshutil.rmtree(folder)",
        "value = results.record('kept', len(kept), 'images', 'train', 'images kept')",
        "write_json(run.directory / 'tables' / '02_word.csv', WORD)",
    ],
    "06_submission": [
        PARAMETERS + "MOST = 1  # of them",
        "from helpers.files import write_json\nfrom helpers.runs import open_run",
        "run = open_run(DATA, RUN)\nresults = run.results('06_submission')",
        "value = results.record('twice', 2 * results.value('01_eda.images'), 'images', 'train', 'twice as many')",
        "write_json(run.directory / 'submission.csv', [value, MOST])",
    ],
}


def write_notebook(root, name, cells):
    """Write a notebook of code cells, the first of which holds the parameters."""
    written = [nbformat.v4.new_markdown_cell(f"# {name}")]
    written += [
        nbformat.v4.new_code_cell(source, metadata={"tags": [] if number else ["parameters"]})
        for number, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=written, metadata=kernel), path)


def write_project(root):
    """Write the notebooks and a few made-up images: the project's folder."""
    for name, cells in CELLS.items():
        write_notebook(root, name, cells)
    (root / "run_all.py").touch()
    make_data(root / "sheets", 4, shape=(32, 192), progress=False)
    return root


def run_forked(root, run_directory, data, step, title):
    """What `helpers.series.execute.run_notebook` does, in a fork of this process, which takes no time."""
    notebook = nbformat.read(root / "notebooks" / f"{step.notebook}.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    sources.insert(1, f"DATA, RUN = {str(data)!r}, {str(run_directory)!r}")
    sources[2:2] = [f"{name} = {value!r}" for name, value in step.parameters.items()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forks, from Python 3.12 on
        child = os.fork()
    if child == 0:
        try:
            os.chdir(root / "notebooks")
            exec("\n".join(sources), {})
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise SeriesError(f"{step.label} failed")
    (run_directory / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, run_directory / "notebooks" / f"{step.label}.ipynb")


def use_tiny_series(set_attribute=setattr):
    """Have the series consist of these notebooks; `set_attribute` may be that of a monkeypatch."""
    import helpers.series.asked
    import helpers.series.course
    from helpers.series import profiles

    new = {"NOTEBOOKS": tuple(CELLS), "TRAINS": (), "PROFILES": {"smoke": {}}, "MODELS": {"smoke": {}}}
    for module in [module for name, module in sys.modules.items() if name.startswith("helpers.series.")]:
        for name, value in new.items():
            if hasattr(module, name):
                set_attribute(module, name, value)
    assert profiles.NOTEBOOKS is helpers.series.asked.NOTEBOOKS


def main(root, *words):
    """Run the series on this project as `run_all.py` does; gives the exit code."""
    from helpers.series.run import run_series

    use_tiny_series()
    try:
        run_series(Path(root), data=str(Path(root) / "sheets"), profile="smoke", **dict.fromkeys(words, True))
    except SeriesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
