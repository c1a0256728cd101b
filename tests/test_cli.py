import subprocess
import sys

import cv2
import numpy as np
import pytest

from helpers.cli import main
from helpers.data.dataset import read_dataset
from tiny_models import SHAPE, open_bright, tiny_bundle


def test_make_data_writes_a_data_set_that_can_be_read(tmp_path, capsys):
    assert main(["make-data", str(tmp_path / "sheets"), "--images", "6", "--seed", "3", "--shape", "32x192"]) == 0
    dataset = read_dataset(tmp_path / "sheets")
    assert (len(dataset.training_ids), dataset.shape, dataset.made_up) == (6, (32, 192), True)
    assert "run_all.py --data" in capsys.readouterr().out


def test_make_data_into_a_folder_that_holds_something(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    assert main(["make-data", str(tmp_path), "--images", "6", "--shape", "32x192"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("steel make-data: ")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("shape", ["256", "ax3", "256x"])
def test_make_data_with_a_faulty_shape(tmp_path, capsys, shape):
    with pytest.raises(SystemExit):
        main(["make-data", str(tmp_path / "x"), "--shape", shape])
    assert "expected HEIGHTxWIDTH" in capsys.readouterr().err


def test_check_of_a_sound_data_set(tiny_data, capsys):
    assert main(["check", str(tiny_data()), "--no-copies"]) == 0
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"


def test_check_of_a_faulty_data_set(tiny_data, tmp_path, capsys):
    directory = tiny_data("ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\nb.jpg,7,1 3\n")
    assert main(["check", str(directory), "--csv", str(tmp_path / "problems.csv")]) == 1
    out = capsys.readouterr().out
    assert "error: train.csv: row 3: ClassId is '7'; expected a whole number from 1 to 4" in out
    assert "1 error" in out.splitlines()[-1]
    assert "ClassId is '7'" in (tmp_path / "problems.csv").read_text()


def test_check_of_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere")]) == 1
    assert "there is no such folder" in capsys.readouterr().err


def test_import_masks_makes_a_data_set_that_can_be_read(tmp_path, capsys):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    sizes = {"a": (8, 12), "b": (6, 10)}
    for name, shape in sizes.items():
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), np.full(shape, 90, np.uint8))
        mask = np.zeros(shape, np.uint8)
        mask[:2, :3] = 2
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), mask)
    words = ["import-masks", *(str(tmp_path / name) for name in ("images", "masks", "out")), "--classes", "rust,dent"]
    assert main(words) == 0
    dataset = read_dataset(tmp_path / "out")
    assert dataset.class_names == ("rust", "dent")
    for name, shape in sizes.items():
        masks = dataset.masks(f"{name}.jpg")
        assert masks.shape == (*shape, 2) and masks[:2, :3, 1].all() and masks.sum() == 6
    assert "2 dent: in 2 images" in capsys.readouterr().out


