"""The competition's own data, fetched with the `kaggle` package."""

import io
import shutil
import socket
import stat
import zipfile
import zlib
from contextlib import redirect_stdout, suppress
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from helpers.data.dataset import read_dataset
from helpers.data.importing import check_places, move_into_place

COMPETITION = "severstal-steel-defect-detection"
PAGE = f"https://www.kaggle.com/competitions/{COMPETITION}"
TOKEN_PAGE = "https://www.kaggle.com/settings/api"
INSTALL = 'pip install "steel-defect-report[kaggle]"'
CHUNK = 1 << 20
TOKEN_HELP = (
    f'Log in at {TOKEN_PAGE}, press "Generate New Token", and put the token into the environment variable '
    "KAGGLE_API_TOKEN or into the file ~/.kaggle/access_token. (An older kaggle.json goes into ~/.kaggle/.)"
)
OFFLINE_HELP = f"Or download the data from {PAGE}/data in a browser, and unpack it into a folder."
NETWORK_MODULES = {"requests", "urllib3", "http", "ssl"}


def download_competition(out):
    """Fetch the data of "Severstal: Steel Defect Detection" into a new folder, and check it.

    The archive (about 1.6 GB) goes into a hidden folder beside `out`, `.<name>.part`, where a download that broke off
    stays, so that the next one goes on from there if the installed version of `kaggle` can. It is unpacked there,
    read as a data set, and only then moved to `out`.

    Args:
        out: folder to write; new or empty.

    Returns:
        The `Dataset`, as `read_dataset` gives it.

    Raises:
        FileExistsError: `out` holds something.
        ImportError: the `kaggle` package is missing or broken.
        PermissionError: there is no token, it is refused, or the competition's rules are not accepted.
        ConnectionError: kaggle.com can't be reached, refuses, or the download broke off.
        ValueError: the archive is damaged or holds something that doesn't belong in it, or the data in it is not what
            was expected. It is deleted, so that the next download starts anew.
        OSError: the disk is full, and the like.

    Source:
        The `kaggle` package: on import version 1 logs in, and version 2 tries to; both call `exit` when there is no
        token. Its errors have the HTTP status as `response.status_code` (version 2) or as `status` (version 1).
    """
    out = check_places(out)
    partial = out.with_name(f".{out.name}.part")
    api = _log_in()
    partial.mkdir(parents=True, exist_ok=True)
    try:
        archive = _fetch(api, partial)
    finally:
        with suppress(OSError):  # nothing to keep when nothing was sent
            partial.rmdir()
    content = partial / out.name
    shutil.rmtree(content, ignore_errors=True)
    index_file = partial / "images.csv"  # so that the images are decoded once and not twice
    try:
        unpack(archive, content)
        read_dataset(content, index_file)
    except ValueError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ValueError(f"{error} What was downloaded is deleted; run the same command again.") from error
    except FileNotFoundError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ValueError(f"The archive is not laid out as expected: {error}") from error
    move_into_place(content, out)
    dataset = read_dataset(out, index_file)
    shutil.rmtree(partial, ignore_errors=True)
    return dataset


