"""A sheet without defects: its light, its rolling texture, its margin and the harmless marks on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from helpers.data.made_up.textures import blur, coordinates, lit_relief, noise, pixel_scale, ramp

# Name -> (share, lowest and highest mean grey level, grain as a share of it, probability of bright sparkle).
FAMILIES = {
    "dull": (0.32, 50, 82, 0.065, 0.15),
    "grey": (0.46, 82, 120, 0.060, 0.30),
    "grainy": (0.17, 95, 130, 0.085, 0.90),
    "glaring": (0.05, 135, 180, 0.100, 0.60),
}


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
    scale = pixel_scale(shape)
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
    rows, columns = (axis / axis.size for axis in coordinates(shape))
    slope = rng.normal(0.15, 0.28) * (rows - 0.5)
    across = rng.normal(0, 0.38) * (columns - 0.5)
    pools = rng.uniform(0.03, 0.12) * noise(rng, shape, (shape[0] * 2.5, shape[1] / 4))
    return np.clip(1 + slope + across + pools, 0.35, 2.0).astype(np.float32)


def _bands(rng, shape, scale):
    """The rolling texture: bright and dark streaks along the strip, from broad to fine."""
    total = np.ones(shape, np.float32)
    for wide, tall, amplitude in ((110, 2.0, 0.06), (28, 1.0, 0.04), (7, 0.5, 0.03), (2.2, 0.12, 0.02)):
        strength = amplitude * rng.uniform(0.4, 1.4)
        total += np.float32(strength) * noise(rng, shape, (tall * shape[0], wide * scale))
    return total


def _grain(rng, canvas, strength, scale, *, sparkle):
    """The surface's grain, and where `sparkle`, bright grains that gather in streaks."""
    strength *= scale**0.4  # a smaller photograph averages its grain
    grain = rng.standard_normal(canvas.shape, dtype=np.float32)
    grain = 1.2 * blur(grain, 0.6 * np.sqrt(scale)) + 0.4 * grain
    canvas = canvas * (1 + np.float32(strength * rng.uniform(0.7, 1.3)) * grain)
    if sparkle:
        where = noise(rng, canvas.shape, (canvas.shape[0], 130 * scale))
        where += 0.4 * noise(rng, canvas.shape, (30 * scale, 12 * scale))
        bright = ramp(grain + 0.5 * where - 1.9 - 0.5 * max(0.0, 1 - scale), 1.0)
        canvas = canvas + canvas * bright * np.float32(rng.uniform(0.35, 0.9) * scale**0.4)
    return canvas


def _flakes(rng, shape, scale):
    """Thin scale that came off in flakes drawn out along the strip, lighter or darker than the rest."""
    tall, wide = rng.uniform(14, 60) * scale, rng.uniform(3, 9) * scale
    flakes = noise(rng, shape, (tall, wide)) + 0.6 * noise(rng, shape, (tall / 5, wide / 2))
    where = noise(rng, shape, (shape[0] * 1.5, rng.uniform(40, 180) * scale))
    amount = ramp(flakes + 1.8 * where - rng.uniform(1.3, 3.0), 0.35)
    return 1 + np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(0.07, 0.27)) * amount


def _blotches(rng, shape, scale):
    """Dark blotches with a speckled border, as of scale or of dried water."""
    cloud = noise(rng, shape, (70 * scale, 110 * scale)) + 0.6 * noise(rng, shape, (14 * scale, 8 * scale))
    speckle = 0.4 * noise(rng, shape, (4 * scale, 3 * scale))
    return 1 - np.float32(rng.uniform(0.10, 0.38)) * ramp(cloud + speckle - rng.uniform(1.3, 2.1), 0.2)


def _watermarks(rng, shape, scale):
    """One to three broad regions, a little lighter or darker, with a curved border."""
    height, width = shape
    rows, columns = coordinates(shape)
    total = np.ones(shape, np.float32)
    for _ in range(rng.integers(1, 4)):
        bend = rng.normal(0, 120) * scale * np.sin(2.5 * rows / height + rng.uniform(0, 6))
        border = rng.uniform(0, width) + rng.normal(0, 0.9) * (rows - height / 2) + bend
        end = border + rng.uniform(30, 260) * scale
        inside = ramp(columns - border, rng.uniform(2, 14) * scale)
        inside = inside * ramp(end - columns, rng.uniform(4, 120) * scale)
        total += np.float32(rng.choice([-1.0, 1.0]) * rng.uniform(0.04, 0.13)) * inside
    return total


