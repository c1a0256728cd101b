"""A bundle as one file, and archives that are none of ours."""

import os
import stat
import subprocess
import sys
import zipfile

import pytest

from helpers.models.archive import pack_bundle, unpack_bundle
from tiny_models import tiny_bundle

BUNDLE, WEIGHTS = "tiny/bundle.json", "tiny/tiny.weights.h5"


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "models" / "tiny")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pack_and_unpack_give_the_same_bundle(bundle, tmp_path):
    """In one file that is the same for the same bundle, whatever else lies beside it."""
    packed = pack_bundle(bundle, tmp_path / "tiny.zip")
    expected = contents(bundle)
    (bundle / "notes.txt").write_text("not part of it")
    os.utime(bundle / "bundle.json", (0, 0))
    assert pack_bundle(bundle, tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    folder = unpack_bundle(packed, tmp_path / "out")
    assert folder == tmp_path / "out" / "tiny" and contents(folder) == expected
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny"]


def test_the_classifier_that_a_bundle_asks_comes_along(tmp_path):
    gates = {"gates": [0.5, 0.0], "smallest_masks_clean": [2.0, 0.0], "classifier": "sure"}
    folder = tiny_bundle(tmp_path / "models" / "tiny", **gates)
    tiny_bundle(tmp_path / "models" / "sure", class_names=["defect"], thresholds=[0.5], smallest_masks=[0.0])
    unpacked = unpack_bundle(pack_bundle(folder, tmp_path / "both.zip"), tmp_path / "out")
    assert unpacked.name == "tiny"
    assert contents(tmp_path / "out" / "sure") == contents(tmp_path / "models" / "sure")


def test_pack_of_a_faulty_bundle_writes_nothing(bundle, tmp_path):
    (bundle / "tiny.weights.h5").write_bytes(b"others")
    with pytest.raises(ValueError, match="the SHA-256 is not the one in bundle.json"):
        pack_bundle(bundle, tmp_path / "tiny.zip")
    assert not (tmp_path / "tiny.zip").exists()


def write_archive(path, members):
    """An archive of (name or ZipInfo, bytes)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def link(name):
    """An entry that unpacks to a link in the hands of other programs."""
    about = zipfile.ZipInfo(name)
    about.external_attr = (stat.S_IFLNK | 0o777) << 16
    return about


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([("../bundle.json", b"{}")], "leaves the bundle"),
        ([("../../etc/bundle.json", b"{}")], "leaves the bundle"),
        ([("/etc/bundle.json", b"{}")], "leaves the bundle"),
        ([("tiny/../bundle.json", b"{}")], "leaves the bundle"),
        ([("./bundle.json", b"{}")], "leaves the bundle"),
        ([("C:/bundle.json", b"{}")], "leaves the bundle"),
        ([(r"tiny\..\..\bundle.json", b"{}")], "leaves the bundle"),
        ([("bundle.json", b"{}")], "leaves the bundle"),
        ([(BUNDLE, b"{}"), ("tiny/keras.py", b"import os")], "is no file of one"),
        ([(BUNDLE, b"{}"), ("tiny/deep/a.weights.h5", b"x")], "is no file of one"),
        ([(BUNDLE, b"{}"), (link(WEIGHTS), b"/etc/passwd")], "is a link"),
        ([(BUNDLE, b"{}"), (BUNDLE, b"{}")], "is there twice"),
        ([(BUNDLE, b"{}"), ("TINY/bundle.json", b"{}")], "is there twice"),
        ([(BUNDLE, b"{}"), (WEIGHTS, b"\0" * 20_000_000)], "times larger unpacked than packed"),
        ([(BUNDLE, b" " * 20_000_000)], "has 20 MB unpacked; expected 17 MB at most"),
        ([(f"{name}/bundle.json", b"{}") for name in "abcde"], "got 5 files, expected 2, or 4"),
        ([], "got 0 files, expected 2"),
        ([(BUNDLE, b"{")], "this is no JSON"),
        ([(WEIGHTS, b"x")], r"bundle\.json is not there"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unpack_of_a_hostile_archive_leaves_nothing_behind(tmp_path, members, match):
    path = write_archive(tmp_path / "hostile.zip", members)
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        unpack_bundle(path, tmp_path / "deep" / "out")
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["deep", "hostile.zip", "out"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unpack_of_what_is_packed_in_another_way(bundle, tmp_path, method):
    """Of these the reader unpacks all that it is given at once, whatever size the list tells."""
    with zipfile.ZipFile(tmp_path / "other.zip", "w", method) as archive:
        archive.write(bundle / "bundle.json", BUNDLE)
    with pytest.raises(ValueError, match="is packed in a way that bundles are not; expected stored or deflated"):
        unpack_bundle(tmp_path / "other.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_unpack_of_more_than_is_allowed(bundle, tmp_path):
    packed = pack_bundle(bundle, tmp_path / "tiny.zip")
    with pytest.raises(ValueError, match="unpacked it has 0 MB; expected 0 MB at most"):
        unpack_bundle(packed, tmp_path / "out", most_bytes=100)


def test_unpack_of_a_size_that_is_a_lie(bundle, tmp_path):
    """The list says that the weights are short; the packed bytes would give more."""
    data = pack_bundle(bundle, tmp_path / "tiny.zip").read_bytes()
    size = len(b"no weights at all").to_bytes(4, "little")
    assert data.count(size * 2) == 2
    (tmp_path / "lie.zip").write_bytes(data.replace(size * 2, size + (3).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="this is no sound ZIP archive"):
        unpack_bundle(tmp_path / "lie.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"no archive",
        lambda data: data[:-40],
        lambda data: data.replace(b"no weights", b"no vveights"),
        lambda data: data[:45] + b"\xff" * 20 + data[65:],
    ],
)
def test_unpack_of_a_damaged_file(bundle, tmp_path, damage):
    path = pack_bundle(bundle, tmp_path / "tiny.zip")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="this is no sound ZIP archive"):
        unpack_bundle(path, tmp_path / "out")


def test_unpack_touches_nothing_that_is_there(bundle, tmp_path):
    packed = pack_bundle(bundle, tmp_path / "tiny.zip")
    (tmp_path / "out" / "tiny").mkdir(parents=True)
    (tmp_path / "out" / "tiny" / "bundle.json").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        unpack_bundle(packed, tmp_path / "out")
    assert contents(tmp_path / "out" / "tiny") == {"bundle.json": b"mine"}
    with pytest.raises(FileNotFoundError, match="expected a packed bundle"):
        unpack_bundle(tmp_path / "nowhere.zip", tmp_path / "out")


def test_unpack_of_a_bundle_that_nobody_asked_for(bundle, tmp_path):
    """A second bundle that the first doesn't name."""
    path = pack_bundle(bundle, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for name, data in contents(bundle).items():
            archive.writestr(f"other/{name}", data)
    with pytest.raises(ValueError, match="holds bundles that 'tiny' doesn't ask for"):
        unpack_bundle(path, tmp_path / "out")


def test_archives_need_no_tensorflow():
    code = (
        "import sys, helpers.models.archive, helpers.models.about, helpers.models.bundle_file; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
