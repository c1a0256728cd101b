"""Tests of helpers.rle: runs to masks and back."""

import csv
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.rle import RunError, build_masks, mask2rle, mask_area, parse_runs, rle2mask, runs2text, shared_pixels

LABELS = Path(os.environ.get("SEVERSTAL_LABELS") or Path(__file__).resolve().parents[2] / "shared" / "severstal_labels")

# A busy machine must not fail a test of what is true.
patient = settings(deadline=None)

# text, mask: worked by hand; starts count from 1, down each column. Texts are as mask2rle writes them.
HAND_WORKED = [
    ("", [[0, 0, 0], [0, 0, 0]]),  # no pixel
    ("1 6", [[1, 1, 1], [1, 1, 1]]),  # every pixel, in one run over all columns
    ("1 1", [[1, 0, 0], [0, 0, 0]]),  # the first pixel
    ("6 1", [[0, 0, 0], [0, 0, 1]]),  # the last pixel
    ("2 1", [[0, 0, 0], [1, 0, 0]]),  # down before across: number 2 lies below number 1
    ("3 1", [[0, 1, 0], [0, 0, 0]]),  # and number 3 on top of the second column
    ("2 2", [[0, 1, 0], [1, 0, 0]]),  # one run from the bottom of a column to the top of the next
    ("1 2 5 2", [[1, 0, 1], [1, 0, 1]]),  # first and last column
    ("1 1 3 1 5 1", [[1, 1, 1], [0, 0, 0]]),  # the top row: a run for each column
    ("2 1 4 1 6 1", [[0, 0, 0], [1, 1, 1]]),  # the bottom row, up to the last pixel
    ("1 1 4 1", [[1, 1], [0, 0], [0, 0]]),  # higher than wide
    ("2 3", [[0, 1, 1, 1]]),  # a single row
    ("2 3", [[0], [1], [1], [1]]),  # a single column
    ("1 1", [[1]]),  # a single pixel
    ("", [[0]]),
]

# text, mask: sound, but not as mask2rle would write them.
SPELLINGS = [
    ("1 3 4 2", [[1], [1], [1], [1], [1], [0]]),  # a run may begin right after another
    ("  1 3  4   2 ", [[1], [1], [1], [1], [1], [0]]),  # plain spaces, as many as one likes
    ("01 003", [[1], [1], [1], [0], [0], [0]]),  # leading zeros
    (5000 * "0" + "1 3", [[1], [1], [1], [0], [0], [0]]),  # more digits than int() takes
    (np.str_("2 1"), [[0], [1], [0], [0], [0], [0]]),  # what an array of texts yields
]

MISSING = ["", " ", "    ", None, float("nan"), np.float64("nan"), np.float32("nan")]

