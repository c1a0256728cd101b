"""Fetching the competition's data, against stand-ins for the `kaggle` package that behave as its versions do."""

import stat
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

from helpers.data import download
from helpers.data.download import COMPETITION, PAGE, download_competition, unpack

CLIENT = "kaggle.api.kaggle_api_extended"
LABELS = "ImageId,ClassId,EncodedPixels\na.jpg,1,1 3\n"


@pytest.fixture
def archive(tiny_data, tmp_path):
    """An archive like the competition's, of a tiny data set."""
    directory = tiny_data(LABELS, ("a.jpg", "b.jpg"))
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for inner in sorted(directory.rglob("*")):
            file.write(inner, inner.relative_to(directory))
    return path


@pytest.fixture
def kaggle(monkeypatch):
    """A function that puts a stand-in for the package's client in place.

    `log_in` and `send` are called where the client logs in and downloads; what `send` gives is written as the archive.
    """

    def install(send=None, log_in=lambda: None):
        calls = []

        class KaggleApi:
            def authenticate(self):
                calls.append("authenticate")
                log_in()

            def competition_download_files(self, competition, path=None, force=False, quiet=True):
                calls.append((competition, force))
                with open(f"{path}/{competition}.zip", "ab") as file:
                    file.write(send())

        for name in ("kaggle", "kaggle.api", CLIENT):
            monkeypatch.setitem(sys.modules, name, SimpleNamespace(KaggleApi=KaggleApi, __path__=[]))
        return calls

    return install


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A function that writes a stand-in for the package itself, whose import runs the text given."""

    def write(text):
        folder = tmp_path / "site" / "kaggle" / "api"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").write_text(text)
        (folder / "__init__.py").write_text("")
        (folder / "kaggle_api_extended.py").write_text(
            "class KaggleApi:\n    def authenticate(self):\n        exit(1)\n"
        )
        monkeypatch.syspath_prepend(tmp_path / "site")
        for name in ("kaggle", "kaggle.api", CLIENT):
            monkeypatch.delitem(sys.modules, name, raising=False)

    yield write
    for name in ("kaggle", "kaggle.api", CLIENT):
        sys.modules.pop(name, None)


def raising(error):
    def call():
        raise error

    return call


def http_error(status):
    """An error as `requests` raises it in version 2: the status is the response's."""
    error = OSError(f"{status} Client Error")
    error.response = SimpleNamespace(status_code=status)
    return error


class ApiError(Exception):
    """As in version 1: the status is the error's own."""

    def __init__(self, status):
        super().__init__(f"({status})\nReason: Forbidden")
        self.status = status


# What comes out


def test_download_competition_gives_a_checked_data_set(archive, kaggle, tmp_path):
    calls = kaggle(archive.read_bytes)
    dataset = download_competition(tmp_path / "new" / "severstal")
    assert dataset.directory == tmp_path / "new" / "severstal"
    assert (dataset.training_ids, dataset.test_ids) == (["a.jpg", "b.jpg"], ["t.jpg"])
    assert dataset.areas[1].to_dict() == {"a.jpg": 3, "b.jpg": 0}
    assert dataset.image("a.jpg").shape == (32, 96, 1)
    assert calls == ["authenticate", (COMPETITION, False)]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["severstal"]


def test_download_competition_goes_on_after_a_break(archive, kaggle, tmp_path):
    data = archive.read_bytes()
    kaggle(raising(TimeoutError("timed out")))
    partial = tmp_path / ".severstal.part"
    partial.mkdir()
    (partial / f"{COMPETITION}.zip").write_bytes(data[:100])
    with pytest.raises(
        ConnectionError, match=r"No connection to kaggle.com \(timed out\).* run the same command again"
    ):
        download_competition(tmp_path / "severstal")
    assert (partial / f"{COMPETITION}.zip").read_bytes() == data[:100]
    kaggle(lambda: data[100:])  # the stand-in appends, as the package does
    assert download_competition(tmp_path / "severstal").training_ids == ["a.jpg", "b.jpg"]
    assert not partial.exists()


def test_download_competition_clears_what_a_killed_run_had_unpacked(archive, kaggle, tmp_path):
    (tmp_path / ".severstal.part/severstal/train_images").mkdir(parents=True)
    (tmp_path / ".severstal.part/severstal/train_images/half.jpg").write_bytes(b"half")
    kaggle(archive.read_bytes)
    assert download_competition(tmp_path / "severstal").problems.empty


def test_importing_download_leaves_kaggle_alone():
    code = f"import sys, helpers.data.download; sys.exit(sum(name in sys.modules for name in ('kaggle', '{CLIENT}')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


# What keeps it from being fetched


def test_download_competition_refuses_a_folder_that_holds_something(kaggle, tmp_path):
    calls = kaggle()
    (tmp_path / "severstal").mkdir()
    (tmp_path / "severstal/mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="severstal is a folder that is not empty"):
        download_competition(tmp_path / "severstal")
    assert calls == []


def test_download_competition_names_the_install_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "kaggle", None)  # what an import finds where there is no such package
    monkeypatch.delitem(sys.modules, CLIENT, raising=False)
    with pytest.raises(
        ImportError, match=r'not installed. Install it with: pip install "steel-defect-report\[kaggle\]"'
    ):
        download_competition(tmp_path / "severstal")


