"""What stands in a bundle, looked at without TensorFlow; what load_bundle refuses besides is in test_bundle.py."""

import pytest

from helpers.models.bundle_file import MOST_BYTES, classifier_of, read_bundle, verify_bundle
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


def test_read_bundle_of_an_endless_file(tmp_path):
    folder = tiny_bundle(tmp_path / "tiny")
    with open(folder / "bundle.json", "ab") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match="it has 17 MB; expected 17 MB at most"):
        read_bundle(folder)
