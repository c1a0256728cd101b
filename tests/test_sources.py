"""Where images come from: one sorted list, whatever the places."""

import os
import sys
import zipfile

import pytest

from helpers.inference.sources import find_images

fsspec = pytest.importorskip("fsspec")


def names(sources):
    return [source.name for source in sources]


@pytest.fixture
def sheets(tmp_path):
    """A folder with images in folders, a hidden file and a hidden folder."""
    for name in ("b.jpg", "a.png", "monday/c.jpg", "monday/late/a.jpg", ".DS_Store", ".old/x.jpg"):
        path = tmp_path / "sheets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "sheets"


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["."], ["a.png", "b.jpg", "monday/c.jpg", "monday/late/a.jpg"]),
        (["monday"], ["c.jpg", "late/a.jpg"]),
        (["b.jpg"], ["b.jpg"]),
        (["b.jpg", "a.png", "b.jpg"], ["a.png", "b.jpg"]),  # files, one of them twice
        (["a.png", "monday/late/a.jpg"], ["a.png", "monday/late/a.jpg"]),  # from the folder that they share
        (["*.jpg"], ["b.jpg"]),
        (["**/*.jpg"], ["b.jpg", "monday/c.jpg", "monday/late/a.jpg"]),
        (["monday/*"], ["c.jpg"]),
    ],
)
def test_find_images_on_disk(sheets, monkeypatch, places, expected):
    monkeypatch.chdir(sheets)
    found = find_images(places)
    assert names(found) == expected
    assert names(find_images([sheets / place for place in places])) == expected
    for source in found:
        assert source.read().decode().endswith(source.name.split("/")[-1])
        assert source.size == len(source.read()) and not source.place


def test_find_images_of_a_file_whose_name_looks_like_a_pattern(tmp_path):
    (tmp_path / "a[1].jpg").write_bytes(b"x")
    assert names(find_images([tmp_path / "a[1].jpg"])) == ["a[1].jpg"]


def test_find_images_does_not_walk_in_circles(sheets):
    """A link to the folder above, and one that leads nowhere, which is listed to be reported."""
    os.symlink(sheets, sheets / "monday" / "up")
    os.symlink(sheets / "gone", sheets / "lost.jpg")
    found = find_images([sheets])
    assert names(found) == ["a.png", "b.jpg", "lost.jpg", "monday/c.jpg", "monday/late/a.jpg"]
    assert (found[2].size, found[2].mark) == (0, "")
    with pytest.raises(FileNotFoundError):
        found[2].read()


def test_find_images_marks_files_by_size_and_time(sheets):
    before = {source.name: source.mark for source in find_images([sheets])}
    (sheets / "a.png").write_bytes(b"another")
    after = {source.name: source.mark for source in find_images([sheets])}
    assert {name for name in before if before[name] != after[name]} == {"a.png"}


def test_find_images_with_a_name_that_is_no_utf8(tmp_path):
    (tmp_path / os.fsdecode(b"a\xff.jpg")).write_bytes(b"x")
    (found,) = find_images([tmp_path])
    assert found.name == r"a\udcff.jpg" and found.read() == b"x"


@pytest.mark.parametrize("place", ["nowhere", "*.tif", "empty"])
def test_find_images_where_there_are_none(sheets, monkeypatch, place):
    (sheets / "empty").mkdir()
    monkeypatch.chdir(sheets)
    with pytest.raises(FileNotFoundError, match="no file is there; expected images"):
        find_images([place])


@pytest.fixture
def store():
    """Images in fsspec's file system in memory."""
    files = fsspec.filesystem("memory")
    for name in ("b.jpg", "a.jpg", "late/c.jpg", ".hidden"):
        files.pipe(f"/steel/{name}", name.encode())
    yield "memory://steel"
    files.rm("/steel", recursive=True)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("memory://steel", ["a.jpg", "b.jpg", "late/c.jpg"]),
        ("memory://steel/*.jpg", ["a.jpg", "b.jpg"]),
        ("memory://steel/**/c.jpg", ["late/c.jpg"]),
        ("memory://steel/late/c.jpg", ["c.jpg"]),
    ],
)
def test_find_images_in_memory(store, place, expected):
    found = find_images([place])
    assert names(found) == expected
    assert [source.read() for source in found] == [
        name.encode() if name != "c.jpg" else b"late/c.jpg" for name in expected
    ]
    assert all(source.size for source in found)


def test_find_images_in_an_archive(tmp_path):
    """One address within another."""
    with zipfile.ZipFile(tmp_path / "sheets.zip", "w") as archive:
        for name in ("sheets/b.jpg", "sheets/a.jpg"):
            archive.writestr(name, name)
    found = find_images([f"zip://sheets/*.jpg::{tmp_path / 'sheets.zip'}"])
    assert names(found) == ["a.jpg", "b.jpg"]
    assert found[0].read() == b"sheets/a.jpg"


@pytest.mark.parametrize("place", ["memory://nowhere", "memory://steel/*.tif"])
def test_find_images_where_a_store_has_none(store, place):
    with pytest.raises(FileNotFoundError, match="no file is there; expected images"):
        find_images([place])


def test_find_images_in_different_stores(store, sheets):
    with pytest.raises(ValueError, match="expected all images in one store"):
        find_images([store, sheets])
    with pytest.raises(ValueError, match="expected all images in one store"):
        find_images([store, f"local://{sheets}"])


def test_find_images_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError, match=r"pip install 'steel-defect-report\[remote\]'"):
        find_images(["s3://bucket/sheets"])
