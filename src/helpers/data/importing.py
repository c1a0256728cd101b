"""What the importers share: reading class names, and writing the competition's layout whole or not at all.

An importer finds out which pictures there are and what is defective in each. Here the pictures are checked and copied
byte for byte, the labels written, and everything that had to be left out is listed in `import_problems.csv`.
"""

import csv
import json
import os
import re
import shutil
import unicodedata
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from PIL import Image
from tqdm import tqdm

from helpers.data.dataset import PARTS
from helpers.data.images import FORMATS, describe_image
from helpers.data.made_up.workplace import workplace_beside
from helpers.data.problems import ERROR, WARNING, Problem, one_line, problem_table, shorten
from helpers.data.tables import ROW_PER_DEFECT
from helpers.files import write_csv, write_json

MOST_CLASSES = 255
PROBLEMS_FILE = "import_problems.csv"
KINDS_SHOWN = 6
# The tag's values from 2 on: the picture is stored mirrored or turned. From 5 on its height and width are exchanged.
ORIENTATION_TAG, SIDEWAYS = 0x0112, 5


class FaultyFileError(ValueError):
    """Something about one file that keeps it from being used.

    Args:
        problem: what arrived and what was expected, without a full stop.
        mend: what to do, as a sentence.
    """

    def __init__(self, problem, mend):
        super().__init__(f"{problem}. {mend}")
        self.problem, self.mend = problem, mend

    def at(self, file, image_id="", severity=ERROR):
        """This fault as a `Problem` of one file."""
        return Problem(severity, file, None, image_id, self.problem, self.mend)


@dataclass(frozen=True)
class Picture:
    """An image file to import.

    Attributes:
        path: where it lies.
        place: how messages call it, such as "images/a.jpg".
        name: its file name in the new data set.
    """

    path: Path
    place: str
    name: str


@dataclass(frozen=True)
class Decoded:
    """What decoding a picture told.

    Attributes:
        shape: (height, width) in pixels, upright: as the project's reader gives it.
        orientation: EXIF orientation, 1 to 8; 1 where the file names none.
    """

    shape: tuple
    orientation: int


@dataclass(frozen=True)
class Imported:
    """What an import wrote, and what it left out; its text is a summary for the terminal.

    Attributes:
        directory: the new data set.
        class_names: a name for each class; class ids count from 1.
        shapes: Counter of the images' (height, width) in pixels, training and test together.
        images: number of training images.
        defect_free: number of training images without a defect.
        images_of_class: number of training images with each class, in the order of the classes.
        test_images: number of test images.
        left_out: number of pictures that were not taken.
        problems: table of what is wrong: severity, file, row, image_id, problem, mend.
    """

    directory: Path
    class_names: tuple
    shapes: Counter
    images: int
    defect_free: int
    images_of_class: tuple
    test_images: int
    left_out: int
    problems: pd.DataFrame

    def __str__(self):
        sizes = sorted(self.shapes)
        size = "{} x {} pixels".format(*sizes[0]) if len(sizes) == 1 else f"{len(sizes)} sizes"
        lines = [
            f"Written: {one_line(self.directory)}",
            f"Training images: {self.images:,}, of which {self.defect_free:,} are free of defects; test images: "
            f"{self.test_images:,}; {size}.",
        ]
        lines += [
            f"  {number} {one_line(name)}: in {count:,} images"
            for number, (name, count) in enumerate(zip(self.class_names, self.images_of_class, strict=True), start=1)
        ]
        lines.append(f"Left out: {self.left_out:,} images. Problems: {len(self.problems):,}")
        if len(self.problems):
            lines[-1] += f", all listed in {one_line(self.directory / PROBLEMS_FILE)}."
            lines += describe_kinds(self.problems)
        else:
            lines[-1] += "."
        return "\n".join(lines)


