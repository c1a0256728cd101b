"""When each image was taken: told by the data, by the camera, or made up so that there is something to look at."""

import hashlib
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd
from PIL import Image

from helpers.data.images import FORMATS
from helpers.data.problems import shorten
from helpers.data.tables import ROW_PER_PAIR, read_table
from helpers.files import write_csv

COLUMN = "captured_at"
FILE = f"{COLUMN}.csv"  # of a data directory: ImageId,captured_at; also speaks of test images and of clean ones
TOLD, PHOTOGRAPHED, SIMULATED = "told", "photographed", "simulated"
SOURCES = {
    TOLD: f"as `{COLUMN}` says",
    PHOTOGRAPHED: "as the cameras noted it in the images (EXIF)",
    SIMULATED: "simulated: the data has none, so that each image got one of the year 2019 by chance, "
    "and what is seen over time is chance, too",
}
FIRST, DAYS, SEED = pd.Timestamp("2019-01-01"), 365, 2019
EXIF, TAKEN, CHANGED = 0x8769, 0x9003, 0x0132  # tags of EXIF: the camera's directory, time taken, time changed


@dataclass(frozen=True)
class Dates:
    """The dates of all images.

    Attributes:
        taken: Series of timestamps without a zone, in the order of `Dataset.images`; NaT where it is not known.
        source: one of `SOURCES`.
        notes: sentences on what could not be read.
    """

    taken: pd.Series
    source: str
    notes: tuple

    @property
    def simulated(self):
        """Whether the dates mean nothing."""
        return self.source == SIMULATED

    @property
    def words(self):
        """Where the dates come from, for people."""
        return SOURCES[self.source]


def find_dates(dataset, cache=None):
    """The dates of all images of a data set.

    A column `captured_at` of `train.csv` or of `captured_at.csv` counts first; where neither says anything, what the
    cameras noted in the images; where they noted nothing, dates are simulated over one year.

    Args:
        dataset: a `Dataset`.
        cache: CSV file that keeps what the images say, since each has to be opened for it; None keeps nothing.

    Returns:
        `Dates`.

    Raises:
        ValueError: a file of dates is no table, or has other columns.
    """
    told, notes = _told(dataset)
    if told.notna().any():
        return Dates(told, TOLD, notes)
    noted = _noted(dataset, cache)
    if noted.notna().any():
        return Dates(noted, PHOTOGRAPHED, notes)
    return Dates(simulate_dates(dataset.images), SIMULATED, notes)


def simulate_dates(images, seed=SEED):
    """A time within one year for each image; it follows from the image's name and the seed alone.

    Args:
        images: table with part and image_id.
        seed: another seed gives other dates.

    Returns:
        Series of timestamps.
    """
    names = (f"{seed}/{part}/{image_id}" for part, image_id in zip(images["part"], images["image_id"], strict=True))
    shares = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48 for name in names]
    seconds = pd.Series(shares, dtype="float64") * DAYS * 24 * 3600
    return (FIRST + pd.to_timedelta(seconds.astype("int64"), unit="s")).rename("taken")


def _told(dataset):
    """(dates that the label file or `captured_at.csv` tells, notes)."""
    found, notes = {}, []
    for name, needed in (("train.csv", False), (FILE, True)):
        path = dataset.directory / name
        if path.is_file():
            named, lines = _read_column(path, needed)
            found, notes = found | named, [*notes, *lines]
    taken = dataset.images["image_id"].map(found)
    return pd.to_datetime(taken).rename("taken"), tuple(notes)


def _read_column(path, needed):
    """(dict of image id -> date, notes) of a CSV file with the column, and perhaps without it unless it is needed."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        if not needed and COLUMN not in file.readline():
            return {}, []
    table = read_table(path)
    if "ImageId" not in table and ROW_PER_PAIR[0] in table:
        table = table.assign(ImageId=table[ROW_PER_PAIR[0]].str.rsplit("_", n=1).str[0])
    if not {"ImageId", COLUMN} <= set(table):
        if not needed:
            return {}, []
        raise ValueError(
            f"{path}: found the columns {shorten(','.join(table.columns.drop('row')))}; expected ImageId,{COLUMN}. "
            "Rename the columns, or delete the file."
        )
    texts = table[COLUMN].str.strip()
    dates = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    wrong = table[dates.isna() & (texts != "")]
    notes = []
    if len(wrong):
        notes.append(
            f"{path.name}: row {wrong['row'].iloc[0]}: {COLUMN} is {shorten(wrong[COLUMN].iloc[0])}; expected a time "
            f"such as 2019-07-01T12:30 ({len(wrong):,} such rows). Their images have no date."
        )
    known = pd.DataFrame({"ImageId": table["ImageId"], "taken": dates}).dropna()
    return known.drop_duplicates("ImageId").set_index("ImageId")["taken"].to_dict(), notes


def _noted(dataset, cache):
    """Dates that the images hold, read once and kept."""
    images = dataset.images
    known = _read_cache(cache, images)
    if known is None:
        with ThreadPoolExecutor() as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = pd.Series(list(pool.map(_read_exif, images["path"])), dtype="str")
        if cache is not None:
            write_csv(cache, pd.DataFrame({"sha256": images["sha256"], "taken": known}), index=False)
    return pd.to_datetime(known, format="%Y:%m:%d %H:%M:%S", errors="coerce").rename("taken")


def _read_cache(cache, images):
    """What was kept, if it is of these images."""
    if cache is None or not cache.is_file():
        return None
    kept = pd.read_csv(cache, dtype="str", keep_default_na=False)
    if list(kept) != ["sha256", "taken"] or kept["sha256"].tolist() != images["sha256"].tolist():
        return None
    return kept["taken"]


def _read_exif(path):
    """The time in an image's EXIF as text, such as "2019:07:01 12:30:00"; "" where there is none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            found = image.getexif()
            return str(found.get_ifd(EXIF).get(TAKEN) or found.get(CHANGED) or "").strip("\0 ")
    # What a broken note makes the reader raise has no end; the image itself was decoded before.
    except Exception:
        return ""
