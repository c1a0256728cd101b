"""Dates: told, photographed or simulated."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.dashboard.dates import FILE, PHOTOGRAPHED, SIMULATED, TOLD, find_dates, simulate_dates
from helpers.data.dataset import read_dataset
from tiny_models import tiny_dataset


@pytest.fixture
def dataset(tmp_path):
    return tiny_dataset(tmp_path / "tiny", 4, test_images=1)


def days(dates):
    return ["" if pd.isna(day) else f"{day:%Y-%m-%dT%H:%M}" for day in dates.taken]


def test_dates_are_simulated_over_one_year_and_said_to_be(dataset):
    found = find_dates(dataset)
    assert found.source == SIMULATED and found.simulated and found.words.startswith("simulated")
    assert found.taken.dt.year.eq(2019).all() and found.taken.nunique() == 5
    pd.testing.assert_series_equal(find_dates(dataset).taken, found.taken)


def test_simulated_dates_depend_on_the_name_and_the_seed_alone():
    images = pd.DataFrame({"part": "train", "image_id": [f"{number}.jpg" for number in range(3000)]})
    dates = simulate_dates(images)
    assert simulate_dates(images[100:101].reset_index(drop=True)).tolist() == dates[100:101].tolist()
    assert (simulate_dates(images, seed=1) != dates).all()
    counts = dates.dt.month.value_counts()
    assert len(counts) == 12 and counts.min() > 150  # 250 a month are expected


def test_dates_of_a_column_of_the_label_file_and_of_a_file_of_their_own(dataset):
    """The file of its own counts more, and speaks of clean and of test images, too."""
    path = dataset.directory / "train.csv"
    table = pd.read_csv(path, dtype=str).assign(captured_at=["2019-03-01", "2020-04-02T10:00", "", "2019-05-01"])
    table.to_csv(path, index=False)
    found = find_dates(read_dataset(dataset.directory))
    assert found.source == TOLD and not found.simulated
    assert days(found)[1:] == ["2019-03-01T00:00", "2020-04-02T10:00", "", "2019-05-01T00:00"]
    (dataset.directory / FILE).write_text("ImageId,captured_at\n02.png,2019-07-01T12:00+02:00\n00.png,2019-01-01\n")
    assert days(find_dates(read_dataset(dataset.directory))) == [
        "2019-01-01T00:00", "2019-01-01T00:00", "2020-04-02T10:00", "2019-07-01T10:00", "2019-05-01T00:00"
    ]  # fmt: skip


def test_a_date_that_is_none_is_named_with_its_row(dataset):
    (dataset.directory / FILE).write_text(
        "ImageId,captured_at\n00.png,2019-01-01\n01.png,yesterday\n02.png,31.12.2019\n"
    )
    found = find_dates(dataset)
    (note,) = found.notes
    assert note.startswith(f"{FILE}: row 3: captured_at is 'yesterday'; expected a time") and "(2 such rows)" in note
    assert days(found)[1:] == ["2019-01-01T00:00", "", "", ""]


def test_a_file_of_dates_with_other_columns(dataset):
    (dataset.directory / FILE).write_text("image,time\n00.png,2019-01-01\n")
    with pytest.raises(ValueError, match="found the columns 'image,time'; expected ImageId,captured_at. Rename"):
        find_dates(dataset)


def test_dates_that_the_cameras_noted_are_read_once(dataset, tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2018:06:05 04:03:02"}
    path = dataset.directory / "train_images" / "01.png"
    Image.fromarray(np.zeros((32, 64), np.uint8)).save(path, exif=exif)
    dataset, cache = read_dataset(dataset.directory), tmp_path / "exif.csv"
    found = find_dates(dataset, cache)
    assert found.source == PHOTOGRAPHED and days(found) == ["", "", "2018-06-05T04:03", "", ""]
    monkeypatch.setattr("helpers.dashboard.dates._read_exif", lambda path: pytest.fail("read again"))
    pd.testing.assert_series_equal(find_dates(dataset, cache).taken, found.taken)
