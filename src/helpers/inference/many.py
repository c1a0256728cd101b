"""Predict any number of images to files: what a kill interrupts goes on, and one bad image loses nothing."""

import errno
import hashlib
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
from tqdm import tqdm

from helpers.code import code_digest
from helpers.files import read_json, write_json
from helpers.inference.chunks import CHUNK, make_chunks, predict_chunk
from helpers.inference.detector import BATCH, Detector
from helpers.inference.engines import choose_engine, export_files
from helpers.inference.exports import RECORD as EXPORT
from helpers.inference.kept_chunks import FOLDER, FORMATS, OVERLAYS, UNREADABLE, KeptChunks, assemble, require_format
from helpers.inference.reading import MOST_PIXELS
from helpers.inference.sources import find_images, is_address
from helpers.models.bundle_file import NAME, classifier_of, read_bundle, sha256_of, taken_once
from helpers.runs import find_root

RECORD, LOCK = "prediction.json", ".lock"
FOUND = ("file", "engine", "images", "predicted", "with_defect", "unreadable", "unreached")  # of what is finished
LOCAL = ("file://", "local://")  # how addresses on this machine's disks begin
DEFAULT = Path("models") / "steel_unet"
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows knows no quotas


@dataclass(frozen=True)
class Asked:
    """What predictions depend on besides the images.

    Attributes:
        bundle: folder of the model bundle.
        engine: what runs the network; "fastest" takes the quickest that is installed here, also for a cluster.
        batch_size: images, or tiles of larger ones, that go through the network together.
        image_shape: (height, width) of the photographs that it was trained on, where the bundle doesn't tell.
        most_pixels: how large an image may be.
        once: whether each image goes through the network once, without mirror images and other sizes.
        draw: function of an image and its masks that gives an overlay; None draws none.
    """

    bundle: Path
    engine: str = "fastest"
    batch_size: int = BATCH
    image_shape: tuple | None = None
    most_pixels: int = MOST_PIXELS
    once: bool = False
    draw: object = None

    def load(self):
        """The `Detector` that is asked."""
        return Detector.load(
            self.bundle,
            engine=self.engine,
            batch_size=self.batch_size,
            image_shape=self.image_shape,
            once=self.once,
        )

    def told(self):
        """What the bundle tells of predictions as they are asked for: dict."""
        bundle = read_bundle(self.bundle)
        return taken_once(bundle) if self.once else bundle

    def settled(self, say=print):
        """The same with its engine chosen; says why it isn't the quickest of all.

        Raises:
            FileNotFoundError, ValueError: the bundle is missing or faulty, or there is no such engine.
        """
        bundle = read_bundle(self.bundle)
        return replace(self, engine=choose_engine(self.bundle, bundle, self.engine, say, self.once))

    def key(self, engine):
        """Text that tells all of this, by the name of the chosen engine, from other predictions."""
        bundle = self.told()
        folders = [self.bundle, classifier_of(self.bundle, bundle)]
        chosen = self.settled(say=lambda line: None).engine
        exports = [path for path in export_files(self.bundle, bundle, chosen).values() if path.name == EXPORT]
        told = {
            "bundles": [sha256_of(Path(folder) / NAME) for folder in folders if folder],
            "engine": engine,
            "export": [sha256_of(path) for path in exports],
            "batch_size": self.batch_size,
            "image_shape": self.image_shape,
            "most_pixels": self.most_pixels,
            "once": self.once,
            "overlays": self.draw is not None,
            "code": code_digest("helpers.inference.chunks", "helpers.inference.detector"),
        }
        return json.dumps(told, sort_keys=True)


