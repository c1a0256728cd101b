"""The four types of defect, each drawn in a box of its own: pits, cracks, scratches and patches."""

from dataclasses import dataclass

import cv2
import numpy as np

from helpers.data.made_up.textures import blob, blur, coordinates, lit_relief, noise, ramp

CLASSES = {1: "pits", 2: "cracks", 3: "scratches", 4: "patches"}


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
    depth = blur(depth, 0.8 * scale)
    strength = rng.uniform(0.7, 1.3)
    gain = 1 - np.float32(min(0.75, 0.6 * strength)) * np.clip(depth, 0, 1)
    offset = np.float32(rng.uniform(0.7, 2.6) * strength) * np.clip(lit_relief(depth), -0.25, None)
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
    fading = np.clip(1 + 0.35 * noise(rng, (height, 1), (14 * scale, 1)), 0.35, 1.3)
    lines = blur(lines, 0.7 * scale) * fading
    gain = 1 - np.float32(rng.uniform(0.5, 0.85)) * np.clip(lines, 0, 1)
    offset = np.float32(rng.uniform(0.2, 0.7)) * lit_relief(lines)
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
    streaks = noise(rng, shape, (height * rng.uniform(0.4, 2.0), rng.uniform(1.6, 4.5) * scale))
    streaks += 0.3 * noise(rng, shape, (6 * scale, 1.5 * scale))
    streaks += 0.7 * noise(rng, (1, width), (1, 14 * scale))
    rows, columns = coordinates(shape)
    ends = height * (0.15 * noise(rng, (2, width), (1, 3 * scale)) + rng.uniform(-0.2, 0.2, (2, 1)))
    fade = rng.uniform(0.15, 0.45) * height
    envelope = ramp(rows - ends[:1], fade) * ramp(height - ends[1:] - rows, fade)
    envelope = envelope * ramp(np.minimum(columns, width - 1 - columns) + 0.5, min(width / 4, 4 * scale))
    least = np.quantile(streaks, rng.uniform(0.3, 0.75))  # so that some of every box is scratched
    amount = (ramp(streaks - least, rng.uniform(0.6, 1.5)) * envelope).astype(np.float32)
    amount = _tilted(amount, rng.normal(0, 0.03))
    footprint = (amount > 0.15).astype(np.uint8)
    strength = np.float32(rng.uniform(0.45, 0.8))
    if rng.random() < 0.72:
        return Defect(1 - strength * amount, 0.3 * lit_relief(amount), footprint, boxed=True)
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
    flecks = noise(rng, shape, (tall * scale, wide * scale))
    flecks += 0.6 * noise(rng, shape, (1.5 * scale, 1.5 * scale))
    clumps = 0.8 * noise(rng, shape, (30 * scale, 20 * scale))
    inside = blob(rng, shape, 0.2, rng.uniform(1.6, 2.6))
    amount = ramp(flecks + clumps + np.clip(2.5 * inside, -3, 1) - rng.uniform(1.0, 1.7), 2.2)
    amount = amount * ramp(inside, 0.05)
    relief = lit_relief(blur(flecks, 0.7 * scale)) * ramp(inside, 0.6)
    offset = np.float32(rng.uniform(0.8, 2.4)) * amount + 0.25 * np.float32(rng.uniform(0, 1)) * relief
    return Defect(1 - 0.2 * amount, offset, (amount > 0.15).astype(np.uint8), boxed=bool(rng.random() < 0.5))


def _smear(rng, shape, scale):
    """Fibres that run across the strip, along a leaning spindle."""
    rows, columns = (2 * axis / axis.size - 1 for axis in coordinates(shape))
    lean = rng.uniform(-0.55, 0.55)
    spindle = ramp(1 - np.abs(columns) ** 2.5 - np.abs(rows - lean * columns) / 0.42, 0.5)
    fibres = noise(rng, shape, (1.8 * scale, 40 * scale))
    fibres += 0.7 * noise(rng, shape, (1.3 * scale, 7 * scale))
    slant = np.float32([[1, 0, 0], [lean * shape[0] / shape[1], 1, -lean * shape[0] / 2]])
    fibres = cv2.warpAffine(fibres, slant, shape[::-1], borderMode=cv2.BORDER_REFLECT)
    amount = ramp(fibres + 1.1 * spindle - 0.9, 0.8) * spindle
    bright = rng.random() < 0.75
    offset = np.float32(rng.uniform(0.7, 1.8) if bright else 0.0) * amount
    gain = 1 - np.float32(0.15 if bright else rng.uniform(0.4, 0.65)) * amount
    return Defect(gain, offset, (amount > 0.25).astype(np.uint8), boxed=bool(rng.random() < 0.3))


