"""What stands in a bundle, looked at without TensorFlow; what load_bundle refuses besides is in test_bundle.py."""

import pytest

from helpers.models.bundle_file import (
    MOST_BYTES,
    classifier_of,
    decides_once,
    read_bundle,
    taken_once,
    verify_bundle,
)
from tiny_models import tiny_bundle

GATES = {"gates": [0.5, 0.0], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure"}


def test_verify_bundle_looks_at_the_classifier_too(tmp_path):
    folder = tiny_bundle(tmp_path / "tiny", **GATES)
    with pytest.raises(FileNotFoundError, match=r"sure.bundle\.json is not there"):
        verify_bundle(folder)
    classifier = tiny_bundle(tmp_path / "sure")
    assert [place for place, _ in verify_bundle(folder)] == [folder, classifier]
    (classifier / "tiny.weights.h5").write_bytes(b"others")
    with pytest.raises(ValueError, match=r"sure.tiny\.weights\.h5: the SHA-256 is not the one"):
        verify_bundle(folder)
    assert classifier_of(tmp_path / "tiny", {"gates": [0.0], "classifier": "sure"}) is None


def test_verify_bundle_of_one_that_asks_itself_comes_to_an_end(tmp_path):
    assert len(verify_bundle(tiny_bundle(tmp_path / "sure", **GATES))) == 2


def test_verify_bundle_without_weights(tmp_path):
    folder = tiny_bundle(tmp_path / "tiny")
    (folder / "tiny.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match="Copy the bundle again, with all its files"):
        verify_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"input_shape": [32]}, "input_shape: got 32; expected height x width"),
        ({"input_shape": [0, 64]}, "input_shape: got 0 x 64; expected height x width"),
        ({"input_shape": [2**15, 2**15]}, "input_shape: got 32768 x 32768; expected at most 16,777,216 pixels"),
        ({"image_shape": [256, True]}, "image_shape: got 256 x True; expected height x width"),
        ({"image_shape": "256x1600"}, "image_shape: got '256x1600'; expected height x width"),
        ({"channels": 4}, "channels: got 4, expected 1 or 3"),
        ({**GATES, "classifier": ".."}, r"classifier is '\.\.', expected the name of a bundle beside it"),
        ({"format": 2}, "format 2 is newer than 1. Update this project"),
    ],
)
def test_read_bundle_of_values_beyond_measure(tmp_path, changes, match):
    with pytest.raises(ValueError, match=rf"bundle\.json: {match}"):
        read_bundle(tiny_bundle(tmp_path / "tiny", **changes))


ONE_PASS = {
    "thresholds": [0.3, 0.4], "smallest_masks": [0.0, 0.1], "gates": [], "smallest_masks_clean": [], "filled": [],
    "sizes": [1.0], "mirrored": False,
}  # fmt: skip


def test_taken_once_goes_by_the_decisions_for_one_pass(tmp_path):
    """The rest stays; a bundle without any keeps those for the mean."""
    mean = {"mirrored": True, "thresholds": [0.6, 0.7]}
    bundle = read_bundle(tiny_bundle(tmp_path / "tiny", **mean, once=ONE_PASS))
    once = taken_once(bundle)
    assert {key: once[key] for key in ONE_PASS} == ONE_PASS and decides_once(bundle)
    assert {key: once[key] for key in once if key not in ONE_PASS} == {
        key: bundle[key] for key in bundle if key not in (*ONE_PASS, "once")
    }
    without = read_bundle(tiny_bundle(tmp_path / "without", **mean))
    assert taken_once(without)["thresholds"] == [0.6, 0.7] and not taken_once(without)["mirrored"]
    assert not decides_once(without) and decides_once(taken_once(without))


def test_a_gate_for_one_pass_alone_asks_the_classifier_too(tmp_path):
    gates = {key: GATES[key] for key in ("gates", "smallest_masks_clean")}
    folder = tiny_bundle(tmp_path / "tiny", mirrored=True, classifier="sure", once=ONE_PASS | gates)
    bundle, classifier = read_bundle(folder), tiny_bundle(tmp_path / "sure")
    assert classifier_of(folder, bundle) is None and classifier_of(folder, taken_once(bundle)) == classifier
    assert [place for place, _ in verify_bundle(folder)] == [folder, classifier]


@pytest.mark.parametrize(
    ("once", "match"),
    [
        (3, "json: once is 3, expected decisions for one pass"),
        ({"sizes": [1.0], "mirrored": False}, "json: once is .*, expected decisions for one pass"),
        (ONE_PASS | {"mirrored": True}, "json: once is .*'mirrored': True.*, expected decisions for one pass"),
        (ONE_PASS | {"sizes": [1.0, 1.25]}, "json: once is"),
        (ONE_PASS | {"weights": "others.weights.h5"}, "json: once is"),
        (
            ONE_PASS | {"thresholds": [0.5]},
            r"json, once: thresholds is \[0.5\], expected a number from 0 to 1 for each",
        ),
        (ONE_PASS | {"gates": [0.5, 0.5], "smallest_masks_clean": [2, 2]}, "json, once: there are gates, and no"),
    ],
)
def test_read_bundle_of_decisions_for_one_pass_that_can_not_be_followed(tmp_path, once, match):
    with pytest.raises(ValueError, match=match):
        read_bundle(tiny_bundle(tmp_path / "tiny", mirrored=True, once=once))


def test_read_bundle_of_an_endless_file(tmp_path):
    folder = tiny_bundle(tmp_path / "tiny")
    with open(folder / "bundle.json", "ab") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match="it has 17 MB; expected 17 MB at most"):
        read_bundle(folder)
