"""Is the memory of `steel predict` flat, and does it survive kills? Images a second, peak memory, kills.

    python benchmarks/predict.py [--images 200] [--times 10] [--kills 3] [--photographs FOLDER] [--bundle BUNDLE]

The command runs on some images and on so many times as many, each in a process of its own, and on these with `--once`;
then on the first ones again, killed (SIGKILL) at a random moment after each start's first chunk, and started again
until it is through. What a kill cost is the images of the chunk that was under way; the file has to be the same to the
byte. The result is stored under `benchmarks/results/`.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, machine
from sheets import write_sheets

from helpers.files import read_json, write_json

ROOT = Path(__file__).absolute().parents[1]
CHUNK = 16


def command(sheets, out, bundle, *more):
    words = ["-m", "helpers.cli", "predict", sheets, out, "--bundle", bundle, "--chunk-size", CHUNK, *more]
    return [sys.executable, *map(str, words)]


def run(sheets, out, bundle, *more):
    """(seconds, peak memory in MiB, what it printed) of one call, with more options."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command(sheets, out, bundle, *more), stdout=printed, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        printed.seek(0)
        text = printed.read()
    if status:
        raise SystemExit(f"{' '.join(process.args)} ended with {os.waitstatus_to_exitcode(status)}.")
    kilobytes = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    return time.perf_counter() - begun, kilobytes // 1024, text


def chunks_in(out):
    return len(list((out / ".chunks").rglob("*.json")))


def run_with_kills(sheets, out, bundle, kills, usual):
    """Run, and kill so many times: list of chunks that were there before and after each start, and the last text.

    Args:
        sheets: folder of images.
        out: folder for the results.
        bundle: the bundle's folder.
        kills: how often.
        usual: seconds that a chunk takes.
    """
    rng, kept = random.Random(0), []
    for _ in range(kills):
        before = chunks_in(out)
        process = subprocess.Popen(command(sheets, out, bundle), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and chunks_in(out) <= before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 2 * usual))
        process.kill()
        if process.wait() != -signal.SIGKILL:
            raise SystemExit("It was through before it could be killed. Give more images, or fewer kills.")
        kept.append([before, chunks_in(out)])
    return kept, run(sheets, out, bundle)[2]


def figures(images, seconds, mebibytes, text):
    rate = re.search(r"([0-9.,]+) images a second", text)
    return {
        "images": images,
        "seconds": round(seconds, 1),
        "images_per_second": float(rate[1].replace(",", "")),
        "peak_memory_mib": mebibytes,
    }


def main():
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "steel_unet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = write_sheets(folder / "few", options.images, options.photographs)
        many = write_sheets(folder / "many", options.images * options.times, options.photographs)
        runs = [figures(options.images, *run(few, folder / "out-few", options.bundle))]
        count = options.images * options.times
        runs.append(figures(count, *run(many, folder / "out-many", options.bundle)))
        once = figures(count, *run(many, folder / "out-once", options.bundle, "--once"))
        usual = CHUNK / runs[0]["images_per_second"]
        kept, text = run_with_kills(few, folder / "out", options.bundle, options.kills, usual)
        whole, killed = ((folder / out / "predictions.csv").read_bytes() for out in ("out-few", "out"))
        engine = read_json(folder / "out-few" / "prediction.json")["engine"]
    print(text)
    result = {
        "predicted_bundle": options.bundle.name,
        "engine": engine,
        "chunk": CHUNK,
        "runs": runs,
        "once": once,
        "chunks_before_and_after_each_kill": kept,
        "same_to_the_byte_after_kills": whole == killed,
        **machine(),
    }
    print(result)
    write_json(RESULTS / f"predict-{options.bundle.name}-{options.images}.json", result)


if __name__ == "__main__":
    main()
