"""In which precision a training multiplies, and that what comes of it is whole."""

import keras
import numpy as np
import pytest

from helpers.models.build import build_model
from helpers.models.precision import built_in, choose_precision
from tiny_models import SHAPE

NETWORK = {"stem": 4, "widths": (8,), "depths": (0,)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sha_ni\n", "mixed_bfloat16"),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16\n", "mixed_bfloat16"),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", "float32"),  # it would be emulated, and slow
        ("model name\t: avx512_bf16 in a name\nflags\t\t: fpu\n", "float32"),
        ("Features\t: fp asimd bf16\n", "float32"),  # another kind of processor, where nothing was measured
    ],
)
def test_choose_precision_by_what_the_processor_says(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert choose_precision(path) == expected


def test_choose_precision_where_no_file_describes_the_processor(tmp_path):
    assert choose_precision(tmp_path / "none") == "float32"


def test_built_in_leaves_weights_and_probabilities_whole_and_the_policy_as_it_was():
    before = keras.config.dtype_policy().name
    with built_in("mixed_bfloat16"):
        model = build_model("steel_unet", SHAPE, 2, **NETWORK)
        assert model.get_layer("stem_conv").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == before
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.predict_on_batch(np.zeros((1, *SHAPE, 1), np.float32)).dtype == np.float32


def test_built_in_puts_the_policy_back_after_an_error():
    before = keras.config.dtype_policy().name
    with pytest.raises(RuntimeError), built_in("mixed_bfloat16"):
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


def test_built_in_refuses_what_is_no_precision():
    with (
        pytest.raises(ValueError, match="precision: got 'half', expected one of: float32, mixed_float16"),
        built_in("half"),
    ):
        pass
