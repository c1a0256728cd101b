"""Run-length text to masks and back.

The competition's convention: a mask is written as pairs "start length", separated by spaces. Starts count
from 1 and run down each column first, so in an image of 3 x 2 pixels the pixel at row 0, column 1 is number
4. Runs are sorted and share no pixel. A mask without a pixel is an empty text; None and NaN, which is what
pandas makes of an empty cell, mean the same.

A text may be spaced freely with plain spaces, numbers may have leading zeros, and a run may begin right after
the one before it ("1 3 4 2"). Everything else that Python or NumPy would read as a number ("+5", "1_000",
"5.0", digits of other scripts) is refused.

Source:
    The competition's evaluation page,
    https://www.kaggle.com/competitions/severstal-steel-defect-detection/overview/evaluation.
"""

import operator
import re

import numpy as np

_LARGEST = 2**63 - 1
# Two numbers up to here add up without leaving 64 bits; larger ones are checked one by one in Python.
_LARGEST_TO_ADD = 2**62 - 1
_WHOLE_NUMBER = re.compile("-?[0-9]+", re.ASCII)
_SPELLINGS_OF_MISSING = {"nan", "none", "null", "<na>", "na"}


class RunError(ValueError):
    """A run-length text that is not sound.

    Attributes:
        problem: what arrived; names the run.
        mend: what was expected and how to mend it, in the same words for every fault of a kind.
    """

    def __init__(self, problem, mend):
        super().__init__(problem, mend)
        self.problem, self.mend = problem, mend

    def __str__(self):
        return f"{self.problem}. {self.mend}"


def rle2mask(text, shape):
    """Decode run-length text into a mask.

    Args:
        text: runs as "start length start length ..."; starts count from 1, down each column. An empty text,
            None or NaN gives a mask without a pixel.
        shape: (height, width) of the image in pixels.

    Returns:
        uint8 array of 0 and 1, shape (height, width), new and writable. It lies in memory column by column,
        as the runs do, because turning it round would take several times as long as decoding it. Where a
        library wants rows to be contiguous, pass it through `np.ascontiguousarray`.

    Raises:
        TypeError: text is neither a text nor missing.
        ValueError: text is not sound (see `parse_runs`), or leaves the image; shape is not two positive
            integers.

    Example:
        >>> rle2mask("1 2 4 1", (3, 2))
        array([[1, 1],
               [1, 0],
               [0, 0]], dtype=uint8)
    """
    shape = _check_shape(shape)
    return _decode_values(_read_values(text), shape)


def mask2rle(mask):
    """Encode a mask as run-length text.

    Args:
        mask: array of 0 and 1 (or bool), shape (height, width); any integer or float dtype, any memory order.

    Returns:
        str: runs as "start length start length ...", sorted, as few as possible; starts count from 1, down
        each column. An empty text for a mask without a pixel.

    Raises:
        ValueError: mask is not two-dimensional, has no pixels, or holds something other than 0 and 1.

    Example:
        >>> mask2rle([[1, 1], [1, 0], [0, 0]])
        '1 2 4 1'
    """
    mask = _check_mask(mask)
    edges, found = _find_edges(mask)
    # Between its edges a mask is constant, so that looking at the edges is enough.
    if ((found != 0) & (found != 1)).any():
        _raise_not_binary(mask)
    if edges.size % 2:
        edges = np.append(edges, mask.size)
    # Edges come in pairs: the first pixel of a run, counted from 0, and the first one after it.
    values = edges
    values[1::2] -= values[::2]
    values[::2] += 1
    return _join_values(values)


def build_masks(texts, shape):
    """Decode one run-length text for each class into one array.

    Args:
        texts: sequence of run-length texts, one a class, in the classes' order; each as in `rle2mask`.
        shape: (height, width) of the image in pixels.

    Returns:
        uint8 array of 0 and 1, shape (height, width, classes), in NumPy's usual memory order (C).

    Raises:
        TypeError: texts is a single text or no sequence; or one of its texts is of a wrong type.
        ValueError: a text is not sound or leaves the image. The message names its class, counted from 1.

    Example:
        >>> build_masks(["1 2", "", "4 1"], (3, 2))[0]
        array([[1, 0, 0],
               [0, 0, 1]], dtype=uint8)
    """
    height, width = _check_shape(shape)
    if isinstance(texts, (str, bytes)) or not hasattr(texts, "__iter__"):
        raise TypeError(
            f"texts is {_describe(texts)}. Expected a sequence of run-length texts, one a class. "
            "For a single mask use rle2mask, or pass [text]."
        )
    texts = list(texts)
    masks = np.zeros((height, width, len(texts)), dtype=np.uint8)
    for index, text in enumerate(texts):
        try:
            values = _read_values(text)
            if values.size:
                masks[..., index] = _decode_values(values, (height, width))
        except RunError as error:
            raise RunError(f"class {index + 1}: {error.problem}", error.mend) from error
        except TypeError as error:
            raise TypeError(f"class {index + 1}: {error}") from error
    return masks


