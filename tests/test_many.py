"""Many images to files: kills, full disks and bad images lose nothing."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.inference import kept_chunks, many
from helpers.inference.chunks import predict_chunk
from helpers.inference.kept_chunks import KeptChunks
from helpers.inference.many import Asked, default_bundle, predict_images
from helpers.inference.sources import Source
from helpers.models.bundle_file import read_bundle
from helpers.rle import mask2rle
from tiny_models import SHAPE, BrightEngine, open_bright, tiny_bundle

FILES = ("predictions.csv", "unreadable.csv")


@pytest.fixture
def engine(monkeypatch):
    """Every bundle is run by one `BrightEngine`, which counts the images that it saw."""
    bright = BrightEngine()
    monkeypatch.setattr("helpers.inference.detector.open_engine", open_bright(bright))
    return bright


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "models" / "tiny")


def write_images(folder, count, shape=SHAPE):
    """Lossless images whose left part is bright, the wider the higher the number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = np.full(shape, 100, np.uint8)
        image[:, :number] = 200
        cv2.imwrite(str(folder / f"{number:03}.png"), image)
    return folder


@pytest.fixture
def sheets(tmp_path):
    return write_images(tmp_path / "sheets", 7)


def rows_of(out):
    with open(out / "predictions.csv", newline="") as file:
        return list(csv.DictReader(file))


def overlays(out):
    return sorted(str(path.relative_to(out)) for path in (out / "overlays").rglob("*.jpg"))


def contents(out):
    return [(out / name).read_bytes() for name in FILES]


def test_predict_images_writes_a_row_for_each_image_and_class(sheets, bundle, engine, tmp_path):
    found = predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    rows = rows_of(tmp_path / "out")
    assert [(row["image"], row["class"]) for row in rows] == [
        (f"{number:03}.png", name) for number in range(7) for name in ("bright", "dark")
    ]
    for number, row in enumerate(rows[::2]):
        mask = np.zeros(SHAPE, np.uint8)
        mask[:, :number] = 1
        assert (row["runs"], int(row["pixels"])) == (mask2rle(mask), 32 * number)
        assert float(row["probability"]) == pytest.approx((200 if number else 100) / 255, abs=1e-6)
    assert all(row["runs"] == "" and row["pixels"] == "0" for row in rows[1::2])
    assert (found.images, found.predicted, found.with_defect, found.unreadable, found.fresh) == (7, 7, 6, 0, 7)
    assert "7 images, 6 with a defect, by bright." in str(found)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.name != ".lock") == [
        "prediction.json", "predictions.csv", "unreadable.csv"
    ]  # fmt: skip


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 100])
def test_chunks_don_t_show_in_the_results(sheets, bundle, engine, tmp_path, chunk_size):
    predict_images([sheets], tmp_path / "one", Asked(bundle, batch_size=1), chunk_size=3)
    predict_images([sheets], tmp_path / "other", Asked(bundle, batch_size=1), chunk_size=chunk_size)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_images_that_can_t_be_read_are_listed_and_the_others_go_on(sheets, bundle, engine, tmp_path):
    """No image, cut off, empty, too large, a link that leads nowhere, and of one pixel, which is one."""
    (sheets / "001a.jpg").write_text("no image")
    (sheets / "002a.png").write_bytes((sheets / "002.png").read_bytes()[:60])
    (sheets / "empty.png").touch()
    os.symlink(sheets / "gone", sheets / "link.png")
    write_images(tmp_path / "large", 1, (60, 64))
    os.replace(tmp_path / "large" / "000.png", sheets / "large.png")
    write_images(tmp_path / "small", 1, (1, 1))
    os.replace(tmp_path / "small" / "000.png", sheets / "small.png")
    found = predict_images([sheets], tmp_path / "out", Asked(bundle, most_pixels=3000), chunk_size=4)
    with open(tmp_path / "out" / "unreadable.csv", newline="") as file:
        reasons = {row["image"]: row["reason"] for row in csv.DictReader(file)}
    assert list(reasons) == ["001a.jpg", "002a.png", "empty.png", "large.png", "link.png"]
    assert reasons["001a.jpg"] == "this is no image" and reasons["empty.png"] == "the file is empty"
    assert "truncated" in reasons["002a.png"]
    assert "got 60 x 64 pixels, expected 3,000 at most" in reasons["large.png"]
    assert reasons["link.png"] == "it can't be read (No such file or directory)"
    assert (found.predicted, found.unreadable, found.unreached) == (8, 5, 0)
    assert {row["image"] for row in rows_of(tmp_path / "out")} == {f"{number:03}.png" for number in range(7)} | {
        "small.png"
    }
    assert "5 could not be read: see" in str(found)