def _chatter(rng, shape, scale):
    """Fine waves across the strip that the rolls leave, broken and of uneven strength."""
    period = max(3.0, rng.uniform(5, 11) * scale)
    rows, columns = coordinates(shape)
    lean = rng.normal(0, 0.04) * columns / period
    wobble = 0.5 * noise(rng, shape, (110 * scale, 420 * scale))
    wobble += 0.12 * noise(rng, shape, (period, 30 * scale))
    wave = np.sin(np.float32(2 * np.pi) * (rows / np.float32(period) + wobble + lean.astype(np.float32)))
    where = ramp(noise(rng, shape, (shape[0], 220 * scale)) + 0.4, 1.2)
    where = where * ramp(noise(rng, shape, (2 * period, 60 * scale)) + 1.0, 2.0)
    return 1 + np.float32(rng.uniform(0.06, 0.20)) * wave * where


def _ticks(rng, shape, scale):
    """A few short dark ticks along the strip: like a crack, but harmless."""
    lines = np.zeros(shape, np.float32)
    for _ in range(rng.integers(2, 8)):
        top, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        end = (int(column + rng.normal(0, 1.5) * scale), int(top + rng.uniform(8, 34) * scale))
        depth, thickness = rng.uniform(0.3, 0.7), max(1, round(2 * scale))
        cv2.line(lines, (int(column), int(top)), end, depth, thickness, cv2.LINE_AA)
    return 1 - blur(lines, 0.6 * scale)


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
    shading = lit_relief(blur(raised, max(0.6, 2 * scale)), rng.uniform(-0.2, 0.2)) * max(1.0, 4 * scale)
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
    part = blur(drops[:, left:right], 1.5 * scale)
    part = part + 0.22 * noise(rng, part.shape, (5 * scale, 4 * scale)) * (part > 0.02)
    rim = ramp(part - 0.35, 0.1) * (1 - 0.8 * ramp(part - rng.uniform(0.95, 1.4), 0.1))
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
        steel = ramp(inward, max(1.0, 2 * scale))
    inside = np.flatnonzero(steel.min(axis=0) > 0.99)
    bottom = height
    if rng.random() < 0.03:
        bottom = int(height * rng.uniform(0.72, 0.95))
        steel = steel * ramp(np.arange(bottom, bottom - height, -1, dtype=np.float32)[:, None], 2 * scale)
    dark = rng.uniform(2, 7) + 0.8 * rng.standard_normal(canvas.shape, dtype=np.float32)
    canvas = (canvas * steel + dark * (1 - steel)).astype(np.float32)
    return Sheet(canvas, (steel > 0.5).astype(np.uint8), int(inside[0]), int(inside[-1]) + 1, bottom)


def _inward(rng, shape, position, scale):
    """Distance from the strip's left edge, near the column `position`: in pixels, negative outside."""
    rows, columns = coordinates(shape)
    most = 0.08 * shape[1] / shape[0]  # so that some columns are steel from top to bottom
    lean = np.clip(rng.normal(0, 0.02), -most, most)
    wobble = 0.3 * scale * noise(rng, (shape[0], 1), (9 * scale, 1))
    return (columns - position - lean * (rows - shape[0] / 2) - wobble).astype(np.float32)


def _edge_light(rng, inward, scale):
    """The strip's edge: a bright or dark line, strips of other brightness, and light that falls off."""
    total = 1 + rng.normal(0.1, 0.35) * np.exp(-((inward / (rng.uniform(3, 9) * scale)) ** 2))
    for widest in (25, 90):
        width = rng.uniform(8, widest) * scale
        total += rng.normal(-0.08, 0.17) * ramp(width - inward, rng.uniform(2, 10) * scale)
    total += rng.normal(0.05, 0.2) * np.exp(-np.clip(inward, 0, None) / (rng.uniform(60, 200) * scale))
    return np.clip(total, 0.3, 2.0).astype(np.float32)
