"""Images a second of `steel predict` alone and on a Dask cluster of this machine, and what more machines would do.

    python benchmarks/cluster.py [--images 1000] [--photographs FOLDER] [--bundle BUNDLE] [--engine E]

One process, then clusters of 1, 2, ... processes up to the number of cores, then the largest once more with a worker
that is killed in the middle. Every file has to be the same to the byte as that of one process. The seconds are those
from handing out the first chunk to the last result, without starting the processes, but with loading the network in
each. The result is stored under `benchmarks/results/`; what is projected from it is computed by `write_results.py`, and
labelled so.
"""

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import distributed
from common import RESULTS, machine
from sheets import write_sheets

from helpers.files import write_json
from helpers.inference.cluster import local_cluster, predict_on_cluster
from helpers.inference.engines import FASTEST, KINDS
from helpers.inference.many import Asked, predict_images

ROOT = Path(__file__).absolute().parents[1]
CHUNK = 64


def predict(sheets, out, asked, client=None, kill_after=None):
    """(seconds, the file's bytes) of one prediction; a worker is killed after so many chunks."""
    done = []

    def work(asked, chunks, engine):
        for result in predict_on_cluster(client, asked, chunks, engine):
            done.append(result)
            if kill_after == len(done):
                threading.Thread(target=kill_a_worker, args=(client,)).start()
            yield result

    begun = time.perf_counter()
    found = predict_images([sheets], out, asked, chunk_size=CHUNK, work=work if client else None)
    seconds = found.seconds or time.perf_counter() - begun
    return seconds, (out / found.file).read_bytes()


def kill_a_worker(client):
    """End one of the processes at once, as a machine does that loses its power."""
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


def main():
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "steel_unet")
    parser.add_argument("--engine", default=FASTEST, choices=[FASTEST, *KINDS])
    options = parser.parse_args()
    asked, cores = Asked(options.bundle, engine=options.engine), os.cpu_count() or 1
    rates, same = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheets = write_sheets(folder / "sheets", options.images, options.photographs)
        seconds, alone = predict(sheets, folder / "alone", asked)
        rates["one process"] = options.images / seconds
        for workers in range(1, cores + 1):
            with local_cluster(workers) as cluster, distributed.Client(cluster) as client:
                seconds, found = predict(sheets, folder / f"out-{workers}", asked, client)
                rates[f"cluster of {workers}"] = options.images / seconds
                same[f"cluster of {workers}"] = found == alone
        with local_cluster(cores) as cluster, distributed.Client(cluster) as client:
            seconds, found = predict(sheets, folder / "out-killed", asked, client, kill_after=2)
            rates[f"cluster of {cores}, one killed"] = options.images / seconds
            same[f"cluster of {cores}, one killed"] = found == alone
    result = {
        "cluster_bundle": options.bundle.name,
        "engine": asked.load().engine.name,
        "images": options.images,
        "images_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "same_to_the_byte": same,
        "cores": cores,
        **machine(),
    }
    print(result)
    write_json(RESULTS / f"cluster-{options.bundle.name}.json", result)


if __name__ == "__main__":
    main()