def mask_area(text, shape=None):
    """Count the pixels of a mask from its run-length text, without decoding it.

    Args:
        text: run-length text, as in `rle2mask`.
        shape: (height, width) of the image in pixels, to check that the runs stay inside it; None leaves this
            one check out.

    Returns:
        int: area in pixels; 0 for an empty text, None or NaN.

    Raises:
        TypeError: text is neither a text nor missing.
        ValueError: as in `parse_runs`.

    Example:
        >>> mask_area("1 2 4 1")
        3
    """
    _, lengths = parse_runs(text, shape)
    return int(lengths.sum())


def parse_runs(text, shape=None):
    """Read run-length text into two arrays, and check it.

    Args:
        text: run-length text, as in `rle2mask`.
        shape: (height, width) of the image in pixels, to check that the runs stay inside it; None leaves this
            one check out.

    Returns:
        Two int64 arrays of one length: starts (pixels, counted from 1, down each column) and lengths
        (pixels). Both are empty for an empty text, None or NaN. Runs that touch stay apart, as they are in
        the text.

    Raises:
        TypeError: text is neither a text nor missing.
        RunError: (a ValueError) an odd number of values; a value that is not a whole number in ASCII digits, or
            leaves 64 bits; a start or length below 1; runs that are unsorted, overlap, or leave the image. The
            message names the first such run, counted from 1.
        ValueError: shape is not two positive integers.

    Example:
        >>> starts, lengths = parse_runs("1 2 4 1")
        >>> starts.tolist(), lengths.tolist()
        ([1, 4], [2, 1])
    """
    shape = None if shape is None else _check_shape(shape)
    values = _read_values(text)
    if values.size:
        _check_runs(values, shape)
    return values[::2].copy(), values[1::2].copy()


def runs2text(starts, lengths):
    """Write runs as run-length text: the inverse of `parse_runs`.

    Args:
        starts: integers, shape (runs,): first pixel of each run, counted from 1, down each column.
        lengths: integers, shape (runs,): pixels of each run.

    Returns:
        str: "start length start length ..."; empty without runs.

    Raises:
        TypeError: starts or lengths do not hold integers.
        ValueError: they differ in shape, or the runs are not sound (see `parse_runs`).

    Example:
        >>> runs2text([1, 4], [2, 1])
        '1 2 4 1'
    """
    starts, lengths = np.asarray(starts), np.asarray(lengths)
    if starts.ndim != 1 or starts.shape != lengths.shape:
        raise ValueError(
            f"starts has shape {starts.shape}, lengths has shape {lengths.shape}. "
            "Expected two flat sequences of one length: pass one start and one length for each run."
        )
    if not starts.size:
        return ""
    for name, numbers in (("starts", starts), ("lengths", lengths)):
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"{name} holds {numbers.dtype}. Expected integers: count in whole pixels, or round first.")
    values = [int(number) for run in zip(starts, lengths, strict=True) for number in run]
    _check_runs_one_by_one(values, None)
    return _join_values(np.array(values, dtype=np.int64))


def shared_pixels(starts, lengths, other_starts, other_lengths):
    """Count the pixels of each run that other runs cover, too, without decoding them.

    Args:
        starts: integers, shape (runs,): first pixel of each run, counted from 1; in any order.
        lengths: integers, shape (runs,): pixels of each run.
        other_starts: first pixels of the runs of another mask, shape (other runs,); sorted.
        other_lengths: pixels of those; they share no pixel among themselves, as `parse_runs` gives them.

    Returns:
        int64 array of pixels, shape (runs,).

    Example:
        >>> shared_pixels([1, 7], [4, 2], [3], [5]).tolist()
        [2, 1]
    """
    starts, lengths, other_starts, other_lengths = (
        np.asarray(numbers, dtype=np.int64) for numbers in (starts, lengths, other_starts, other_lengths)
    )
    # One run of no pixel before all others, so that a position before the first run needs no case of its own.
    ends = np.concatenate([[0], other_starts + other_lengths])
    totals = np.concatenate([[0], np.cumsum(other_lengths)])

    def count_before(positions):
        begun = np.searchsorted(other_starts, positions)
        return totals[begun] - np.maximum(ends[begun] - positions, 0)

    return count_before(starts + lengths) - count_before(starts)


