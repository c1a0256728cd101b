"""Finished chunks as files, and the lists that are put together from them."""

import csv

import pytest

from helpers.inference.chunks import Chunk, ChunkResult
from helpers.inference.kept_chunks import KeptChunks, assemble, read_predictions

RESULTS = [
    ChunkResult([["a.png", "x, y", 0.5, "1 2 9 1", 3], ["a.png", "z", 0.25, "", 0]], []),
    ChunkResult([], [["b.png", 'no "image"\n'], ["b2.png", "no answer"]], unreached=["b2.png"]),
    ChunkResult([["c.png", "x, y", 1e-06, "", 0], ["c.png", "z", 1.0, "", 0]], []),
]


def test_kept_chunks_are_there_once_they_are_whole(tmp_path):
    kept, chunk = KeptChunks(tmp_path), Chunk(12_345, ())
    assert not kept.has(chunk, "key")
    result = ChunkResult(RESULTS[0].rows, RESULTS[1].unreadable, {"deep/a.png": b"a picture"}, ["b2.png"])
    kept.keep(chunk, "key", result)
    assert kept.has(chunk, "key") and not kept.has(chunk, "other") and not kept.has(Chunk(1, ()), "key")
    read = kept.read(chunk, "key")
    assert (read.rows, read.unreadable, read.overlays) == (result.rows, result.unreadable, {})
    assert read.unreached == ["b2.png"]
    assert (tmp_path / "overlays" / "deep" / "a.png.jpg").read_bytes() == b"a picture"
    assert not kept.is_whole(chunk, "key") and not kept.is_whole(Chunk(1, ()), "key")
    kept.keep(Chunk(1, ()), "key", RESULTS[0])
    assert kept.is_whole(Chunk(1, ()), "key")
    kept.clear()
    assert not kept.has(chunk, "key") and (tmp_path / "overlays").is_dir()


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_assemble_writes_all_rows_in_order(tmp_path, file_format):
    """Names with commas, quotes and line breaks come back as they were; a chunk may have no row."""
    if file_format == "parquet":
        pytest.importorskip("pyarrow")
    counts = assemble(tmp_path, iter(RESULTS), file_format)
    assert counts == {"predicted": 2, "with_defect": 1, "unreadable": 2, "unreached": 1}
    rows = [
        [row[name] for name in ("image", "class", "probability", "runs", "pixels")]
        for row in read_predictions(tmp_path)
    ]
    assert rows == RESULTS[0].rows + RESULTS[2].rows
    with open(tmp_path / "unreadable.csv", newline="") as file:
        assert list(csv.reader(file)) == [["image", "reason"], *RESULTS[1].unreadable]


def test_assemble_leaves_the_old_lists_until_the_new_ones_are_whole(tmp_path):
    assemble(tmp_path, RESULTS, "csv")
    before = (tmp_path / "predictions.csv").read_bytes()

    def results():
        yield RESULTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assemble(tmp_path, results(), "csv")
    assert (tmp_path / "predictions.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.csv", "unreadable.csv"]


def test_read_predictions_where_there_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="no predictions are there. Make them with: steel predict IMAGES"):
        next(read_predictions(tmp_path))