@pytest.fixture
def failing(monkeypatch):
    """Names of images whose bytes can't be had for now."""
    names, really = set(), Source.read

    def read(source):
        if source.name in names:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return really(source)

    monkeypatch.setattr(Source, "read", read)
    return names


def draw(image, masks):
    return np.zeros((*image.shape[:2], 3), np.uint8)


@pytest.mark.parametrize("draw", [None, draw])
def test_what_could_not_be_fetched_is_tried_again_with_its_chunk_alone(sheets, bundle, engine, tmp_path, failing, draw):
    """A disk that fails for an hour: nothing that was found is lost, and in the end all is as if it hadn't failed."""
    out, asked = tmp_path / "out", Asked(bundle, draw=draw)
    (sheets / "005a.png").write_text("no image")
    failing.add("004.png")
    first = predict_images([sheets], out, asked, chunk_size=3)
    assert (first.predicted, first.unreadable, first.unreached) == (6, 2, 1)
    assert "1 of them could not be fetched; the same command tries these again." in str(first)
    before = contents(out)
    failing.add("005.png")
    again = predict_images([sheets], out, asked, chunk_size=3)
    assert (again.fresh, again.predicted, again.unreached) == (3, 6, 1) and contents(out) == before
    failing.clear()
    last = predict_images([sheets], out, asked, chunk_size=3)
    assert (last.fresh, last.predicted, last.unreadable, last.unreached) == (3, 7, 1, 0)
    assert predict_images([sheets], out, asked, chunk_size=3).fresh == 0
    whole = tmp_path / "whole"
    predict_images([sheets], whole, asked, chunk_size=3)
    assert contents(out) == contents(whole) and overlays(out) == overlays(whole)


def test_what_could_not_be_fetched_before_a_kill_is_tried_after_it(
    sheets, bundle, engine, tmp_path, failing, monkeypatch
):
    out, asked = tmp_path / "out", Asked(bundle)
    failing.add("001.png")
    keep = KeptChunks.keep

    def stop_after_first(kept, chunk, key, result):
        keep(kept, chunk, key, result)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(KeptChunks, "keep", stop_after_first)
        predict_images([sheets], out, asked, chunk_size=3)
    failing.clear()
    found = predict_images([sheets], out, asked, chunk_size=3)
    assert (found.fresh, found.predicted, found.unreached) == (7, 7, 0)


def test_what_could_not_be_fetched_is_given_up_where_other_images_are_asked_for(
    sheets, bundle, engine, tmp_path, failing, monkeypatch
):
    """Nothing of the earlier images stays among the pictures of the later ones, also after a stop on the way."""
    out, asked = tmp_path / "out", Asked(bundle, draw=draw)
    failing.add("004.png")
    assert predict_images([sheets], out, asked, chunk_size=3).unreached == 1
    (out / "index.html").write_text("a page of these")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(many, "predict_chunk", stop)
        predict_images([sheets], out, asked, chunk_size=3)
    assert not (out / "index.html").exists() and len(overlays(out)) == 5
    others = write_images(tmp_path / "others", 2)
    predict_images([others], out, asked, chunk_size=3)
    predict_images([others], tmp_path / "whole", asked, chunk_size=3)
    assert contents(out) == contents(tmp_path / "whole") and overlays(out) == overlays(tmp_path / "whole")
    assert not (out / ".chunks").exists()


def stop(*arguments, **settings):
    raise KeyboardInterrupt


def test_a_second_call_finds_all_done(sheets, bundle, engine, tmp_path):
    first = predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    before, seen = contents(tmp_path / "out"), engine.images
    second = predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    assert contents(tmp_path / "out") == before and engine.images == seen == 7
    assert (second.fresh, second.with_defect) == (0, first.with_defect)
    assert "7 images were predicted by a call before, and not again." in str(second)


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        ({"batch_size": 2}, {}),
        ({"image_shape": (64, 128)}, {}),
        ({"most_pixels": 10_000}, {}),
        ({"once": True}, {}),
        ({}, {"thresholds": [0.9, 0.9]}),
    ],
)
def test_something_else_that_is_asked_predicts_anew(sheets, bundle, engine, tmp_path, asked, changes):
    predict_images([sheets], tmp_path / "out", Asked(bundle))
    tiny_bundle(bundle, **changes)
    assert predict_images([sheets], tmp_path / "out", Asked(bundle, **asked)).fresh == 7