@dataclass(frozen=True)
class Predicted:
    """What was predicted; printed, a few lines on it.

    Attributes:
        out: the folder.
        file: name of the file with the predictions.
        engine: what ran the network.
        images: how many there are.
        predicted: how many of them were predicted.
        with_defect: how many of these have a defect.
        unreadable: how many could not be read.
        unreached: how many of these could not be fetched at all; the same call tries them again.
        seconds: that this call took for the images that it predicted itself.
        fresh: how many these are; the others were there from a call before.
    """

    out: Path
    file: str
    engine: str
    images: int
    predicted: int
    with_defect: int
    unreadable: int
    unreached: int
    seconds: float
    fresh: int

    def __str__(self):
        lines = [
            f"Written: {self.out / self.file}: {self.predicted:,} images, {self.with_defect:,} with a defect, "
            f"by {self.engine}."
        ]
        if self.fresh:
            rate = self.fresh / self.seconds
            lines.append(f"{rate:,.1f} images a second." if rate >= 0.1 else f"{1 / rate:,.0f} seconds an image.")
        if self.fresh < self.images:
            lines.append(f"{self.images - self.fresh:,} images were predicted by a call before, and not again.")
        if self.unreadable:
            lines.append(f"{self.unreadable:,} could not be read: see {self.out / UNREADABLE}.")
        if self.unreached:
            lines.append(f"{self.unreached:,} of them could not be fetched; the same command tries these again.")
        return "\n".join(lines)


def default_bundle():
    """Folder of the bundle that comes with the project.

    Raises:
        FileNotFoundError: there is none here.
    """
    try:
        folder = find_root() / DEFAULT
    except FileNotFoundError:
        folder = DEFAULT
    if not (folder / NAME).is_file():
        raise FileNotFoundError(
            f"{folder}: no model bundle is there. Name one with --bundle: a folder that 04_segmentation wrote, or that "
            "`steel bundle unpack` made."
        )
    return folder


def predict_images(places, out, asked, *, chunk_size=CHUNK, file_format="csv", work=None):
    """Predict images, and write what was found in them below a folder.

    `predictions.csv` has a row for each image and class: image, class, probability (the largest that the network gave a
    pixel), runs (pixels counted from 1, down the columns) and pixels; `unreadable.csv` names the images that can't be
    read, with the reason. When this was killed, the same call goes on: no more than the chunk that was under way is
    predicted again. It also tries again what could not be fetched, with the chunks that it is in; what was found in
    them before isn't lost, however this goes.

    Args:
        places: as for `helpers.inference.sources.find_images`.
        out: the folder to write to.
        asked: `Asked`.
        chunk_size: images that are predicted, and kept, together.
        file_format: "csv" or "parquet".
        work: function of (asked, chunks, the name of the engine) that yields (chunk, `ChunkResult`) of each chunk in
            any order, for other machines to do the work; None does it here.

    Returns:
        `Predicted`.

    Raises:
        FileNotFoundError: there is no image, or no bundle.
        FileExistsError: `out` holds predictions that don't come from here.
        ValueError: something asked for is not possible, or the bundle is faulty.
        OSError: `out` can't be written, or there is no room left; what was finished is kept.
    """
    out = Path(out)
    require_format(file_format)
    sources = find_images(places)
    _require_apart(places, sources, out)
    with _held(out):
        asked = asked.settled()
        detector = asked.load()
        name = detector.engine.name
        chunks, key = make_chunks(sources, chunk_size), asked.key(name)
        keys = [chunk.key(key) for chunk in chunks]
        whole = hashlib.sha256("\n".join([file_format, *keys]).encode()).hexdigest()
        kept = KeptChunks(out)
        found = _finished(out, whole)
        if found is None:
            begun = _begin(out, kept, key, whole)
            missing = [chunk for chunk in chunks if not kept.is_whole(chunk, keys[chunk.number])]
            seconds = _predict_missing(asked, detector, kept, chunks, missing, keys, work)
            counts = assemble(out, (kept.read(chunk, keys[chunk.number]) for chunk in chunks), file_format)
            fresh = sum(len(chunk.sources) for chunk in missing)
            found = {"file": FORMATS[file_format], "engine": name, "images": len(sources), **counts}
            write_json(out / RECORD, begun | {"key": whole, "bundle": str(asked.bundle), "seconds": seconds, **found})
        else:
            seconds, fresh = 0.0, 0
        if not found["unreached"]:
            kept.clear()
    return Predicted(out=out, seconds=seconds, fresh=fresh, **found)


