"""Anyone's own images with masks as pictures, to a data set in the competition's layout."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from helpers.data.images import FORMATS
from helpers.data.importing import (
    MOST_CLASSES,
    FaultyFileError,
    check_class_names,
    check_places,
    check_size,
    default_class_names,
    list_folder,
    pictures_in,
    read_class_names,
    work_through,
    write_import,
)
from helpers.data.problems import WARNING, Problem, shorten
from helpers.rle import mask2rle

EXACT_FORMATS = ("BMP", "GIF", "PNG", "PPM", "TIFF")
VALUES_NAMED = 5
ONE_FOLDER_A_CLASS = (
    "put it into a folder of its class (MASKS/<class name>/<image stem>.png), where all but 0 is defect"
)


@dataclass(frozen=True)
class _Mask:
    """One mask file: class_id is None where its values are class ids."""

    path: Path
    place: str
    class_id: int | None


def import_masks(images, masks, out, *, class_names=None, clean_without_mask=False, test=None, progress=True):
    """Turn images and their masks into a data set in the competition's layout.

    An image and its mask have the same file stem (`a.jpg`, `a.png`). Either every mask's values are class ids (0 is
    background), as grey values or palette indices of any bit depth; or `masks` holds one folder a class, in whose
    masks everything but 0 is a defect, and an image needs a mask in one of them only. Hidden files are not looked at.

    A file that can't be used is left out, with its image, and listed in `import_problems.csv`.

    Args:
        images: folder of images in any format that the project reads; they are copied byte for byte.
        masks: folder of masks (PNG; BMP, GIF, PPM and TIFF will do).
        out: folder to write; new or empty.
        class_names: names in the order of the class ids, or a text as in `read_class_names`. None takes the folders'
            names, or "class 1" and so on for the values found, which then must count up from 1.
        clean_without_mask: whether an image without a mask is free of defects; otherwise it is left out.
        test: folder of images without labels to become the test images; None for none.
        progress: whether to show progress bars.

    Returns:
        An `Imported`.

    Raises:
        FileNotFoundError: a folder or the file of class names is missing.
        FileExistsError: `out` holds something.
        ValueError: the folders contain one another, no mask fits an image, the classes can't be told, or no image is
            left. Nothing is written then.
    """
    images, masks = Path(images).absolute(), Path(masks).absolute()
    pictures, problems = pictures_in(images)
    mask_files, mask_folders = list_folder(masks, "masks")
    sources = {"images": images, "masks": masks} | ({"test images": Path(test)} if test is not None else {})
    out = check_places(out, **sources)
    if images.resolve() == masks.resolve():
        raise ValueError(f"{images}: images and masks are the same folder. Give the masks a folder of their own.")
    problems = [problem for problem in problems if (images / Path(problem.file).name).resolve() != masks.resolve()]
    names = None if class_names is None else read_class_names(class_names)
    if mask_files and mask_folders:
        raise ValueError(
            f"{masks}: holds both files ({shorten(mask_files[0])}) and folders ({shorten(mask_folders[0])}); expected "
            "masks whose values are class ids, or one folder a class. Move one of the two away."
        )
    if mask_folders:
        names, found, folder_problems = _masks_in_folders(masks, mask_folders, names)
        problems += folder_problems
    else:
        found = [_Mask(masks / name, f"{masks.name}/{name}", None) for name in mask_files]
    masks_of, orphans = _match(pictures, found, images, masks)
    inferred = names is None
    if inferred:
        names = _names_from_values([mask for matched in masks_of.values() for mask in matched], masks, progress)
    shared = _shared_stems(pictures)

    def find_runs(picture, decoded):
        if _stem(picture.name) in shared:
            problem = f"several images have the stem {shorten(_stem(picture.name))}, so that masks can't be told apart"
            return {}, [FaultyFileError(problem, "Rename all but one of them.").at(picture.place, picture.name)]
        matched = masks_of[picture.name]
        if not matched and not clean_without_mask:
            mend = "Add its mask, or give --clean-without-mask if images without a mask are free of defects."
            return {}, [FaultyFileError("the image has no mask", mend).at(picture.place, picture.name)]
        return _runs_of(matched, picture, decoded, len(names), inferred)

    return write_import(out, names, pictures, find_runs, problems + orphans, test=test, progress=progress)


def read_mask(path):
    """Read the values of a mask as they were drawn, whatever way they are stored.

    Args:
        path: PNG, BMP, GIF, PPM or TIFF, by content. A palette gives its indices, not its colours; 16 bits, and
            grey values of 2 or 4 bits, are not scaled; a colour picture has to have three equal channels.

    Returns:
        Integer array (height, width).

    Raises:
        FaultyFileError: the file is no mask; the message doesn't name it.
    """
    copy = "Copy the mask again from where it came from."
    if not Path(path).is_file():
        raise FaultyFileError("this is no file" if Path(path).exists() else "the link leads nowhere", copy)
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.format not in EXACT_FORMATS:
                raise FaultyFileError(
                    f"the mask is a {image.format}, which changes its values", "Export the mask as PNG."
                )
            if getattr(image, "n_frames", 1) > 1:
                raise FaultyFileError(
                    f"the mask has {image.n_frames} pages; expected one", "Export each page as a PNG."
                )
            storage = _storage(image)
            image.load()
            values = np.asarray(image)
    except FaultyFileError:
        raise
    except UnidentifiedImageError:
        raise FaultyFileError("this is no picture", copy) from None
    # What a broken file makes a decoder raise has no end, and one file must not end the import.
    except Exception as error:
        raise FaultyFileError(
            f"the mask can't be decoded ({str(error).replace(str(path), Path(path).name)})", copy
        ) from None
    if values.ndim == 3 and ";16" in storage:  # Pillow cuts such values down to their upper 8 bits.
        values = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
        if values is None:
            raise FaultyFileError("the mask can't be decoded", copy)
    values = _single_channel(values)
    if values.dtype.kind == "f":
        if not np.array_equal(values, np.round(values)):
            raise FaultyFileError(
                "the mask holds values that are not whole numbers", "Save the class ids as whole numbers."
            )
        values = values.astype(np.int64)
    few_bits = re.match(r"L;([24])", storage)
    if few_bits:  # Pillow spreads such values over 0 to 255.
        values = values // (255 // (2 ** int(few_bits[1]) - 1))
    return values.astype(np.uint8) if values.dtype == bool else values


def _storage(image):
    """How Pillow says that the pixels are stored, such as "L;2"; "" where it doesn't say."""
    arguments = image.tile[0].args if image.tile else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _single_channel(values):
    """One channel of a mask of several, which have to be equal; transparency has to be the same everywhere."""
    if values.ndim == 2:
        return values
    if values.shape[2] in (2, 4):
        if (values[..., -1] != values[0, 0, -1]).any():
            problem = "the mask is transparent in part, so that its values are not clear"
            raise FaultyFileError(problem, "Save the mask without transparency.")
        values = values[..., :-1]
    differs = (values != values[..., :1]).any(axis=2)
    if differs.any():
        row, column = np.argwhere(differs)[0].tolist()
        problem = (
            f"the mask is a colour picture whose channels differ in {np.count_nonzero(differs):,} pixels (the first at "
            f"row {row}, column {column}); expected class ids"
        )
        raise FaultyFileError(problem, "Save it with the class ids as grey values or as palette indices.")
    return values[..., 0]


