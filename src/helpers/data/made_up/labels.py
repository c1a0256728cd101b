"""Placing defects on a sheet, and labelling each with an outline as if drawn by hand.

Source:
    `AREAS` was counted in the labels of the 12,568 training images of the Kaggle competition "Severstal: Steel
    Defect Detection" (2019).
"""

import cv2
import numpy as np

from helpers.data.made_up.defects import CLASSES, DRAWERS, Defect
from helpers.data.made_up.sheets import draw_sheet
from helpers.data.made_up.textures import FULL_SHAPE, pixel_scale

# Class -> (median share of the image's pixels, standard deviation of the share's natural logarithm), where
# present.
AREAS = {1: (0.0081, 0.83), 2: (0.0072, 0.63), 3: (0.029, 1.22), 4: (0.062, 0.92)}
LARGEST_AREA = 0.45
FAINTEST = 0.03  # least mean change of brightness inside a label, as a share of the sheet's
LABELLED = 0.85  # least share of the change that lies inside the label
LABEL_MARGINS = {1: 6.0, 2: 5.0, 3: 5.0, 4: 6.0}  # from the defect to its label, pixels of a full image
SMALLEST_SIDE = 32  # of an image, pixels
MOST_ATTEMPTS = 20


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
    """Where the box goes: (top, left). It may hang over the top and bottom, but not over the strip's edge."""
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
    scale = pixel_scale(sheet.canvas.shape)
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
        change = np.abs(defect.gain - 1 + defect.offset)[on_box] * steel
        seen = (mark & defect.footprint[on_box]).any() and change[mark > 0].mean() > FAINTEST
        if seen and change[mark > 0].sum() > LABELLED * change.sum():
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
    check_shape(shape)
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


def check_shape(shape):
    """Refuse a shape on which nothing can be seen."""
    if len(shape) != 2 or min(shape) < SMALLEST_SIDE:
        raise ValueError(
            f"shape={tuple(shape)}: expected (height, width), each at least {SMALLEST_SIDE} pixels. "
            f"Small but useful is (64, 384); the competition's images are {FULL_SHAPE}."
        )