def unpack(archive, folder):
    """Unpack a ZIP archive whose content need not be trusted; nothing is written outside the folder.

    Args:
        archive: the file.
        folder: where to; it is made.

    Raises:
        ValueError: the archive is damaged or encrypted; a name in it is absolute, leads outside or is there twice; or
            it holds a link or something else that is neither file nor folder. The message names the member.
        OSError: there is not enough room on the disk.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            targets = [folder.joinpath(*_check_member(member)) for member in members]
            size, free = sum(member.file_size for member in members), shutil.disk_usage(archive.parent).free
            if size > free:
                raise OSError(
                    f"{folder.parent}: {size / 1e9:.1f} GB to unpack, {free / 1e9:.1f} GB free. Make room, and run the "
                    "same command again; the archive stays."
                )
            folder.mkdir(parents=True)
            with tqdm(total=size, desc="Unpacking", unit="B", unit_scale=True) as progress:
                for member, target in zip(members, targets, strict=True):
                    _unpack_member(opened, member, target, progress)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise ValueError(f"{archive.name}: the archive is damaged ({error}).") from None


def _check_member(member):
    """The parts of a member's path, or ValueError when it is nothing to unpack."""
    name = member.orig_filename
    parts = PurePosixPath(name).parts
    mode = member.external_attr >> 16
    if not parts or parts[0] == "/" or ".." in parts or any(sign in name for sign in "\\:\0"):
        raise ValueError(f"The archive holds {name!r}, which would be unpacked outside its folder.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ValueError(f"The archive holds {name!r}, which is a link or the like; expected files alone.")
    if member.flag_bits & 1:
        raise ValueError(f"The archive holds {name!r}, which is encrypted.")
    return parts


def _unpack_member(opened, member, target, progress):
    """Write one file of an archive; its checksum is verified at its end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as source, open(target, "xb") as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
                progress.update(len(chunk))
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        raise ValueError(f"The archive holds {member.orig_filename!r} twice.") from None


def _log_in():
    """The `kaggle` package's client, logged in."""
    try:
        # Its help on tokens goes to the screen, and ours says the same in fewer lines.
        with redirect_stdout(io.StringIO()):
            from kaggle.api.kaggle_api_extended import KaggleApi

            api = KaggleApi()
            api.authenticate()
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "kaggle":
            raise ImportError(
                f"The package kaggle is not installed. Install it with: {INSTALL}. {OFFLINE_HELP}"
            ) from None
        raise ImportError(f"The package kaggle can't be loaded ({error}). Install it again with: {INSTALL}") from error
    except SystemExit:
        raise PermissionError(f"Kaggle has no token that it accepts. {TOKEN_HELP}") from None
    except Exception as error:
        if _status(error) is not None or _is_network_error(error):
            raise _explain(error) from error
        # Version 1 says so with an OSError when kaggle.json is missing, and with a ValueError when it is incomplete.
        if isinstance(error, (OSError, ValueError, KeyError)):
            raise PermissionError(f"Kaggle has no token that it accepts ({error}). {TOKEN_HELP}") from error
        raise
    return api


def _fetch(api, partial):
    """Download the archive; returns its path."""
    try:
        api.competition_download_files(COMPETITION, path=str(partial), force=False, quiet=False)
    except SystemExit:
        raise PermissionError(f"Kaggle has no token that it accepts. {TOKEN_HELP}") from None
    except Exception as error:
        raise _explain(error) from error
    archive = partial / f"{COMPETITION}.zip"
    if not archive.is_file():
        held = ", ".join(sorted(path.name for path in partial.iterdir())[:5]) or "nothing"
        raise ConnectionError(f"Kaggle sent no {archive.name} (found: {held}). Try again later. {OFFLINE_HELP}")
    return archive


def _explain(error):
    """The error to raise for one of the `kaggle` package."""
    status = _status(error)
    if status == 401:
        return PermissionError(f"Kaggle refuses the token (HTTP 401). {TOKEN_HELP}")
    if status == 403:
        return PermissionError(
            f"Kaggle refuses the download (HTTP 403): the competition's rules have to be accepted first. Open "
            f"{PAGE}/rules, log in with the account that the token belongs to, join the competition (Late Submission) "
            "and accept the rules; the account may need a verified phone number. Then run the same command again."
        )
    if status is not None:
        return ConnectionError(f"Kaggle answers with HTTP {status}. Run the same command again later. {OFFLINE_HELP}")
    if _is_network_error(error):
        return ConnectionError(
            f"No connection to kaggle.com ({_first_line(error)}). Check the network, and run the same command again. "
            f"{OFFLINE_HELP}"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return ConnectionError(
        f"The download broke off ({type(error).__name__}: {_first_line(error)}). Run the same command again. "
        f"{OFFLINE_HELP}"
    )


def _status(error):
    """HTTP status of an error of the `kaggle` package; None where it has none."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    status = getattr(error, "status", None) if status is None else status
    return status if isinstance(status, int) and status >= 400 else None


def _is_network_error(error):
    """Whether an error says that another machine could not be reached, or broke the connection."""
    kinds = type(error).__mro__
    by_module = any(kind.__module__.partition(".")[0] in NETWORK_MODULES for kind in kinds)
    return by_module or isinstance(error, (ConnectionError, TimeoutError, socket.gaierror))


def _first_line(error):
    """The beginning of an error's text."""
    lines = str(error).splitlines() or [""]
    return lines[0] if len(lines[0]) <= 200 else f"{lines[0][:200]}..."