def read_class_names(given):
    """Names of the classes, in the order of their ids.

    Args:
        given: a sequence of names; or a text: the path of a JSON file (`{"1": "inclusion", ...}`, or a data set's
            classes.json), the path of a text file with a name a line, or the names themselves with commas between.

    Returns:
        tuple of str, 1 to 255 of them.

    Raises:
        FileNotFoundError: the text looks like a file that is not there.
        ValueError: a name is empty or there twice, or the ids do not count from 1.

    Example:
        >>> read_class_names("inclusion, patches, scratches")
        ('inclusion', 'patches', 'scratches')
    """
    if not isinstance(given, (str, os.PathLike)):
        return check_class_names(tuple(given), "the class names")
    if os.path.isfile(given):
        return _read_class_file(Path(given))
    text = os.fspath(given)
    if isinstance(given, os.PathLike) or text.lower().endswith((".json", ".txt")) or os.sep in text:
        raise FileNotFoundError(
            f"{text}: there is no such file. Give a file with the class names, or the names: a,b,c."
        )
    return check_class_names(tuple(name.strip() for name in text.split(",")), "the class names")


def _read_class_file(path):
    """Class names from a JSON file, or from a text file with a name a line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: this is no UTF-8 text. Save the class names as UTF-8 again.") from None
    if path.suffix.lower() != ".json":
        return check_class_names(tuple(line.strip() for line in text.splitlines() if line.strip()), path)
    try:
        table = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: this is no JSON ({error}). Mend the file.") from None
    if isinstance(table, dict) and isinstance(table.get("classes"), dict):
        table = table["classes"]
    numbers = [str(number + 1) for number in range(len(table))] if isinstance(table, dict) else []
    if not numbers or set(numbers) != set(table):
        raise ValueError(
            f'{path}: got {shorten(text)}, expected {{"1": "name", "2": "name", ...}}, counted from 1. Mend the file.'
        )
    return check_class_names(tuple(table[number] for number in numbers), path)


def check_class_names(names, place):
    """Return the class names, or say what is wrong with them.

    Raises:
        ValueError: there are none or more than 255; one is no text, empty, not printable, or there twice.
    """
    if not 1 <= len(names) <= MOST_CLASSES:
        raise ValueError(f"{place}: got {len(names)} names, expected 1 to {MOST_CLASSES}. Name each class once.")
    for number, name in enumerate(names, start=1):
        sound = isinstance(name, str) and name.strip()
        if not sound or any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise ValueError(f"{place}: class {number} is called {shorten(name)}. Give it a name in plain text.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{place}: {shorten(twice[0])} is there twice. Give each class a name of its own.")
    return names


def default_class_names(num_classes):
    """("class 1", "class 2", ...)."""
    return tuple(f"class {number}" for number in range(1, num_classes + 1))


def list_folder(folder, what):
    """Names of the files and of the folders in a folder, each sorted as people count; hidden ones are left out.

    Args:
        folder: the folder.
        what: what it should hold, for the message.

    Returns:
        (file names, folder names). A link is what it leads to; one that leads nowhere counts as a file.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. Give the folder that holds the {what}.")
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")]
    files = [name for name, is_folder in found if not is_folder]
    folders = [name for name, is_folder in found if is_folder]
    return sorted(files, key=_natural), sorted(folders, key=_natural)


def _natural(name):
    """Sort key by which "class 2" comes before "class 10"."""
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)], name


def pictures_in(folder, what="images"):
    """(a `Picture` for each file in a folder, a `Problem` for each folder in it that is not looked into)."""
    folder = Path(folder).absolute()
    files, folders = list_folder(folder, what)
    problems = [
        Problem(
            WARNING,
            f"{folder.name}/{name}",
            None,
            "",
            "this is a folder, which is not looked into",
            "If it holds images, put them right into the folder given, or import it on its own.",
        )
        for name in folders
    ]
    return [Picture(folder / name, f"{folder.name}/{name}", name) for name in files], problems


def check_places(out, **sources):
    """Absolute path of a new data set, or an error when it would overwrite something.

    Args:
        out: the folder to write; new or empty.
        sources: folders that are read, by their role.

    Raises:
        FileExistsError: `out` holds something, or is a file.
        ValueError: `out` and a source are one folder, or one lies inside the other.
    """
    out = Path(out).resolve()
    for role, source in sources.items():
        source = Path(source).resolve()
        if out == source or out in source.parents or source in out.parents:
            how = "are the same folder" if out == source else "lie one inside the other"
            raise ValueError(f"{out}: the new data set and the {role} ({source}) {how}. Name another folder for it.")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "a folder that is not empty" if out.is_dir() else "a file"
        raise FileExistsError(
            f"{out} is {what}; expected a new or an empty folder, because nothing is overwritten. "
            "Name another folder, or remove this one first."
        )
    return out


