"""Fixtures that several test files share."""

import importlib.util
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from browsing import unavailable
from helpers.report.pdf import find_browser

# How long an example takes says more of what else runs than of it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
BENCHMARKS = Path(__file__).absolute().parents[1] / "benchmarks"
# Height and width; pixel number = 32 * column + row + 1, both counted from 0.
TINY_SHAPE = (32, 96)
TINY_LABELS = """\
ImageId,ClassId,EncodedPixels
a.jpg,1,1 3 33 3
a.jpg,3,3072 1
b.jpg,2,32 2
"""


def write_tiny_image(path, shape=TINY_SHAPE, grey=100):
    """Write an even grey image as JPEG, whatever the ending of `path` says."""
    encoded, data = cv2.imencode(".jpg", np.full(shape, grey, np.uint8))
    assert encoded
    Path(path).write_bytes(data.tobytes())


@pytest.fixture
def load_benchmark(monkeypatch):
    """A function that loads a script of `benchmarks/` by its name, as a module of another one."""

    def load(name):
        monkeypatch.syspath_prepend(BENCHMARKS)
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def tiny_data(tmp_path):
    """A function that writes a data set of 32 x 96 grey JPEG images by hand, and gives its folder.

    Image a has class 1 (rows 0 to 2 of columns 0 and 1: 6 pixels) and class 3 (the last pixel), b has class 2 (the
    bottom of column 0 and the top of column 1: 2 pixels), and c is free of defects. `labels` replaces train.csv as
    text or bytes.
    """

    def write(labels=TINY_LABELS, train=("a.jpg", "b.jpg", "c.jpg"), test=("t.jpg",), name="steel"):
        directory = tmp_path / name
        for folder, images in (("train_images", train), ("test_images", test)):
            (directory / folder).mkdir(parents=True)
            for image in images:
                write_tiny_image(directory / folder / image)
        data = labels if isinstance(labels, bytes) else labels.encode()
        (directory / "train.csv").write_bytes(data)
        return directory

    return write


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory):
    """(folder of a bundle of a tiny `steel_unet` with random weights, data set of its classes); to be left as they are.

    It predicts 32 x 64 pixels, and 1.5 times that, with mirror images, and has a threshold of its own for one pass.
    """
    import keras

    from helpers.data.dataset import read_dataset
    from helpers.data.made_up import make_data
    from helpers.inference.tuning import Decisions
    from helpers.models.build import build_model
    from helpers.models.bundle import save_bundle

    place = tmp_path_factory.mktemp("small")
    data = make_data(place / "sheets", 8, shape=(32, 128), test_images=0, progress=False)
    keras.utils.set_random_seed(0)
    arguments = {"channels": 1, "stem": 4, "widths": [16], "depths": [1]}
    model = build_model("steel_unet", (32, 64), 4, **arguments)
    save_bundle(
        place / "bundle", model, architecture="steel_unet", arguments=arguments, input_shape=(32, 64), channels=1,
        class_names=["pits", "cracks", "scratches", "patches"], thresholds=[0.5] * 4, scores={},
        training={"data": read_dataset(data).fingerprint}, mirrored=True, sizes=(1.0, 1.5),
        once=Decisions((0.4,) * 4, (0.0,) * 4),
    )  # fmt: skip
    return place / "bundle", data


@pytest.fixture(scope="session")
def exported(small_bundle):
    """(folder of such a bundle with every export beside it, dict of their names -> `Exported`); to be left so, too."""
    for package in ("openvino", "nncf", "onnxruntime", "tf2onnx"):
        pytest.importorskip(package, reason=f'{package} is not installed: pip install "steel-defect-report[export]"')
    from helpers.inference.export import export_bundle

    folder, data = small_bundle
    wanted = [("openvino", False), ("openvino", True), ("onnx", False), ("saved-model", False)]
    made = [export_bundle(folder, to, data, int8=int8) for to, int8 in wanted]
    return folder, {each.folder.name: each for each in made}


@pytest.fixture(scope="module")
def browser():
    """Chromium, launched once for all tests of a file."""
    chromium = find_browser()
    if chromium is None:
        unavailable("no Chromium: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("no playwright: pip install playwright")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if root else []
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()
