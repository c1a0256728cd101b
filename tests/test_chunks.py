"""Chunks: fixed by the list of images, and predicted in order while files are read ahead."""

import threading

import cv2
import numpy as np
import pytest

from helpers.inference.chunks import Chunk, make_chunks, predict_chunk
from helpers.inference.detector import BATCHES_AHEAD, Detector
from helpers.inference.sources import find_images
from helpers.inference.stream import AHEAD
from helpers.models.bundle_file import read_bundle
from tiny_models import SHAPE, BrightEngine, tiny_bundle


@pytest.fixture
def sources(tmp_path):
    """More images than are read ahead, each of its own grey value; every fifth can't be read."""
    folder = tmp_path / "sheets"
    folder.mkdir()
    for number in range(3 * AHEAD):
        data = cv2.imencode(".png", np.full(SHAPE, 100 + number, np.uint8))[1].tobytes()
        (folder / f"{number:03}.png").write_bytes(b"" if number % 5 == 4 else data)
    return find_images([folder])


@pytest.fixture
def detector(tmp_path):
    return Detector(BrightEngine(), read_bundle(tiny_bundle(tmp_path / "tiny")), batch_size=3)


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_make_chunks_keeps_the_order(size, lengths):
    chunks = make_chunks(list("abcde"), size)
    assert [len(chunk.sources) for chunk in chunks] == lengths
    assert [chunk.number for chunk in chunks] == list(range(len(lengths)))
    assert "".join(source for chunk in chunks for source in chunk.sources) == "abcde"


def test_the_key_of_a_chunk_tells_images_and_what_was_asked(sources):
    chunk = Chunk(0, tuple(sources[:3]))
    assert chunk.key("a") == Chunk(7, tuple(sources[:3])).key("a")
    keys = {
        chunk.key("a"),
        chunk.key("b"),
        Chunk(0, tuple(sources[:2])).key("a"),
        Chunk(0, tuple(sources[1:3])).key("a"),
    }
    assert len(keys) == 4


def test_predict_chunk_gives_each_image_its_own_result(sources, detector):
    """In order, with those that can't be read between them, and a call for each."""
    done = []
    result = predict_chunk(detector, Chunk(0, tuple(sources)), done=lambda: done.append(1))
    good = [number for number in range(len(sources)) if number % 5 != 4]
    assert [row[0] for row in result.rows[::2]] == [f"{number:03}.png" for number in good]
    assert [row[2] for row in result.rows[::2]] == pytest.approx([(100 + number) / 255 for number in good], abs=1e-6)
    assert [name for name, _ in result.unreadable] == [f"{number:03}.png" for number in range(4, len(sources), 5)]
    assert len(done) == len(sources) and result.overlays == {}


def test_predict_chunk_holds_a_few_images_at_a_time(sources, detector, monkeypatch):
    """However large the chunk: files are read no further ahead than so many."""
    read, seen, lock = [], [], threading.Lock()
    really, see_ahead = type(sources[0]).read, detector.see_ahead

    def count(self):
        with lock:
            read.append(self.name)
        return really(self)

    def watch(images, most):
        for each in see_ahead(images, most):
            seen.append(len(read))
            yield each

    monkeypatch.setattr(type(sources[0]), "read", count)
    monkeypatch.setattr(detector, "see_ahead", watch)
    predict_chunk(detector, Chunk(0, tuple(sources)))
    # Read when the first image comes out: those ahead, the batches that are under way, and the unreadable ones there.
    assert seen[0] <= AHEAD + 3 * (1 + BATCHES_AHEAD) + 1 < len(sources)
    assert len(read) == len(sources)
