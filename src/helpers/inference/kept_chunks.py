"""Finished chunks as files, and what is put together from them: predictions as CSV or Parquet, in the images' order."""

import csv
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

from helpers.files import read_json, write_text, written_beside
from helpers.inference.chunks import ChunkResult

COLUMNS = ("image", "class", "probability", "runs", "pixels")
UNREADABLE_COLUMNS = ("image", "reason")
FOLDER, OVERLAYS, UNREADABLE, PAGE = ".chunks", "overlays", "unreadable.csv", "index.html"
FORMATS = {"csv": "predictions.csv", "parquet": "predictions.parquet"}
FILES_A_FOLDER = 1000
PARQUET = "Writing Parquet needs the package pyarrow: pip install 'steel-defect-report[parquet]'."


class KeptChunks:
    """The results of chunks below a folder, each a file that is there when it is whole."""

    def __init__(self, out):
        """Keep them below the folder `out`."""
        self._out, self._folder = Path(out), Path(out) / FOLDER

    def has(self, chunk, key):
        """Whether the result of a chunk is there, made of the same images in the same way."""
        return self._path(chunk, key).is_file()

    def is_whole(self, chunk, key):
        """Whether the result of a chunk is there, and all of its images could be fetched."""
        return self.has(chunk, key) and not self.read(chunk, key).unreached

    def keep(self, chunk, key, result):
        """Write the overlays and the result of a chunk; a kill before the last step leaves what was there before.

        Where an earlier try could not fetch all images, what it reached stays known.
        """
        if self.has(chunk, key):
            result = result.after(self.read(chunk, key), [source.name for source in chunk.sources])
        for name, data in result.overlays.items():
            with written_beside(overlay_path(self._out, name)) as beside:
                beside.write_bytes(data)
        told = {"rows": result.rows, "unreadable": result.unreadable, "unreached": result.unreached}
        write_text(self._path(chunk, key), json.dumps(told, ensure_ascii=False))

    def read(self, chunk, key):
        """The `ChunkResult` of a chunk that is there, without its overlays."""
        return ChunkResult(**read_json(self._path(chunk, key)))

    def clear(self):
        """Remove all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def clear_pictures(self):
        """Remove the overlays, and the page that shows them, of earlier predictions."""
        shutil.rmtree(self._out / OVERLAYS, ignore_errors=True)
        self.clear_page()

    def clear_page(self):
        """Remove the page of earlier predictions."""
        (self._out / PAGE).unlink(missing_ok=True)

    def _path(self, chunk, key):
        return self._folder / f"{chunk.number // FILES_A_FOLDER:06}" / f"{chunk.number:09}-{key[:32]}.json"


def overlay_path(out, name):
    """Where the overlay of an image lies."""
    return Path(out) / OVERLAYS / f"{name}.jpg"


def assemble(out, results, file_format):
    """Write the predictions and the list of unreadable images from the results of all chunks, one chunk at a time.

    Args:
        out: the folder to write to; each file appears when it is whole.
        results: iterable of `ChunkResult`, in the images' order.
        file_format: one of `FORMATS`.

    Returns:
        dict of the number of images that were predicted, with_defect, unreadable, and of these unreached.
    """
    counts = {"predicted": 0, "with_defect": 0, "unreadable": 0, "unreached": 0}
    with (
        written_beside(Path(out) / UNREADABLE) as beside,
        open(beside, "w", newline="", encoding="utf-8") as file,
        _WRITERS[file_format](Path(out) / FORMATS[file_format]) as write,
    ):
        unreadable = csv.writer(file, lineterminator="\n")
        unreadable.writerow(UNREADABLE_COLUMNS)
        for result in results:
            write(result.rows)
            unreadable.writerows(result.unreadable)
            counts["predicted"] += len({row[0] for row in result.rows})
            counts["with_defect"] += len({row[0] for row in result.rows if row[-1]})
            counts["unreadable"] += len(result.unreadable)
            counts["unreached"] += len(result.unreached)
    for other in set(FORMATS) - {file_format}:
        (Path(out) / FORMATS[other]).unlink(missing_ok=True)
    return counts


def read_predictions(out):
    """The predictions in a folder, one row at a time, whichever format they are in.

    Yields:
        dict of image, class, probability (float), runs and pixels (int), in the images' order.

    Raises:
        FileNotFoundError: there are none.
    """
    path = Path(out) / FORMATS["csv"]
    if path.is_file():
        csv.field_size_limit(2**31 - 1)
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield row | {"probability": float(row["probability"]), "pixels": int(row["pixels"])}
        return
    path = Path(out) / FORMATS["parquet"]
    if not path.is_file():
        raise FileNotFoundError(f"{out}: no predictions are there. Make them with: steel predict IMAGES {out}")
    with _pyarrow().parquet.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


@contextmanager
def _csv_writer(path):
    """Function that adds rows to a CSV file."""
    with written_beside(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield writer.writerows


@contextmanager
def _parquet_writer(path):
    """Function that adds rows to a Parquet file, as a group of rows each time."""
    arrow = _pyarrow()
    kinds = (arrow.string(), arrow.string(), arrow.float64(), arrow.string(), arrow.int64())
    schema = arrow.schema(list(zip(COLUMNS, kinds, strict=True)))

    def write(rows):
        columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
        arrays = [arrow.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    with written_beside(path) as beside, arrow.parquet.ParquetWriter(beside, schema, compression="zstd") as writer:
        yield write


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(PARQUET) from None
    return pyarrow


_WRITERS = {"csv": _csv_writer, "parquet": _parquet_writer}


def require_format(file_format):
    """Stop before the work where predictions could not be written in the end.

    Raises:
        ValueError: there is no such format.
        ImportError: the package for it is missing.
    """
    if file_format not in FORMATS:
        raise ValueError(f"format: got {file_format!r}, expected one of: {', '.join(FORMATS)}.")
    if file_format == "parquet":
        _pyarrow()
