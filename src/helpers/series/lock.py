"""One run of the series at a time in a run's directory."""

import os
from contextlib import contextmanager
from pathlib import Path

import filelock

from helpers.files import read_json, write_json
from helpers.runs import now
from helpers.series.parameters import SeriesError

LOCK, HOLDER = ".lock", ".running.json"


@contextmanager
def only_one(run_directory):
    """Hold a run's directory while the block runs; the system lets it go when the process ends, however that comes.

    Raises:
        SeriesError: another process holds it; the message names it.
    """
    run_directory = Path(run_directory)
    run_directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(run_directory / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise SeriesError(f"{_held(run_directory)} Wait for it to end, or take another --name.") from None
    try:
        write_json(run_directory / HOLDER, {"pid": os.getpid(), "since": now()})
        yield
    finally:
        (run_directory / HOLDER).unlink(missing_ok=True)
        lock.release()


def who_holds(run_directory):
    """Who holds a run's directory just now, in a sentence; "" where nobody does."""
    run_directory = Path(run_directory)
    if not (run_directory / LOCK).exists():
        return ""
    try:
        with filelock.FileLock(run_directory / LOCK, timeout=0):
            return ""
    except filelock.Timeout:
        return _held(run_directory)


def _held(run_directory):
    path = run_directory / HOLDER
    who = "which only just began"
    if path.is_file():
        holder = read_json(path)
        who = f"process {holder['pid']}, since {holder['since']}"
    return f"runs/{run_directory.name}: another run is under way there ({who})."