def _stem(name):
    """File stem by which images and masks are matched; composed and decomposed accents count as the same."""
    return unicodedata.normalize("NFC", Path(name).stem)


def _shared_stems(pictures):
    """Stems that several images have."""
    names = defaultdict(list)
    for picture in pictures:
        names[_stem(picture.name)].append(picture.name)
    return {stem for stem, same in names.items() if len(same) > 1}


def _masks_in_folders(masks, folders, names):
    """(class names, masks, problems) where there is one folder a class."""
    if names is None:
        names = check_class_names(tuple(folders), masks)
    elif not set(folders) & set(names):
        raise ValueError(
            f"{masks}: holds the folders {shorten(', '.join(folders))}; the classes are called "
            f"{shorten(', '.join(names))}. Name the folders like the classes."
        )
    found, problems = [], []
    for folder in folders:
        files, inner = list_folder(masks / folder, "masks of a class")
        place = f"{masks.name}/{folder}"
        if folder not in names:
            problem = f"the folder is called like none of the {len(names)} classes; {len(files)} masks are left out"
            # Its images may have this defect and no other, so that they would come out as free of defects.
            found += [_Mask(masks / folder / name, f"{place}/{name}", 0) for name in files]
            problems.append(FaultyFileError(problem, "Rename the folder, or add the class to --classes.").at(place))
            continue
        found += [_Mask(masks / folder / name, f"{place}/{name}", names.index(folder) + 1) for name in files]
        problems += [
            FaultyFileError(
                "this is a folder, which is not looked into", "Put masks right into the folder of their class."
            ).at(f"{place}/{name}", severity=WARNING)
            for name in inner
        ]
    problems += [
        FaultyFileError("there is no folder of this class", "If it has defects, add their masks.").at(
            f"{masks.name}/{name}", severity=WARNING
        )
        for name in names
        if name not in folders
    ]
    return names, found, problems