def test_import_coco_of_a_file_that_is_not_there(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    assert main(["import-coco", str(tmp_path / "no.json"), str(tmp_path / "images"), str(tmp_path / "out")]) == 1
    assert "no.json" in capsys.readouterr().err


def test_download_without_the_kaggle_package(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaggle", None)
    assert main(["download", str(tmp_path / "out")]) == 1
    assert "pip install" in capsys.readouterr().err


PAIRS = "ImageId_ClassId,EncodedPixels\n"


@pytest.fixture
def submissions(tmp_path, monkeypatch):
    """Two submissions, a label file and a faulty submission of 3 x 4 images, in the folder that the user is in."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "one.csv": PAIRS + "a.jpg_1,1 4\na.jpg_2,\nb.jpg_1,\nb.jpg_2,1 1\n",
        "two.csv": PAIRS + "a.jpg_1,1 4\na.jpg_2,\nb.jpg_1,\nb.jpg_2,\n",
        "train.csv": "ImageId,ClassId,EncodedPixels\na.jpg,1,3 4\n",
        "faulty.csv": PAIRS + "a.jpg_1,12 4\na.jpg_2,1 1 2 1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)


def test_lint_of_a_sound_submission(submissions, capsys):
    assert main(["lint", "one.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["0 errors, 0 warnings", "Which images there have to be was not looked at: give the data with "
                     "--data DIR for that."]  # fmt: skip


def test_lint_of_a_faulty_submission(submissions, capsys):
    assert main(["lint", "faulty.csv", "--shape", "3x4"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("error: faulty.csv: row 2: run 1 (start 12, length 4) leaves an image of 3 x 4 pixels.")
    assert lines[1].startswith("warning: faulty.csv: row 3: the run at 2 begins where the one at 1 ends.")
    assert lines[2] == "1 error, 1 warning" and len(lines) == 4


def test_lint_with_warnings_alone_passes(submissions, capsys):
    assert main(["lint", "faulty.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[-2] == "0 errors, 1 warning"


def test_lint_against_a_data_set(submissions, tiny_data, capsys):
    data = str(tiny_data(test=("a.jpg", "b.jpg", "c.jpg")))
    assert main(["lint", "one.csv", "--data", data]) == 1
    out = capsys.readouterr().out
    assert "error: one.csv: image 'c.jpg' has no row." in out and "not looked at" not in out
    assert "error: one.csv: row 2: image 'a.jpg' has no row for class 3, 4." in out


def test_lint_with_data_and_shape(submissions, capsys):
    with pytest.raises(SystemExit):
        main(["lint", "one.csv", "--data", ".", "--shape", "3x4"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_score_prints_a_table(submissions, capsys):
    assert main(["score", "one.csv", "train.csv", "--shape", "3x4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy"]
    assert lines[1].split() == ["all", "0.62500", "0.75000", "0.50000", "0.66667", "4", "1", "2"]
    assert [line.split()[:3] for line in lines[2:4]] == [["class", "1", "0.75000"], ["class", "2", "0.50000"]]
    assert lines[4].startswith("train.csv has no mask of class 2, which one.csv has rows for") and len(lines) == 5


def test_score_of_masks_alone_with_their_folder(submissions, tiny_data, capsys):
    images = tiny_data() / "train_images"
    assert main(["score", "train.csv", "train.csv", "--images", str(images)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[1:6] == ["1.00000", "0.66667", "1.00000", "1.00000", "3"]


def test_compare_prints_the_rows_that_differ(submissions, capsys):
    assert main(["compare", "one.csv", "two.csv", "--most", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].split() == ["all", "0.75000", "0.50000", "4", "2", "1", "2"]
    assert lines[-1].split() == ["b.jpg", "2", "5", "5", "1", "0", "0", "1", "0.00000"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lint", "no.csv"], "steel lint: no.csv is not there"),
        (["lint", "."], "steel lint: . is a folder"),
        (["lint", "picture.png"], "steel lint: picture.png: line 1 is not UTF-8 text"),
        (["lint", "empty.csv"], "steel lint: empty.csv: the file is empty"),
        (["lint", "one.csv", "--data", "nowhere"], "steel lint: nowhere/test_images: there is no such folder"),
        (["score", "one.csv", "no.csv"], "steel score: no.csv is not there"),
        (["score", "faulty.csv", "one.csv"], "steel score: one.csv: row 4: image 'b.jpg' is not in faulty.csv"),
        (["score", "one.csv", "train.csv", "--shape", "2x2"], "steel score: train.csv: row 2: run 1 "),
        (["compare", "one.csv", "picture.png"], "steel compare: picture.png: line 1 is not UTF-8 text"),
        (["compare", "one.csv", "two.csv", "--most", "-1"], "steel compare: most is -1"),
    ],
)
def test_commands_on_submissions_say_what_is_wrong_in_one_line(submissions, tmp_path, capsys, words, message):
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((3, 4), np.uint8))
    (tmp_path / "empty.csv").touch()
    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(message)


def test_commands_on_submissions_load_no_tensorflow(submissions):
    code = (
        "import sys; from helpers.cli import main; main(['lint', 'one.csv']); main(['score', 'one.csv', 'two.csv']); "
        "main(['compare', 'one.csv', 'two.csv']); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_importing_the_command_loads_neither_tensorflow_nor_pandas():
    code = "import sys, helpers.cli; print([name for name in ('tensorflow', 'pandas', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dashboard_hands_its_options_on(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr("helpers.runs.find_root", lambda: tmp_path)
    monkeypatch.setattr("helpers.dashboard.serve.run_dashboard", lambda root, **given: asked.update(given, root=root))
    assert main(["dashboard", "--data", "d", "--run", "r", "--port", "9", "--host", "0.0.0.0", "--token", "t"]) == 0
    assert asked == {"root": tmp_path, "data": "d", "run": "r", "port": 9, "host": "0.0.0.0", "token": "t"}
    main(["dashboard"])
    assert asked == {"root": tmp_path, "data": "", "run": "", "port": 8005, "host": "127.0.0.1", "token": None}


def test_dashboard_without_its_packages_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("helpers.runs.find_root", lambda: tmp_path)
    monkeypatch.setattr("helpers.dashboard.serve.NEEDED", ("no_such_package",))
    assert main(["dashboard"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steel dashboard: the dashboard needs no_such_package") and "pip install" in line


def test_paper_pdf_names_where_it_was_written_or_what_is_missing(tmp_path, capsys, monkeypatch):
    for path in ("notebooks/a.ipynb", "run_all.py", "reports/trial/paper.html"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "reports" / "trial" / "run.json").write_text("{}")
    front = tmp_path / "reports" / "trial" / "index.html"
    front.write_text('<ul>\n<li id="paper-pdf">No paper.pdf: no Chromium was found.</li>\n</ul>\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("helpers.report.site.print_pdf", lambda page, pdf: pdf.write_bytes(b"%PDF") and "")
    for words in ([], ["trial"]):
        assert main(["paper-pdf", *words]) == 0
        assert capsys.readouterr().out == f"Written: {tmp_path / 'reports' / 'trial' / 'paper.pdf'}\n"
        assert 'href="paper.pdf"' in front.read_text() and "no Chromium" not in front.read_text()
    assert main(["paper-pdf", "none"]) == 1
    assert "reports/none/paper.html is not there" in capsys.readouterr().err
    monkeypatch.setattr("helpers.report.site.print_pdf", lambda page, pdf: "No paper.pdf: no Chromium.")
    assert main(["paper-pdf"]) == 1
    assert capsys.readouterr().err == "steel paper-pdf: No paper.pdf: no Chromium.\n"


@pytest.fixture
def bright(tmp_path, monkeypatch):
    """A bundle that `BrightEngine` runs, as the folder of a bundle."""
    monkeypatch.setattr("helpers.inference.detector.open_engine", open_bright())
    return tiny_bundle(tmp_path / "models" / "tiny")


def write_sheet(path):
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full(SHAPE, 200, np.uint8))
    return str(path)


def test_predict_writes_predictions_overlays_and_a_page(tmp_path, bright, capsys):
    write_sheet(tmp_path / "sheets" / "a.png")
    (tmp_path / "sheets" / "b.png").touch()
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path / "sheets"), str(out), "--bundle", str(bright), "--gallery"]) == 0
    printed = capsys.readouterr().out
    assert "predictions.csv: 1 images, 1 with a defect, by bright." in printed
    assert "1 could not be read: see" in printed and "index.html." in printed
    assert (out / "overlays" / "a.png.jpg").is_file() and (out / "index.html").is_file()
    assert (out / "unreadable.csv").read_text() == "image,reason\nb.png,the file is empty\n"


def test_predict_of_some_files(tmp_path, bright, capsys):
    files = [write_sheet(tmp_path / "sheets" / name) for name in ("a.png", "b.png")]
    assert main(["predict", *files, str(tmp_path / "out"), "--bundle", str(bright), "--image-shape", "64x128"]) == 0
    assert "2 images" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--once"]])
def test_predict_once_says_what_it_does(tmp_path, bright, capsys, words):
    folder = tiny_bundle(tmp_path / "models" / "mean", mirrored=True)
    sheet = write_sheet(tmp_path / "sheets" / "a.png")
    assert main(["predict", sheet, str(tmp_path / "out"), "--bundle", str(folder), *words]) == 0
    assert ("more is marked" in capsys.readouterr().out) == bool(words)


def test_predict_once_by_decisions_for_it_has_nothing_to_say(tmp_path, bright, capsys):
    once = {"thresholds": [0.5, 0.5], "smallest_masks": [0.0, 0.0], "gates": [], "smallest_masks_clean": [],
            "filled": [], "sizes": [1.0], "mirrored": False}  # fmt: skip
    folder = tiny_bundle(tmp_path / "models" / "both", mirrored=True, once=once)
    sheet = write_sheet(tmp_path / "sheets" / "a.png")
    assert main(["predict", sheet, str(tmp_path / "out"), "--bundle", str(folder), "--once"]) == 0
    assert "--once" not in capsys.readouterr().out


def test_predict_without_images(tmp_path, bright, capsys):
    assert main(["predict", str(tmp_path / "nowhere"), str(tmp_path / "out"), "--bundle", str(bright)]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("steel predict: ") and "no file is there; expected images" in line


def test_bundle_commands(tmp_path, bright, capsys):
    """Told, verified, packed and unpacked, without loading anything."""
    packed = str(tmp_path / "tiny.zip")
    for words in (
        ["info", str(bright)],
        ["verify", str(bright)],
        ["pack", str(bright), packed],
        ["unpack", packed, str(tmp_path / "out")],
    ):
        assert main(["bundle", *words]) == 0
    printed = capsys.readouterr().out
    assert "steel_unet, gives masks" in printed and "sound: tiny.weights.h5 is the file" in printed
    assert main(["bundle", "verify", str(tmp_path / "out" / "tiny")]) == 0
    (bright / "tiny.weights.h5").write_bytes(b"others")
    assert main(["bundle", "verify", str(bright)]) == 1
    assert "the SHA-256 is not the one in bundle.json" in capsys.readouterr().err