# text, what the message says; all of them are wrong for any image.
UNSOUND = [
    ("1", "odd number of values (1): run 1 (start 1) has no length"),
    (5000 * "0" + "7", "odd number of values (1): run 1 (start 7) has no length"),
    ("1 3 10", "odd number of values (3): run 2 (start 10) has no length"),
    (
        "nan",
        "run 1: start 'nan' is not a whole number. Expected ASCII digits separated by spaces. For a mask",
    ),
    (
        "None",
        "run 1: start 'None' is not a whole number. Expected ASCII digits separated by spaces. For a mask",
    ),
    ("1 3 x 2", "run 2: start 'x' is not a whole number"),
    ("1 3 5 two", "run 2: length 'two' is not a whole number"),
    ("1 3.0", "run 1: length '3.0' is not a whole number"),
    ("1e3 1", "run 1: start '1e3' is not a whole number"),
    ("+1 3", "run 1: start '+1' is not a whole number"),
    ("1_000 3", "run 1: start '1_000' is not a whole number"),
    ("0x1 3", "run 1: start '0x1' is not a whole number"),
    ("1,3", "run 1: start '1,3' is not a whole number"),
    ("1\t3", r"run 1: start '1\t3' is not a whole number"),
    ("1 3\n", r"run 1: length '3\n' is not a whole number"),
    ("1\u00a03", r"run 1: start '1\xa03' is not a whole number"),  # a no-break space
    ("\u0661 3", "run 1: start '\u0661' is not a whole number"),  # an Arabic-Indic one: int() would take it
    ("1 \u00b2", "run 1: length '\u00b2' is not a whole number"),  # superscript two
    ("1 \ud800", r"run 1: length '\ud800' is not a whole number"),  # half a surrogate pair
    ("1 3\x00", r"run 1: length '3\x00' is not a whole number"),
    ("- 3", "run 1: start '-' is not a whole number"),
    ("0 3", "run 1 (start 0, length 3) starts before the first pixel"),
    ("1 3 0 2", "run 2 (start 0, length 2) starts before the first pixel"),
    ("-4 3", "run 1 (start -4, length 3) starts before the first pixel"),
    ("1 0", "run 1 (start 1, length 0) has no pixel"),
    ("1 3 5 0 7 1", "run 2 (start 5, length 0) has no pixel"),
    ("1 3 5 -1", "run 2 (start 5, length -1) has no pixel"),
    ("5 2 1 2", "run 2 (start 1, length 2) starts before run 1 (start 5, length 2). Expected sorted runs"),
    ("1 1 9 2 8 3", "run 3 (start 8, length 3) starts before run 2 (start 9, length 2)"),  # overlaps as well
    ("1 3 3 2", "run 2 (start 3, length 2) overlaps run 1 (start 1, length 3)"),  # by one pixel
    ("1 3 1 3", "run 2 (start 1, length 3) overlaps run 1 (start 1, length 3)"),  # the same run twice
    ("1 9 2 2 12 1", "run 2 (start 2, length 2) overlaps run 1 (start 1, length 9)"),  # one inside another
    ("9223372036854775808 1", "run 1: start '9223372036854775808' does not fit in 64 bits"),  # 2**63
    ("-9223372036854775809 1", "run 1: start '-9223372036854775809' does not fit in 64 bits"),
    ("1 1 3 18446744073709551617", "run 2: length '18446744073709551617' does not fit"),  # would wrap to 1
    ("1 " + 5000 * "9", "run 1: length '999999999999999999999999999999'... (5000 characters) does not fit"),
    ("9223372036854775807 1", "run 1 (start 9223372036854775807, length 1) ends past what 64 bits can count"),
    ("4611686018427387904 4611686018427387904", "ends past what 64 bits can count"),  # 2**62 + 2**62
]

WRONG_TYPES = [5, 5.0, np.int64(5), True, b"1 3", ["1", "3"], ("1 3",), np.array([1, 3])]

WRONG_SHAPES = [
    (0, 4),
    (3, -4),
    (3,),
    (3, 4, 1),
    (3.0, 4.0),
    (3, None),
    "34",
    12,
    None,
    (2**40, 2**40),
]


