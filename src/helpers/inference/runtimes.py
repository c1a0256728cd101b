"""What runs a network: Keras, ONNX Runtime or OpenVINO. Each is imported only where it is taken."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np

from helpers.inference.exports import INT8, network_shapes

THREADS = "STEEL_THREADS"


def import_openvino():
    """The package `openvino`, which here reports to nobody.

    It, and NNCF, tell their makers over the network that they are used, unless the package that does it is missing.
    """
    sys.modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


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
        if allowed_threads():  # several processes would all take the same cores for their own
            settings |= {"INFERENCE_NUM_THREADS": allowed_threads(), "ENABLE_CPU_PINNING": False}
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
            # What is shared is the request's own, and taken over before the next image.
            given = request.infer([np.ascontiguousarray(image)[np.newaxis]], share_inputs=True, share_outputs=True)
            found[...] = given[0][0]
        finally:
            self._free.put(request)
