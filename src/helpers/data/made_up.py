"""A made-up data set of steel sheets, in the layout of "Severstal: Steel Defect Detection".

With it the whole project runs where there is no data. The sheets are drawn, not photographed: nothing in them
comes from a real image. They are made to look like the competition's at a glance, and to be learnable without
being trivial: every sheet also carries harmless marks that nobody labelled, some of them stronger than a
defect.

Source:
    The shares of the classes and the areas of the defects follow the 12,568 training images of the Kaggle
    competition "Severstal: Steel Defect Detection" (2019), whose labels were counted for `COMBINATIONS` and
    `AREAS`.
"""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.files import write_json
from helpers.rle import mask2rle

CLASSES = {1: "pits", 2: "cracks", 3: "scratches", 4: "patches"}

# Classes that one image has -> number of such images in the competition's training set.
COMBINATIONS = {
    (): 5902,
    (3,): 4759,
    (1,): 769,
    (4,): 516,
    (3, 4): 284,
    (2,): 195,
    (1, 3): 91,
    (1, 2): 35,
    (2, 3): 14,
    (1, 2, 3): 2,
    (2, 4): 1,
}

# Class -> (median share of the image's pixels, standard deviation of the share's natural logarithm), where
# present.
AREAS = {1: (0.0081, 0.83), 2: (0.0072, 0.63), 3: (0.029, 1.22), 4: (0.062, 0.92)}
LARGEST_AREA = 0.45
FAINTEST = 0.03  # least mean change of brightness inside a label, as a share of the sheet's
LABEL_MARGINS = {1: 6.0, 2: 5.0, 3: 5.0, 4: 6.0}  # from the defect to its label, pixels of a full image

TRAIN, TEST = 0, 1
FOLDERS = {TRAIN: "train_images", TEST: "test_images"}
FULL_SHAPE = (256, 1600)
JPEG_QUALITY = 90
BLOCK = 6  # the classes of each block of so many images are fixed by the shares, only their order is drawn
COPY_EVERY = 20  # one training image in so many is a near copy of an earlier one
NAME_DIGITS = 9
SMALLEST_SIDE = 32
MOST_ATTEMPTS = 20


@dataclass(frozen=True)
class Sheet:
    """A sheet without defects.

    Attributes:
        canvas: grey levels, float32, shape (height, width); drawn on in place.
        steel: 1 on steel, 0 on the dark margin, uint8, shape (height, width).
        left: first column that is steel in every row.
        right: column after the last that is steel in every row.
        bottom: row after the last that is steel.
    """

    canvas: np.ndarray
    steel: np.ndarray
    left: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Defect:
    """One defect, in a box of its own: `new = old * gain + offset * brightness of the steel around it`.

    Attributes:
        gain: float32, shape (height, width).
        offset: float32, same shape.
        footprint: 1 where the defect is, uint8, same shape.
        boxed: True where a person would label it with four strokes, False where along its outline.
    """

    gain: np.ndarray
    offset: np.ndarray
    footprint: np.ndarray
    boxed: bool


@dataclass(frozen=True)
class Plan:
    """What one image shows: its classes, and the index of the image that it is a near copy of, if any."""

    classes: tuple[int, ...]
    origin: int | None = None


def _scale(shape):
    """Size of one pixel of the competition's images, in pixels of ours."""
    return float(np.sqrt(shape[0] * shape[1] / (FULL_SHAPE[0] * FULL_SHAPE[1])))


def _noise(rng, shape, cell):
    """Smooth noise, about standard normal, whose grains measure `cell` (height, width) pixels."""
    height, width = shape
    rows, columns = (
        max(2, int(np.ceil(side / max(1.0, grain))) + 1) for side, grain in zip(shape, cell, strict=True)
    )
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(1.25)


def _ramp(values, width):
    """0 below zero, 1 above `width`, straight between."""
    return np.clip(values / np.float32(width), 0, 1)


def _blur(values, sigma):
    """Gaussian blur; none below a fifth of a pixel."""
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) if sigma > 0.2 else values