def test_download_competition_says_what_a_broken_package_lacks(package, tmp_path):
    package("import a_package_that_is_not_there")
    with pytest.raises(
        ImportError, match=r"kaggle can't be loaded .*a_package_that_is_not_there.* Install it again with"
    ):
        download_competition(tmp_path / "severstal")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="version 2 exits on logging in"),
        pytest.param("print('help')\nexit(1)", id="version 1 exits on import"),
        pytest.param("raise OSError('Could not find kaggle.json.')", id="version 1 raises on import"),
        pytest.param("raise ValueError('Missing username in configuration.')", id="half a kaggle.json"),
    ],
)
def test_download_competition_says_where_a_token_comes_from(text, package, tmp_path, capsys):
    package(text)
    with pytest.raises(PermissionError, match="no token that it accepts") as caught:
        download_competition(tmp_path / "severstal")
    for told in ("https://www.kaggle.com/settings/api", "KAGGLE_API_TOKEN", "~/.kaggle/access_token", "kaggle.json"):
        assert told in str(caught.value)
    assert capsys.readouterr().out == ""
    assert not any(tmp_path.glob(".severstal*"))


@pytest.mark.parametrize("error", [http_error, ApiError])
@pytest.mark.parametrize(
    ("status", "kind", "match"),
    [
        (401, PermissionError, "refuses the token .*settings/api"),
        (403, PermissionError, f"rules have to be accepted first. Open {PAGE}/rules"),
        (404, ConnectionError, "HTTP 404"),
        (429, ConnectionError, "HTTP 429. Run the same command again later"),
        (503, ConnectionError, f"HTTP 503.* Or download the data from {PAGE}/data in a browser"),
    ],
)
def test_download_competition_explains_a_refusal(error, status, kind, match, kaggle, tmp_path):
    kaggle(raising(error(status)))
    (tmp_path / "there").mkdir()
    with pytest.raises(kind, match=match):
        download_competition(tmp_path / "there" / "severstal")
    assert not (tmp_path / "there" / "severstal").exists()


def test_download_competition_explains_a_refusal_on_logging_in(kaggle, tmp_path):
    kaggle(log_in=raising(http_error(401)))
    with pytest.raises(PermissionError, match="refuses the token"):
        download_competition(tmp_path / "severstal")


class NameResolutionError(Exception):
    """As urllib3 raises it: no OSError."""

    __module__ = "urllib3.exceptions"


@pytest.mark.parametrize("where", ["log_in", "send"])
@pytest.mark.parametrize("error", [NameResolutionError("no such host"), ConnectionResetError(104, "reset")])
def test_download_competition_says_that_there_is_no_network(error, where, kaggle, tmp_path):
    kaggle(**{where: raising(error)})
    with pytest.raises(ConnectionError, match=r"No connection to kaggle.com .*Check the network"):
        download_competition(tmp_path / "severstal")


def test_download_competition_says_that_the_disk_is_full(kaggle, tmp_path):
    kaggle(raising(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device") as caught:
        download_competition(tmp_path / "severstal")
    assert caught.value.errno == 28


def test_download_competition_passes_on_what_it_does_not_know(kaggle, tmp_path):
    kaggle(raising(ValueError("Downloaded file size (1) does not match")))
    with pytest.raises(ConnectionError, match=r"broke off \(ValueError: Downloaded file size \(1\) does not match\)"):
        download_competition(tmp_path / "severstal")


# What is in the archive


def test_download_competition_deletes_a_damaged_archive(archive, kaggle, tmp_path):
    kaggle(lambda: archive.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"the archive is damaged .* deleted; run the same command again"):
        download_competition(tmp_path / "severstal")
    assert not any(tmp_path.glob("*severstal*"))


def test_download_competition_finds_a_flipped_bit(archive, kaggle, tmp_path):
    data = bytearray(archive.read_bytes())
    place = data.index(b"a.jpg") + 200
    data[place] ^= 1
    kaggle(lambda: bytes(data))
    with pytest.raises(ValueError, match="the archive is damaged"):
        download_competition(tmp_path / "severstal")
    assert not (tmp_path / "severstal").exists()


def test_download_competition_refuses_an_archive_of_something_else(kaggle, tmp_path):
    path = write_zip(tmp_path, "readme.txt")
    kaggle(path.read_bytes)
    with pytest.raises(ValueError, match=r"not laid out as expected: .*train.csv is missing"):
        download_competition(tmp_path / "severstal")
    assert not any(tmp_path.glob("*severstal*"))


def write_zip(folder, *members):
    """An archive of members given by name, or as (ZipInfo, bytes)."""
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(*(member if isinstance(member, tuple) else (member, b"text")))
    return path


def special(name, mode):
    """A member of another kind than a file."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (mode | 0o777) << 16
    return info, b"/etc"


@pytest.mark.parametrize(
    "member",
    ["../x", "a/../../x", "/x", "..\\x", "C:x", special("x", stat.S_IFLNK), special("x", stat.S_IFIFO)],
    ids=["up", "up from within", "absolute", "backslash", "drive", "link", "pipe"],
)
def test_unpack_refuses_a_member(member, tmp_path):
    path = write_zip(tmp_path, "first.txt", member)
    with pytest.raises(ValueError, match=r"The archive holds .*, which"):
        unpack(path, tmp_path / "inner" / "out")
    # Nothing is unpacked, not even what came before it.
    assert [path.name for path in tmp_path.rglob("*")] == ["x.zip"]


def test_unpack_refuses_an_encrypted_member(tmp_path):
    path = write_zip(tmp_path, "x")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="'x', which is encrypted"):
        unpack(path, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("x", "x"), ("x", "x/y"), ("x/y", "x")])
def test_unpack_refuses_a_name_that_is_there_twice(names, tmp_path):
    with pytest.raises(ValueError, match=f"The archive holds '{names[1]}' twice"):
        unpack(write_zip(tmp_path, *names), tmp_path / "out")


def test_unpack_says_that_there_is_no_room(tmp_path, monkeypatch):
    path = write_zip(tmp_path, "x")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
    with pytest.raises(OSError, match=r"0.0 GB to unpack, 0.0 GB free. Make room"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
