"""Predicted runs of many images, kept as they come, so that a prediction that was killed goes on where it was."""

import json
from pathlib import Path

from tqdm import tqdm

from helpers.rle import mask2rle


def encode_images(path, key, image_ids, predict):
    """Predict images and keep the runs of each; those that an earlier call kept are not predicted again.

    Args:
        path: file of JSON lines, which grows by one line an image; it may be deleted once all is done.
        key: text that tells the model and the images from others; a file of another key is begun anew.
        image_ids: the images, without repetitions.
        predict: function of a list of image ids that gives an iterable of uint8 masks (height, width, classes), one
            image at a time and in that order.

    Yields:
        (image id, list of run-length texts, one for each class), in the order of `image_ids`.

    Raises:
        ValueError: `predict` gives fewer masks than images.
    """
    path, image_ids = Path(path), list(image_ids)
    places = _places(path, key)
    missing = [image_id for image_id in image_ids if image_id not in places]
    masks = iter(predict(missing)) if missing else iter(())
    with (
        open(path, "a+b") as file,
        tqdm(
            desc="Predicting", total=len(image_ids), initial=len(image_ids) - len(missing), unit="image", mininterval=1
        ) as bar,
    ):
        for image_id in image_ids:
            if image_id in places:
                file.seek(places[image_id])
                _, texts = json.loads(file.readline())
            else:
                found = next(masks, None)
                if found is None:
                    raise ValueError(f"{path}: got no masks for {image_id!r}, expected some for each image.")
                texts = [mask2rle(found[..., number]) for number in range(found.shape[-1])]
                file.seek(0, 2)
                file.write(json.dumps([image_id, texts]).encode() + b"\n")
                file.flush()
                bar.update()
            yield image_id, texts


def _places(path, key):
    """Where each image's line begins; the file is begun anew where it is of another key, and a torn line cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    places, end = {}, 0
    if path.is_file():
        with open(path, "rb") as file:
            if file.readline() == _head(key):
                end = file.tell()
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    places[json.loads(line)[0]] = end
                    end += len(line)
    if not end:
        path.write_bytes(_head(key))
        return {}
    with open(path, "r+b") as file:
        file.truncate(end)
    return places


def _head(key):
    """The file's first line."""
    return json.dumps({"key": key}).encode() + b"\n"
