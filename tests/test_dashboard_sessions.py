"""Sessions: apart, forgotten in time, bounded."""

import pytest

from helpers.dashboard.sessions import Sessions, is_id, new_id


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def sessions(clock):
    made = Sessions(lifetime=100, most=3, clock=lambda: clock[0])
    yield made
    made.close()


def test_sessions_are_apart_and_their_folders_tell_no_id(sessions):
    one, other = new_id(), new_id()
    assert sessions.find(one) is None
    mine, theirs = sessions.open(one), sessions.open(other)
    assert mine is sessions.open(one) is sessions.find(one) is not theirs
    assert mine.folder != theirs.folder and one not in str(mine.folder)
    assert mine.folder.stat().st_mode & 0o077 == 0


def test_a_session_is_forgotten_with_its_files_when_it_was_not_used(sessions, clock):
    used, unused = new_id(), new_id()
    folder = sessions.open(unused).folder
    (folder / "upload").touch()
    sessions.open(used)
    clock[0] = 90
    assert sessions.find(used)
    clock[0] = 150  # 60 after the last use of the one, 150 of the other
    assert sessions.find(used) and sessions.find(unused) is None and not folder.exists()


def test_the_session_used_longest_ago_makes_room(sessions, clock):
    ids = [new_id() for _ in range(4)]
    for number, each in enumerate(ids):
        clock[0] = number
        sessions.open(each)
        sessions.find(ids[0])
    assert [sessions.find(each) is not None for each in ids] == [True, False, True, True]


@pytest.mark.parametrize("text", [None, "", "short", "x" * 44, "../" + "x" * 40, "x" * 42 + "/"])
def test_what_is_no_id_opens_no_session(sessions, text):
    assert not is_id(text)
    with pytest.raises(ValueError, match="missing or was changed; expected the one sent. Reload the page."):
        sessions.open(text)


def test_ids_are_not_guessed():
    assert is_id(new_id()) and len({new_id() for _ in range(1000)}) == 1000


def test_closing_removes_all(clock):
    made = Sessions(clock=lambda: clock[0])
    folder = made.open(new_id()).folder
    made.close()
    assert not folder.parent.exists()
