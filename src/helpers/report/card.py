"""The model cards in models/README.md, written from the bundles that are shipped; no number is typed by hand."""

from pathlib import Path

from helpers.files import read_json, write_text
from helpers.models.beginning import describe_beginning
from helpers.models.bundle_file import ONCE, taken_once
from helpers.models.length import count_passes, count_steps, format_passes
from helpers.models.versions import Version
from helpers.results import format_estimate

CARDS = """\
# Models to begin with

Each folder is a model bundle: weights, and a `bundle.json` that tells what they are. This page is written from those
files by `make readme`.

```python
from helpers.data.images import read_image
from helpers.inference.predict import predict_masks
from helpers.models.bundle import load_bundle

model, bundle = load_bundle("models/{name}")
photographs = [read_image("sheet.jpg")]
masks = next(predict_masks(model, bundle, photographs))  # one plane for each class, at the photograph's own size
```

To go on training with your own images: `python run_all.py --data DIR -p 04_segmentation.MODEL steel_unet
-p 04_segmentation.PRETRAINED models/{name}`.

A way to predict that is mirrored takes the mean over an image and its mirror images.

How long `steel_unet` trains when it begins with trained weights (`most_draws` of its recipe) was chosen by folds of the
competition's sample that this project was built with. Scores by such folds are somewhat too good;
[benchmarks/results.md](../benchmarks/results.md) shows what the next shorter length gives.
"""
JUDGED = {
    "folds": "by five folds of groups of near-duplicate images: each image by a network that was not trained on it, "
    "and by thresholds that were tuned without it. The weights here were trained on all images, in the same way",
    "holdout": "on a holdout of groups of near-duplicate images that neither training nor thresholds saw",
}


def write_cards(root):
    """Write `models/README.md` from the bundles beside it.

    Args:
        root: the project's folder.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: there is no bundle.
    """
    folders = sorted(path.parent for path in (Path(root) / "models").glob("*/bundle.json"))
    if not folders:
        raise FileNotFoundError(f"{Path(root) / 'models'} holds no bundle. Train one, and copy its folder there.")
    path = Path(root) / "models" / "README.md"
    write_text(path, "\n".join([CARDS.format(name=folders[0].name), *(model_card(folder) for folder in folders)]))
    return path


def model_card(folder):
    """One bundle's card.

    Args:
        folder: the bundle's folder.

    Returns:
        Markdown text: data, training, measure, split, scores, decisions and limits.
    """
    bundle = read_json(Path(folder) / "bundle.json")
    training, scores = bundle["training"], bundle["scores"]
    size = (Path(folder) / bundle["weights"]).stat().st_size
    height, width = bundle["input_shape"]
    part = next(iter(scores.values()))["split"]
    kind = "made-up sheets" if training["made_up_data"] else "photographs"
    lines = [
        f"## {Path(folder).name}",
        "",
        f"`{bundle['architecture']}`, {bundle['parameters']:,} weights, {size / 1e6:.1f} MB; images are scaled to "
        f"{height} x {width} pixels, the masks back to their own size.",
        "",
        f"- **Data:** {training['images']:,} {kind} of `{training['data_name']}`.",
        f"- **Training:** {count_steps(training):,} steps of {training['batch_size']} images, "
        f"{format_passes(count_passes(training))} passes over them. {describe_beginning(training['beginning'])} "
        "All settings are in `bundle.json`.",
        f"- **Judged:** {JUDGED[part]}.",
        f"- **Limits:** {bundle['limits']}",
        "",
        "| measure | split | value, with its 95 % interval |",
        "|---|---|---|",
    ]
    for name, score in scores.items():
        value = format_estimate(score["value"], score.get("low"), score.get("high"))
        lines.append(f"| `{name}` | {score['split']} | {value} |")
    lines += ["", f"Way to predict an image: {Version.of(bundle).name}. It is decided so:", "", *decision_lines(bundle)]
    if ONCE in bundle:
        once = decision_lines(taken_once(bundle))
        lines += ["", "In one pass, as `steel predict --once` predicts, it is decided so:", "", *once]
    return "\n".join(lines) + "\n"


def decision_lines(bundle):
    """The decisions of a bundle as the lines of a Markdown table."""
    names = bundle["class_names"]
    filled = bundle.get("filled") or [False] * len(names)
    rows = zip(names, bundle["thresholds"], bundle["smallest_masks"], filled, strict=True)
    return [
        "| class | threshold | smallest mask, % of the image | holes are filled |",
        "|---|---|---|---|",
        *(f"| {name} | {threshold:g} | {100 * smallest:g} | {'yes' if fills else 'no'} |"
          for name, threshold, smallest, fills in rows),
    ]  # fmt: skip
