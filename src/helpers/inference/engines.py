"""Engines: what runs a bundle's network. TensorFlow is loaded only where it is Keras that runs it.

What others than Keras open lies beside the bundle, in `exports/<export>/`, as `helpers.inference.export` wrote it.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from helpers.data.problems import one_line, shorten
from helpers.inference.exports import (
    EXPORTS,
    INT8,
    RECORD,
    checked_once,
    decisions_digest,
    export_command,
    export_folder,
    read_record,
)
from helpers.inference.runtimes import KerasEngine, OnnxEngine, OpenVinoEngine, import_openvino
from helpers.models.bundle_file import ONCE, read_bundle, taken_once

INSTALL = 'pip install "steel-defect-report[export]"'
KERAS, FASTEST = "keras", "fastest"
MOST_LOST = 0.005  # of kaggle_dice: an export that costs more is no substitute


@dataclass(frozen=True)
class Kind:
    """A kind of engine.

    Attributes:
        export: the export that it opens; "" where it takes the bundle itself.
        package: the Python package that it needs.
        precision: in which OpenVINO multiplies what is not in 8 bits; "" for others.
        needs: what the processor has to be able to do, as OpenVINO calls it; "" for nothing special.
    """

    export: str = ""
    package: str = "keras"
    precision: str = ""
    needs: str = ""


# The quickest first, as `benchmarks/results/engines-*.json` has them; a test holds one against the other.
KINDS = {
    f"openvino{INT8}": Kind(f"openvino{INT8}", "openvino", "f32"),
    "openvino-bf16": Kind("openvino", "openvino", "bf16", "BF16"),
    "openvino": Kind("openvino", "openvino", "f32"),
    KERAS: Kind(),
    "onnx": Kind("onnx", "onnxruntime"),
}


def open_engine(folder, engine=FASTEST, say=print, once=False):
    """Open what runs a bundle's network.

    Args:
        folder: the bundle's folder.
        engine: one of `KINDS`; "fastest" takes the quickest that is installed and was exported of this bundle without
            costing more than half a point of `kaggle_dice`; Keras for classifiers, which aren't exported.
        say: called with a line for the user where "fastest" can't take the quickest of all, with the reasons.
        once: whether each image is to go through the network once, as `taken_once` says.

    Returns:
        (engine, dict of `bundle.json`, or what `taken_once` makes of it). The engine has a `name` for people, and
        `predict_on_batch(batch)`, from float32 images (n, height, width, channels) in [0, 1] to float32 probabilities
        (n, height, width, classes), at the network's own size and at the multiples of it that the bundle asks for,
        which it says by `any_size`. Several threads may call it at once.

    Raises:
        FileNotFoundError: the bundle, its weights or the export are missing.
        ValueError: there is no such engine, the bundle is faulty, or the export is not of it.
        ImportError: the engine isn't installed.
    """
    bundle = read_bundle(folder)
    chosen = choose_engine(folder, bundle, engine, say, once)
    bundle = taken_once(bundle) if once else bundle
    return open_kind(folder, bundle, chosen), bundle


def choose_engine(folder, bundle, engine=FASTEST, say=print, once=False):
    """The name of the engine that `open_engine` opens when it is called like this: one of `KINDS`.

    Raises:
        ValueError: there is no such engine.
    """
    if engine != FASTEST:
        _kind_of(engine)
        return engine
    if bundle.get("target", "masks") != "masks":
        return KERAS
    # without decisions of its own, one pass goes by those for the mean, and by what was checked with them
    return _find_fastest(Path(folder), taken_once(bundle) if once and ONCE in bundle else bundle, say)


def _kind_of(engine):
    """The `Kind` of an engine that was chosen.

    Raises:
        ValueError: there is no such engine.
    """
    if engine not in KINDS:
        raise ValueError(f"engine: got {engine!r}, expected one of: {', '.join([FASTEST, *KINDS])}.")
    return KINDS[engine]


def open_kind(folder, bundle, engine):
    """As `open_engine`, of a bundle that was read, without a choice.

    Raises:
        FileNotFoundError, ValueError, ImportError: as `open_engine`.
    """
    kind = _kind_of(engine)
    if engine == KERAS:
        return KerasEngine(_load_keras(folder), bundle)
    why = _not_installed(kind)
    if why:
        raise ImportError(f"engine {engine}: {why}.")
    if kind.needs and kind.needs not in processor_abilities():
        raise ValueError(f"engine {engine}: {_unable(kind)}. Take another engine.")
    record = read_record(folder, bundle, kind.export)
    place = export_folder(folder, kind.export)
    try:
        opened = (OnnxEngine if kind.package == "onnxruntime" else OpenVinoEngine)(place, record, kind)
        _try(opened, bundle)
    # Each package has its own kinds of error for a file that is none of its networks.
    except Exception as error:
        raise ValueError(
            f"{place}: {kind.package} can't run what lies there ({shorten(one_line(error), 200)}). Make it again: "
            f"{export_command(folder, kind.export)}"
        ) from None
    return opened


def _try(engine, bundle):
    """Have an engine predict black images, and stop where what it gives is not what the bundle tells."""
    shape = tuple(bundle["input_shape"])
    found = engine.predict_on_batch(np.zeros((1, *shape, bundle["channels"]), np.float32))
    expected = (1, *shape, len(bundle["class_names"]))
    if found.shape != expected or not np.isfinite(found).all():
        raise ValueError(f"it gives {found.shape}, expected {expected} and finite numbers")


def export_files(folder, bundle, engine):
    """The files that an engine opens besides the bundle: dict of their path in the bundle's folder -> Path.

    Raises:
        FileNotFoundError, ValueError: as `read_record`.
    """
    export = _kind_of(engine).export
    if not export:
        return {}
    names = [RECORD, *read_record(folder, bundle, export)["files"]]
    return {f"{EXPORTS}/{export}/{name}": export_folder(folder, export) / name for name in names}


def verify_exports(folder, bundle):
    """Check the exports beside a bundle: that each was made of its weights, and its files are those that it names.

    Returns:
        List of their names.

    Raises:
        ValueError: one of them is faulty.
    """
    known = {kind.export for kind in KINDS.values()} - {""}
    exports = sorted(export for export in known if export_folder(folder, export).is_dir())
    for export in exports:
        read_record(folder, bundle, export)
    return exports


@cache
def processor_abilities():
    """What OpenVINO finds the processor able to do, as it calls it, such as BF16; a tuple of texts."""
    return tuple(import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def _find_fastest(folder, bundle, say):
    """The quickest kind that can be taken; says why a quicker one can't."""
    reasons = []
    for engine, kind in KINDS.items():
        if engine == KERAS:
            break
        why = _not_installed(kind) or _unfit(folder, bundle, engine, kind)
        if not why:
            break
        if why != _unable(kind):
            reasons.append(f"{engine}: {why.rstrip('.')}")
    if reasons:
        say(f"{folder}: the engine {engine} is taken; quicker ones can't be. " + "; ".join(reasons) + ".")
    return engine


def _not_installed(kind):
    """Why a kind of engine is not installed; "" where it is."""
    return "" if importlib.util.find_spec(kind.package) else f"{kind.package} is not installed ({INSTALL})"


def _unable(kind):
    """What there is to say where a processor lacks an ability."""
    return f"this processor has no {kind.needs}"


def _unfit(folder, bundle, engine, kind):
    """Why the export that an engine opens can't be taken; "" where it can."""
    if kind.needs and kind.needs not in processor_abilities():
        return _unable(kind)
    try:
        record = read_record(folder, bundle, kind.export)
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    again = f"Make it again: {export_command(folder, kind.export)}"
    digest, held = decisions_digest(bundle), (record, checked_once(record))
    checks = next((each["checks"] for each in held if each.get("decisions") == digest), None)
    if checks is None:
        return f"its export was held against Keras by other decisions than the bundle has now. {again}"
    if engine not in checks:
        return f"its export was never held against Keras. {again}"
    lost = -checks[engine]["kaggle_dice_change"]
    return f"it costs {lost:.4f} of kaggle_dice on {record['data']}" if lost > MOST_LOST else ""


def _load_keras(folder):
    from helpers.models.bundle import load_bundle

    model, _ = load_bundle(folder)
    return model
