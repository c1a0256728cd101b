"""Engines: what runs a bundle's network. TensorFlow is loaded only where it is Keras that runs it.

What others than Keras open lies beside the bundle, in `exports/<export>/`, as `helpers.inference.export` wrote it.
"""

import importlib.util
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from helpers.data.problems import one_line, shorten
from helpers.files import read_json
from helpers.models.bundle_file import read_bundle, sha256_of

EXPORTS, RECORD, FORMAT = "exports", "export.json", 1
INSTALL = 'pip install "steel-defect-report[export]"'
RECORDED = {"sha256": str, "networks": dict, "files": dict, "checks": dict, "data": str}
KERAS, FASTEST, INT8 = "keras", "fastest", "-int8"
THREADS = "STEEL_THREADS"
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


def open_engine(folder, engine=FASTEST, say=print):
    """Open what runs a bundle's network.

    Args:
        folder: the bundle's folder.
        engine: one of `KINDS`; "fastest" takes the quickest that is installed and was exported of this bundle without
            costing more than half a point of `kaggle_dice`; Keras for classifiers, which aren't exported.
        say: called with a line for the user where "fastest" can't take the quickest of all, with the reasons.

    Returns:
        (engine, dict of `bundle.json`). The engine has a `name` for people, and `predict_on_batch(batch)`, from float32
        images (n, height, width, channels) in [0, 1] to float32 probabilities (n, height, width, classes), at the
        network's own size and at the multiples of it that the bundle asks for, which it says by `any_size`. Several
        threads may call it at once.

    Raises:
        FileNotFoundError: the bundle, its weights or the export are missing.
        ValueError: there is no such engine, the bundle is faulty, or the export is not of it.
        ImportError: the engine isn't installed.
    """
    bundle = read_bundle(folder)
    return open_kind(folder, bundle, choose_engine(folder, bundle, engine, say)), bundle


def choose_engine(folder, bundle, engine=FASTEST, say=print):
    """The name of the engine that `open_engine` opens when it is called like this: one of `KINDS`.

    Raises:
        ValueError: there is no such engine.
    """
    if engine != FASTEST:
        _kind_of(engine)
        return engine
    return _find_fastest(Path(folder), bundle, say) if bundle.get("target", "masks") == "masks" else KERAS


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
        return KerasEngine(*_load_keras(folder))
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


def export_folder(folder, export):
    """Where an export of a bundle lies."""
    return Path(folder) / EXPORTS / export


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


def export_command(folder, export):
    """The command that makes an export."""
    to = export.removesuffix(INT8)
    return f"steel export {folder} --to {to}{' --int8' if to != export else ''}"


def read_record(folder, bundle, export):
    """Read the record of an export, and check that the export is whole and was made of this bundle.

    Args:
        folder: the bundle's folder.
        bundle: dict of its `bundle.json`.
        export: name of the export.

    Returns:
        The dict of `export.json`.

    Raises:
        FileNotFoundError: there is no such export.
        ValueError: it is of other weights, sizes or a newer version, or a file of it is another one.
    """
    place = export_folder(folder, export)
    path, again = place / RECORD, f"Make it again: {export_command(folder, export)}"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Make it: {export_command(folder, export)}")
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"{path}: expected an export's record of format {FORMAT}. {again}")
    for key, found in RECORDED.items():
        if not isinstance(record.get(key), found):
            raise ValueError(f"{path}: {key} is missing or no {found.__name__}. {again}")
    if record["sha256"] != bundle["sha256"]:
        raise ValueError(f"{path}: this was made of other weights than the bundle has now. {again}")
    wanted = {shape_text(shape) for shape in network_shapes(bundle)}
    if not wanted <= set(record["networks"]):
        raise ValueError(
            f"{path}: the bundle predicts at {', '.join(sorted(wanted))}, and this was made for "
            f"{', '.join(record['networks'])}. {again}"
        )
    for name, sha256 in record["files"].items():
        if not _lies_in(place, name) or sha256_of(place / name) != sha256:
            raise ValueError(f"{place / name}: this is not the file that was exported. {again}")
    if not set(record["networks"].values()) <= set(record["files"]):
        raise ValueError(f"{path}: a network's file is none of those that were exported. {again}")
    return record


def _lies_in(place, name):
    """Whether a file of that name lies in a folder, and not elsewhere."""
    return (place / name).is_file() and (place / name).resolve().is_relative_to(place.resolve())


def network_shapes(bundle):
    """The sizes of images that a bundle's predictions take: list of (height, width) in pixels, its own first."""
    sizes = sorted(bundle.get("sizes", [1.0]), key=lambda size: size != 1)
    shapes = [tuple(round(side * size) for side in bundle["input_shape"]) for size in (1.0, *sizes)]
    return list(dict.fromkeys(shapes))


def shape_text(shape):
    """A size as text, such as 128x800."""
    return "x".join(str(side) for side in shape)


def import_openvino():
    """The package `openvino`, which here reports to nobody.

    It, and NNCF, tell their makers over the network that they are used, unless the package that does it is missing.
    """
    sys.modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


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
    lost = -record["checks"][engine]["kaggle_dice_change"] if engine in record["checks"] else None
    if lost is None:
        return f"its export was never held against Keras. Make it again: {export_command(folder, kind.export)}"
    return f"it costs {lost:.4f} of kaggle_dice on {record['data']}" if lost > MOST_LOST else ""


def _load_keras(folder):
    from helpers.models.bundle import load_bundle

    return load_bundle(folder)