def _relief(height_map, sideways=0.5):
    """Brightness of a relief lit from above and somewhat sideways."""
    down = cv2.Sobel(height_map, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    across = cv2.Sobel(height_map, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    return down + np.float32(sideways) * across


def _blob(rng, shape, roughness, power):
    """Height above an irregular outline that nearly fills the box: positive inside, negative outside.

    A power of 2 gives an ellipse, a higher one a box with round corners.
    """
    rows = np.linspace(-1.06, 1.06, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1.06, 1.06, shape[1], dtype=np.float32)[None, :]
    distance = (np.abs(rows) ** power + np.abs(columns) ** power) ** (1 / power)
    size = min(shape)
    wobble = _noise(rng, shape, (size / 2.2, size / 2.2)) + 0.45 * _noise(rng, shape, (size / 6, size / 6))
    return 1 - distance - np.float32(0.6 * roughness) * (wobble + 1.2)


def _coordinates(shape):
    """Row and column of each pixel, float32, ready to broadcast."""
    height, width = shape
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]


# Name -> (share, lowest and highest mean grey level, grain as a share of it, probability of bright sparkle).
FAMILIES = {
    "dull": (0.32, 50, 82, 0.065, 0.15),
    "grey": (0.46, 82, 120, 0.060, 0.30),
    "grainy": (0.17, 95, 130, 0.085, 0.90),
    "glaring": (0.05, 135, 180, 0.100, 0.60),
}


def draw_sheet(rng, shape, classes=()):
    """Draw a rolled sheet with its light, its margin and its harmless marks, but no defect.

    Args:
        rng: source of all randomness.
        shape: (height, width) in pixels.
        classes: classes that will be drawn on it: cracks lie at the strip's edge, so they call for a margin;
            patterned plate is drawn only for sheets without defects.

    Returns:
        Sheet, to be drawn on.

    Example:
        >>> sheet = draw_sheet(np.random.default_rng(0), (64, 384))
        >>> sheet.canvas.shape
        (64, 384)
    """
    scale = _scale(shape)
    names = list(FAMILIES)
    family = rng.choice(names, p=[FAMILIES[name][0] for name in names])
    _, lowest, highest, grain, sparkle = FAMILIES[family]
    canvas = rng.uniform(lowest, highest) * _light(rng, shape) * _bands(rng, shape, scale)
    if not classes and rng.random() < 0.07:
        canvas *= _plate(rng, shape, scale)
    for probability, marks in HARMLESS:
        if rng.random() < probability:
            canvas *= marks(rng, shape, scale)
    canvas = _grain(rng, canvas, grain, scale, sparkle=rng.random() < sparkle)
    _specks(rng, canvas, scale)
    if rng.random() < (0.02 if classes else 0.10):
        _splashes(rng, canvas, scale)
    return _margin(rng, canvas, scale, classes)


def _light(rng, shape):
    """Uneven light: a slope down the image, and a few broad pools across it. Mean about 1."""
    rows, columns = (axis / axis.size for axis in _coordinates(shape))
    slope = rng.normal(0.15, 0.28) * (rows - 0.5)
    across = rng.normal(0, 0.38) * (columns - 0.5)
    pools = rng.uniform(0.03, 0.12) * _noise(rng, shape, (shape[0] * 2.5, shape[1] / 4))
    return np.clip(1 + slope + across + pools, 0.35, 2.0).astype(np.float32)


def _bands(rng, shape, scale):
    """The rolling texture: bright and dark streaks along the strip, from broad to fine."""
    total = np.ones(shape, np.float32)
    for wide, tall, amplitude in ((110, 2.0, 0.06), (28, 1.0, 0.04), (7, 0.5, 0.03), (2.2, 0.12, 0.02)):
        strength = amplitude * rng.uniform(0.4, 1.4)
        total += np.float32(strength) * _noise(rng, shape, (tall * shape[0], wide * scale))
    return total


def _grain(rng, canvas, strength, scale, *, sparkle):
    """The surface's grain, and where `sparkle`, bright grains that gather in streaks."""
    strength *= scale**0.4  # a smaller photograph averages its grain
    grain = rng.standard_normal(canvas.shape, dtype=np.float32)
    grain = 1.2 * _blur(grain, 0.6 * np.sqrt(scale)) + 0.4 * grain
    canvas = canvas * (1 + np.float32(strength * rng.uniform(0.7, 1.3)) * grain)
    if sparkle:
        where = _noise(rng, canvas.shape, (canvas.shape[0], 130 * scale))
        where += 0.4 * _noise(rng, canvas.shape, (30 * scale, 12 * scale))
        bright = _ramp(grain + 0.5 * where - 1.9 - 0.5 * max(0.0, 1 - scale), 1.0)
        canvas = canvas + canvas * bright * np.float32(rng.uniform(0.35, 0.9) * scale**0.4)
    return canvas


def _flakes(rng, shape, scale):
    """Thin scale that came off in flakes drawn out along the strip, lighter or darker than the rest."""
    tall, wide = rng.uniform(14, 60) * scale, rng.uniform(3, 9) * scale
    flakes = _noise(rng, shape, (tall, wide)) + 0.6 * _noise(rng, shape, (tall / 5, wide / 2))
    where = _noise(rng, shape, (shape[0] * 1.5, rng.uniform(40, 180) * scale))
    amount = _ramp(flakes + 1.8 * where - rng.uniform(1.3, 3.0), 0.35)
    return 1 + np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(0.07, 0.27)) * amount


def _blotches(rng, shape, scale):
    """Dark blotches with a speckled border, as of scale or of dried water."""
    cloud = _noise(rng, shape, (70 * scale, 110 * scale)) + 0.6 * _noise(rng, shape, (14 * scale, 8 * scale))
    speckle = 0.4 * _noise(rng, shape, (4 * scale, 3 * scale))
    return 1 - np.float32(rng.uniform(0.10, 0.38)) * _ramp(cloud + speckle - rng.uniform(1.3, 2.1), 0.2)


def _watermarks(rng, shape, scale):
    """One to three broad regions, a little lighter or darker, with a curved border."""
    height, width = shape
    rows, columns = _coordinates(shape)
    total = np.ones(shape, np.float32)
    for _ in range(rng.integers(1, 4)):
        bend = rng.normal(0, 120) * scale * np.sin(2.5 * rows / height + rng.uniform(0, 6))
        border = rng.uniform(0, width) + rng.normal(0, 0.9) * (rows - height / 2) + bend
        end = border + rng.uniform(30, 260) * scale
        inside = _ramp(columns - border, rng.uniform(2, 14) * scale)
        inside = inside * _ramp(end - columns, rng.uniform(4, 120) * scale)
        total += np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(0.04, 0.13)) * inside
    return total


def _chatter(rng, shape, scale):
    """Fine waves across the strip that the rolls leave, broken and of uneven strength."""
    period = max(3.0, rng.uniform(5, 11) * scale)
    rows, columns = _coordinates(shape)
    lean = rng.normal(0, 0.04) * columns / period
    wobble = 0.5 * _noise(rng, shape, (110 * scale, 420 * scale))
    wobble += 0.12 * _noise(rng, shape, (period, 30 * scale))
    wave = np.sin(np.float32(2 * np.pi) * (rows / np.float32(period) + wobble + lean.astype(np.float32)))
    where = _ramp(_noise(rng, shape, (shape[0], 220 * scale)) + 0.4, 1.2)
    where = where * _ramp(_noise(rng, shape, (2 * period, 60 * scale)) + 1.0, 2.0)
    return 1 + np.float32(rng.uniform(0.06, 0.20)) * wave * where


def _ticks(rng, shape, scale):
    """A few short dark ticks along the strip: like a crack, but harmless."""
    lines = np.zeros(shape, np.float32)
    for _ in range(rng.integers(2, 8)):
        top, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        end = (int(column + rng.normal(0, 1.5) * scale), int(top + rng.uniform(8, 34) * scale))
        depth, thickness = rng.uniform(0.3, 0.7), max(1, round(2 * scale))
        cv2.line(lines, (int(column), int(top)), end, depth, thickness, cv2.LINE_AA)
    return 1 - _blur(lines, 0.6 * scale)


HARMLESS = (
    (0.60, _flakes),
    (0.40, _flakes),
    (0.22, _blotches),
    (0.35, _watermarks),
    (0.22, _chatter),
    (0.10, _ticks),
)


def _plate(rng, shape, scale):
    """Patterned floor plate: raised lenses in rows that lean by turns, or crossing ribs."""
    raised = np.zeros(shape, np.float32)
    pitch = rng.uniform(85, 140) * scale
    (_lenses if rng.random() < 0.5 else _ribs)(rng, raised, pitch)
    shading = _relief(_blur(raised, max(0.6, 2 * scale)), rng.uniform(-0.2, 0.2)) * max(1.0, 4 * scale)
    return np.clip(1 + rng.uniform(0.8, 1.4) * shading, 0.25, 2.2).astype(np.float32)