@pytest.mark.parametrize(("asked", "passes", "above"), [({}, 4, 0), ({"once": True}, 1, 7)])
def test_images_go_through_the_network_once_where_it_is_asked(sheets, engine, tmp_path, asked, passes, above):
    """By the decisions for that: here the mean's threshold is reached by no image, and the other one by all."""
    once = {"thresholds": [0.3, 1.0], "smallest_masks": [0.0, 0.0], "gates": [], "smallest_masks_clean": [],
            "filled": [], "sizes": [1.0], "mirrored": False}  # fmt: skip
    bundle = tiny_bundle(tmp_path / "models" / "both", mirrored=True, thresholds=[1.0, 1.0], once=once)
    found = predict_images([sheets], tmp_path / "out", Asked(bundle, **asked))
    assert (engine.images, found.with_defect) == (7 * passes, above)


def test_a_changed_image_repeats_its_chunk_alone(sheets, bundle, engine, tmp_path, monkeypatch):
    """While results are kept, that is: here the call was stopped before they were put together."""
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(many, "assemble", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    cv2.imwrite(str(sheets / "004.png"), np.full(SHAPE, 255, np.uint8))
    found = predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    assert (engine.images, found.fresh) == (10, 3)
    assert rows_of(tmp_path / "out")[8]["pixels"] == "2048"


@pytest.mark.parametrize("at", range(1, 8))
def test_a_call_that_is_stopped_goes_on(sheets, bundle, engine, tmp_path, monkeypatch, at):
    """At whichever image: no more than the chunk that was under way is predicted again, and nothing is missing."""
    predict_images([sheets], tmp_path / "whole", Asked(bundle, batch_size=1), chunk_size=3)
    engine.images = 0
    really = BrightEngine.predict_on_batch

    def stop(self, batch):
        if self.images + 1 == at:
            raise KeyboardInterrupt
        return really(self, batch)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(BrightEngine, "predict_on_batch", stop)
        predict_images([sheets], tmp_path / "out", Asked(bundle, batch_size=1), chunk_size=3)
    assert not (tmp_path / "out" / "predictions.csv").exists()
    found = predict_images([sheets], tmp_path / "out", Asked(bundle, batch_size=1), chunk_size=3)
    assert found.fresh == 7 - 3 * ((at - 1) // 3)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


KILLED = """
import os, signal, sys
from pathlib import Path
from tiny_models import BrightEngine, open_bright
from helpers.inference import detector
from helpers.inference.many import Asked, predict_images
from helpers.models.bundle_file import read_bundle

class Deadly(BrightEngine):
    def predict_on_batch(self, batch):
        if self.images == {at}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict_on_batch(batch)

detector.open_engine = open_bright(Deadly())
predict_images([{sheets!r}], {out!r}, Asked(Path({bundle!r}), batch_size=1), chunk_size=2)
"""


def test_a_process_that_is_killed_at_once_goes_on(sheets, bundle, engine, tmp_path):
    out, places = tmp_path / "out", [str(Path(__file__).parent), *sys.path]
    code = KILLED.format(at=5, sheets=str(sheets), out=str(out), bundle=str(bundle))
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    )
    assert ended.returncode == -signal.SIGKILL
    found = predict_images([sheets], out, Asked(bundle, batch_size=1), chunk_size=2)
    assert (found.fresh, engine.images) == (3, 3)
    predict_images([sheets], tmp_path / "whole", Asked(bundle, batch_size=1), chunk_size=2)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 7])
def test_a_full_disk_keeps_what_was_finished(sheets, bundle, engine, tmp_path, monkeypatch, step):
    """Whichever file it is that has no room: the note of what was begun, of three chunks, the two lists, the record."""
    moves, really = [], os.replace

    def replace(old, new):
        moves.append(new)
        if len(moves) >= step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(old, new)

    with monkeypatch.context() as patched:
        patched.setattr("helpers.files.os.replace", replace)
        with pytest.raises(OSError, match=r"out: there is no room left\. What was finished is kept: make room"):
            predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    assert not list((tmp_path / "out").rglob(".part-*"))
    found = predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    assert found.fresh == min(7, max(0, 7 - 3 * (step - 2)))
    predict_images([sheets], tmp_path / "whole", Asked(bundle), chunk_size=3)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_memory_does_not_grow_with_the_number_of_images(bundle, engine, tmp_path):
    """Ten times as many images take no more than a little for their names.

    How many are held at a moment is up to the threads; what grows with the images shows in the least of three peaks.
    """

    def peak(count, run):
        tracemalloc.start()
        predict_images([tmp_path / f"sheets-{count}"], tmp_path / f"out-{count}-{run}", Asked(bundle), chunk_size=8)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    for count in (16, 160):
        write_images(tmp_path / f"sheets-{count}", count, (64, 128))
    few, many_more = (min(peak(count, run) for run in range(3)) for count in (16, 160))
    assert many_more < few + 160 * 2000