def _match(pictures, found, images, masks):
    """(mapping of image name to its masks, a `Problem` for each mask without an image)."""
    by_stem = defaultdict(list)
    for mask in found:
        by_stem[_stem(mask.path.name)].append(mask)
    masks_of = {picture.name: by_stem.get(_stem(picture.name), []) for picture in pictures}
    if not pictures or not any(masks_of.values()):
        first = [shorten(names[0]) if names else "none" for names in ([m.path.name for m in found], list(masks_of))]
        raise ValueError(
            f"{masks}: none of {len(found):,} masks (the first: {first[0]}) has the stem of one of {len(pictures):,} "
            f"images (the first: {first[1]}) in {images}. Name each mask like its image: a.jpg, a.png."
        )
    stems = {_stem(name) for name in masks_of}
    mend = "Add the image, or remove the mask; a mask is called like its image: a.jpg, a.png."
    orphans = [
        FaultyFileError("there is no image for this mask", mend).at(mask.place)
        for stem, same in by_stem.items()
        if stem not in stems
        for mask in same
    ]
    return masks_of, orphans


def _names_from_values(found, masks, progress):
    """Class names for the values that the masks hold: as many as count up from 1 without a gap."""

    def distinct(mask):
        try:
            return set(np.unique(read_mask(mask.path)).tolist())
        except FaultyFileError as fault:
            return fault

    results = work_through(distinct, found, "Reading masks", progress=progress)
    values = set().union(*(result for result in results if isinstance(result, set)))
    num_classes = next(number for number in range(MOST_CLASSES + 1) if number + 1 not in values)
    if num_classes:
        return default_class_names(num_classes)
    shown = ", ".join(str(value) for value in sorted(values)[: VALUES_NAMED + 1])
    if values <= {0} and any(isinstance(result, FaultyFileError) for result in results):
        first = next(position for position, result in enumerate(results) if isinstance(result, FaultyFileError))
        raise ValueError(f"{found[first].path}: {results[first]} No other mask tells the classes.")
    if values <= {0}:
        raise ValueError(f"{masks}: no mask holds a value but 0, so there are no classes. Name them with --classes.")
    if values <= {0, 255}:
        mend = f"If 255 marks the defect, divide the masks by 255; or {ONE_FOLDER_A_CLASS}."
        raise ValueError(f"{masks}: the masks hold the values {shown}; 255 is outside the class ids 1, 2, .... {mend}")
    raise ValueError(
        f"{masks}: the masks hold the values {shown}{'' if len(values) <= VALUES_NAMED + 1 else ', ...'}; expected "
        "class ids that count up from 1. Name all classes with --classes, or correct the masks."
    )


def _runs_of(matched, picture, decoded, num_classes, inferred):
    """(runs of each class present, problems) of one image from its masks."""
    runs, problems = {}, []
    for class_id in {mask.class_id for mask in matched}:
        same = [mask.place for mask in matched if mask.class_id == class_id]
        if len(same) > 1:
            fault = FaultyFileError(
                "several masks have this stem: " + shorten(", ".join(same), 200), "Remove all but one."
            )
            return {}, [fault.at(same[1], picture.name)]
    for mask in matched:
        try:
            if mask.class_id == 0:
                raise FaultyFileError(
                    "the mask is in a folder of no class", "Rename the folder, or add the class to --classes."
                )
            values = read_mask(mask.path)
            check_size(values.shape, decoded, "the mask")
            if mask.class_id is None:
                runs |= _runs_of_values(values, num_classes, inferred)
            else:
                problems += _warn_of_values(values, mask, picture)
                runs |= {mask.class_id: mask2rle(values != 0)} if values.any() else {}
        except FaultyFileError as fault:
            problems.append(fault.at(mask.place, picture.name))
    return runs, problems


def _runs_of_values(values, num_classes, inferred):
    """Runs of each class in a mask of class ids."""
    found, counts = np.unique(values, return_counts=True)
    counts = dict(zip(found.tolist(), counts.tolist(), strict=True))
    outside = [value for value in counts if not 0 <= value <= num_classes]
    if outside:
        named = ", ".join(f"{value} ({counts[value]:,} pixels)" for value in outside[:VALUES_NAMED])
        named += f" and {len(outside) - VALUES_NAMED} more" if len(outside) > VALUES_NAMED else ""
        whence = ", as far as the values of all masks count up without a gap" if inferred else ""
        problem = (
            f"the mask holds the value {named}; expected 0 (background) and the class ids 1 to {num_classes}{whence}"
        )
        if set(counts) <= {0, 255}:
            raise FaultyFileError(problem, f"If 255 marks the defect, divide the mask by 255; or {ONE_FOLDER_A_CLASS}.")
        raise FaultyFileError(problem, "Name all classes with --classes, or correct the mask.")
    return {value: mask2rle(values == value) for value in counts if value}


def _warn_of_values(values, mask, picture):
    """A warning where a mask of one class holds several values, since they may be class ids or soft edges."""
    found = np.unique(values[values != 0])
    if len(found) < 2:
        return []
    problem = f"the mask holds {len(found)} values besides 0; all of them count as defect"
    mend = "If they are class ids, give a folder of such masks; if edges are soft, threshold the mask."
    return [Problem(WARNING, mask.place, None, picture.name, problem, mend)]