@st.composite
def masks(draw):
    """Draw a mask of any small shape, in any memory order: from bits, or from blocks with long runs."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    if draw(st.booleans()):
        bits = draw(st.binary(min_size=height * width, max_size=height * width))
        flat = np.frombuffer(bits, dtype=np.uint8) & 1
    else:
        lengths = draw(st.lists(st.integers(1, 60), max_size=30))
        flat = np.zeros(height * width, dtype=np.uint8)
        ends = np.cumsum([0, *lengths])
        for start, end in zip(ends[::2], ends[1::2], strict=False):
            flat[start:end] = 1
    mask = flat.reshape((height, width), order=draw(st.sampled_from("CF")))
    return np.array(mask, order=draw(st.sampled_from("CF")))


def decode_slowly(text, shape):
    """Decode pixel by pixel, straight from the convention."""
    mask = np.zeros(shape, dtype=np.uint8)
    numbers = [int(token) for token in text.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for number in range(start - 1, start - 1 + length):
            mask[number % shape[0], number // shape[0]] = 1
    return mask


def says(message):
    """A pattern that matches a message literally."""
    return re.escape(message)


@pytest.mark.parametrize(("text", "mask"), HAND_WORKED + SPELLINGS)
def test_rle2mask_hand_worked(text, mask):
    decoded = rle2mask(text, np.shape(mask))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, mask)


@pytest.mark.parametrize("text", MISSING)
def test_rle2mask_missing_text_is_an_empty_mask(text):
    np.testing.assert_array_equal(rle2mask(text, (2, 3)), np.zeros((2, 3)))


@pytest.mark.parametrize("text", ["", "2 3"])
def test_rle2mask_result_is_new_and_writable(text):
    decoded = rle2mask(text, (2, 3))
    decoded[:] = 1
    assert decoded.sum() == 6
    assert rle2mask(text, (2, 3)).sum() == mask_area(text)


def test_rle2mask_shape_of_numpy_integers():
    assert rle2mask("1 6", list(np.array([2, 3]))).tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize(("text", "message"), UNSOUND)
def test_rle2mask_unsound_text(text, message):
    with pytest.raises(ValueError, match=says(message)):
        rle2mask(text, (256, 1600))


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("13 1", "run 1 (start 13, length 1)"),  # wholly outside
        ("12 2", "run 1 (start 12, length 2)"),  # by one pixel
        ("1 2 5 9", "run 2 (start 5, length 9)"),
        ("1 4611686018427387904", "run 1 (start 1, length 4611686018427387904)"),  # 2**62 fits in 64 bits
    ],
)
@pytest.mark.parametrize("function", [rle2mask, mask_area, parse_runs])
def test_functions_with_shape_run_outside_the_image(function, text, run):
    message = f"{run} leaves an image of 3 x 4 pixels. Was the mask encoded for another image size?"
    with pytest.raises(ValueError, match=says(message)):
        function(text, (3, 4))


@pytest.mark.parametrize("text", WRONG_TYPES)
@pytest.mark.parametrize("function", [mask_area, parse_runs, lambda text: rle2mask(text, (3, 4))])
def test_functions_of_text_wrong_type(function, text):
    arrived = says(f"run-length text is {text!r} ({type(text).__name__}). Expected a str")
    with pytest.raises(TypeError, match=arrived):
        function(text)


@pytest.mark.parametrize("shape", WRONG_SHAPES)
@pytest.mark.parametrize("function", [rle2mask, lambda text, shape: build_masks([text], shape)])
def test_functions_with_shape_wrong_shape(function, shape):
    with pytest.raises(ValueError, match=r"^shape .*Expected.*\(height, width\)"):
        function("1 1", shape)


@pytest.mark.parametrize("function", [mask_area, parse_runs])
def test_functions_with_optional_shape_wrong_shape(function):
    with pytest.raises(ValueError, match=r"^shape is \(0, 4\)"):
        function("", (0, 4))


@pytest.mark.parametrize(("text", "mask"), HAND_WORKED)
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.uint16, np.int64, np.float16, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_mask2rle_hand_worked(text, mask, dtype, order):
    assert mask2rle(np.array(mask, dtype=dtype, order=order)) == text


def test_mask2rle_takes_lists():
    assert mask2rle([[0, 1], [0, 1], [1, 0]]) == "3 3"


def test_mask2rle_takes_strided_views():
    stack = np.zeros((5, 7, 4), dtype=np.uint8)
    stack[1:3, 2:5, 2] = 1
    assert mask2rle(stack[..., 2]) == "12 2 17 2 22 2"
    assert mask2rle(stack[::-1, ::-1, 2]) == "13 2 18 2 23 2"
    assert mask2rle(stack[..., 2].T) == mask2rle(stack[..., 2].T.copy())


def test_mask2rle_leaves_the_mask_alone():
    mask = np.array([[0, 1, 1], [1, 1, 0]], dtype=np.uint8)
    before = mask.copy()
    mask2rle(mask)
    np.testing.assert_array_equal(mask, before)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("value", "dtype", "name"),
    [
        (2, np.uint8, "2"),
        (255, np.uint8, "255"),
        (-1, np.int8, "-1"),
        (0.5, np.float32, "0.5"),
        (np.nan, np.float64, "nan"),
        (np.inf, np.float64, "inf"),
    ],
)
def test_mask2rle_value_other_than_0_and_1(value, dtype, name, order):
    inside = np.array([[0, 0, 0], [0, 0, 0], [1, value, 0]], dtype=dtype, order=order)
    with pytest.raises(ValueError, match=says(f"mask[2, 1] is {name}. Expected 0 and 1 alone")):
        mask2rle(inside)
    everywhere = np.full((3, 2), value, dtype=dtype, order=order)
    with pytest.raises(ValueError, match=says(f"mask[0, 0] is {name}. Expected 0 and 1 alone")):
        mask2rle(everywhere)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3, 1), (0, 3), (2, 0)])
def test_mask2rle_not_two_dimensional(shape):
    with pytest.raises(ValueError, match=says(f"mask has shape {shape}. Expected (height, width)")):
        mask2rle(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(("mask", "dtype"), [([["0", "1"]], "<U1"), ([[0, None]], "object"), ([[0, 1j]], "complex128")])
def test_mask2rle_not_numbers(mask, dtype):
    with pytest.raises(ValueError, match=says(f"mask holds {dtype}. Expected bool, integers or floats")):
        mask2rle(mask)


def test_build_masks_one_channel_a_class():
    built = build_masks(["1 1", "", None, "2 2", float("nan")], (2, 3))
    assert built.shape == (2, 3, 5)
    assert built.dtype == np.uint8
    assert built.flags.c_contiguous and built.flags.writeable
    assert built[..., 0].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert built[..., 3].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert built.sum() == 3


def test_build_masks_takes_other_sequences():
    expected = build_masks(["1 1", "2 2"], (2, 3))
    np.testing.assert_array_equal(build_masks(("1 1", "2 2"), (2, 3)), expected)
    np.testing.assert_array_equal(build_masks(np.array(["1 1", "2 2"]), (2, 3)), expected)
    np.testing.assert_array_equal(build_masks({1: "1 1", 2: "2 2"}.values(), (2, 3)), expected)


def test_build_masks_without_classes():
    assert build_masks([], (2, 3)).shape == (2, 3, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1 1", "class 3: run-length text has an odd number of values (3)"),
        ("nan", "class 3: run 1: start 'nan' is not a whole number"),
        ("5 3", "class 3: run 1 (start 5, length 3) leaves an image of 2 x 3 pixels"),
    ],
)
def test_build_masks_names_the_class(text, message):
    with pytest.raises(ValueError, match="^" + says(message)):
        build_masks(["1 1", None, text, ""], (2, 3))


def test_build_masks_wrong_type_names_the_class():
    with pytest.raises(TypeError, match=says("class 2: run-length text is 5 (int)")):
        build_masks(["1 1", 5], (2, 3))


@pytest.mark.parametrize("texts", ["1 1", b"1 1", None, 5])
def test_build_masks_not_a_sequence_of_texts(texts):
    with pytest.raises(TypeError, match=says(f"texts is {texts!r}") + ".*Expected a sequence of"):
        build_masks(texts, (2, 3))


@pytest.mark.parametrize(("text", "mask"), HAND_WORKED + SPELLINGS)
def test_mask_area_hand_worked(text, mask):
    assert mask_area(text) == np.sum(mask)
    assert mask_area(text, np.shape(mask)) == np.sum(mask)
    assert type(mask_area(text)) is int


@pytest.mark.parametrize("text", MISSING)
def test_mask_area_missing_text_is_zero(text):
    assert mask_area(text) == 0


@pytest.mark.parametrize(("text", "message"), UNSOUND)
def test_mask_area_unsound_text(text, message):
    with pytest.raises(ValueError, match=says(message)):
        mask_area(text)


def test_mask_area_largest_run_that_64_bits_hold():
    assert mask_area("1 9223372036854775806") == 2**63 - 2


@pytest.mark.parametrize(("text", "message"), UNSOUND)
def test_parse_runs_unsound_text(text, message):
    with pytest.raises(ValueError, match=says(message)):
        parse_runs(text)


def test_parse_runs_keeps_touching_runs_apart():
    starts, lengths = parse_runs("1 3 4 2", (6, 1))
    assert starts.tolist() == [1, 4]
    assert lengths.tolist() == [3, 2]


@pytest.mark.parametrize("text", ["1 3 10 5", *MISSING])
def test_parse_runs_returns_int64(text):
    starts, lengths = parse_runs(text)
    assert starts.dtype == lengths.dtype == np.int64
    assert starts.shape == lengths.shape == ((2,) if text == "1 3 10 5" else (0,))


def test_parse_runs_message_stays_short_for_a_huge_cell():
    with pytest.raises(ValueError, match="not a whole number") as caught:
        parse_runs(10_000 * "1,2,")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("starts", "lengths", "text"),
    [
        ([], [], ""),
        ([7], [2], "7 2"),
        (np.array([1, 4], dtype=np.uint16), np.array([3, 2]), "1 3 4 2"),  # touching runs stay apart
    ],
)
def test_runs2text_hand_worked(starts, lengths, text):
    assert runs2text(starts, lengths) == text


@pytest.mark.parametrize(
    ("starts", "lengths", "message"),
    [
        ([1, 4], [3], "starts has shape (2,), lengths has shape (1,). Expected two flat sequences"),
        ([[1]], [[3]], "starts has shape (1, 1)"),
        ([0], [3], "run 1 (start 0, length 3) starts before the first pixel"),
        ([1], [0], "run 1 (start 1, length 0) has no pixel"),
        ([4, 1], [2, 2], "run 2 (start 1, length 2) starts before run 1 (start 4, length 2)"),
        ([1, 2], [2, 2], "run 2 (start 2, length 2) overlaps run 1 (start 1, length 2)"),
        ([2**63], [1], "run 1 (start 9223372036854775808, length 1) ends past what 64 bits can count"),
    ],
)
def test_runs2text_unsound_runs(starts, lengths, message):
    with pytest.raises(ValueError, match=says(message)):
        runs2text(starts, lengths)


@pytest.mark.parametrize(("starts", "lengths", "name"), [([1.0], [3], "starts"), ([1], ["3"], "lengths")])
def test_runs2text_not_integers(starts, lengths, name):
    with pytest.raises(TypeError, match=f"^{name} holds .*Expected integers"):
        runs2text(starts, lengths)


@patient
@given(masks())
def test_round_trip_any_mask(mask):
    text = mask2rle(mask)
    np.testing.assert_array_equal(rle2mask(text, mask.shape), mask)
    assert mask_area(text, mask.shape) == mask.sum()
    assert runs2text(*parse_runs(text, mask.shape)) == text


@patient
@given(masks())
def test_rle2mask_agrees_with_the_convention(mask):
    text = mask2rle(mask)
    np.testing.assert_array_equal(decode_slowly(text, mask.shape), mask)


@patient
@given(masks())
def test_mask2rle_writes_as_few_runs_as_possible(mask):
    starts, lengths = parse_runs(mask2rle(mask))
    assert (starts[1:] > starts[:-1] + lengths[:-1]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (5, 13), (256, 1600), (200, 200)])
@pytest.mark.parametrize("value", [0, 1])
def test_round_trip_empty_and_full(shape, value):
    mask = np.full(shape, value, dtype=np.uint8)
    text = mask2rle(mask)
    assert text == (f"1 {mask.size}" if value else "")
    np.testing.assert_array_equal(rle2mask(text, shape), mask)


@patient
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), max_size=20),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_rle2mask_accepts_exactly_the_runs_that_fit(gaps_and_lengths, height, width):
    # A gap of 0 gives touching runs, which decode like any others.
    values, end = [], 1
    for gap, length in gaps_and_lengths:
        values += [end + gap, length]
        end += gap + length
    text = " ".join(map(str, values))
    if end - 1 > height * width:
        with pytest.raises(ValueError, match=f"leaves an image of {height} x {width} pixels"):
            rle2mask(text, (height, width))
    else:
        np.testing.assert_array_equal(rle2mask(text, (height, width)), decode_slowly(text, (height, width)))


@patient
@given(st.lists(st.tuples(st.integers(-1, 12), st.integers(-1, 4)), min_size=1, max_size=5))
def test_parse_runs_accepts_exactly_the_sound_runs(runs):
    ends = [start + length for start, length in runs]
    sound = all(start > 0 and length > 0 for start, length in runs)
    sound = sound and all(start >= end for (start, _), end in zip(runs[1:], ends[:-1], strict=True))
    text = " ".join(f"{start} {length}" for start, length in runs)
    if sound:
        assert list(zip(*(array.tolist() for array in parse_runs(text)), strict=True)) == runs
    else:
        with pytest.raises(ValueError, match=r"^run [1-5] \(start"):
            parse_runs(text)


@pytest.mark.parametrize(
    ("text", "shape", "run"),
    [
        ("1 1 3 1 5 1 5 1 4 1", None, 4),  # the fourth run overlaps, the fifth isn't sorted
        ("1 1 3 0 2 1", None, 2),  # a length of 0 before an unsorted start
        ("1 1 3 1 5 1 6 2", (2, 3), 4),  # out of an image of 6 pixels
        ("1 1 7 1 2 1", (2, 3), 2),  # out of the image before it is unsorted
        ("3 1 0 1", None, 2),  # a start of 0 is named as such, though it is unsorted as well
    ],
)
def test_parse_runs_names_the_first_faulty_run(text, shape, run):
    with pytest.raises(RunError, match=rf"^run {run} \(start"):
        parse_runs(text, shape)


def test_run_error_gives_the_same_advice_for_the_same_kind():
    errors = []
    for text in ("1 1 0 5", "0 1", "1 2 3"):
        with pytest.raises(RunError) as caught:
            parse_runs(text)
        errors.append(caught.value)
    assert errors[0].problem == "run 2 (start 0, length 5) starts before the first pixel"
    assert errors[0].mend == errors[1].mend != errors[2].mend
    assert str(errors[1]) == f"{errors[1].problem}. {errors[1].mend}"
    assert str(pickle.loads(pickle.dumps(errors[2]))) == str(errors[2])


@pytest.mark.parametrize(
    ("runs", "others", "shared"),
    [
        ("1 4", "", [0]),  # nothing there
        ("", "1 4", []),
        ("1 4", "1 4", [4]),  # the same
        ("1 4", "5 4", [0]),  # right behind
        ("5 4", "1 4", [0]),  # right before
        ("3 4", "1 3 6 9", [2]),  # reaches into both
        ("1 9", "2 1 4 1 6 2", [4]),  # holds all of them
        ("4 1", "1 9", [1]),  # is held
        ("1 2 3 2 9 1", "2 2 4 6", [1, 2, 1]),  # runs that touch
    ],
)
def test_shared_pixels_hand_worked(runs, others, shared):
    assert shared_pixels(*parse_runs(runs), *parse_runs(others)).tolist() == shared


@patient
@given(*[st.lists(st.booleans(), min_size=30, max_size=30)] * 2)
def test_shared_pixels_agrees_with_the_masks(first, second):
    masks = np.array(first).reshape(5, 6), np.array(second).reshape(5, 6)
    shared = shared_pixels(*parse_runs(mask2rle(masks[0])), *parse_runs(mask2rle(masks[1])))
    assert shared.sum() == (masks[0] & masks[1]).sum()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789 -+._,x\t\n\u00a0\u0661", max_size=12) | st.text(max_size=6))
@example("0 0 ")
@example(" 1\x0b2")
def test_parse_runs_any_text_parses_or_is_refused(text):
    plain = re.fullmatch("[0-9 ]*", text)
    try:
        starts, lengths = parse_runs(text)
    except ValueError as error:
        assert re.match(r"run \d+|run-length text has an odd number", str(error))
    else:
        assert plain
        interleaved = np.stack([starts, lengths], axis=1).ravel()
        assert interleaved.tolist() == [int(token) for token in text.split()]


def test_import_loads_neither_tensorflow_nor_pandas():
    code = "import sys, helpers.rle; print({'tensorflow', 'keras', 'pandas', 'cv2'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.fixture(scope="module")
def real_rows():
    """(image, class, text) of the competition's label rows that lie beside the project."""
    path = LABELS / "train_partial.csv"
    if not path.is_file():
        pytest.skip(f"{path} is absent: set SEVERSTAL_LABELS to the directory that has it and areas.csv")
    with path.open(newline="") as file:
        return [(row["ImageId"], int(row["ClassId"]), row["EncodedPixels"]) for row in csv.DictReader(file)]


def test_mask_area_real_rows_match_the_areas(real_rows):
    with (LABELS / "areas.csv").open(newline="") as file:
        areas = {row["ImageId"]: row for row in csv.DictReader(file)}
    wrong = [
        (image, number)
        for image, number, text in real_rows
        if mask_area(text, (256, 1600)) != int(areas[image][f"area_{number}"])
    ]
    assert len(real_rows) == 5336  # the README beside the files
    assert not wrong


def test_round_trip_real_rows(real_rows):
    # 300 rows, spread over the file. Real runs are sorted and never touch, so the text comes back as it was.
    chosen = real_rows[:: len(real_rows) // 300][:300]
    assert len(chosen) == 300
    changed = []
    for image, number, text in chosen:
        mask = rle2mask(text, (256, 1600))
        if not mask2rle(mask) == mask2rle(np.ascontiguousarray(mask)) == text:
            changed.append((image, number))
    assert not changed
