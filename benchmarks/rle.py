"""Hold helpers.rle against the usual notebook snippets, on the same rows, in one run.

    python benchmarks/rle.py [CSV] [--rows N] [--repeats N]

The CSV has the columns ImageId, ClassId and EncodedPixels. By default it is train_partial.csv of the
directory that SEVERSTAL_LABELS names, or of ../shared/severstal_labels beside the repository. Where there is
none, masks are made up.

Each row is timed with both functions, one right after the other, and which goes first alternates. A repeat
gives one ratio (the snippet's total time over ours); the table gives the median, least and greatest of them.
"""

import argparse
import csv
import os
import statistics
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers.rle import mask2rle, rle2mask

SHAPE = (256, 1600)
NAMES = {
    "decode": "decode",
    "encode, rows": "encode, mask in rows (C order)",
    "encode, columns": "encode, mask in columns (as decoded)",
}


def snippet_rle2mask(text, shape):
    """Decode as the competition's notebooks do: one slice assignment for each run."""
    values = text.split()
    starts, lengths = (np.asarray(part, dtype=int) for part in (values[0::2], values[1::2]))
    starts -= 1
    ends = starts + lengths
    mask = np.zeros(shape[0] * shape[1], dtype=np.uint8)
    for start, end in zip(starts, ends, strict=True):
        mask[start:end] = 1
    return mask.reshape(shape[1], shape[0]).T


def snippet_mask2rle(mask):
    """Encode as the competition's notebooks do: differences of the flattened transpose."""
    pixels = mask.T.flatten()
    pixels = np.concatenate([[0], pixels, [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + 1
    runs[1::2] -= runs[::2]
    return " ".join(str(x) for x in runs)


def default_csv():
    """Path where the labels are expected."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "severstal_labels"
    return Path(os.environ.get("SEVERSTAL_LABELS") or beside) / "train_partial.csv"


def read_texts(path):
    """Non-empty run-length texts of a CSV."""
    with path.open(newline="") as file:
        return [row["EncodedPixels"] for row in csv.DictReader(file) if row["EncodedPixels"]]


def make_texts(count, seed=0):
    """Run-length texts of made-up masks: a few upright ellipses each, a median of about 100 runs."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    texts = []
    for _ in range(count):
        mask = np.zeros(SHAPE, dtype=bool)
        for _ in range(rng.integers(1, 6)):
            row, column = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
            tall, wide = rng.uniform(10, 120), np.exp(rng.uniform(1.5, 5))
            mask |= ((rows - row) / tall) ** 2 + ((columns - column) / wide) ** 2 < 1
        texts.append(snippet_mask2rle(mask))
    return texts


def time_pair(snippet, ours, arguments, snippet_first):
    """Seconds of the snippet and of ours, one call each, and our result; raise where the results differ."""
    functions = {"snippet": snippet, "ours": ours}
    seconds, results = {}, {}
    for name in functions if snippet_first else reversed(functions):
        start = time.perf_counter()
        results[name] = functions[name](*arguments)
        seconds[name] = time.perf_counter() - start
    if not np.array_equal(results["snippet"], results["ours"]):
        raise SystemExit("The two results differ: the snippet and helpers.rle disagree on a row.")
    return seconds["snippet"], seconds["ours"], results["ours"]


def run_once(texts, repeat, progress):
    """Total seconds over all rows: {direction: [snippet, ours]}."""
    totals = {direction: [0.0, 0.0] for direction in NAMES}
    for index, text in enumerate(texts):
        snippet_first = (index + repeat) % 2 == 0
        *decoding, mask = time_pair(snippet_rle2mask, rle2mask, (text, SHAPE), snippet_first)
        *by_columns, _ = time_pair(snippet_mask2rle, mask2rle, (mask,), snippet_first)
        in_rows = np.ascontiguousarray(mask)
        *by_rows, _ = time_pair(snippet_mask2rle, mask2rle, (in_rows,), snippet_first)
        for total, seconds in zip(totals.values(), (decoding, by_rows, by_columns), strict=True):
            total[0] += seconds[0]
            total[1] += seconds[1]
        progress.update()
    return totals


def print_table(repeats, num_rows):
    """Print milliseconds for all rows (median of the repeats), and the ratio with its range."""
    print(f"{'':38}{'snippet':>12}{'ours':>12}{'ratio':>9}{'(least..greatest)':>20}")
    for direction, name in NAMES.items():
        pairs = [totals[direction] for totals in repeats]
        snippet, ours = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = [pair[0] / pair[1] for pair in pairs]
        spread = f"({min(ratios):.2f}..{max(ratios):.2f})"
        print(f"{name:38}{snippet:>9.0f} ms{ours:>9.0f} ms{statistics.median(ratios):>9.2f}{spread:>20}")
    print(f"{num_rows} rows of {SHAPE[0]} x {SHAPE[1]} pixels, {len(repeats)} repeats; all results equal.")


def main():
    """Read or make the rows, time them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", nargs="?", type=Path, help="labels with a column EncodedPixels")
    parser.add_argument("--rows", type=int, default=None, help="time the first N rows only")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    path = arguments.csv or default_csv()
    if path.is_file():
        texts = read_texts(path)[: arguments.rows]
    elif arguments.csv:
        parser.error(f"{path} is not a file. Expected a CSV of labels; leave it out to use made-up masks.")
    else:
        print("No labels found (SEVERSTAL_LABELS names no directory that has them): these masks are made up.")
        texts = make_texts(arguments.rows or 1000)
    with tqdm(total=arguments.repeats * len(texts), unit="row", leave=False) as progress:
        repeats = [run_once(texts, repeat, progress) for repeat in range(arguments.repeats)]
    print_table(repeats, len(texts))


if __name__ == "__main__":
    main()
