import subprocess
import sys

import cv2
import numpy as np
import pytest

from helpers.cli import main
from helpers.data.dataset import read_dataset


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


def test_importing_the_command_loads_neither_tensorflow_nor_pandas():
    code = "import sys, helpers.cli; print([name for name in ('tensorflow', 'pandas', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