def _rolled_in(rng, shape, scale):
    """Scale rolled into the surface: a dark ragged strip with a few bright crumbs."""
    inside = blob(rng, shape, 0.25, rng.uniform(1.6, 2.6))
    rough = noise(rng, shape, (14 * scale, 6 * scale)) + 0.6 * noise(rng, shape, (3 * scale, 2.5 * scale))
    amount = ramp(rough + np.clip(3 * inside, -3, 1.2) - 0.7, 1.4) * ramp(inside, 0.05)
    relief = lit_relief(blur(rough, 0.6 * scale)) * ramp(inside, 0.5)
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
    inside = blob(rng, shape, rng.uniform(0.08, 0.3), rng.uniform(1.3, 4.0))
    inside -= 0.015 * noise(rng, shape, (7 * scale, 7 * scale))
    cover = ramp(inside, 0.03)
    relief, roughness = _torn(rng, shape, scale)
    rim = lit_relief(blur(cover, 1.2 * scale)) * np.float32(rng.uniform(1.0, 3.5))
    tone = rng.uniform(0.38, 0.8) if rng.random() < 0.8 else rng.uniform(0.95, 1.35)
    mottle = 0.12 * noise(rng, shape, (25 * scale, 35 * scale))
    grain = 0.08 * rng.standard_normal(shape, dtype=np.float32)
    kept = np.float32(rng.uniform(0.15, 0.45))  # of the sheet's own light and grain, that shows through
    below = np.roll(cover, max(1, round(3 * scale)), axis=0)
    shadow = np.float32(rng.uniform(0.1, 0.4)) * blur(below, 2 * scale) * (1 - cover)
    gain = 1 - (1 - kept) * cover - shadow
    offset = cover * (tone - kept + mottle + grain + np.clip(relief, -0.45, 1.3)) + np.clip(rim, -0.4, 1.0)
    if tone > 0.65 and roughness < 0.4:  # it could pass for the sheet: cut it off with a dark line
        offset -= 0.5 * ramp(0.06 - np.abs(inside), 0.05)
    gain, offset = gain.astype(np.float32), offset.astype(np.float32)
    return Defect(gain, offset, (cover > 0.5).astype(np.uint8), boxed=False)


def _torn(rng, shape, scale):
    """Shading of torn scale, with folds, crumbs and dark clefts, and how rough it is (0 smooth to 1)."""
    roughness = rng.beta(1.1, 1.8)
    folds = noise(rng, shape, (rng.uniform(12, 45) * scale, rng.uniform(25, 100) * scale))
    ridges = 1 - np.abs(folds + 0.3 * noise(rng, shape, (9 * scale, 12 * scale)))
    crumbs = 0.45 * noise(rng, shape, (5 * scale, 6 * scale))
    crumbs += 0.3 * noise(rng, shape, (2 * scale, 2 * scale))
    surface = (4.5 * roughness * ridges + (rng.uniform(0.1, 0.6) + roughness) * crumbs).astype(np.float32)
    # A relief in units of pixels is steeper on a small sheet, so it is shaded more on a large one.
    relief = lit_relief(blur(surface, 0.5 * scale)) * np.float32(max(0.7, 1.5 * np.sqrt(scale)))
    clefts = noise(rng, shape, (rng.uniform(20, 50) * scale, rng.uniform(40, 90) * scale))
    clefts = clefts + 0.25 * noise(rng, shape, (8 * scale, 8 * scale))
    width = np.float32(rng.uniform(0.03, 0.12))
    relief -= 0.35 * ramp(width - np.abs(clefts - rng.normal(0, 0.7)), width)
    bare = noise(rng, shape, (25 * scale, 35 * scale)) + 0.6 * noise(rng, shape, (6 * scale, 4 * scale))
    return relief + np.float32(rng.uniform(0.1, 0.6)) * ramp(bare - rng.uniform(1.2, 2.5), 0.5), roughness


DRAWERS = {1: draw_pits, 2: draw_cracks, 3: draw_scratches, 4: draw_patches}
