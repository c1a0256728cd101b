"""What a bundle says of itself."""

from helpers.models.about import about_bundle
from tiny_models import tiny_bundle


def test_about_bundle_tells_input_decisions_and_scores(tmp_path):
    folder = tiny_bundle(
        tmp_path / "tiny", parameters=1234567, sizes=[1.0, 1.25], filled=[True, False], mirrored=True,
        gates=[0.3, 0.0], smallest_masks_clean=[2.0, 0.5], classifier="sure", smallest_masks=[0.01, 0.0],
        training={"data_name": "mill", "images": 1150, "epochs": 3, "steps_per_epoch": 36, "batch_size": 64},
        scores={"kaggle_dice": {"value": 0.8301, "low": 0.8, "high": 0.86, "split": "folds"}},
        once={"thresholds": [0.7, 0.8], "smallest_masks": [0.0, 0.2], "gates": [], "smallest_masks_clean": [],
              "filled": [], "sizes": [1.0], "mirrored": False},
    )  # fmt: skip
    lines = dict(line.split("  ", 1) for line in about_bundle(folder).splitlines())
    lines = {name: text.strip() for name, text in lines.items()}
    assert lines["bundle"] == "tiny, format 1"
    assert lines["network"] == "steel_unet, gives masks"
    assert lines["weights"].startswith("1,234,567, tiny.weights.h5, SHA-256 ")
    assert lines["input"] == "32 x 64 pixels, grey, grey values / 255"
    assert lines["photographs"] == "32 x 64 pixels"
    assert lines["trained on"] == "mill, 1,150 images, 6.0 passes over them"
    assert lines["predicted"] == "at 1 and 1.25 times the network's size, mirrored"
    assert lines["bright"] == (
        "from a probability of 0.6; masks of 1 % of the image and more; where the classifier says less than 0.3 none; "
        "holes filled"
    )
    assert lines["dark"].endswith("where the classifier says less than 0 masks of 50 % and more")
    assert lines["dark, once"] == "from a probability of 0.8; masks of 20 % of the image and more"
    assert lines["asks first"] == "sure"
    assert lines["kaggle_dice"] == "0.830 (0.800 to 0.860), folds"


def test_about_bundle_spells_out_what_would_steer_the_terminal(tmp_path):
    """And shows what it can't read as it stands."""
    folder = tiny_bundle(
        tmp_path / "tiny",
        class_names=["a\x1b[31m\nred", "b"],
        training={"data_name": ["x"], "images": "many"},
        scores={"x\r": 3, "y": {"value": "high", "split": "s"}},
    )
    text = about_bundle(folder)
    assert "\x1b" not in text and "\r" not in text and r"a\x1b[31m\nred" in text
    assert "photographs" in text and "['x']" in text and r"x\r" in text
