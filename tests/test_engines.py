"""Engines: what Keras gives, for several threads at once, and refused where they are of another bundle."""

import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.cli import main
from helpers.files import read_json, write_json
from helpers.inference import Detector, engines
from helpers.inference.engines import KINDS, open_engine
from helpers.inference.exports import RECORD, export_command, export_folder, network_shapes
from helpers.inference.predict import predict_probabilities
from helpers.inference.runtimes import import_openvino
from helpers.inference.stream import detect_in_stream
from helpers.models.bundle import load_bundle
from helpers.models.bundle_file import sha256_of

# How far probabilities may lie from Keras's.
APART = {"keras": 0, "openvino": 1e-5, "onnx": 1e-5, "openvino-bf16": 0.03, "openvino-int8": 0.1}
IMAGES = [np.random.default_rng(number).integers(0, 256, (40, 90, 1), np.uint8) for number in range(3)]
RESULTS = Path(__file__).absolute().parents[1] / "benchmarks" / "results"


def batch_of(images, shape):
    """Float images in [0, 1] that differ."""
    return np.random.default_rng(images).random((images, *shape, 1), np.float32)


def opened(folder, engine):
    """An engine, or a skip where the processor can't run it."""
    kind = KINDS[engine]
    if kind.needs and kind.needs not in engines.processor_abilities():
        pytest.skip(f"this processor has no {kind.needs}")
    return open_engine(folder, engine)


@pytest.fixture(scope="module")
def by_keras(small_bundle):
    """What the bundle's keras.Model gives: dict of (shape, images) -> probabilities of `batch_of`, and of `IMAGES`."""
    from helpers.models.build import any_size_twin

    model, bundle = load_bundle(small_bundle[0])
    networks = {(32, 64): model, (48, 96): any_size_twin(model, bundle["architecture"], bundle["arguments"])}
    batches = {
        (shape, images): network.predict_on_batch(batch_of(images, shape))
        for shape, network in networks.items()
        for images in (1, 3)
    }
    return batches, list(predict_probabilities(model, bundle, IMAGES))


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of the bundle with its exports, to be spoilt, and a function that changes the record of one."""
    shutil.copytree(exported[0], tmp_path / "bundle")

    def change(export, **changes):
        path = export_folder(tmp_path / "bundle", export) / RECORD
        write_json(path, read_json(path) | changes)

    return tmp_path / "bundle", change


@pytest.fixture
def agreeing(copied):
    """Such a copy where every export was found to cost nothing."""
    folder, change = copied
    for export in ("openvino", "openvino-int8", "onnx"):
        checks = read_json(export_folder(folder, export) / RECORD)["checks"]
        change(export, checks={name: check | {"kaggle_dice_change": 0.0} for name, check in checks.items()})
    return copied


@pytest.mark.parametrize("engine", KINDS)
def test_engine_gives_what_keras_gives(exported, by_keras, engine):
    """For one image and several, at the network's size and at the other one that the bundle asks for."""
    opened_engine, bundle = opened(exported[0], engine)
    assert bundle == read_json(exported[0] / "bundle.json")
    for (shape, images), expected in by_keras[0].items():
        found = opened_engine.predict_on_batch(batch_of(images, shape))
        assert (found.dtype, found.shape) == (np.float32, (images, *shape, 4))
        np.testing.assert_allclose(found, expected, rtol=0, atol=APART[engine])


@pytest.mark.parametrize("engine", KINDS)
def test_engine_goes_through_all_versions_of_a_prediction(exported, by_keras, engine):
    """Mirror images and the other size, at the image's own size, as with a Keras model."""
    opened_engine, bundle = opened(exported[0], engine)
    for found, expected in zip(predict_probabilities(opened_engine, bundle, IMAGES), by_keras[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=max(APART[engine], 1e-6))


@pytest.mark.parametrize("engine", KINDS)
def test_engine_serves_several_threads(exported, engine):
    """Each gets what belongs to its own images, alone or in batches."""
    opened_engine, _ = opened(exported[0], engine)
    batches = [batch_of(images, (32, 64)) for images in (1, 2, 3, 4, 5)] * 4
    alone = [opened_engine.predict_on_batch(batch) for batch in batches[:5]]
    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(opened_engine.predict_on_batch, batches)):
            np.testing.assert_allclose(found, alone[number % 5], rtol=0, atol=1e-6)


