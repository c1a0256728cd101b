"""08_blog run on a run made by hand: the page, the Markdown file and the pictures say the same."""

import io
import json
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest

from helpers.data.dataset import read_dataset
from helpers.files import read_json, write_json
from helpers.models.versions import AS_IT_IS
from helpers.report.post import HIDDEN, picture_markdown, pictures, plain_markdown
from helpers.report.prose import check_executed
from helpers.results import read_results

NOTEBOOKS = Path(__file__).absolute().parents[1] / "notebooks"
CLASSES = {"1": "pits", "2": "<b>cracks</b>", "3": "a_scratch*", "4": "patches"}
IMAGES = ["a.jpg", "b.jpg", "c.jpg"]
# Of a's two defects the larger is found, b's is missed, and c has none: 1 and nine empty ones of twelve pairs.
RECORDS = {
    "01_eda.training_images": (3,),
    "01_eda.defective_images": (2,),
    "01_eda.clean_images": (1,),
    "01_eda.images_with_a_copy": (0,),
    "02_preprocessing.images_used": (3,),
    "04_segmentation.ours.seconds": (300.0,),
    "05_evaluation.kaggle_dice": (10 / 12, 0.7, 0.9),
    "05_evaluation.all_empty_dice": (9 / 12, 0.6, 0.8),
    "05_evaluation.above_floor": (1 / 12, -0.1, 0.2),
    "05_evaluation.empty_accuracy": (1.0, 1.0, 1.0),
    "05_evaluation.defect_dice": (1 / 3, 0.0, 1.0),
    "05_evaluation.sheets_passed_ours": (0.5,),
    "05_evaluation.sheets_rejected_ours": (0.0,),
}


@pytest.fixture
def told(tiny_data, tmp_path):
    """The executed notebook, and the run's directory."""
    data, run = tiny_data(), tmp_path / "run"
    write_json(data / "classes.json", {"classes": CLASSES})
    folder = run / "models" / "ours"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "predictions.zip", "w") as file:
        about = {"key": "k", "image_ids": IMAGES, "versions": [AS_IT_IS.describe()], "seconds": [0.01]}
        file.writestr("index.json", json.dumps(about))
        for number, image_id in enumerate(IMAGES):
            probabilities, held = np.zeros((1, 32, 96, 4), np.float16), io.BytesIO()
            probabilities[0, :3, :2, 0] = image_id == "a.jpg"
            np.save(held, probabilities)
            file.writestr(f"{number}.npy", held.getvalue())
    rows = [[image_id, number, 0] for number, image_id in enumerate(IMAGES)]
    write_json(folder / "trial.json", {"part": "holdout", "judged": rows, "tuned": rows, "files": ["predictions.zip"]})
    write_json(folder / "bundle.json", {"training": {"beginning": {"pretrained": "", "encoder_weights": "none"}}})
    write_json(run / "tuning.json", {"model": "ours", "measure": "kaggle_dice", "classifier": "", "fill_holes": False})
    records = {
        name: {
            "value": value[0],
            "unit": "fraction" if isinstance(value[0], float) else "images",
            "split": "holdout",
            "definition": "what it is",
            **dict(zip(("low", "high"), value[1:], strict=False)),
        }
        for name, value in RECORDS.items()
    }
    write_json(run / "results.json", records)
    assert read_dataset(data).class_names[1] == "<b>cracks</b>"
    output = tmp_path / "08_blog.ipynb"
    papermill.execute_notebook(
        NOTEBOOKS / "08_blog.ipynb", output, {"DATA": str(data), "RUN": str(run)}, cwd=NOTEBOOKS, progress_bar=False
    )
    return nbformat.read(output, as_version=4), run


def shown_parts(notebook, files):
    """What a page shows of the notebook, as plain Markdown; pictures take their files' names one after the other."""
    for cell in notebook.cells:
        if HIDDEN & set(cell.metadata.get("tags", [])):
            continue
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            if "image/png" in output.data:
                about = output.metadata["image/png"]
                yield picture_markdown(Path(next(files)).stem, about["caption"], about["alt"])
            else:
                yield plain_markdown(output.data["text/markdown"])


def test_post_says_what_the_page_shows_and_has_its_pictures(told):
    notebook, run = told
    text = (run / "blog.md").read_text(encoding="utf-8")
    files = pictures(text)
    assert files == [f"figures/08_{name}.png" for name in ("sheet", "floor", "wrong", "hundred", "rulers")]
    assert all((run / file).is_file() and read_json((run / file).with_suffix(".json"))["alt"] for file in files)
    assert text == "\n\n".join(shown_parts(notebook, iter(files))) + "\n"
    assert "3 photographs, 2 with a flaw and 1 without" in text
    assert r"pits, \<b\>cracks\</b\>, a\_scratch\* and patches" in text and "<data" not in text

    results = read_results(run / "results.json")
    assert check_executed(notebook, results) == []
    own = {name.removeprefix("08_blog."): each["value"] for name, each in results.items() if "08_blog" in name}
    assert own["check_score"] == pytest.approx(0) and own["pictures_missing"] == 0 and own["pictures"] == 5
    assert [own[f"judged_{kind}"] for kind in ("sheets", "flawed", "clean")] == [3, 2, 1]
    assert own["shown_dice"] == 0.5  # of a's two defects
    assert "dice_of_large" not in own  # three pairs are too few


def test_page_hides_code_and_what_is_no_part_of_the_story():
    notebook = nbformat.read(NOTEBOOKS / "08_blog.ipynb", as_version=4)
    tagged = [set(cell.metadata.get("tags", [])) for cell in notebook.cells if cell.cell_type == "code"]
    assert all(tags & (HIDDEN | {"remove-input"}) for tags in tagged)
