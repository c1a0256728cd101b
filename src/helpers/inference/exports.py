"""Exports beside a bundle, as `helpers.inference.export` wrote them: where they lie, and whether they are whole."""

import hashlib
import json
from pathlib import Path

from helpers.files import read_json
from helpers.models.bundle_file import ONCE, sha256_of

EXPORTS, RECORD, FORMAT, INT8 = "exports", "export.json", 1, "-int8"
DECIDE = ("arguments", "thresholds", "smallest_masks", "filled", "mirrored", "sizes")
RECORDED = {"sha256": str, "networks": dict, "files": dict, "checks": dict, "data": str}


def export_folder(folder, export):
    """Where an export of a bundle lies."""
    return Path(folder) / EXPORTS / export


def decisions_digest(bundle):
    """SHA-256 of what decides besides the weights what an engine costs: thresholds, smallest masks, sizes and the like.

    Args:
        bundle: dict of `bundle.json`.
    """
    told = {name: bundle.get(name) for name in DECIDE}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def export_command(folder, export):
    """The command that makes an export."""
    to = export.removesuffix(INT8)
    return f"steel export {folder} --to {to}{' --int8' if to != export else ''}"


def read_record(folder, bundle, export):
    """Read the record of an export, and check that the export is whole and was made of this bundle.

    Args:
        folder: the bundle's folder.
        bundle: dict of its `bundle.json`.
        export: name of the export.

    Returns:
        The dict of `export.json`.

    Raises:
        FileNotFoundError: there is no such export.
        ValueError: it is of other weights, sizes or a newer version, or a file of it is another one.
    """
    place = export_folder(folder, export)
    path, again = place / RECORD, f"Make it again: {export_command(folder, export)}"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Make it: {export_command(folder, export)}")
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"{path}: expected an export's record of format {FORMAT}. {again}")
    for key, found in RECORDED.items():
        if not isinstance(record.get(key), found):
            raise ValueError(f"{path}: {key} is missing or no {found.__name__}. {again}")
    once = checked_once(record)
    if not isinstance(once, dict) or not isinstance(once.get("checks"), dict):
        raise ValueError(f"{path}: {ONCE} is {once!r}, expected checks. {again}")
    if record["sha256"] != bundle["sha256"]:
        raise ValueError(f"{path}: this was made of other weights than the bundle has now. {again}")
    wanted = {shape_text(shape) for shape in network_shapes(bundle)}
    if not wanted <= set(record["networks"]):
        raise ValueError(
            f"{path}: the bundle predicts at {', '.join(sorted(wanted))}, and this was made for "
            f"{', '.join(record['networks'])}. {again}"
        )
    for name, sha256 in record["files"].items():
        if not _lies_in(place, name) or sha256_of(place / name) != sha256:
            raise ValueError(f"{place / name}: this is not the file that was exported. {again}")
    if not set(record["networks"].values()) <= set(record["files"]):
        raise ValueError(f"{path}: a network's file is none of those that were exported. {again}")
    return record


def checked_once(record):
    """What an export's record says of its checks for one pass, without any where the bundle had no decisions for it."""
    return record.get(ONCE, {"checks": {}})


def _lies_in(place, name):
    """Whether a file of that name lies in a folder, and not elsewhere."""
    return (place / name).is_file() and (place / name).resolve().is_relative_to(place.resolve())


def network_shapes(bundle):
    """The sizes of images that a bundle's predictions take: list of (height, width) in pixels, its own first."""
    sizes = sorted(bundle.get("sizes", [1.0]), key=lambda size: size != 1)
    shapes = [tuple(round(side * size) for side in bundle["input_shape"]) for size in (1.0, *sizes)]
    return list(dict.fromkeys(shapes))


def shape_text(shape):
    """A size as text, such as 128x800."""
    return "x".join(str(side) for side in shape)
