"""A trained model as a library: images in, defects out. Loads no TensorFlow by itself."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.resize import resize_probabilities
from helpers.inference.ahead import work_ahead
from helpers.inference.engines import FASTEST, open_engine
from helpers.inference.predict import Passes, bundle_decisions, check_image, in_batches, threshold_masks
from helpers.inference.tiles import Blend, Tiling, plan_tiles
from helpers.models.bundle_file import classifier_of
from helpers.rle import mask2rle

BATCH = 8
BATCHES_AHEAD = 1
ROUNDING = 1e-6  # of a probability that is scaled


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found of one class in one image.

    Attributes:
        class_id: the class, counted from 1.
        class_name: its name.
        probability: the largest that the network gave a pixel for this class, 0 to 1; not calibrated, and also there
            where nothing was found.
        mask: uint8 array (height, width) of 0 and 1, at the image's own size, by the bundle's decisions.
        runs: the mask as run-length text, "start length ...", pixels counted from 1, down the columns; "" where
            nothing was found.
    """

    class_id: int
    class_name: str
    probability: float
    mask: np.ndarray
    runs: str

    @property
    def pixels(self) -> int:
        """Number of pixels of the mask."""
        return int(np.count_nonzero(self.mask)) if self.found else 0

    @property
    def found(self) -> bool:
        """Whether there is a defect of this class."""
        return bool(self.runs)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network gave for one image, not yet decided.

    Attributes:
        tiling: how the image went through the network.
        probabilities: float32 array (height, width, classes), of the size that the image was scaled to.
        smallest: for each class, the smallest mask that is believed, as a fraction of the image.
    """

    tiling: Tiling
    probabilities: np.ndarray
    smallest: np.ndarray


class Detector:
    """Finds defects by a model bundle: its network, and its own thresholds, smallest masks, holes and gates.

    One detector may be asked by several threads at once.

    Attributes:
        engine: what runs the network; its `name` tells which.
        bundle: dict of `bundle.json`.
        class_names: a name for each class; class 1 is the first.
        channels: of the images that it takes: 1 for grey, 3 for red, green and blue.
        image_shape: (height, width) in pixels of the photographs that it was trained on; None where nobody knows, and
            every image is scaled to the network's input.
    """

    def __init__(self, engine, bundle, *, state=None, batch_size=BATCH, image_shape=None):
        """Put a detector together; `load` does that from a folder.

        Args:
            engine: as `helpers.inference.engines.open_engine` gives it, or a keras.Model for images of one size.
            bundle: dict of `bundle.json`.
            state: function of a list of images that gives the probability of a defect for each, as a classifier states
                it; needed where the bundle has gates.
            batch_size: images, or tiles of larger ones, that go through the network together.
            image_shape: (height, width) of the photographs that it was trained on, where the bundle doesn't tell.

        Raises:
            ValueError: the bundle gives no masks, or has gates and nobody is to be asked; or the batch size is below 1.
        """
        self.engine, self.bundle = engine, bundle
        self.class_names = tuple(bundle["class_names"])
        self.channels = bundle["channels"]
        told = image_shape or bundle.get("image_shape")
        self.image_shape = tuple(told) if told else None
        self._decisions, self._state, self._batch_size = bundle_decisions(bundle), state, batch_size
        self._tile = tuple(bundle["input_shape"])
        if any(self._decisions.gates) and state is None:
            raise ValueError(f"the bundle asks the classifier {bundle['classifier']!r} first. Give what it states.")
        if batch_size < 1:
            raise ValueError(f"batch_size: got {batch_size}, expected 1 or more images. {BATCH} is usual.")
        self._passes()

    @classmethod
    def load(
        cls,
        bundle: str | Path,
        *,
        engine: str = FASTEST,
        batch_size: int = BATCH,
        image_shape: tuple[int, int] | None = None,
        once: bool = False,
    ) -> "Detector":
        """Load a bundle, and the classifier beside it that its gates ask.

        Args:
            bundle: the bundle's folder.
            engine: what runs the network, as `helpers.inference.engines.open_engine` takes it.
            batch_size: images, or tiles of larger ones, that go through the network together.
            image_shape: (height, width) in pixels of the photographs that it was trained on, where the bundle doesn't
                tell.
            once: whether each image goes through the network once, without the mirror images and other sizes that the
                bundle takes the mean of: several times as quick, by the bundle's own decisions for that, or those for
                the mean where it has none.

        Returns:
            `Detector`.

        Raises:
            FileNotFoundError: the bundle, its weights or the classifier are missing.
            ValueError: one of them is faulty, gives no masks, or is of a newer version than this project.
            ImportError: the engine isn't installed.
        """
        opened, about = open_engine(bundle, engine=engine, once=once)
        classifier, state = classifier_of(bundle, about), None
        if classifier:
            # Here, since it takes scikit-learn along.
            from helpers.inference.gate import defect_stater

            # Classifiers aren't exported, so that theirs may be another engine.
            state = defect_stater(*open_engine(classifier, engine=FASTEST))
        return cls(opened, about, state=state, batch_size=batch_size, image_shape=image_shape)

    def predict(self, images: Sequence[np.ndarray]) -> list[tuple[Detection, ...]]:
        """Find the defects in some images.

        Args:
            images: uint8 arrays (height, width, channels) of any sizes, or (height, width) where they are grey; grey
                values from 0 to 255, colours as red, green and blue.

        Returns:
            For each image a tuple with a `Detection` for each class of the bundle, found or not.

        Raises:
            ValueError: an image is of another kind, or the network gives NaN.
        """
        return [self.decide(seen) for seen in self.see(images)]

    def see(self, images: Iterable[np.ndarray]) -> Iterator[Seen]:
        """Send images through the network; no more are read ahead than fill a batch.

        Args:
            images: as for `predict`; may be endless.

        Returns:
            Iterator of `Seen` of each image, in order, for `decide`.

        Raises:
            ValueError: an image is of another kind, or the network gives NaN.
        """
        return itertools.chain.from_iterable(map(self._see_group, self._groups(images)))

    def see_ahead(self, images: Iterable[np.ndarray], most: Callable[[], int]) -> Iterator[Seen]:
        """As `see`, with the next batches under way while one is asked for, so that the network never waits.

        Args:
            images: as for `see`; a batch for each of those that are under way is read ahead.
            most: function that gives how many of them there may be, asked anew for each batch; `BATCHES_AHEAD` is
                enough.
        """
        with ThreadPoolExecutor(1 + BATCHES_AHEAD, thread_name_prefix="steel-network") as pool:
            for group in work_ahead(pool, lambda group: list(self._see_group(group)), self._groups(images), most):
                yield from group

    def _see_group(self, group):
        """`Seen` of each image of a group; a generator of its own, which holds them no longer than they are asked."""
        for (_, tiling), probabilities, sizes in zip(group, self._blend(group), self._smallest(group), strict=True):
            yield Seen(tiling, probabilities, sizes)

    def decide(self, seen: Seen) -> tuple[Detection, ...]:
        """What the bundle's decisions make of what the network gave; takes no network, so that threads may share it."""
        classes = len(self.class_names)
        # First down the columns: that is twenty times as quick as along both at once.
        highest = seen.probabilities.reshape(len(seen.probabilities), -1).max(axis=0).reshape(-1, classes).max(axis=0)
        return tuple(self._decide_class(seen, index, float(highest[index])) for index in range(classes))

    def _decide_class(self, seen, index, highest):
        """One class at a time: all of them at a large image's own size would take several times its memory.

        Scaling never exceeds the highest probability, so that a class that can't reach its threshold takes no work; of
        most images that is every one.
        """
        this, runs = slice(index, index + 1), ""
        if highest < self._decisions.thresholds[index] - ROUNDING:
            mask = np.zeros(seen.tiling.own, np.uint8)
        else:
            plane = resize_probabilities(seen.probabilities[..., this], seen.tiling.own)
            masks = threshold_masks(
                plane, self._decisions.thresholds[this], seen.smallest[this], self._decisions.filled[this]
            )
            mask = np.ascontiguousarray(masks[..., 0])
            runs = mask2rle(mask)
        return Detection(index + 1, self.class_names[index], highest, mask, runs)

    def _passes(self):
        return Passes(self.engine, self.bundle, [self._decisions.version], any_size=True)

    def _groups(self, images):
        """Lists of (image, tiling) that fill a batch or more."""
        waiting, tiles = [], 0
        for image in images:
            image = np.asarray(image)
            image = image[..., np.newaxis] if image.ndim == 2 and self.channels == 1 else image
            check_image(image, self.channels)
            waiting.append((image, plan_tiles(image.shape[:2], self._tile, self.image_shape)))
            tiles += len(waiting[-1][1].corners)
            if tiles >= self._batch_size:
                yield waiting
                waiting, tiles = [], 0
        if waiting:
            yield waiting

    def _blend(self, group):
        """Probabilities of each image of a group, at the size that it was scaled to."""
        passes, blends = self._passes(), [Blend(tiling) for _, tiling in group]
        tiles = (
            (blend, corner, tile)
            for blend, (image, tiling) in zip(blends, group, strict=True)
            for corner, tile in tiling.cut(image)
        )
        for batch in in_batches(tiles, self._batch_size):
            parts = passes.predict([tile for *_, tile in batch])
            means = parts[:, 0] if parts.shape[1] == 1 else parts.mean(axis=1, dtype=np.float32)
            for (blend, corner, _), predicted in zip(batch, means, strict=True):
                blend.add(corner, predicted)
        return [blend.finish() for blend in blends]

    def _smallest(self, group):
        """For each image and class, the smallest mask that is believed, as a fraction of the image."""
        stated = self._stated(group) if any(self._decisions.gates) else np.ones(len(group))
        smallest = self._decisions.smallest_of(stated)
        smallest = np.broadcast_to(smallest, (len(group), len(self.class_names))).astype(float)
        areas = [self._share_of_usual(tiling) for _, tiling in group]
        # More than the whole image means never, and stays so.
        return np.where(smallest > 1, smallest, smallest * np.array(areas)[:, np.newaxis])

    def _share_of_usual(self, tiling):
        """The area that a smallest mask is a fraction of, as a share of the image: that of the photographs trained on.

        They were tuned on these, so that a larger image has to show no larger mask. In a smaller one the fraction is of
        its own area, since it could never show the other.
        """
        usual = tiling.own if tiling.whole else self.image_shape
        return min(1.0, float(np.prod(usual, dtype=float) / np.prod(tiling.own, dtype=float)))

    def _stated(self, group):
        """The classifier's probability of a defect; for a tiled image the largest of parts of the trained size."""
        parts, owners = [], []
        for number, (image, tiling) in enumerate(group):
            usual = self.image_shape
            windows = (
                [image]
                if tiling.whole
                else [part for _, part in plan_tiles(tiling.own, usual, usual, overlap=0.0).cut(image)]
            )
            parts += windows
            owners += [number] * (len(parts) - len(owners))
        stated = np.zeros(len(group))
        np.maximum.at(stated, owners, self._state(parts))
        return stated