def _predict_missing(asked, detector, kept, chunks, missing, keys, work):
    """Predict the chunks that have no result yet, and keep each as it is done; returns the seconds."""
    total = sum(len(chunk.sources) for chunk in chunks)
    left = sum(len(chunk.sources) for chunk in missing)
    begun = time.perf_counter()
    with tqdm(
        desc=f"Predicting ({detector.engine.name})", total=total, initial=total - left, unit="image", mininterval=1
    ) as bar:
        if work is None:
            results = _work_here(asked, detector, missing, bar.update)
        else:
            results = _counted(work(asked, missing, detector.engine.name), bar)
        for chunk, result in results:
            kept.keep(chunk, keys[chunk.number], result)
    return time.perf_counter() - begun


def _work_here(asked, detector, chunks, done):
    for chunk in chunks:
        yield chunk, predict_chunk(detector, chunk, most_pixels=asked.most_pixels, draw=asked.draw, done=done)


def _counted(results, bar):
    for chunk, result in results:
        yield chunk, result
        bar.update(len(chunk.sources))


def _begin(out, kept, asked, whole):
    """Note what is predicted here from now on, and remove what would be taken for it and isn't.

    That is what was begun with another bundle, engine or setting, and the pictures of images that were finished: those
    asked for now may be others. What was stopped goes on, and so does a call whose images could not all be fetched; the
    record then tells which images these are, so that others don't pass for them.

    Returns:
        dict, the record of something that isn't finished.
    """
    begun = {"asked": hashlib.sha256(asked.encode()).hexdigest()}
    record = read_json(out / RECORD) if (out / RECORD).is_file() else {}
    again = record.get("key") if record.get("unreached") else record.get("again")
    if again == whole:
        begun["again"] = whole
        kept.clear_page()
    elif record != begun:
        kept.clear()
        if record:  # without one nothing is from here, and a page is somebody else's
            kept.clear_pictures()
    write_json(out / RECORD, begun)
    return begun


def _finished(out, key):
    """What the record of the same predictions says, once they are all there; None where they aren't."""
    if not (out / RECORD).is_file():
        return None
    record = read_json(out / RECORD)
    if record.get("key") != key or record.get("unreached") != 0:
        return None
    if not all((out / name).is_file() for name in (record["file"], UNREADABLE)):
        return None
    return {name: record[name] for name in FOUND}


def _require_apart(places, sources, out):
    """Stop where the results would lie among the images, and be taken for some the next time."""
    for place in map(os.fspath, places):
        if not is_address(place) and Path(place).is_dir() and out.resolve().is_relative_to(Path(place).resolve()):
            raise ValueError(f"{out}: it lies in {place}, among the images; expected another folder for the results.")
    drawn = os.path.join(os.path.abspath(out), OVERLAYS, "")
    for source in sources:
        if source.path.startswith(drawn) and (not source.place or source.place.startswith(LOCAL)):
            raise ValueError(
                f"{source.path} is asked for, and is one of the results; expected images that lie elsewhere."
            )


@contextmanager
def _held(out):
    """Hold the folder while the block runs, and say in plain words why it can't be written."""
    lock = filelock.FileLock(out / LOCK, timeout=0)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with lock:
            _require_ours(out)
            yield
    except filelock.Timeout:
        raise OSError(
            f"{out}: another prediction writes there. Wait for it to end, or choose another folder."
        ) from None
    except OSError as error:
        raise _plain_error(out, error) from None


def _require_ours(out):
    """Stop where the results would take the place of something that doesn't come from here."""
    strange = [name for name in FORMATS.values() if (out / name).exists()]
    if strange and not any((out / name).exists() for name in (RECORD, FOLDER)):
        raise FileExistsError(
            f"{out / strange[0]} is there, and not from here. Choose another folder, or move it away."
        )


def _plain_error(out, error):
    """The same error in words that say how to mend it, where it is about writing."""
    if error.errno in FULL:
        return OSError(
            f"{out}: there is no room left. What was finished is kept: make room, and give the same command again."
        )
    if error.errno and str(error.filename).startswith(str(out)):
        return OSError(f"{out}: it can't be written ({error.strerror}). Choose a folder that may be written.")
    return error
