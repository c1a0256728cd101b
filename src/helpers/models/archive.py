"""A bundle as one file, and back: nothing in such a file is trusted before it was looked at. Loads no TensorFlow."""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path

from helpers.data.problems import shorten
from helpers.files import written_beside
from helpers.models.bundle_file import MOST_BYTES, NAME, verify_bundle

MOST_MEMBERS = 4  # two files of a bundle, and two of the classifier that it asks
MOST_UNPACKED = 4 * 2**30  # bytes of all files together
MOST_RATIO = 100  # unpacked bytes for each packed one; weights hardly get smaller at all
FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # of every file in an archive, so that the same bundle gives the same bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others Python's reader unpacks all that it is given at once
MEMBER = re.compile(r"([^/\\:\x00-\x1f]+)/(bundle\.json|[0-9A-Za-z_-]{1,100}\.weights\.h5)")


def pack_bundle(folder, path):
    """Write a bundle, and the classifier that its gates ask, as one ZIP archive.

    Args:
        folder: the bundle's folder.
        path: the file to write; it appears only when it is whole.

    Returns:
        Path of the file. The same bundle gives the same bytes.

    Raises:
        FileNotFoundError, ValueError: the bundle is faulty, or its weights are others; nothing is written then.
    """
    found = verify_bundle(folder)
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for place, bundle in found:
            name = place.absolute().name
            _add(archive, f"{name}/{NAME}", place / NAME, zipfile.ZIP_DEFLATED)
            _add(archive, f"{name}/{bundle['weights']}", place / bundle["weights"], zipfile.ZIP_STORED)
    return Path(path)


def _add(archive, name, path, method):
    about = zipfile.ZipInfo(name, FIRST_TIME)
    about.compress_type, about.external_attr = method, (stat.S_IFREG | 0o644) << 16
    about.file_size = path.stat().st_size
    with open(path, "rb") as source, archive.open(about, "w") as target:
        shutil.copyfileobj(source, target)


def unpack_bundle(path, out, most_bytes=MOST_UNPACKED):
    """Take a bundle out of an archive of `pack_bundle`, once all in it was found sound.

    Args:
        path: the archive.
        out: folder in which the bundle's folder is made; what lies there under that name already is not touched.
        most_bytes: how large all files together may be.

    Returns:
        Path of the bundle's folder.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: a bundle of that name lies there.
        ValueError: it is no archive; a file in it would lie elsewhere, is a link, is there twice, is none of a
            bundle's, or is far larger than it looks; or the bundle is faulty. Nothing is left behind then.
    """
    path, out = Path(path), Path(out)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a packed bundle. Check the name and the folder.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".unpacking-") as held:
        names = _extract(path, Path(held), most_bytes)
        verified = [folder.name for folder, _ in verify_bundle(Path(held) / names[0])]
        if sorted(verified) != sorted(names):
            raise ValueError(f"{path}: it holds bundles that {shorten(names[0])} doesn't ask for. Don't use it.")
        for name in names:
            if (out / name).exists():
                raise FileExistsError(f"{out / name} is there already. Choose another folder, or move it away.")
        for name in reversed(names):
            (Path(held) / name).rename(out / name)
    return out / names[0]


def _extract(path, folder, most_bytes):
    """Write the archive's files into an empty folder; returns the names of the bundles, the main one first."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members, most_bytes)
            for member in members:
                target = folder / member.filename
                target.parent.mkdir(exist_ok=True)
                # The reader stops at the size that was checked, whatever the packed bytes would give.
                with archive.open(member) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: this is no sound ZIP archive ({error}). Copy it again.") from None
    return list(dict.fromkeys(member.filename.partition("/")[0] for member in members))


def _check_members(path, members, most_bytes):
    """Stop before anything is written where the list of files is not one of a bundle."""
    if not members or len(members) > MOST_MEMBERS:
        raise ValueError(f"{path}: got {len(members):,} files, expected 2, or 4 with a classifier. Don't use it.")
    names = [member.filename for member in members]
    for member in members:
        problem = _member_problem(member, names)
        if problem:
            raise ValueError(f"{path}: {shorten(member.filename)} {problem}. Don't use it.")
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        raise ValueError(
            f"{path}: unpacked it has {total / 1e6:,.0f} MB; expected {most_bytes / 1e6:,.0f} MB at most. "
            "Is this a bundle?"
        )


def _member_problem(member, names):
    """What is wrong with one entry of the list; "" where nothing is."""
    found = MEMBER.fullmatch(member.filename)
    if found is None or found[1] in (".", ".."):
        return "leaves the bundle, or is no file of one; expected NAME/bundle.json and NAME/*.weights.h5"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or something else that is no file"
    if [name.casefold() for name in names].count(member.filename.casefold()) > 1:
        return "is there twice"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in METHODS:
        return "is packed in a way that bundles are not; expected stored or deflated"
    if member.filename.endswith(NAME) and member.file_size > MOST_BYTES:
        return f"has {member.file_size / 1e6:,.0f} MB unpacked; expected {MOST_BYTES / 1e6:,.0f} MB at most"
    if member.file_size > MOST_RATIO * max(member.compress_size, 1024):
        return f"is {member.file_size / max(member.compress_size, 1):,.0f} times larger unpacked than packed"
    return ""
