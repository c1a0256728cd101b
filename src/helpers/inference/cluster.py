"""The same predictions by many machines, with Dask: chunks are fixed before anybody works.

So nothing depends on who works, or how many do.

A worker needs this project and the engine installed, and has to see the images under the same paths or addresses. It
is sent the bundle and the export that the engine opens; its results come back, and are written where the call was made.
"""

import concurrent.futures
import itertools
import logging
import os
import tempfile
import uuid
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from helpers.inference.engines import export_files
from helpers.inference.runtimes import THREADS
from helpers.models.archive import pack_bundle

# Times that a chunk is begun again after a failure. After how many lost workers it is given up, the scheduler's own
# setting says: distributed.scheduler.allowed-failures, which is 3 as well.
RETRIES = 3
WAITING = 4  # chunks a worker that are handed out at a time, so that the list of those to come stays here
CLUSTER = "Predicting on a cluster needs the package distributed: pip install 'steel-defect-report[cluster]'."
PATIENCE = 30  # seconds until a scheduler has to answer
log = logging.getLogger(__name__)


def work_on(address, log_file=None, *, workers=0, load=None):
    """Function for `helpers.inference.many.predict_images` that lets a cluster do the work.

    Args:
        address: of a Dask scheduler, such as "tcp://10.0.0.1:8786"; "" starts a cluster on this machine.
        log_file: file that gets a line for each chunk: when, by which worker, in how many seconds; and for each worker
            that was lost.
        workers: processes of a cluster on this machine; 0 takes one for every core.
        load: as for `predict_on_cluster`.

    Returns:
        Function of (asked, chunks, name of the engine) that yields (chunk, `ChunkResult`).

    Raises:
        ImportError: distributed isn't installed.
    """
    _distributed()

    def work(asked, chunks, engine):
        with _logged(log_file), _client(address, workers) as client:
            yield from predict_on_cluster(client, asked, chunks, engine, load)

    return work


def predict_on_cluster(client, asked, chunks, engine, load=None):
    """Let the workers of a cluster predict chunks.

    Args:
        client: distributed.Client.
        asked: `helpers.inference.many.Asked`; the quickest engine is that of this machine, and all workers run it, so
            that who does a chunk doesn't show in the results.
        chunks: list of `Chunk`.
        engine: name of the engine of this machine, by which all have to predict.
        load: function of `Asked`, with the bundle as unpacked on a worker, that gives what predicts there; None takes
            `Asked.load`.

    Yields:
        (chunk, `ChunkResult`), as they are done.

    Raises:
        ValueError, OSError, ImportError: a chunk failed, or the worker that had it was lost, more often than is
            allowed; or the engine isn't there.
    """
    distributed = _distributed()
    from helpers.inference.cluster_worker import DetectorPlugin, predict_here

    plugin = f"steel-detector-{uuid.uuid4()}"
    client.register_plugin(DetectorPlugin(*_sent(asked), load), name=plugin)
    left, out, running, by_worker = iter(chunks), {}, distributed.as_completed(), Counter()

    def hand_out(count):
        for chunk in itertools.islice(left, count):
            key = f"steel-chunk-{chunk.number}-{uuid.uuid4()}"
            future = client.submit(predict_here, plugin, chunk, asked, key=key, pure=False, retries=RETRIES)
            out[future] = chunk
            running.add(future)

    try:
        known = _workers(client)
        hand_out(WAITING * max(1, len(known)))
        for future in running:
            chunk = out.pop(future)
            done = _result(future, chunk)
            if done.engine != engine:
                raise ValueError(
                    f"{done.worker} predicts by {done.engine}, this machine by {engine}: their results would differ. "
                    "Install the same versions everywhere."
                )
            known = _log_lost(known, _workers(client))
            # Workers may join at any time; they get their share.
            hand_out(max(1, WAITING * len(known) - len(out)))
            by_worker[done.worker] += 1
            log.info("chunk %d: %d images by %s in %.1f s", chunk.number, len(chunk.sources), done.worker, done.seconds)
            yield chunk, done.result
        for worker, count in sorted(by_worker.items()):
            log.info("%s: chunks done: %d", worker, count)
    finally:
        if client.status == "running":
            client.cancel(list(out))
            client.unregister_worker_plugin(plugin)


def _sent(asked):
    """What every worker is sent: the packed bundle, the files beside it that the engine opens, and what is asked."""
    asked = asked.settled(say=lambda line: None)
    files = {name: path.read_bytes() for name, path in export_files(asked.bundle, asked.told(), asked.engine).items()}
    with tempfile.TemporaryDirectory() as folder:
        packed = pack_bundle(asked.bundle, Path(folder) / "bundle.zip").read_bytes()
    return packed, files, asked


def _result(future, chunk):
    """What came of a chunk; where workers were lost with it, or the scheduler is gone, an error in plain words."""
    try:
        return future.result()
    except (_distributed().KilledWorker, concurrent.futures.CancelledError) as error:
        raise OSError(
            f"chunk {chunk.number}, from {chunk.sources[0].name!r} on: it ended with every worker that had it, or the "
            f"scheduler is gone ({type(error).__name__}). What was finished is kept. Look at the workers' memory and "
            "logs, and give the same command again."
        ) from None
    finally:
        future.release()


def _workers(client):
    return set(client.scheduler_info(n_workers=-1)["workers"])


def _log_lost(before, now):
    """Log the workers that are gone; returns those that are there."""
    for worker in sorted(before - now):
        log.warning("%s was lost: others take the chunk that it had", worker)
    return now


@contextmanager
def _client(address, workers):
    """A client of a cluster elsewhere, or of one on this machine that ends with the block."""
    distributed = _distributed()
    if address:
        try:
            client = distributed.Client(address, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            raise OSError(
                f"{address}: no scheduler answers ({error}). Give the address that `dask scheduler` prints."
            ) from None
        with client:
            yield client
        return
    with local_cluster(workers) as cluster, distributed.Client(cluster) as client:
        yield client


def local_cluster(workers=0):
    """A cluster on this machine, a process for each worker; every one gets its share of the cores.

    Args:
        workers: how many; 0 takes one for every core.
    """
    cores = os.cpu_count() or 1
    workers = workers or cores
    share = str(max(1, cores // workers))
    distributed = _distributed()
    import dask

    # Dask has workers give memory back at once, so that each image would be given all of its memory anew.
    spawned = "distributed.nanny.pre-spawn-environ"
    kept = {name: value for name, value in dask.config.get(spawned).items() if name != "MALLOC_TRIM_THRESHOLD_"}
    with dask.config.set({spawned: kept}):
        return distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            # its other pages would be at port 8787, which another cluster may have
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.ERROR,
            env={
                "TF_NUM_INTRAOP_THREADS": share,
                "TF_NUM_INTEROP_THREADS": "1",
                "OMP_NUM_THREADS": share,
                THREADS: share,
            },
        )


@contextmanager
def _logged(log_file):
    """Let what is logged here go to a file as well."""
    if log_file is None:
        yield
        return
    handler = logging.FileHandler(log_file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


def _distributed():
    try:
        import distributed
    except ImportError:
        raise ImportError(CLUSTER) from None
    return distributed
