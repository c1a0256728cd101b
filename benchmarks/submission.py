"""Time `steel lint` and `steel score` on a submission as large as the competition's, made on the fly.

    python benchmarks/submission.py [--images N] [--repeats N]

Three files are timed: a sound one, one with a fault in the last run of every mask, and the same masks in the format
with a row for each mask. Each is read from the disk in every repeat; the table gives the median, the greatest and
the median of CPU seconds, which tell more where other work shares the machine; then the same of the whole command with
Python's start. Nothing is downloaded, and the files are deleted.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from helpers.inference.lint import lint_submission
from helpers.inference.score import score_submission
from helpers.inference.submission import ROW_PER_MASK, write_submission

SHAPE, CLASSES, SHARE = (256, 1600), 4, 0.14
DIFFERENT = 150


def make_masks(count, seed):
    """Masks of so many images, of which the first ones come again and again."""
    return islice(cycle(list(make_different_masks(DIFFERENT, seed))), count)


def make_different_masks(count, seed):
    """Yield masks of one image after the other: upright ellipses, in as many masks as in the competition's labels."""
    random = np.random.default_rng(seed)
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for _ in range(count):
        masks = np.zeros((*SHAPE, CLASSES), np.uint8)
        for index in np.flatnonzero(random.random(CLASSES) < SHARE):
            for _ in range(random.integers(1, 6)):
                row, column = random.uniform(0, SHAPE[0]), random.uniform(0, SHAPE[1])
                tall, wide = random.uniform(10, 120), np.exp(random.uniform(1.5, 5))
                inside = ((rows - row) / tall) ** 2 + ((columns - column) / wide) ** 2 < 1
                masks[..., index] |= inside & ~masks.any(axis=-1)
        yield masks


def spoil(path, spoilt):
    """Write the file once more, with a run that leaves the image at the end of every mask."""
    lines = path.read_text().splitlines()
    spoilt.write_text("\n".join(line if line.endswith((",", "s")) else f"{line} 409600 2" for line in lines) + "\n")


def time_calls(function, repeats):
    """(seconds, CPU seconds) of each of several calls, programs that they start included."""
    seconds = []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), sum(os.times()[:4])
        function()
        seconds.append((time.perf_counter() - start, sum(os.times()[:4]) - cpu_start))
    return seconds


def run_command(*words):
    """Run `steel` as a user does."""
    subprocess.run([sys.executable, "-m", "helpers.cli", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def print_row(name, seconds):
    wall, cpu = zip(*seconds, strict=True)
    print(f"{name:44}{statistics.median(wall):>8.2f} s{max(wall):>8.2f} s{statistics.median(cpu):>8.2f} s")


def main():
    """Make the files, time both commands, print seconds and machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5506, help="of four classes each (5506: 22,024 rows)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    ids = [f"{number:09x}.jpg" for number in range(options.images)]
    with tempfile.TemporaryDirectory() as folder:
        truth, sound, spoilt, short = (Path(folder) / f"{name}.csv" for name in ("truth", "sound", "spoilt", "short"))
        rows = write_submission(truth, ids, make_masks(len(ids), 1))
        write_submission(sound, ids, make_masks(len(ids), 2))
        write_submission(short, ids, make_masks(len(ids), 2), ROW_PER_MASK)
        spoil(sound, spoilt)
        runs = sum(line.count(" ") + 1 for line in sound.read_text().splitlines() if not line.endswith((",", "s"))) // 2
        print(f"{rows:,} rows, {sound.stat().st_size / 1e6:.1f} MB, {runs:,} runs; {options.repeats} repeats")
        print(f"{'':44}{'median':>10}{'greatest':>10}{'CPU':>10}")
        print_row("lint, sound", time_calls(lambda: lint_submission(sound), options.repeats))
        print_row("lint, every mask faulty", time_calls(lambda: lint_submission(spoilt), options.repeats))
        print_row("lint, a row for each mask", time_calls(lambda: lint_submission(short), options.repeats))
        print_row("score", time_calls(lambda: str(score_submission(sound, truth)), options.repeats))
        print_row(
            "score, a row for each mask", time_calls(lambda: str(score_submission(short, truth)), options.repeats)
        )
        print_row("steel lint, whole command", time_calls(lambda: run_command("lint", sound), options.repeats))
        print_row("steel score, whole command", time_calls(lambda: run_command("score", sound, truth), options.repeats))
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"Machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}{busy}")


if __name__ == "__main__":
    main()