@contextmanager
def new_folder(out):
    """Hand out a folder to fill; it becomes `out` when the block ends without an error, else nothing is left of it.

    Args:
        out: path from `check_places`.

    Yields:
        Path of an empty folder on the same disk.
    """
    missing = [parent for parent in out.parents if not parent.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with workplace_beside(out) as workplace:
            content = workplace / out.name
            content.mkdir()
            yield content
            move_into_place(content, out)
    except BaseException:
        with suppress(OSError):  # where something else has come to lie in it meanwhile
            for parent in missing:
                parent.rmdir()
        raise


def move_into_place(content, out):
    """Move a folder to `out`, which is new or an empty folder."""
    if out.exists():
        out.rmdir()
    content.rename(out)


def work_through(function, items, description, *, progress=True):
    """Call a function on each item in threads, behind a progress bar: a list in the order of the items.

    Pictures too large to be decoded safely raise an error meanwhile, and other warnings of decoders are not shown.
    """
    # The filters are set here and not in each thread, since they belong to all threads together.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            results = pool.map(function, items)
            return list(tqdm(results, description, len(items), unit="image", disable=not progress))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def write_import(out, class_names, pictures, find_runs, problems, *, test=None, left_out=0, progress=True):
    """Check and copy the pictures, and write them with their labels as a data set in the competition's layout.

    A picture with an error is left out, since it is not known what it shows.

    Args:
        out: path from `check_places`.
        class_names: a name for each class.
        pictures: list of `Picture` for the training images, each with a name of its own.
        find_runs: function of (picture, decoded) that gives (runs, problems): a mapping of class id to the run-length
            text of each class present, and a list of `Problem`. It is called from several threads.
        problems: list of `Problem` found so far.
        test: folder of images without labels that become the test images; None for none.
        left_out: number of pictures that the caller left out already.
        progress: whether to show progress bars.

    Returns:
        An `Imported`.

    Raises:
        ValueError: no training image is left; nothing is written.
    """
    tests, test_problems = pictures_in(test, "test images") if test is not None else ([], [])
    with new_folder(out) as content:
        for folder in PARTS.values():
            (content / folder).mkdir()

        def take_training(picture):
            return _take(picture, content / PARTS["train"], find_runs)

        def take_test(picture):
            return _take(picture, content / PARTS["test"], lambda *_: ({}, []))

        taken = work_through(take_training, pictures, "Importing images", progress=progress)
        taken_tests = work_through(take_test, tests, "Importing test images", progress=progress and bool(tests))
        found = [problem for _, _, problems_of_one in taken + taken_tests for problem in problems_of_one]
        table = problem_table([_writable(problem) for problem in [*problems, *test_problems, *found]])
        kept = [(picture, runs) for picture, (shape, runs, _) in zip(pictures, taken, strict=True) if shape]
        if not kept:
            kinds = "\n".join(["The problems:", *describe_kinds(table)]) if len(table) else "There are none."
            raise ValueError(f"None of {len(pictures) + left_out:,} images can be imported. {kinds}")
        rows = sorted((picture.name, class_id, text) for picture, runs in kept for class_id, text in runs.items())
        shapes = Counter(shape for shape, _, _ in taken + taken_tests if shape)
        _write_tables(content, out.name, class_names, rows, shapes, table)
    present = Counter(class_id for _, class_id, _ in rows)
    return Imported(
        directory=out,
        class_names=class_names,
        shapes=shapes,
        images=len(kept),
        defect_free=sum(not runs for _, runs in kept),
        images_of_class=tuple(present[class_id] for class_id in range(1, len(class_names) + 1)),
        test_images=shapes.total() - len(kept),
        left_out=left_out + len(pictures) + len(tests) - shapes.total(),
        problems=table,
    )


def _take(picture, folder, find_runs):
    """Check one picture and copy it: (shape, or None where it was left out; runs of each class; problems)."""
    height, width, channels, kind, problem = describe_image(picture.path)
    if problem:
        fault = FaultyFileError(problem, "Replace or remove the file; until then it is left out.")
        return None, {}, [fault.at(picture.place, picture.name)]
    decoded = Decoded((height, width), _read_orientation(picture.path))
    runs, problems = find_runs(picture, decoded)
    problems = [*_peculiarities(picture, decoded, channels, kind), *problems]
    if any(found.severity == ERROR for found in problems):
        return None, {}, problems
    shutil.copyfile(picture.path, folder / picture.name)
    return decoded.shape, runs, problems


def _read_orientation(path):
    """EXIF orientation of a picture that can be decoded; 1 where its EXIF data is missing or garbled."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
    # What garbled EXIF data makes the library raise has no end, and the picture itself is sound.
    except Exception:
        return 1
    return orientation if orientation in range(1, 9) else 1


def _peculiarities(picture, decoded, channels, kind):
    """A warning for each thing about a usable picture that its owner should know."""
    faults = []
    if decoded.orientation > 1:
        problem = f"EXIF orientation {decoded.orientation} turns the image; its mask was taken to fit the upright one"
        faults.append(
            FaultyFileError(problem, "Look at the two together; to be sure, save the image upright without the tag.")
        )
    if kind == "JPEG" and channels == 4:
        problem = "the image is a CMYK JPEG; its colours are converted to red, green and blue without a profile"
        faults.append(FaultyFileError(problem, "Save it as grey or RGB if its brightness has to be exact."))
    return [fault.at(picture.place, picture.name, WARNING) for fault in faults]


def check_size(shape, decoded, what):
    """Check that a mask fits its image.

    Args:
        shape: (height, width) of the mask in pixels.
        decoded: what decoding the image told.
        what: what the size is of, for the message.

    Raises:
        FaultyFileError: the sizes differ.
    """
    if tuple(shape) == decoded.shape:
        return
    problem = "{} has {} x {} pixels; expected {} x {} like the image".format(what, *shape, *decoded.shape)
    if decoded.orientation >= SIDEWAYS and tuple(shape) == decoded.shape[::-1]:
        problem += f", which its EXIF orientation {decoded.orientation} turns upright"
        raise FaultyFileError(problem, "Turn the mask the same way, or save the image again without the tag.")
    raise FaultyFileError(problem, "Give the mask that was drawn on this image, at its size.")


def _write_tables(content, name, class_names, rows, shapes, problems):
    """Write train.csv, classes.json and import_problems.csv."""
    _write_table(content / "train.csv", pd.DataFrame(rows, columns=ROW_PER_DEFECT))
    _write_table(content / PROBLEMS_FILE, problems)
    described = {
        "name": _utf8(name),
        "classes": {str(number): class_name for number, class_name in enumerate(class_names, start=1)},
        "sizes": "same" if len(shapes) == 1 else "any",
    }
    write_json(content / "classes.json", described)


def _write_table(path, table):
    """Write a table as CSV that reads back the same, whatever the file names in it."""
    # A lone carriage return ends a line for readers, but is not among what the writer quotes by itself.
    has_return = any(table[column].astype(str).str.contains("\r", regex=False).any() for column in table)
    quoting = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
    write_csv(path, table, index=False, lineterminator="\n", quoting=quoting)


def describe_kinds(problems):
    """Lines for the terminal: the first problem of each kind, errors first, and how many more there are like it."""
    groups = sorted(problems.groupby("mend", sort=False), key=lambda group: group[1]["severity"].ne(ERROR).all())
    lines = []
    for _, group in groups[:KINDS_SHOWN]:
        first = next(group.itertuples(index=False))
        more = f" ({len(group) - 1:,} more like it)" if len(group) > 1 else ""
        lines.append(one_line(f"  {first.severity}: {first.file}: {first.problem}. {first.mend}{more}"))
    if len(groups) > KINDS_SHOWN:
        lines.append(f"  and {len(groups) - KINDS_SHOWN} kinds more")
    return lines


def _writable(problem):
    """A problem whose texts can be written as UTF-8."""
    return replace(problem, **{name: _utf8(value) for name, value in vars(problem).items() if isinstance(value, str)})


def _utf8(text):
    """A text that can be written as UTF-8: bytes of a file name that are none are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