def test_openvino_gives_an_image_the_same_whatever_else_is_in_its_batch(exported):
    engine, _ = opened(exported[0], "openvino-int8")
    batch = batch_of(4, (32, 64))
    np.testing.assert_array_equal(engine.predict_on_batch(batch)[2:], engine.predict_on_batch(batch[2:]))


def test_engines_feed_the_stream(exported):
    detector = Detector(*opened(exported[0], "openvino"), batch_size=3)
    images = {f"{number}.png": np.full((32, 64, 1), 60 * number, np.uint8) for number in range(4)}
    found = list(detect_in_stream(detector, images, images.get))
    assert [each.item for each in found] == list(images)
    assert all(len(each.result) == 4 for each in found)


@pytest.mark.parametrize("engine", ["openvino", "openvino-int8", "onnx"])
def test_engine_loads_no_tensorflow_and_reports_to_nobody(exported, engine):
    code = (
        "import sys, numpy, helpers.inference.engines as engines\n"
        f"engine, _ = engines.open_engine({str(exported[0])!r}, {engine!r})\n"
        "engine.predict_on_batch(numpy.zeros((2, 32, 64, 1), numpy.float32))\n"
        "loaded = {name for name in sys.modules if sys.modules[name]}\n"
        "sys.exit(bool({'tensorflow', 'keras', 'openvino_telemetry'} & loaded))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_engine_names_are_for_people(exported):
    names = {engine: opened(exported[0], engine)[0].name for engine in ("openvino", "openvino-int8", "onnx", "keras")}
    assert names["openvino"].startswith("OpenVINO 20") and names["openvino"].endswith(", 32 bits")
    assert names["openvino-int8"].endswith(", 8 bits")
    assert names["onnx"].startswith("ONNX Runtime ")
    assert names["keras"].startswith("Keras 3.") and " on TensorFlow 2." in names["keras"]


@pytest.mark.parametrize("engine", ["keras", "openvino", "onnx"])
def test_engine_refuses_images_of_another_size(exported, engine):
    opened_engine, _ = opened(exported[0], engine)
    with pytest.raises(ValueError, match=r"shape \(2, 16, 64, 1\), expected \(n, 32, 64, .*48, 96, .* Resize"):
        opened_engine.predict_on_batch(batch_of(2, (16, 64)))


def test_open_engine_of_no_such_kind(small_bundle):
    with pytest.raises(ValueError, match="engine: got 'tensorrt', expected one of: fastest, openvino-int8, "):
        open_engine(small_bundle[0], "tensorrt")


def test_open_kind_leaves_nothing_to_be_chosen(small_bundle):
    with pytest.raises(ValueError, match="engine: got 'fastest'"):
        engines.open_kind(small_bundle[0], read_json(small_bundle[0] / "bundle.json"), "fastest")


def test_open_engine_that_was_not_exported(copied):
    folder, _ = copied
    shutil.rmtree(export_folder(folder, "openvino-int8"))
    with pytest.raises(FileNotFoundError, match=r"is not there\. Make it: steel export .*bundle --to openvino --int8$"):
        open_engine(folder, "openvino-int8")


def test_open_engine_that_is_not_installed(small_bundle, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnxruntime is not installed \(pip install .steel-defect-report\[export"):
        open_engine(small_bundle[0], "onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "expected an export's record of format 1"),
        ({"sha256": "0" * 64}, "made of other weights than the bundle has now"),
        ({"networks": {"32x64": "32x64.onnx"}}, "predicts at 32x64, 48x96, and this was made for 32x64"),
        ({"networks": None}, "networks is missing or no dict"),
        ({"files": {}}, "a network's file is none of those that were exported"),
        ({"files": {"../../bundle.json": "0" * 64}}, "not the file that was exported"),
        ({"files": {"32x64.onnx": "0" * 64}}, "32x64.onnx: this is not the file that was exported"),
        ({"files": {"gone.onnx": "0" * 64}}, "gone.onnx: this is not the file that was exported"),
    ],
)
def test_open_engine_of_an_export_that_is_not_the_bundle_s(copied, changes, message):
    folder, change = copied
    change("onnx", **changes)
    with pytest.raises(ValueError, match=rf"{message}.* Make it again: steel export .* --to onnx$"):
        open_engine(folder, "onnx")


@pytest.mark.parametrize(("engine", "file"), [("openvino", "32x64.xml"), ("onnx", "32x64.onnx")])
def test_open_engine_of_a_file_that_is_no_network(copied, engine, file):
    """Whoever made it may have written its hash as well; what the package says of it is put in words."""
    folder, change = copied
    path = export_folder(folder, engine) / file
    path.write_bytes(b"<net" + 100 * b"x")
    change(engine, files=read_json(path.parent / RECORD)["files"] | {file: sha256_of(path)})
    with pytest.raises(
        ValueError, match=rf"can't run what lies there .* Make it again: steel export .* --to {engine}$"
    ):
        open_engine(folder, engine)


def test_open_engine_of_a_network_with_other_classes(copied):
    folder, _ = copied
    bundle = read_json(folder / "bundle.json")
    fewer = {key: bundle[key][:3] for key in ("class_names", "thresholds", "smallest_masks")}
    write_json(folder / "bundle.json", {key: value for key, value in (bundle | fewer).items() if key != "once"})
    with pytest.raises(ValueError, match=r"it gives \(1, 32, 64, 4\), expected \(1, 32, 64, 3\)"):
        open_engine(folder, "onnx")


def test_verify_looks_at_exports_too(copied, capsys):
    folder, change = copied
    assert main(["bundle", "verify", str(folder)]) == 0
    assert "sound: the export openvino-int8 is as it was made" in capsys.readouterr().out
    change("onnx", files={"32x64.onnx": "0" * 64})
    assert main(["bundle", "verify", str(folder)]) == 1
    assert "32x64.onnx: this is not the file that was exported" in capsys.readouterr().err


def test_engines_keep_to_the_threads_that_they_are_allowed(exported, monkeypatch):
    core, settings = type(import_openvino().Core()), []
    compile_model = core.compile_model
    monkeypatch.setattr(core, "compile_model", lambda *given: settings.append(given[3]) or compile_model(*given))
    monkeypatch.setenv("STEEL_THREADS", "1")
    for engine in ("openvino", "onnx"):
        assert opened(exported[0], engine)[0].predict_on_batch(batch_of(3, (32, 64))).shape == (3, 32, 64, 4)
    # Pinned, the threads of several processes would share a core.
    assert {(each["INFERENCE_NUM_THREADS"], each["ENABLE_CPU_PINNING"]) for each in settings} == {(1, False)}
    monkeypatch.setenv("STEEL_THREADS", "many")
    with pytest.raises(ValueError, match="STEEL_THREADS: got 'many', expected a whole number"):
        open_engine(exported[0], "onnx")


def test_steel_predict_gives_the_same_to_the_byte_on_a_cluster(agreeing, tmp_path, capsys):
    """By a real network on the quickest engine, which the workers are sent; TensorFlow is loaded nowhere."""
    pytest.importorskip("distributed")
    sheets, files = tmp_path / "sheets", {}
    sheets.mkdir()
    for number in range(10):
        image = np.random.default_rng(number).integers(0, 256, (32, 64 + 30 * (number % 3)), np.uint8)
        cv2.imwrite(str(sheets / f"{number}.png"), image)
    (sheets / "bad.png").write_bytes(b"none")
    for out, words in (("alone", []), ("together", ["--cluster"])):
        command = [
            "predict",
            str(sheets),
            str(tmp_path / out),
            "--bundle",
            str(agreeing[0]),
            "--chunk-size",
            "3",
            *words,
        ]
        assert main([*command, "--overlays"]) == 0
        assert "10 images, " in capsys.readouterr().out
        found = [path for path in (tmp_path / out).rglob("*") if path.suffix in (".csv", ".jpg")]
        files[out] = {path.relative_to(tmp_path / out): path.read_bytes() for path in found}
    assert files["together"] == files["alone"] and len(files["alone"]) > 2
    assert read_json(tmp_path / "together" / "prediction.json")["engine"].endswith("8 bits")
    assert "chunk 3: 2 images by tcp://127.0.0.1:" in (tmp_path / "together" / "cluster.log").read_text()


def test_fastest_engine_is_the_first_that_costs_nothing(agreeing, capsys):
    folder, _ = agreeing
    engine, _ = open_engine(folder)
    assert engine.name.endswith("8 bits")
    assert capsys.readouterr().out == ""


def test_fastest_engine_says_why_it_is_not_the_quickest(agreeing):
    folder, change = agreeing
    shutil.rmtree(export_folder(folder, "openvino"))
    check = read_json(export_folder(folder, "openvino-int8") / RECORD)["checks"]["openvino-int8"]
    said = []
    for loss, taken in ((0.0049, "8 bits"), (0.0051, "TensorFlow")):
        change("openvino-int8", checks={"openvino-int8": check | {"kaggle_dice_change": -loss}})
        assert taken in open_engine(folder, say=said.append)[0].name
    (line,) = said
    assert f"{folder}: the engine keras is taken; quicker ones can't be. openvino-int8: it costs 0.0051 of" in line
    assert "openvino: " in line and "steel export" in line


def test_fastest_engine_of_an_export_that_was_never_checked(agreeing):
    folder, change = agreeing
    change("openvino-int8", checks={})
    said = []
    assert "bits" in open_engine(folder, say=said.append)[0].name
    assert "its export was never held against Keras. Make it again" in said[0]


def test_fastest_engine_of_an_export_that_was_checked_by_other_decisions(agreeing):
    """What it costs of kaggle_dice is not known for these."""
    folder, _ = agreeing
    bundle = read_json(folder / "bundle.json")
    write_json(folder / "bundle.json", bundle | {"thresholds": [0.123 for _ in bundle["thresholds"]]})
    said = []
    assert "Keras" in open_engine(folder, say=said.append)[0].name
    assert "its export was held against Keras by other decisions than the bundle has now. Make it again" in said[0]


def test_fastest_engine_for_one_pass_is_the_one_that_was_checked_for_it(agreeing):
    """By the decisions for one pass; what the mean loses in 8 bits doesn't count, and the other way round."""
    folder, change = agreeing
    record = read_json(export_folder(folder, "openvino-int8") / RECORD)
    check = record["checks"]["openvino-int8"]
    costs, fine = ({"openvino-int8": check | {"kaggle_dice_change": lost}} for lost in (-0.006, 0.0))
    for checks, of_once, once in ((costs, fine, True), (fine, costs, False)):
        change("openvino-int8", checks=checks, once=record["once"] | {"checks": of_once})
        engine, bundle = open_engine(folder, say=lambda line: None, once=once)
        assert "8 bits" in engine.name
        assert "8 bits" not in open_engine(folder, say=lambda line: None, once=not once)[0].name
        assert bundle["thresholds"] == ([0.4] * 4 if once else [0.5] * 4)
        assert (bundle["mirrored"], bundle["sizes"]) == ((False, [1.0]) if once else (True, [1.0, 1.5]))


def test_engine_for_one_pass_needs_no_export_for_other_sizes(agreeing):
    """Nor is an export refused for what it was not asked for."""
    folder, change = agreeing
    record = read_json(export_folder(folder, "onnx") / RECORD)
    change("onnx", networks={"32x64": record["networks"]["32x64"]})
    with pytest.raises(ValueError, match="the bundle predicts at 32x64, 48x96"):
        open_engine(folder, "onnx")
    assert open_engine(folder, "onnx", once=True)[0].name.startswith("ONNX")


def test_fastest_engine_of_a_record_whose_decisions_are_no_text(agreeing):
    folder, change = agreeing
    change("openvino-int8", decisions=[])
    said = []
    assert "8 bits" not in open_engine(folder, say=said.append)[0].name
    assert "by other decisions" in said[0]


def test_fastest_engine_for_one_pass_of_a_bundle_without_decisions_for_it(agreeing):
    """Goes by what was checked for the mean, whose decisions it keeps."""
    folder, _ = agreeing
    bundle = read_json(folder / "bundle.json")
    write_json(folder / "bundle.json", {key: value for key, value in bundle.items() if key != "once"})
    engine, taken = open_engine(folder, once=True)
    assert "8 bits" in engine.name and taken["thresholds"] == [0.5] * 4 and taken["mirrored"] is False


@pytest.mark.parametrize("once", [[], {"decisions": "", "checks": 3}])
def test_open_engine_of_a_record_whose_checks_for_one_pass_are_none(copied, once):
    folder, change = copied
    change("onnx", once=once)
    with pytest.raises(ValueError, match="export.json: once is .*, expected checks. Make it again"):
        open_engine(folder, "onnx")


def test_fastest_engine_where_nothing_is_installed(small_bundle, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else find_spec(name))
    said = []
    engine, _ = open_engine(small_bundle[0], say=said.append)
    assert engine.name.startswith("Keras")
    assert "openvino-int8: openvino is not installed (pip install" in said[0]


def test_fastest_engine_of_a_classifier_is_keras_without_a_word(tmp_path, capsys):
    from helpers.models.build import build_model
    from helpers.models.bundle import save_bundle

    model = build_model("classifier_small", (32, 64), 1, channels=1)
    save_bundle(
        tmp_path, model, architecture="classifier_small", arguments={"channels": 1}, input_shape=(32, 64), channels=1,
        class_names=["defect"], thresholds=[0.5], training={}, scores={}, target="defect",
    )  # fmt: skip
    engine, _ = open_engine(tmp_path)
    batch = batch_of(2, (32, 64))
    np.testing.assert_array_equal(engine.predict_on_batch(batch), model.predict_on_batch(batch))
    assert capsys.readouterr().out == ""


def test_order_is_that_of_the_stored_benchmark():
    """On the network that ships none is slower than the one after it, but for what a measurement is off by."""
    stored = [json.loads(path.read_text()) for path in RESULTS.glob("engines-*.json")]
    if not stored:
        pytest.skip("no benchmark of engines is stored: make bench-engines")
    for result in stored:
        rates = {
            row["engine"]: row["network_images_per_second"] for row in result["rows"] if row["subject"] == "shipped"
        }
        order = [rates[engine] for engine in KINDS if engine in rates]
        assert all(first > 0.95 * second for first, second in itertools.pairwise(order)), rates


@pytest.mark.parametrize(
    ("sizes", "shapes"), [([1.0], [(32, 64)]), ([0.5, 1.0, 1.26], [(32, 64), (16, 32), (40, 81)]), (None, [(32, 64)])]
)
def test_network_shapes(sizes, shapes):
    assert network_shapes({"input_shape": [32, 64]} | ({"sizes": sizes} if sizes else {})) == shapes


@pytest.mark.parametrize(
    ("export", "command"),
    [("onnx", "steel export b --to onnx"), ("openvino-int8", "steel export b --to openvino --int8")],
)
def test_export_command(export, command):
    assert export_command(Path("b"), export) == command