def allowed_threads():
    """How many threads an engine may use, by the environment's `STEEL_THREADS`; 0, which is usual, takes all cores."""
    text = os.environ.get(THREADS, "0")
    if not text.isdigit():
        raise ValueError(f"{THREADS}: got {text!r}, expected a whole number; 0 takes all cores.")
    return int(text)


def _version(text):
    """The first two numbers of a version."""
    return ".".join(text.split(".")[:2])


def _checked(batch, known):
    """The batch as float32; stops at a size that the engine has no network for."""
    batch = np.asarray(batch, np.float32)
    if batch.ndim != 4 or batch.shape[1:3] not in known:
        sizes = " or ".join(f"(n, {height}, {width}, channels)" for height, width in known)
        raise ValueError(f"the engine got a batch of shape {batch.shape}, expected {sizes}. Resize the images first.")
    return batch


class KerasEngine:
    """Keras, by a function that TensorFlow compiles once: the same numbers as `predict_on_batch`, and no slower.

    Attributes:
        name: for people.
    """

    any_size = True

    def __init__(self, model, bundle):
        import keras
        import tensorflow as tf

        from helpers.models.build import any_size_twin

        own, *others = network_shapes(bundle)
        networks = {own: model}
        if others:
            twin = any_size_twin(model, bundle["architecture"], bundle["arguments"])
            networks |= dict.fromkeys(others, twin)
        self.name = f"Keras {_version(keras.__version__)} on TensorFlow {_version(tf.__version__)}"
        self._functions = {
            shape: self._compile(tf, network, (None, *shape, bundle["channels"])) for shape, network in networks.items()
        }

    @staticmethod
    def _compile(tf, network, shape):
        signature = [tf.TensorSpec(shape, tf.float32)]
        function = tf.function(lambda images: network(images, training=False), input_signature=signature)
        return function.get_concrete_function()

    def predict_on_batch(self, batch):
        """Probabilities of images; see `open_engine`."""
        batch = _checked(batch, self._functions)
        return self._functions[batch.shape[1:3]](batch).numpy()


class OnnxEngine:
    """ONNX Runtime.

    Attributes:
        name: for people.
    """

    any_size = True

    def __init__(self, place, record, kind):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # it warns of attributes that the converter writes
        options.intra_op_num_threads = allowed_threads()
        self.name = f"ONNX Runtime {_version(onnxruntime.__version__)}"
        self._sessions = {
            tuple(map(int, text.split("x"))): onnxruntime.InferenceSession(
                os.fspath(place / file), options, providers=["CPUExecutionProvider"]
            )
            for text, file in record["networks"].items()
        }

    def predict_on_batch(self, batch):
        """Probabilities of images; see `open_engine`."""
        batch = _checked(batch, self._sessions)
        session = self._sessions[batch.shape[1:3]]
        return session.run(None, {session.get_inputs()[0].name: batch})[0]


class OpenVinoEngine:
    """OpenVINO on the processor: a single image by all cores together, several of them one a core.

    The second takes less time for each, the first until a single one is done. What an image gives doesn't depend on the
    others of its batch.

    Attributes:
        name: for people.
    """

    any_size = True

    def __init__(self, place, record, kind):
        openvino = import_openvino()
        bits = {"f32": "32 bits", "bf16": "16 bits (bfloat16)"}[kind.precision]
        bits = "8 bits" if kind.export.endswith(INT8) else bits
        self.name = f"OpenVINO {_version(openvino.__version__)}, {bits}"
        self._networks = {
            tuple(map(int, text.split("x"))): _OpenVinoNetwork(openvino, place / file, kind.precision)
            for text, file in record["networks"].items()
        }

    def predict_on_batch(self, batch):
        """Probabilities of images; see `open_engine`."""
        batch = _checked(batch, self._networks)
        return self._networks[batch.shape[1:3]].predict(batch)


class _OpenVinoNetwork:
    """A network for images of one size, compiled twice: for one image at a time, and for many."""

    def __init__(self, openvino, path, precision):
        model = openvino.Core().read_model(path)
        model.reshape([1, *(side.get_length() for side in list(model.input().partial_shape)[1:])])
        self._alone = _Requests(openvino, model, "LATENCY", precision)
        self._many = _Requests(openvino, model, "THROUGHPUT", precision)
        self._pool = ThreadPoolExecutor(self._many.count, thread_name_prefix="openvino")

    def predict(self, batch):
        """Probabilities of float32 images (n, height, width, channels)."""
        found = np.empty((len(batch), *self._many.shape), np.float32)
        if len(batch) == 1:
            self._alone.predict(batch[0], found[0])
        else:
            list(self._pool.map(self._many.predict, batch, found))
        return found


class _Requests:
    """What of a compiled network can run at once; each is lent to one thread at a time."""

    def __init__(self, openvino, model, hint, precision):
        settings = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": precision}
        settings |= {"INFERENCE_NUM_THREADS": allowed_threads()} if allowed_threads() else {}
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        self.count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.shape = tuple(compiled.output().shape)[1:]
        self._free = SimpleQueue()
        for _ in range(self.count):
            self._free.put(compiled.create_infer_request())

    def predict(self, image, found):
        """Put the probabilities of an image (height, width, channels) into an array; waits while all are busy."""
        request = self._free.get()
        try:
            found[...] = request.infer([np.ascontiguousarray(image)[np.newaxis]], share_inputs=True)[0][0]
        finally:
            self._free.put(request)
