"""What each browser uploaded: kept apart by an id that nobody can guess, for some hours."""

import hashlib
import re
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

LIFETIME = 4 * 3600  # seconds since a session was used last
MOST_SESSIONS = 200
_ID = re.compile("[A-Za-z0-9_-]{43}")


@dataclass(eq=False)
class Session:
    """One browser's uploads.

    Attributes:
        folder: its files.
        submissions: dict of slot ("a" or "b") -> `helpers.dashboard.submissions.Uploaded`.
        images: list of `helpers.dashboard.prediction.Prediction`.
        used: when it was used last, in seconds of a clock that only goes on.
        lock: held while its contents change.
    """

    folder: Path
    submissions: dict = field(default_factory=dict)
    images: list = field(default_factory=list)
    used: float = 0.0
    lock: threading.RLock = field(default_factory=threading.RLock)


class Sessions:
    """All sessions of a server; their files go when they expire, and all of them with the server."""

    def __init__(self, lifetime=LIFETIME, most=MOST_SESSIONS, clock=time.monotonic):
        """Make a folder for them, which only this user can read.

        Args:
            lifetime: seconds without use after which a session is forgotten.
            most: sessions that are kept; beyond, the one that was used longest ago is forgotten.
            clock: function that gives the time in seconds.
        """
        self._place = tempfile.TemporaryDirectory(prefix="steel-dashboard-", ignore_cleanup_errors=True)
        self._sessions, self._lock = {}, threading.Lock()
        self._lifetime, self._most, self._clock = lifetime, most, clock

    def close(self):
        """Remove all files."""
        self._place.cleanup()

    def find(self, session_id):
        """The session of an id; None where nothing was uploaded in it, or it is forgotten."""
        with self._lock:
            self._forget()
            session = self._sessions.get(session_id)
            if session is not None:
                session.used = self._clock()
            return session

    def open(self, session_id):
        """The session of an id, made where there is none yet.

        Raises:
            ValueError: it is none of `new_id`.
        """
        if not is_id(session_id):
            raise ValueError("the session's cookie is missing or was changed; expected the one sent. Reload the page.")
        with self._lock:
            self._forget()
            if session_id not in self._sessions:
                # The folder's name must not tell the id to those who can list it.
                name = hashlib.sha256(session_id.encode()).hexdigest()[:32]
                folder = Path(self._place.name) / name
                folder.mkdir(mode=0o700, exist_ok=True)
                self._sessions[session_id] = Session(folder)
            session = self._sessions[session_id]
            session.used = self._clock()
            self._forget()
            return session

    def _forget(self):
        """Forget sessions that expired, and the oldest beyond what is kept."""
        oldest = sorted(self._sessions, key=lambda each: self._sessions[each].used)
        beyond = set(oldest[: max(0, len(oldest) - self._most)])
        for session_id in oldest:
            if session_id in beyond or self._clock() - self._sessions[session_id].used > self._lifetime:
                shutil.rmtree(self._sessions.pop(session_id).folder, ignore_errors=True)


def new_id():
    """An id of 256 bits by chance."""
    return secrets.token_urlsafe(32)


def is_id(text):
    """Whether a text may be one of `new_id`."""
    return bool(_ID.fullmatch(text or ""))