def _check_shape(shape):
    """Return shape as (height, width) in Python integers, or raise ValueError."""
    try:
        height, width = (operator.index(size) for size in shape)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            f"shape is {_describe(shape)}. Expected (height, width), two positive integers, in pixels. "
            "For an array with channels pass image.shape[:2]."
        )
    if height * width >= _LARGEST:
        raise ValueError(
            f"shape ({height}, {width}) has more pixels than 64 bits can count. "
            "Expected the (height, width) of an image: pass the size that was read from its file."
        )
    return height, width


def _check_mask(mask):
    """Return mask as a two-dimensional array of numbers, or raise ValueError."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or not mask.size:
        raise ValueError(
            f"mask has shape {mask.shape}. Expected (height, width), both positive. "
            "Of an array of several masks pass one at a time, such as masks[..., 0]."
        )
    if mask.dtype.kind not in "biuf":
        raise ValueError(f"mask holds {mask.dtype}. Expected bool, integers or floats: convert it with mask == 1.")
    return mask


def _raise_not_binary(mask):
    row, column = np.argwhere((mask != 0) & (mask != 1))[0].tolist()
    raise ValueError(
        f"mask[{row}, {column}] is {mask[row, column]}. Expected 0 and 1 alone. "
        "Threshold probabilities first; for a mask of 0 and 255 pass mask > 0."
    )


def _find_edges(mask):
    """Find the pixels whose value differs from the pixel before, going down each column.

    What stands before the first pixel counts as 0.

    Returns:
        Positions (from 0, down each column, sorted, int64), and the mask's values there.
    """
    # Padded to whole words of 8 pixels for `_find_true`.
    differs = np.empty(-(-mask.size // 8) * 8, dtype=np.bool_)
    differs[mask.size :] = False
    if mask.flags.f_contiguous:
        flat = mask.reshape(-1, order="F")
        differs[0] = flat[0] != 0
        np.not_equal(flat[1:], flat[:-1], out=differs[1 : mask.size])
        edges = _find_true(differs)
        return edges, flat[edges]
    # Comparing in rows and sorting the few edges is much faster than turning the whole mask round.
    mask = np.ascontiguousarray(mask)
    height, width = mask.shape
    grid = differs[: mask.size].reshape(height, width)
    grid[0, 0] = mask[0, 0] != 0
    np.not_equal(mask[0, 1:], mask[-1, :-1], out=grid[0, 1:])
    np.not_equal(mask[1:], mask[:-1], out=grid[1:])
    cells = _find_true(differs)
    rows, columns = np.divmod(cells, width)
    edges = columns * height + rows
    edges.sort()
    return edges, mask.reshape(-1)[cells]


def _find_true(flags):
    """Positions of the True in a flat bool array whose size is a multiple of 8.

    Looking at 8 flags at a time is twice as fast as `np.flatnonzero` where nearly all are False.
    """
    words = flags.view(np.uint64)
    busy = (words != 0).nonzero()[0]
    inside = words[busy].view(np.bool_).nonzero()[0]
    return busy[inside >> 3] * 8 + (inside & 7)


def _join_values(values):
    # One format string for all is twice as fast as ' '.join(map(str, values)).
    return ("%d " * values.size % tuple(values.tolist()))[:-1]


def _read_values(text):
    """Read text into one int64 array: start, length, start, length, and so on.

    Start + length fits in 64 bits for every run; nothing else about the runs is checked yet.
    """
    if not isinstance(text, str):
        if text is None or (isinstance(text, (float, np.floating)) and np.isnan(text)):
            return np.empty(0, dtype=np.int64)
        raise TypeError(
            f"run-length text is {_describe(text)}. Expected a str such as '1 3 10 5'; "
            "for a mask without a pixel pass an empty text, None or NaN."
        )
    text = text.strip(" ")
    if not text:
        return np.empty(0, dtype=np.int64)
    # np.fromstring reads more than we allow, so it gets to see nothing but digits and spaces.
    if text.isascii() and not text.encode("ascii").translate(None, b"0123456789 "):
        values = np.fromstring(text, dtype=np.int64, sep=" ")
        # It reads numbers past 64 bits as the largest one.
        if values.max() <= _LARGEST_TO_ADD:
            _check_even(values)
            return values
    values = _read_values_one_by_one(text)
    _check_runs_one_by_one(values, None)
    return np.array(values, dtype=np.int64)


def _read_values_one_by_one(text):
    """Read text into a list of integers. Slow, but says which value cannot be read."""
    tokens = [token for token in text.split(" ") if token]
    values = []
    for index, token in enumerate(tokens):
        if len(token) < 19 and token.isascii() and token.isdigit():
            values.append(int(token))
            continue
        place = f"run {index // 2 + 1}: {'length' if index % 2 else 'start'} {_shorten(token)}"
        if token.lower() in _SPELLINGS_OF_MISSING:
            raise RunError(
                f"{place} is not a whole number",
                "Expected ASCII digits separated by spaces. "
                "For a mask without a pixel pass an empty text, not the text of a missing value.",
            )
        if not _WHOLE_NUMBER.fullmatch(token):
            raise RunError(
                f"{place} is not a whole number",
                "Expected ASCII digits separated by spaces, "
                "such as '1 3 10 5'. Was the text taken from another column, or changed by a spreadsheet?",
            )
        # Python refuses to convert thousands of digits, so leading zeros go and the rest is counted first.
        digits = token.lstrip("-").lstrip("0") or "0"
        if len(digits) > 19 or int(digits) > _LARGEST:
            raise RunError(
                f"{place} does not fit in 64 bits",
                "Expected counts of pixels. Was a space between two numbers lost?",
            )
        values.append(-int(digits) if token.startswith("-") else int(digits))
    _check_even(values)
    return values


def _check_even(values):
    if len(values) % 2:
        raise RunError(
            f"run-length text has an odd number of values ({len(values)}): run {len(values) // 2 + 1} "
            f"(start {values[-1]}) has no length",
            "Expected pairs of start and length. Was the text cut off?",
        )


def _decode_values(values, shape):
    """Decode runs from `_read_values` into a mask of a checked shape, column by column in memory."""
    height, width = shape
    if not values.size:
        return np.zeros((width, height), dtype=np.uint8).T
    stretches = _check_runs(values, shape)
    pattern = np.zeros(stretches.size, dtype=np.uint8)
    pattern[1::2] = 1
    return pattern.repeat(stretches).reshape(width, height).T


def _check_runs(values, shape):
    """Check runs, and return the lengths of the stretches they cut the image into.

    Args:
        values: int64 array: start, length, start, length, and so on; at least one run, and no start + length
            that leaves 64 bits.
        shape: checked (height, width), or None where the image is not known; it then ends with the last run.

    Returns:
        int64 array of pixels: before the first run, in it, up to the second run, in it, ..., after the last
        run.
    """
    starts, lengths = values[::2], values[1::2]
    ends = starts + lengths
    stretches = np.empty(values.size + 1, dtype=np.int64)
    stretches[0] = starts[0] - 1
    stretches[1::2] = lengths
    np.subtract(starts[1:], ends[:-1], out=stretches[2:-1:2])
    stretches[-1] = 0 if shape is None else shape[0] * shape[1] + 1 - int(ends[-1])
    # A start below 1, an overlap, or a run that leaves the image makes a stretch between runs negative.
    if stretches.min() < 0 or lengths.min() < 1:
        faulty = (starts < 1) | (lengths < 1)
        faulty[1:] |= starts[1:] < ends[:-1]
        if shape is not None:
            faulty |= ends - 1 > shape[0] * shape[1]
        # The run before the first faulty one is looked at again, since the two may overlap.
        first = max(int(faulty.argmax()) - 1, 0)
        _check_runs_one_by_one(values[2 * first :].tolist(), shape, first)
    return stretches


def _check_runs_one_by_one(values, shape, first=0):
    """Raise RunError for the first run that is not sound. Slow, but says which and why; `first` runs went before."""
    before = None
    for index, (start, length) in enumerate(zip(values[::2], values[1::2], strict=True), start=first):
        place = f"run {index + 1} (start {start}, length {length})"
        _check_run(place, start, length, shape)
        if before is not None:
            _check_order(place, start, index, *before)
        before = start, length


def _check_run(place, start, length, shape):
    if start < 1:
        raise RunError(
            f"{place} starts before the first pixel",
            "Expected starts that count from 1. Were they counted from 0? Then add 1 to every start.",
        )
    if length < 1:
        raise RunError(f"{place} has no pixel", "Expected a length of at least 1: leave the run out.")
    if start + length > _LARGEST:
        raise RunError(
            f"{place} ends past what 64 bits can count",
            "Expected counts of pixels. Was a space between two numbers lost?",
        )
    if shape is not None and start + length - 1 > shape[0] * shape[1]:
        raise RunError(
            f"{place} leaves an image of {shape[0]} x {shape[1]} pixels",
            "Was the mask encoded for another image size?",
        )


def _check_order(place, start, index, start_before, length_before):
    place_before = f"run {index} (start {start_before}, length {length_before})"
    if start < start_before:
        raise RunError(f"{place} starts before {place_before}", "Expected sorted runs: sort them by their starts.")
    if start < start_before + length_before:
        raise RunError(
            f"{place} overlaps {place_before}",
            "Expected runs that share no pixel: decode the runs separately, unite the masks, and encode the result.",
        )


def _describe(value):
    return f"{_shorten(value)} ({type(value).__name__})"


def _shorten(value):
    """Repr of a value, cut where a cell of thousands of characters would flood the message."""
    if isinstance(value, (str, bytes)) and len(value) > 30:
        return f"{value[:30]!r}... ({len(value)} characters)"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
