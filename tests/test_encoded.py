"""Runs kept as they come."""

import json

import numpy as np
import pytest

from helpers.inference.encoded import encode_images
from helpers.rle import mask2rle

MASKS = {name: np.random.default_rng(number).integers(0, 2, (4, 6, 2)).astype(np.uint8) for number, name in
         enumerate(("a.jpg", "b, c.jpg", 'd".jpg'))}  # fmt: skip
EXPECTED = [(name, [mask2rle(masks[..., number]) for number in range(2)]) for name, masks in MASKS.items()]


def counting(asked):
    """A predictor that notes which images it is asked for, one by one."""

    def predict(image_ids):
        for image_id in image_ids:
            asked.append(image_id)
            yield MASKS[image_id]

    return predict


def test_encode_images_gives_each_once_and_in_order(tmp_path):
    asked = []
    assert list(encode_images(tmp_path / "deep" / "x.jsonl", "key", MASKS, counting(asked))) == EXPECTED
    assert asked == list(MASKS)
    assert list(encode_images(tmp_path / "deep" / "x.jsonl", "key", MASKS, counting(asked))) == EXPECTED
    assert asked == list(MASKS)


@pytest.mark.parametrize("torn", [b"", b'["b, c.jpg", ["1 2', b'["b, c.jpg", ["1 2", ""]]'])
def test_encode_images_goes_on_where_it_was_killed(tmp_path, torn):
    """After the first image, or within the second one's line, which is then predicted again."""
    path, asked = tmp_path / "x.jsonl", []
    first = encode_images(path, "key", MASKS, counting(asked))
    assert next(first) == EXPECTED[0]
    first.close()
    with open(path, "ab") as file:
        file.write(torn)
    assert list(encode_images(path, "key", MASKS, counting(asked))) == EXPECTED
    assert asked == list(MASKS)


def test_encode_images_of_another_model_begins_anew(tmp_path):
    path, asked = tmp_path / "x.jsonl", []
    list(encode_images(path, "key", MASKS, counting(asked)))
    list(encode_images(path, "other", MASKS, counting(asked)))
    assert asked == [*MASKS, *MASKS]
    path.write_text("no JSON")
    assert list(encode_images(path, "other", MASKS, counting(asked))) == EXPECTED


def test_encode_images_takes_up_images_in_another_order(tmp_path):
    path, asked = tmp_path / "x.jsonl", []
    list(encode_images(path, "key", list(MASKS)[1:], counting(asked)))
    found = list(encode_images(path, "key", list(MASKS)[::-1], counting(asked)))
    assert found == EXPECTED[::-1] and asked == [*list(MASKS)[1:], "a.jpg"]
    lines = [json.loads(line)[0] for line in path.read_text().splitlines()[1:]]
    assert sorted(lines) == sorted(MASKS)


def test_encode_images_with_too_few_masks(tmp_path):
    with pytest.raises(ValueError, match="got no masks for 'b, c.jpg'"):
        list(encode_images(tmp_path / "x.jsonl", "key", MASKS, lambda ids: [MASKS["a.jpg"]]))
