"""What runs on a worker of a Dask cluster; needs the package distributed."""

import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from distributed import WorkerPlugin, get_worker

from helpers.inference.chunks import predict_chunk
from helpers.models.archive import unpack_bundle


@dataclass(frozen=True)
class Done:
    """A chunk's result, and how it came about.

    Attributes:
        result: `helpers.inference.chunks.ChunkResult`.
        worker: the worker's address.
        engine: the name of what ran the network there.
        seconds: that it took, loading the network for the first one included.
    """

    result: object
    worker: str
    engine: str
    seconds: float


class DetectorPlugin(WorkerPlugin):
    """Brings a bundle to every worker, also to those that join later, and loads it there once."""

    def __init__(self, packed, files, asked, load=None):
        """Take what is needed to every worker.

        Args:
            packed: the bundle, as bytes of `helpers.models.archive.pack_bundle`.
            files: dict of path in the bundle's folder -> bytes, of what the engine opens besides.
            asked: `helpers.inference.many.Asked`.
            load: function of `Asked` that gives what predicts; None takes `Asked.load`.
        """
        self._packed, self._files, self._asked, self._load = packed, files, asked, load

    def setup(self, worker):
        """Called on each worker; the network is loaded by the first chunk, since a worker has to answer meanwhile."""
        self._lock, self._detector = threading.Lock(), None

    def detector(self):
        """What predicts here, the same for all chunks."""
        with self._lock:
            if self._detector is None:
                # The files are needed while they are loaded alone.
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                    path = Path(folder) / "bundle.zip"
                    path.write_bytes(self._packed)
                    bundle = unpack_bundle(path, Path(folder) / "unpacked")
                    for name, data in self._files.items():
                        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
                        (bundle / name).write_bytes(data)
                    here = replace(self._asked, bundle=bundle)
                    self._detector = (self._load or type(here).load)(here)
            return self._detector


def predict_here(plugin, chunk, asked):
    """Predict a chunk by the detector that a plugin brought: `Done`."""
    worker, begun = get_worker(), time.perf_counter()
    try:
        detector = worker.plugins[plugin].detector()
    except (ImportError, ValueError) as error:
        raise type(error)(f"worker {worker.address}: {error} Mend that there, or ask for --engine keras.") from None
    result = predict_chunk(detector, chunk, most_pixels=asked.most_pixels, draw=asked.draw)
    return Done(result, worker.address, detector.engine.name, time.perf_counter() - begun)