def _lenses(rng, raised, pitch):
    """Draw lenses in rows that lean by turns."""
    height, width = raised.shape
    axes, lean = (max(2, round(0.26 * pitch)), max(1, round(0.09 * pitch))), rng.uniform(40, 60)
    for row in range(-1, int(height / (0.6 * pitch)) + 2):
        for column in range(-1, int(width / pitch) + 2):
            centre = (int((column + 0.5 * (row % 2)) * pitch), int(row * 0.6 * pitch))
            cv2.ellipse(raised, centre, axes, -lean if row % 2 else lean, 0, 360, 1.0, -1)


def _ribs(rng, raised, pitch):
    """Draw ribs that cross."""
    height, width = raised.shape
    across, thickness = height / rng.uniform(1.2, 1.8), max(1, round(0.09 * pitch))
    for start in np.arange(-across - pitch, width + pitch, pitch):
        left, right = int(start), int(start + across)
        cv2.line(raised, (left, 0), (right, height), 1.0, thickness, cv2.LINE_AA)
        cv2.line(raised, (right, 0), (left, height), 1.0, thickness, cv2.LINE_AA)


def _specks(rng, canvas, scale):
    """Dust: single bright and dark points."""
    height, width = canvas.shape
    for _ in range(rng.poisson(9)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(0, round(rng.uniform(0.3, 1.7) * scale))
        shade = float(canvas[centre[1], centre[0]] * rng.choice([0.45, 1.9]))
        cv2.circle(canvas, centre, radius, min(shade, 235.0), -1)


def _splashes(rng, canvas, scale):
    """Drops of water in the lamp's reflection: glaring white, in upright groups, and harmless."""
    height, width = canvas.shape
    drops = np.zeros(canvas.shape, np.float32)
    middle = rng.uniform(0.2, 0.8) * width
    columns = middle + rng.normal(0, 55, rng.integers(2, 5)) * scale
    for _ in range(rng.integers(20, 90)):
        size = rng.uniform(0.5, 3.0) ** 2 * scale
        column = rng.choice(columns) + rng.normal(0, 60 * scale / (4 + size))
        centre = (int(column), int(rng.uniform(0, height)))
        axes = (round(size), max(1, round(size * rng.uniform(1, 2.5))))
        if size > 0.4:  # smaller drops would all be drawn as large as this
            cv2.ellipse(drops, centre, axes, 0, 0, 360, 1.0, -1)
    left, right = max(0, int(middle - 260 * scale)), min(width, int(middle + 260 * scale))
    part = _blur(drops[:, left:right], 1.5 * scale)
    part = part + 0.22 * _noise(rng, part.shape, (5 * scale, 4 * scale)) * (part > 0.02)
    rim = _ramp(part - 0.35, 0.1) * (1 - 0.8 * _ramp(part - rng.uniform(0.95, 1.4), 0.1))
    canvas[:, left:right] += rim * (np.float32(rng.uniform(230, 255)) - canvas[:, left:right])


def _margin(rng, canvas, scale, classes):
    """Let the strip end inside the image, where its turn comes: black beside a slightly tilted edge."""
    height, width = canvas.shape
    steel = np.ones(canvas.shape, np.float32)
    if rng.random() < (0.85 if 2 in classes else 0.30):
        share = 0.02 + rng.beta(1.4, 3.0) * (0.55 if classes else 0.80)
        inward = _inward(rng, canvas.shape, share * width, scale)
        if rng.random() < 0.5:
            inward = np.ascontiguousarray(inward[:, ::-1])
        canvas = canvas * _edge_light(rng, inward, scale)
        steel = _ramp(inward, max(1.0, 2 * scale))
    inside = np.flatnonzero(steel.min(axis=0) > 0.99)
    bottom = height
    if rng.random() < 0.03:
        bottom = int(height * rng.uniform(0.72, 0.95))
        steel = steel * _ramp(np.arange(bottom, bottom - height, -1, dtype=np.float32)[:, None], 2 * scale)
    dark = rng.uniform(2, 7) + 0.8 * rng.standard_normal(canvas.shape, dtype=np.float32)
    canvas = (canvas * steel + dark * (1 - steel)).astype(np.float32)
    return Sheet(canvas, (steel > 0.5).astype(np.uint8), int(inside[0]), int(inside[-1]) + 1, bottom)


def _inward(rng, shape, position, scale):
    """Distance from the strip's left edge, near the column `position`: in pixels, negative outside."""
    rows, columns = _coordinates(shape)
    most = 0.08 * shape[1] / shape[0]  # so that some columns are steel from top to bottom
    lean = np.clip(rng.normal(0, 0.02), -most, most)
    wobble = 0.3 * scale * _noise(rng, (shape[0], 1), (9 * scale, 1))
    return (columns - position - lean * (rows - shape[0] / 2) - wobble).astype(np.float32)


def _edge_light(rng, inward, scale):
    """The strip's edge: a bright or dark line, strips of other brightness, and light that falls off."""
    total = 1 + rng.normal(0.1, 0.35) * np.exp(-((inward / (rng.uniform(3, 9) * scale)) ** 2))
    for widest in (25, 90):
        width = rng.uniform(8, widest) * scale
        total += rng.normal(-0.08, 0.17) * _ramp(width - inward, rng.uniform(2, 10) * scale)
    total += rng.normal(0.05, 0.2) * np.exp(-np.clip(inward, 0, None) / (rng.uniform(60, 200) * scale))
    return np.clip(total, 0.3, 2.0).astype(np.float32)


def draw_pits(rng, shape, scale):
    """Draw a cluster of small pits, dark inside with a bright rim.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the box to fill, in pixels.
        scale: pixels to one pixel of a 256 x 1600 image.

    Returns:
        Defect of that shape.

    Example:
        >>> defect = draw_pits(np.random.default_rng(0), (40, 24), 1.0)
        >>> defect.footprint.shape, bool(defect.footprint.any())
        ((40, 24), True)
    """
    height, width = shape
    depth = np.zeros(shape, np.float32)
    count = int(np.clip(rng.poisson(height * width / (110 * max(scale, 0.4) ** 2)), 2, 60))
    for _ in range(count):
        radius = max(1.0, rng.uniform(1.2, 3.6) * scale)
        angle, reach = rng.uniform(0, 2 * np.pi), 0.46 * np.sqrt(rng.uniform())
        row, column = height * (0.5 + reach * np.sin(angle)), width * (0.5 + reach * np.cos(angle))
        axes = (max(1, round(radius)), max(1, round(radius * rng.uniform(1.0, 2.2))))
        turn, deep = rng.uniform(-25, 25), rng.uniform(0.5, 1.0)
        cv2.ellipse(depth, (int(column), int(row)), axes, turn, 0, 360, deep, -1)
    footprint = (depth > 0).astype(np.uint8)
    depth = _blur(depth, 0.8 * scale)
    strength = rng.uniform(0.7, 1.3)
    gain = 1 - np.float32(min(0.75, 0.6 * strength)) * np.clip(depth, 0, 1)
    offset = np.float32(rng.uniform(0.7, 2.6) * strength) * np.clip(_relief(depth), -0.25, None)
    return Defect(gain, offset, footprint, boxed=bool(rng.random() < 0.6))


def draw_cracks(rng, shape, scale):
    """Draw one fine crack down the box, at times with a second beside it that closes into a long loop.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the box to fill, in pixels.
        scale: pixels to one pixel of a 256 x 1600 image.

    Returns:
        Defect of that shape.

    Example:
        >>> defect = draw_cracks(np.random.default_rng(0), (200, 16), 1.0)
        >>> bool(defect.footprint.any(axis=1).mean() > 0.8)
        True
    """
    height, width = shape
    rows = np.linspace(0.03, 0.97, max(4, height // 4)) * height
    lines = np.zeros(shape, np.float32)
    centre, wander = 0.5 * width, 0.10 * width
    path = centre + wander * np.cumsum(rng.normal(0, 1, rows.size)) / np.sqrt(rows.size)
    path += 0.4 * scale * rng.normal(0, 1, rows.size)
    _trace(lines, path, rows, scale)
    if rng.random() < 0.5:
        gap = rng.uniform(0.15, 0.35) * width * np.sin(np.pi * np.linspace(rng.uniform(0, 0.4), 1, rows.size))
        _trace(lines, path + gap, rows, scale)
    footprint = (lines > 0.3).astype(np.uint8)
    fading = np.clip(1 + 0.35 * _noise(rng, (height, 1), (14 * scale, 1)), 0.35, 1.3)
    lines = _blur(lines, 0.7 * scale) * fading
    gain = 1 - np.float32(rng.uniform(0.5, 0.85)) * np.clip(lines, 0, 1)
    offset = np.float32(rng.uniform(0.2, 0.7)) * _relief(lines)
    return Defect(gain, offset, footprint, boxed=True)


def _trace(lines, columns, rows, scale):
    """Draw a line through points given in pixels, to a sixteenth of a pixel."""
    points = np.round(np.stack([columns, rows], axis=1) * 16).astype(np.int32)
    cv2.polylines(lines, [points], False, 1.0, max(1, round(1.3 * scale)), cv2.LINE_AA, shift=4)


def draw_scratches(rng, shape, scale):
    """Draw scratches, scuffs, smears or rolled-in scale: the common and varied class.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the box to fill, in pixels. Its form chooses the kind: tall boxes get
            streaks, flat ones smears.
        scale: pixels to one pixel of a 256 x 1600 image.

    Returns:
        Defect of that shape.

    Example:
        >>> defect = draw_scratches(np.random.default_rng(0), (200, 30), 1.0)
        >>> defect.gain.shape
        (200, 30)
    """
    if shape[0] > 2.5 * shape[1]:
        kinds, shares = (_streaks, _rolled_in), (0.8, 0.2)
    elif shape[1] > 2 * shape[0]:
        kinds, shares = (_smear, _scuff), (0.7, 0.3)
    else:
        kinds, shares = (_scuff, _rolled_in, _streaks), (0.45, 0.37, 0.18)
    return kinds[rng.choice(len(kinds), p=shares)](rng, shape, scale)


def _streaks(rng, shape, scale):
    """Parallel streaks down the box that fade in and out, most dark, some bright."""
    height, width = shape
    streaks = _noise(rng, shape, (height * rng.uniform(0.4, 2.0), rng.uniform(1.6, 4.5) * scale))
    streaks += 0.3 * _noise(rng, shape, (6 * scale, 1.5 * scale))
    streaks += 0.7 * _noise(rng, (1, width), (1, 14 * scale))
    rows, columns = _coordinates(shape)
    ends = height * (0.15 * _noise(rng, (2, width), (1, 3 * scale)) + rng.uniform(-0.2, 0.2, (2, 1)))
    fade = rng.uniform(0.15, 0.45) * height
    envelope = _ramp(rows - ends[:1], fade) * _ramp(height - ends[1:] - rows, fade)
    envelope = envelope * _ramp(np.minimum(columns, width - 1 - columns) + 0.5, min(width / 4, 4 * scale))
    least = np.quantile(streaks, rng.uniform(0.3, 0.75))  # so that some of every box is scratched
    amount = (_ramp(streaks - least, rng.uniform(0.6, 1.5)) * envelope).astype(np.float32)
    amount = _tilted(amount, rng.normal(0, 0.03))
    footprint = (amount > 0.15).astype(np.uint8)
    strength = np.float32(rng.uniform(0.45, 0.8))
    if rng.random() < 0.72:
        return Defect(1 - strength * amount, 0.3 * _relief(amount), footprint, boxed=True)
    return Defect(1 - 0.3 * amount, 2 * strength * amount, footprint, boxed=True)


def _tilted(plane, lean):
    """Shift each row sideways, `lean` pixels a row, by no more than a quarter of the width."""
    height, width = plane.shape
    lean = float(np.clip(lean, -0.25 * width / height, 0.25 * width / height))
    slant = np.float32([[1, lean, -lean * height / 2], [0, 1, 0]])
    return cv2.warpAffine(plane, slant, (width, height))


def _scuff(rng, shape, scale):
    """A cluster of bright torn flecks."""
    tall, wide = (rng.uniform(4, 14), rng.uniform(1.5, 5)) if rng.random() < 0.7 else (2.5, 8)
    flecks = _noise(rng, shape, (tall * scale, wide * scale))
    flecks += 0.6 * _noise(rng, shape, (1.5 * scale, 1.5 * scale))
    clumps = 0.8 * _noise(rng, shape, (30 * scale, 20 * scale))
    inside = _blob(rng, shape, 0.2, rng.uniform(1.6, 2.6))
    amount = _ramp(flecks + clumps + np.clip(2.5 * inside, -3, 1) - rng.uniform(1.0, 1.7), 2.2)
    amount = amount * _ramp(inside, 0.05)
    relief = _relief(_blur(flecks, 0.7 * scale)) * _ramp(inside, 0.6)
    offset = np.float32(rng.uniform(0.8, 2.4)) * amount + 0.25 * np.float32(rng.uniform(0, 1)) * relief
    return Defect(1 - 0.2 * amount, offset, (amount > 0.15).astype(np.uint8), boxed=bool(rng.random() < 0.5))


def _smear(rng, shape, scale):
    """Fibres that run across the strip, along a leaning spindle."""
    rows, columns = (2 * axis / axis.size - 1 for axis in _coordinates(shape))
    lean = rng.uniform(-0.55, 0.55)
    spindle = _ramp(1 - np.abs(columns) ** 2.5 - np.abs(rows - lean * columns) / 0.42, 0.5)
    fibres = _noise(rng, shape, (1.8 * scale, 40 * scale))
    fibres += 0.7 * _noise(rng, shape, (1.3 * scale, 7 * scale))
    slant = np.float32([[1, 0, 0], [lean * shape[0] / shape[1], 1, -lean * shape[0] / 2]])
    fibres = cv2.warpAffine(fibres, slant, shape[::-1], borderMode=cv2.BORDER_REFLECT)
    amount = _ramp(fibres + 1.1 * spindle - 0.9, 0.8) * spindle
    bright = rng.random() < 0.75
    offset = np.float32(rng.uniform(0.7, 1.8) if bright else 0.0) * amount
    gain = 1 - np.float32(0.15 if bright else rng.uniform(0.4, 0.65)) * amount
    return Defect(gain, offset, (amount > 0.25).astype(np.uint8), boxed=bool(rng.random() < 0.3))


def _rolled_in(rng, shape, scale):
    """Scale rolled into the surface: a dark ragged strip with a few bright crumbs."""
    inside = _blob(rng, shape, 0.25, rng.uniform(1.6, 2.6))
    rough = _noise(rng, shape, (14 * scale, 6 * scale)) + 0.6 * _noise(rng, shape, (3 * scale, 2.5 * scale))
    amount = _ramp(rough + np.clip(3 * inside, -3, 1.2) - 0.7, 1.4) * _ramp(inside, 0.05)
    relief = _relief(_blur(rough, 0.6 * scale)) * _ramp(inside, 0.5)
    gain = 1 - np.float32(rng.uniform(0.35, 0.65)) * amount
    offset = np.float32(rng.uniform(0.4, 0.9)) * np.clip(relief, -0.4, 1.4)
    return Defect(gain, offset, (amount > 0.2).astype(np.uint8), boxed=bool(rng.random() < 0.3))


def draw_patches(rng, shape, scale):
    """Draw one large rough patch: torn scale with folds, a lit rim and a shadow.

    Args:
        rng: source of all randomness.
        shape: (height, width) of the box to fill, in pixels.
        scale: pixels to one pixel of a 256 x 1600 image.

    Returns:
        Defect of that shape.

    Example:
        >>> defect = draw_patches(np.random.default_rng(0), (120, 200), 1.0)
        >>> bool(defect.footprint.mean() > 0.3)
        True
    """
    inside = _blob(rng, shape, rng.uniform(0.08, 0.3), rng.uniform(1.3, 4.0))
    inside -= 0.015 * _noise(rng, shape, (7 * scale, 7 * scale))
    cover = _ramp(inside, 0.03)
    relief, roughness = _torn(rng, shape, scale)
    rim = _relief(_blur(cover, 1.2 * scale)) * np.float32(rng.uniform(1.0, 3.5))
    tone = rng.uniform(0.38, 0.8) if rng.random() < 0.8 else rng.uniform(0.95, 1.35)
    mottle = 0.12 * _noise(rng, shape, (25 * scale, 35 * scale))
    grain = 0.08 * rng.standard_normal(shape, dtype=np.float32)
    kept = np.float32(rng.uniform(0.15, 0.45))  # of the sheet's own light and grain, that shows through
    below = np.roll(cover, max(1, round(3 * scale)), axis=0)
    shadow = np.float32(rng.uniform(0.1, 0.4)) * _blur(below, 2 * scale) * (1 - cover)
    gain = 1 - (1 - kept) * cover - shadow
    offset = cover * (tone - kept + mottle + grain + np.clip(relief, -0.45, 1.3)) + np.clip(rim, -0.4, 1.0)
    if tone > 0.65 and roughness < 0.4:  # it could pass for the sheet: cut it off with a dark line
        offset -= 0.5 * _ramp(0.06 - np.abs(inside), 0.05)
    gain, offset = gain.astype(np.float32), offset.astype(np.float32)
    return Defect(gain, offset, (cover > 0.5).astype(np.uint8), boxed=False)


def _torn(rng, shape, scale):
    """Shading of torn scale, with folds, crumbs and dark clefts, and how rough it is (0 smooth to 1)."""
    roughness = rng.beta(1.1, 1.8)
    folds = _noise(rng, shape, (rng.uniform(12, 45) * scale, rng.uniform(25, 100) * scale))
    ridges = 1 - np.abs(folds + 0.3 * _noise(rng, shape, (9 * scale, 12 * scale)))
    crumbs = 0.45 * _noise(rng, shape, (5 * scale, 6 * scale))
    crumbs += 0.3 * _noise(rng, shape, (2 * scale, 2 * scale))
    surface = (4.5 * roughness * ridges + (rng.uniform(0.1, 0.6) + roughness) * crumbs).astype(np.float32)
    # A relief in units of pixels is steeper on a small sheet, so it is shaded more on a large one.
    relief = _relief(_blur(surface, 0.5 * scale)) * np.float32(max(0.7, 1.5 * np.sqrt(scale)))
    clefts = _noise(rng, shape, (rng.uniform(20, 50) * scale, rng.uniform(40, 90) * scale))
    clefts = clefts + 0.25 * _noise(rng, shape, (8 * scale, 8 * scale))
    width = np.float32(rng.uniform(0.03, 0.12))
    relief -= 0.35 * _ramp(width - np.abs(clefts - rng.normal(0, 0.7)), width)
    bare = _noise(rng, shape, (25 * scale, 35 * scale)) + 0.6 * _noise(rng, shape, (6 * scale, 4 * scale))
    return relief + np.float32(rng.uniform(0.1, 0.6)) * _ramp(bare - rng.uniform(1.2, 2.5), 0.5), roughness


DRAWERS = {1: draw_pits, 2: draw_cracks, 3: draw_scratches, 4: draw_patches}


def outline(rng, footprint, margin, *, boxed):
    """Label a defect the way a person does: generously, with a few straight strokes.

    Args:
        rng: source of the hand's unsteadiness.
        footprint: 1 where the defect is, uint8, shape (height, width).
        margin: distance to keep from the defect, in pixels.
        boxed: True for one box around all of it, False for a polygon along each part that is not tiny.

    Returns:
        The label, uint8, values 0 and 1, same shape; empty where the footprint is.

    Example:
        >>> footprint = np.zeros((40, 40), np.uint8)
        >>> footprint[18:22, 10:30] = 1
        >>> label = outline(np.random.default_rng(0), footprint, 4.0, boxed=False)
        >>> int(label.sum()) > int(footprint.sum())
        True
    """
    if not footprint.any():
        return np.zeros_like(footprint)
    radius = max(1, round(margin))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padding = 3 * radius  # so that growing and closing see room beyond the box
    grown = np.pad(footprint, padding)
    if boxed:
        shapes = [_quadrilateral(grown, margin)]
    else:
        grown = cv2.dilate(cv2.morphologyEx(grown, cv2.MORPH_CLOSE, kernel, iterations=2), kernel)
        contours = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        shapes = [cv2.approxPolyDP(part, 0.5 * margin, True).reshape(-1, 2) for part in _worth_it(contours)]
    label = np.zeros_like(grown)
    for corners in shapes:
        corners = corners + rng.normal(0, 0.2 * margin, corners.shape)
        cv2.fillPoly(label, [np.round(corners).astype(np.int32)], 1)
    return np.ascontiguousarray(label[padding:-padding, padding:-padding])


def _worth_it(contours):
    """The contours that a person would bother to draw: not the crumbs beside a larger one."""
    areas = [cv2.contourArea(contour) for contour in contours]
    return [contour for contour, area in zip(contours, areas, strict=True) if area >= 0.1 * max(areas)]


def _quadrilateral(footprint, margin):
    """Corners (column, row) of a box around a footprint, leaning with it."""
    rows = np.flatnonzero(footprint.any(axis=1))
    middle = (rows[0] + rows[-1] + 1) // 2
    upper, lower = (half.any(axis=0) for half in (footprint[: middle + 1], footprint[middle:]))
    upper, lower = (np.flatnonzero(half) for half in (upper, lower))
    top, bottom = rows[0] - margin, rows[-1] + margin
    above = (upper[0] - margin, top), (upper[-1] + margin, top)
    below = (lower[-1] + margin, bottom), (lower[0] - margin, bottom)
    return np.array([*above, *below])


def _parts(rng, label, area):
    """Share one class's area out among its defects; all areas as shares of the image."""
    typical, most = {1: (0.0027, 10), 2: (0.008, 3), 3: (0.017, 6), 4: (0.039, 4)}[label]
    count = int(np.clip(rng.poisson(area / typical), 1, most))
    return area * rng.dirichlet(np.full(count, 3.0))


def _box(rng, label, area, sheet, scale):
    """Box (height, width) in which a defect of this class gets a label of about `area` pixels."""
    height, width = sheet.bottom, sheet.right - sheet.left
    if label == 2:
        tall = min(height * rng.uniform(0.4, 1.0), area / (12 * scale))
        area = 1.7 * area
    elif label == 3 and rng.random() < 0.65:
        tall = height * min(1.0, rng.uniform(0.35, 1.8))
        area = 1.6 * area
    else:
        fill, slender = {1: (0.62, 1.7), 3: (0.5, 0.9), 4: (0.44, 0.75)}[label]
        area = area / fill
        tall = np.sqrt(area * slender * np.exp(rng.normal(0, 0.75 if label == 3 else 0.3)))
    tall = np.clip(tall, max(6, 14 * scale), height)
    wide = np.clip(area / tall, max(5, 11 * scale), width)
    tall = np.clip(area / wide, tall, height)
    return round(tall), round(wide)


def _corner(rng, label, box, sheet, scale):
    """Where the box goes: (top, left). It may hang over the image's top and bottom, but not over the strip's edge."""
    height, width = box
    hang = 0.25 if label in (3, 4) and height < sheet.bottom else 0.0
    top = rng.uniform(-hang * height, sheet.bottom - (1 - hang) * height)
    room = sheet.right - sheet.left - width
    left = sheet.left + rng.uniform(0, max(room, 0))
    has_edge = sheet.left > 0, sheet.right < sheet.canvas.shape[1]
    if label in (1, 2) and any(has_edge) and rng.random() < (0.95 if label == 2 else 0.6):
        inset = min(room, abs(rng.normal(45, 40)) * scale)
        left = sheet.left + inset if has_edge[0] else sheet.right - width - inset
    return round(top), round(left)


def _window(box, corner, shape):
    """Slices of the image, and of the box, where the two meet."""
    on_image, on_box = [], []
    for length, start, limit in zip(box, corner, shape, strict=True):
        first, last = max(0, start), min(limit, start + length)
        on_image.append(slice(first, last))
        on_box.append(slice(first - start, last - start))
    return tuple(on_image), tuple(on_box)


def _add(rng, sheet, label, area, taken):
    """Draw one defect, and return where it is with its label; None where there is no room for it."""
    scale = _scale(sheet.canvas.shape)
    margin = max(1.0, LABEL_MARGINS[label] * scale)
    for _ in range(MOST_ATTEMPTS):
        box = _box(rng, label, area, sheet, scale)
        on_image, on_box = _window(box, _corner(rng, label, box, sheet, scale), sheet.canvas.shape)
        if taken[on_image].any():
            area = 0.88 * area
            continue
        pad = int(np.ceil(1.3 * margin))
        inner = (max(4, box[0] - 2 * pad), max(4, box[1] - 2 * pad))
        defect = _padded(DRAWERS[label](rng, inner, scale), box)
        steel = sheet.steel[on_image]
        boxed = defect.boxed or min(inner) < 3 * margin  # nobody follows the outline of a thin defect
        mark = outline(rng, defect.footprint, margin, boxed=boxed)[on_box] & steel
        change = np.abs(defect.gain - 1 + defect.offset)[on_box]
        if (mark & defect.footprint[on_box]).any() and change[mark > 0].mean() > FAINTEST:
            _apply(sheet, defect, on_image, on_box)
            return on_image, mark
    return None


def _padded(defect, box):
    """The defect in the middle of a larger box."""
    before = [(side - inner) // 2 for side, inner in zip(box, defect.gain.shape, strict=True)]
    after = [side - inner - first for side, inner, first in zip(box, defect.gain.shape, before, strict=True)]
    around = tuple(zip(before, after, strict=True))
    return Defect(
        np.pad(defect.gain, around, constant_values=1),
        np.pad(defect.offset, around),
        np.pad(defect.footprint, around),
        defect.boxed,
    )


def _apply(sheet, defect, on_image, on_box):
    """Draw the defect on the sheet's steel, in place."""
    steel = sheet.steel[on_image] > 0
    part = sheet.canvas[on_image]
    level = float(part[steel].mean())
    changed = part * defect.gain[on_box] + np.float32(level) * defect.offset[on_box]
    part[steel] = changed[steel]


def draw_defects(rng, sheet, classes):
    """Draw defects of some classes on a sheet, in place.

    Args:
        rng: source of all randomness.
        sheet: what to draw on.
        classes: numbers from 1 to 4.

    Returns:
        masks, uint8, values 0 and 1, shape (height, width, 4): class 1 in plane 0, and so on. No two planes
        overlap. A class that found no room has an empty plane.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sheet = draw_sheet(rng, (64, 384), (4,))
        >>> draw_defects(rng, sheet, (4,)).any(axis=(0, 1)).tolist()
        [False, False, False, True]
    """
    shape = sheet.canvas.shape
    masks = np.zeros((*shape, len(CLASSES)), np.uint8)
    taken = np.zeros(shape, np.uint8)
    for label in sorted(classes):  # the small ones first, because they need little room
        median, spread = AREAS[label]
        share = min(LARGEST_AREA, median * np.exp(spread * np.clip(rng.normal(), -2, 2)))
        for part in _parts(rng, label, share):
            added = _add(rng, sheet, label, part * taken.size, taken)
            if added is not None:
                on_image, mark = added
                masks[(*on_image, label - 1)] |= mark
                taken[on_image] |= mark
    return masks


def make_sheet(rng, shape, classes):
    """Draw one photograph of a sheet, with defects of the classes asked for.

    Args:
        rng: source of all randomness.
        shape: (height, width) in pixels, each at least 32.
        classes: numbers from 1 to 4, each at most once; none for a sheet that is free of defects.

    Returns:
        image: grey levels, uint8, shape (height, width).
        masks: uint8, values 0 and 1, shape (height, width, 4): class 1 in plane 0, and so on. No two planes
            overlap, and a plane is empty exactly where its class was not asked for.

    Raises:
        ValueError: the shape is too small, or a class is unknown or given twice.
        RuntimeError: there was no room for one of the classes.

    Example:
        >>> image, masks = make_sheet(np.random.default_rng(0), (64, 384), (1, 3))
        >>> image.shape, masks.any(axis=(0, 1)).tolist()
        ((64, 384), [True, False, True, False])
    """
    _check_shape(shape)
    classes = tuple(classes)
    if len(set(classes)) < len(classes) or not set(classes) <= set(CLASSES):
        raise ValueError(
            f"classes={classes}: expected numbers out of {sorted(CLASSES)}, each at most once. "
            "Leave them empty for a sheet without a defect."
        )
    for _ in range(MOST_ATTEMPTS):
        sheet = draw_sheet(rng, shape, classes)
        masks = draw_defects(rng, sheet, classes)
        if masks.any(axis=(0, 1)).sum() == len(classes):
            return np.clip(np.rint(sheet.canvas), 0, 255).astype(np.uint8), masks
    raise RuntimeError(
        f"no room for classes {classes} on a sheet of {shape[0]} x {shape[1]} pixels, "
        f"tried {MOST_ATTEMPTS} times; expected room for each. Ask for a larger shape, or for fewer classes."
    )


def _check_shape(shape):
    """Refuse a shape on which nothing can be seen."""
    if len(shape) != 2 or min(shape) < SMALLEST_SIDE:
        raise ValueError(
            f"shape={tuple(shape)}: expected (height, width), each at least {SMALLEST_SIDE} pixels. "
            f"Small but useful is (64, 384); the competition's images are {FULL_SHAPE}."
        )


def plan_images(seed, split):
    """Say without end what each image of a split shows, in the order of the images.

    The classes follow the competition's shares as closely as whole numbers can, rather than by independent
    draws, so that a small set has them all: each class is present in the first 6 images, and twice in the
    first 24. What an image shows does not depend on how many follow. In the training split, one image in 20
    is a near copy of an earlier one, as where two consecutive photographs of the strip overlap; only common
    combinations of classes are copied, so that a rare class is never all in one group of near copies.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.

    Yields:
        Plan of the image.

    Example:
        >>> first = list(islice(plan_images(0, TRAIN), 6))
        >>> sorted({label for plan in first for label in plan.classes})
        [1, 2, 3, 4]
    """
    originals = {classes: [] for classes in COMBINATIONS}
    since_copy = 0
    for index, classes in enumerate(_combinations(seed, split)):
        since_copy += 1
        earlier = originals[classes]
        if split == TRAIN and since_copy >= COPY_EVERY and len(earlier) >= 4:
            rng = np.random.default_rng((seed, split, index, 2))
            since_copy = 0
            yield Plan(classes, origin=earlier[rng.integers(len(earlier))])
        else:
            earlier.append(index)
            yield Plan(classes)


def _combinations(seed, split):
    """The classes of each image: by turns of the shares, shuffled within blocks."""
    shares = {classes: count / sum(COMBINATIONS.values()) for classes, count in COMBINATIONS.items()}
    counts = dict.fromkeys(COMBINATIONS, 0)
    made = 0
    while True:
        block = []
        made += BLOCK
        # A small set shows each class more often than its share: once in 6 images, twice in 24, four times in
        # 48.
        least = int(np.clip(made // 12, 1, 4))
        for _ in range(BLOCK):
            short = [label for label in CLASSES if _images_with(label, counts) < least]
            chosen = (short[0],) if short else max(shares, key=lambda key: shares[key] * made - counts[key])
            counts[chosen] += 1
            block.append(chosen)
        rng = np.random.default_rng((seed, split, made, 1))
        yield from (block[place] for place in rng.permutation(BLOCK))


def _images_with(label, counts):
    """Number of images that show a class."""
    return sum(count for classes, count in counts.items() if label in classes)


def image_name(seed, split, index):
    """Name an image as the competition does: nine hexadecimal digits, unique in the data set.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.
        index: the image's index in its split, from 0.

    Returns:
        File name with its suffix.

    Example:
        >>> image_name(0, TRAIN, 0) != image_name(0, TEST, 0)
        True
    """
    size = 16**NAME_DIGITS
    start = int(np.random.default_rng((seed, 3)).integers(size))
    # An odd factor permutes the numbers below a power of two, so no two names are equal. This one, the size
    # over the golden ratio, spreads them evenly.
    number = (start + (2 * index + split) * 0x9E3779B97) % size
    return f"{number:0{NAME_DIGITS}x}.jpg"


def draw_image(seed, split, index, plan, shape):
    """Draw one image of the data set. It depends on these arguments alone.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.
        index: the image's index in its split, from 0.
        plan: what `plan_images` says of it.
        shape: (height, width) in pixels.

    Returns:
        image and masks, as from `make_sheet`.
    """
    source = index if plan.origin is None else plan.origin
    image, masks = make_sheet(np.random.default_rng((seed, split, source)), shape, plan.classes)
    if plan.origin is None:
        return image, masks
    return near_copy(np.random.default_rng((seed, split, index)), image, masks)


def near_copy(rng, image, masks):
    """Photograph a sheet again: a little further along the strip, in other light, labelled by another hand.

    Args:
        rng: source of all randomness.
        image: grey levels, uint8, shape (height, width).
        masks: uint8, values 0 and 1, shape (height, width, classes).

    Returns:
        image and masks of the same shapes; no class is lost. What comes into view is mirrored from what was
        there.
    """
    scale = _scale(image.shape)
    rows = int(rng.choice([-1, 1])) * max(1, round(rng.uniform(0.02, 0.12) * image.shape[0]))
    for shift in (rows, -rows, 0):  # the first that moves no class out of the image
        moved = _shifted(masks, shift)
        if (moved.sum(axis=(0, 1)) >= 0.6 * masks.sum(axis=(0, 1))).all():
            break
    noise = 1.5 * rng.standard_normal(image.shape, dtype=np.float32)
    copy = np.float32(rng.uniform(0.92, 1.08)) * _shifted(image, shift).astype(np.float32) + noise
    relabelled = _relabelled(rng, moved, max(1, round(2 * scale)))
    return np.clip(np.rint(copy), 0, 255).astype(np.uint8), relabelled


def _shifted(plane, rows):
    """Move an image down by some rows; what comes into view is mirrored."""
    height = plane.shape[0]
    source = np.abs(np.arange(height) - rows)
    return plane[np.where(source >= height, 2 * (height - 1) - source, source)]


def _relabelled(rng, masks, radius):
    """The same labels, each drawn a little wider or tighter. They still do not overlap, and none is lost."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    result = masks.copy()
    for plane in range(masks.shape[2]):
        others = np.delete(result, plane, axis=2).any(axis=2)
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        changed = change(np.ascontiguousarray(masks[:, :, plane]), kernel)
        changed[others] = 0
        if 2 * changed.sum() >= masks[:, :, plane].sum():
            result[:, :, plane] = changed
    return result


def make_data(directory, images=200, seed=0, *, shape=FULL_SHAPE, test_images=None, progress=True):
    """Make up a data set in the competition's layout.

    Writes `train_images/*.jpg`, `train.csv` (`ImageId,ClassId,EncodedPixels`: a row for each class that an
    image has, none for an image without a defect), `test_images/*.jpg`, `sample_submission.csv`
    (`ImageId_ClassId,EncodedPixels`: four rows for each test image) and `classes.json`. The same arguments
    give the same bytes in every file, and an image does not depend on how many are made. The files are
    written beside the directory and moved into place at the end, so that a run that is stopped leaves no half
    of a data set.

    Args:
        directory: where to put it; must not exist, or be empty.
        images: number of training images, at least 1.
        seed: 0 or more; another seed gives other images.
        shape: (height, width) of the images in pixels, each at least 32.
        test_images: number of test images, 0 or more; None for a quarter of `images`, at least 4.
        progress: whether to show a progress bar.

    Returns:
        The directory's absolute path.

    Raises:
        FileExistsError: the directory holds something, or is a file.
        ValueError: a number is too small.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = make_data(Path(folder) / "steel", 6, shape=(64, 384), progress=False)
        ...     len(list((made / "train_images").iterdir()))
        6
    """
    directory = Path(directory).resolve()
    _check_number("images", images, 1)
    _check_number("seed", seed, 0)
    test_images = max(4, round(images / 4)) if test_images is None else test_images
    _check_number("test_images", test_images, 0)
    _check_shape(shape)
    _check_directory(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        content = workplace / directory.name  # made by mkdir, so that it gets the user's usual permissions
        _write_all(content, {TRAIN: images, TEST: test_images}, seed, tuple(shape), progress)
        if directory.exists():
            directory.rmdir()
        content.rename(directory)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return directory


def _check_number(name, value, least):
    """Refuse what is no whole number, or too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"{name}={value!r}: expected a whole number, {least} or more. Give {name} another value."
        )


def _check_directory(directory):
    """Refuse a place that holds something already."""
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists():
        what = "a directory that is not empty" if directory.is_dir() else "a file"
        raise FileExistsError(
            f"{directory} is {what}; expected a new or an empty directory, because nothing is overwritten. "
            "Name another directory, or remove this one first."
        )


def _write_all(content, numbers, seed, shape, progress):
    """Write every file of the data set into a new directory."""
    tasks = []
    for split, number in numbers.items():
        (content / FOLDERS[split]).mkdir(parents=True)
        tasks += [(split, index, plan) for index, plan in enumerate(islice(plan_images(seed, split), number))]

    def write(task):
        split, index, plan = task
        image, masks = draw_image(seed, split, index, plan, shape)
        name = image_name(seed, split, index)
        _write_image(content / FOLDERS[split] / name, image)
        return [(name, label, mask2rle(masks[:, :, label - 1])) for label in plan.classes if split == TRAIN]

    # OpenCV and NumPy let go of the interpreter's lock, and an image's randomness is its own, so threads help
    # and their order does not matter.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        bar = tqdm(pool.map(write, tasks), "made-up sheets", len(tasks), unit="image", disable=not progress)
        rows = sorted(row for found in bar for row in found)
    names = sorted(image_name(seed, TEST, index) for index in range(numbers[TEST]))
    _write_tables(content, rows, names, seed)


def _write_image(path, image):
    """Write a grey image as a JPEG of three equal channels, as the competition's are."""
    colours = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    _, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    path.write_bytes(data.tobytes())


def _write_tables(content, rows, test_names, seed):
    """Write the labels, the empty submission and the names of the classes."""
    labels = pd.DataFrame(rows, columns=["ImageId", "ClassId", "EncodedPixels"])
    labels.to_csv(content / "train.csv", index=False, lineterminator="\n")
    wanted = [(f"{name}_{label}", "1 1") for name in test_names for label in CLASSES]
    submission = pd.DataFrame(wanted, columns=["ImageId_ClassId", "EncodedPixels"])
    submission.to_csv(content / "sample_submission.csv", index=False, lineterminator="\n")
    described = {"name": "made-up steel", "made_up": True, "seed": int(seed), "classes": CLASSES}
    write_json(content / "classes.json", described)