def test_an_output_that_can_t_be_written(sheets, bundle, engine, tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/out")):
        with pytest.raises(OSError, match=r"it can't be written \(.*\)\. Choose a folder that may be written"):
            predict_images([sheets], out, Asked(bundle))
    assert engine.images == 0


def test_an_output_that_holds_somebody_else_s_predictions(sheets, bundle, engine, tmp_path):
    (tmp_path / "predictions.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="predictions.csv is there, and not from here"):
        predict_images([sheets], tmp_path, Asked(bundle))
    assert (tmp_path / "predictions.csv").read_text() == "mine"
    assert engine.images == 0


def test_an_output_among_the_images(sheets, bundle, engine):
    """A later call would take what it drew for images."""
    for out in (sheets / "out", sheets):
        with pytest.raises(ValueError, match="among the images; expected another folder"):
            predict_images([sheets], out, Asked(bundle))
    assert len(list(sheets.iterdir())) == 7


def test_two_at_once_in_one_folder(sheets, bundle, engine, tmp_path):
    import filelock

    (tmp_path / "out").mkdir()
    with filelock.FileLock(tmp_path / "out" / ".lock"), pytest.raises(OSError, match="another prediction writes there"):
        predict_images([sheets], tmp_path / "out", Asked(bundle))


def test_overlays_are_drawn_for_images_with_a_defect(sheets, bundle, engine, tmp_path):
    (sheets / "late").mkdir()
    os.replace(sheets / "006.png", sheets / "late" / "006.png")

    def draw(image, masks):
        return np.repeat(image, 3, axis=-1) + 50 * masks[..., :1]

    predict_images([sheets], tmp_path / "out", Asked(bundle, draw=draw), chunk_size=3)
    drawn = sorted(path.relative_to(tmp_path / "out" / "overlays") for path in (tmp_path / "out").rglob("*.jpg"))
    assert list(map(str, drawn)) == [*(f"{number:03}.png.jpg" for number in range(1, 6)), "late/006.png.jpg"]
    picture = cv2.imread(str(tmp_path / "out" / "overlays" / "late" / "006.png.jpg"))
    assert picture.shape == (*SHAPE, 3) and picture[10, 2].min() > 230 and picture[10, 40].max() < 120


def test_pictures_of_other_predictions_don_t_stay(sheets, bundle, engine, tmp_path):
    """They are kept by a call that finds all done, and go when something else is asked."""
    overlays, page = tmp_path / "out" / "overlays", tmp_path / "out" / "index.html"
    asked = Asked(bundle, draw=lambda image, masks: np.repeat(image, 3, axis=-1))
    predict_images([sheets], tmp_path / "out", asked)
    page.touch()
    predict_images([sheets], tmp_path / "out", asked)
    assert len(list(overlays.iterdir())) == 6 and page.exists()
    tiny_bundle(bundle, thresholds=[0.99, 0.99])
    predict_images([sheets], tmp_path / "out", asked)
    assert not overlays.exists() and not page.exists()


def test_results_among_the_images_that_a_pattern_finds(sheets, bundle, engine, tmp_path):
    """The first call finds none of its own; a later one would take its overlays for images."""
    out = sheets / "found"
    asked = Asked(bundle, draw=lambda image, masks: np.repeat(image, 3, axis=-1))
    predict_images([f"{sheets}/*.png"], out, asked)
    for place in (f"{sheets}/**/*.jpg", f"file://{sheets}/**/*.jpg"):
        with pytest.raises(ValueError, match=r"overlays/.*jpg is asked for, and is one of the results"):
            predict_images([place], out, asked)


def test_a_page_that_is_not_from_here_stays(sheets, bundle, engine, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("mine")
    predict_images([sheets], tmp_path / "out", Asked(bundle))
    assert (tmp_path / "out" / "index.html").read_text() == "mine"


def test_what_was_finished_is_not_taken_for_it_once_something_else_was_begun(sheets, bundle, engine, tmp_path):
    """Its overlays went when the other began, and its file may be the other's."""
    draw, out = lambda image, masks: np.repeat(image, 3, axis=-1), tmp_path / "out"
    predict_images([sheets], out, Asked(bundle, draw=draw), chunk_size=3)
    before = contents(out)

    def stop(asked, chunks, engine):
        yield chunks[0], predict_chunk(asked.load(), chunks[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_images([sheets], out, Asked(bundle, batch_size=1), chunk_size=3, work=stop)
    assert not (out / "overlays").exists()
    found = predict_images([sheets], out, Asked(bundle, draw=draw), chunk_size=3)
    assert found.fresh == found.images and contents(out) == before


def test_parquet_holds_the_same_rows(sheets, bundle, engine, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    predict_images([sheets], tmp_path / "csv", Asked(bundle), chunk_size=3)
    predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3)
    predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=3, file_format="parquet")
    assert not (tmp_path / "out" / "predictions.csv").exists()
    table = parquet.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    assert table == [
        row | {"probability": float(row["probability"]), "pixels": int(row["pixels"])}
        for row in rows_of(tmp_path / "csv")
    ]
    assert list(kept_chunks.read_predictions(tmp_path / "out")) == table
    assert list(kept_chunks.read_predictions(tmp_path / "csv")) == table


def test_parquet_without_pyarrow(sheets, bundle, engine, tmp_path, monkeypatch):
    """Said before anything is predicted."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'steel-defect-report\[parquet\]'"):
        predict_images([sheets], tmp_path / "out", Asked(bundle), file_format="parquet")
    with pytest.raises(ValueError, match="format: got 'xml', expected one of: csv, parquet"):
        predict_images([sheets], tmp_path / "out", Asked(bundle), file_format="xml")
    with pytest.raises(ValueError, match="chunk_size: got 0, expected 1 or more"):
        predict_images([sheets], tmp_path / "out", Asked(bundle), chunk_size=0)
    assert engine.images == 0


def test_images_in_a_store_in_memory(sheets, bundle, engine, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for path in sheets.iterdir():
        files.pipe(f"/mill/{path.name}", path.read_bytes())
    predict_images(["memory://mill"], tmp_path / "store", Asked(bundle))
    predict_images([sheets], tmp_path / "disk", Asked(bundle))
    assert contents(tmp_path / "store") == contents(tmp_path / "disk")


@pytest.mark.parametrize("error", [RuntimeError("throttled"), TimeoutError("no answer")])
def test_a_store_that_fails_for_a_moment(sheets, bundle, engine, tmp_path, monkeypatch, error):
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for path in sheets.iterdir():
        files.pipe(f"/shaky/{path.name}", path.read_bytes())
    really = type(files).cat_file

    def cat_file(store, path, *arguments, **settings):
        if path.endswith("003.png"):
            raise error
        return really(store, path, *arguments, **settings)

    with monkeypatch.context() as patched:
        patched.setattr(type(files), "cat_file", cat_file)
        assert predict_images(["memory://shaky"], tmp_path / "out", Asked(bundle), chunk_size=3).unreached == 1
    found = predict_images(["memory://shaky"], tmp_path / "out", Asked(bundle), chunk_size=3)
    assert (found.fresh, found.predicted, found.unreached) == (3, 7, 0)
    files.rm("/shaky", recursive=True)


def test_a_name_that_leads_out_of_the_folder_is_set_aside(bundle, engine, tmp_path, sheets):
    """Stores take any name."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for name in ("/trap/a.png", "/trap/x/../../../b.png"):
        files.store[name] = fsspec.implementations.memory.MemoryFile(files, name, (sheets / "003.png").read_bytes())
    found = predict_images(["memory://trap"], tmp_path / "out", Asked(bundle, draw=lambda image, masks: image))
    assert (found.predicted, found.unreadable) == (1, 1)
    assert "its name leads out of the folder" in (tmp_path / "out" / "unreadable.csv").read_text()
    files.store.pop("/trap/x/../../../b.png")
    files.rm("/trap", recursive=True)


def test_the_default_bundle_is_the_project_s(monkeypatch, tmp_path):
    monkeypatch.chdir(Path(__file__).absolute().parents[1])
    assert read_bundle(default_bundle())["class_names"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no model bundle is there. Name one with --bundle"):
        default_bundle()


def test_a_bundle_of_a_newer_version(sheets, engine, tmp_path):
    with pytest.raises(ValueError, match="format 2 is newer than 1. Update this project"):
        predict_images([sheets], tmp_path / "out", Asked(tiny_bundle(tmp_path / "new", format=2)))
    assert json.loads((tmp_path / "new" / "bundle.json").read_text())["format"] == 2


def test_what_takes_long_is_told_in_seconds_an_image(tmp_path):
    about = {"out": tmp_path, "file": "predictions.csv", "engine": "Keras", "images": 2, "predicted": 2}
    about |= {"with_defect": 0, "unreadable": 0, "unreached": 0, "fresh": 2}
    assert "150 seconds an image." in str(many.Predicted(**about, seconds=300.0))
    assert "4.0 images a second." in str(many.Predicted(**about, seconds=0.5))
