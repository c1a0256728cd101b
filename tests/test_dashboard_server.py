"""The dashboard's addresses: who may ask, what is given, what is refused."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from bad_files import broken_workbook, png_bomb, zip_bomb
from helpers.dashboard import serve
from helpers.dashboard import uploads as uploads_module
from helpers.dashboard.app import make_app
from helpers.dashboard.board import make_board
from helpers.dashboard.guard import choose_token, is_loopback
from helpers.dashboard.places import open_places
from helpers.dashboard.prediction import DONE, FAILED, WAITING, Prediction, Predictor, find_bundle
from helpers.dashboard.submissions import compare_uploaded, ours, score_uploaded
from helpers.dashboard.thumbnails import WIDTH, Thumbnails
from helpers.files import write_json
from helpers.inference.submission import ROW_PER_MASK, write_submission
from helpers.inference.workbook import write_workbook
from helpers.runs import Run
from made_board import MODEL, load_by_hand, make_places, predicted
from tiny_models import SHAPE, tiny_image, tiny_masks, write_image

TOKEN = "a token of enough characters"
OUTSIDE = [
    "../run.json",
    "..%2f..%2ftrain.csv",
    "%2e%2e/%2e%2e/train.csv",
    "....//train.csv",
    "00.png",
    "/etc/passwd",
    "%00",
]


def board_of(places, load=load_by_hand):
    """A board whose network is made by hand, with all scores computed."""
    made = make_board(places, load)
    made.scores.wait()
    return made


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    made = board_of(make_places(tmp_path_factory.mktemp("board") / "project"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(board):
    return make_app(board).server


@pytest.fixture
def client(server):
    return browser_of(server)


class Browser(FlaskClient):
    """A client that opens the address of this machine, and keeps its cookies, as a browser does."""

    def open(self, *given, **named):
        return super().open(*given, **{"base_url": "http://127.0.0.1:8005"} | named)

    @property
    def session_id(self):
        return self.get_cookie("steel_session_8005", "127.0.0.1").value


def fresh_browser(server):
    """A browser without cookies."""
    return Browser(server, server.response_class, use_cookies=True)


def browser_of(server):
    """A browser that opened the page."""
    browser = fresh_browser(server)
    assert browser.get("/").status_code == 200
    return browser


def key_of(board, image_id, part="train"):
    return board.catalogue.table["key"].iat[board.catalogue.row_of(part, image_id)]


def decode(answer, flag=cv2.IMREAD_UNCHANGED):
    return cv2.imdecode(np.frombuffer(answer.data, np.uint8), flag)


def send(client, address, *files):
    """Upload files, each (name, bytes): (status, what is told)."""
    data = {"file": [(io.BytesIO(content), name) for name, content in files]}
    answer = client.post(address, data=data, content_type="multipart/form-data")
    return answer.status_code, answer.get_json()


def submission_bytes(tmp_path, image_ids, masks, columns=("ImageId_ClassId", "EncodedPixels")):
    path = tmp_path / "made.csv"
    write_submission(path, image_ids, masks, columns)
    return path.read_bytes()


# Who may ask


@pytest.mark.parametrize("host", ["127.0.0.1:8005", "localhost:8005", "[::1]:8005"])
def test_this_machine_is_answered(server, host):
    assert server.test_client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["mill.example", "mill.example:8005", "127.0.0.1:8006", "127.0.0.1.mill.example:8005", ""]
)
@pytest.mark.parametrize("address", ["/", "/_dash-layout", "/report.css", "/marks.csv", "/nowhere"])
def test_another_host_is_refused(server, host, address):
    """So that a page of another site, whose name was pointed to this machine, learns nothing."""
    answer = server.test_client().get(address, headers={"Host": host})
    assert answer.status_code == 403 and b"answers to this machine alone" in answer.data


def test_pages_of_others_may_send_nothing(server):
    client, address = browser_of(server), "/upload/submission/a"
    for origin in ("http://mill.example", "null", "http://127.0.0.1:8006"):
        assert client.post(address, headers={"Origin": origin}).status_code == 403
    assert client.post(address, headers={"Origin": "http://127.0.0.1:8005"}).status_code == 400  # no file was sent


def test_each_answer_has_the_policy_and_no_script_of_the_page_is_left_out(server):
    answer = server.test_client().get("/", headers={"Host": "127.0.0.1:8005"})
    policy = answer.headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts and "http" not in policy and policy.startswith("default-src 'none'")
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", answer.text)
    assert len(inline) == scripts.count("sha256-") == 1
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(server):
    client = server.test_client()
    cookie = client.get("/", headers={"Host": "127.0.0.1:8005"}).headers["Set-Cookie"]
    assert cookie.startswith("steel_session_8005=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "Set-Cookie" not in client.get("/", headers={"Host": "127.0.0.1:8005"}).headers


def test_a_token_has_to_be_shown_once(board):
    server = make_app(board, host="0.0.0.0", port=9000, token=TOKEN).server
    client = server.test_client()
    for address in ("/", "/_dash-layout", "/report.css", "/?token=", "/?token=wrong", f"/?token={TOKEN[:-1]}"):
        answer = client.get(address)
        assert answer.status_code == 403 and b"wants its token" in answer.data, address
    assert client.post(f"/upload/images?token={TOKEN}").status_code == 403
    shown = client.get("/images", query_string={"token": TOKEN})
    assert shown.status_code == 302 and shown.headers["Location"] == "/images"  # and the address bar is rid of it
    assert "HttpOnly" in shown.headers["Set-Cookie"]
    assert client.get("/").status_code == 200
    assert server.test_client().get("/").status_code == 403
    client.set_cookie("steel_token_9000", "ein anderes Zeichen ü")
    assert client.get("/").status_code == 403


def test_choose_token():
    assert choose_token("127.0.0.1") == "" and choose_token("::1") == ""
    made = choose_token("0.0.0.0")
    assert len(made) >= 32 and made != choose_token("0.0.0.0")
    assert choose_token("127.0.0.1", TOKEN) == TOKEN
    with pytest.raises(ValueError, match="--token: got 5 characters, expected 16 or more. Leave it out"):
        choose_token("127.0.0.1", "short")
    assert [is_loopback(host) for host in ("127.8.9.1", "192.168.0.1", "::", "")] == [True, False, False, False]


# What is given


def test_photographs_are_the_files_as_they_are(client, board):
    answer = client.get(f"/photograph/{key_of(board, '07.png')}")
    assert answer.data == board.places.dataset.path("07.png").read_bytes() and answer.mimetype == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]
    answer.close()


def test_photographs_that_browsers_do_not_show_are_made_anew(tmp_path):
    places = make_places(tmp_path / "project", 5, run=False)
    write = cv2.imencode(".bmp", tiny_image(1))[1].tobytes()
    (places.dataset.directory / "train_images" / "01.png").write_bytes(write)
    made = board_of(open_places(places.root, str(places.dataset.directory)))
    client = browser_of(make_app(made).server)
    answer = client.get(f"/photograph/{key_of(made, '01.png')}")
    assert answer.mimetype == "image/jpeg"
    assert np.abs(decode(answer, cv2.IMREAD_GRAYSCALE).astype(int) - tiny_image(1)).mean() < 8
    made.close()


def test_thumbnails_are_made_once_and_kept(client, board, monkeypatch):
    key = key_of(board, "08.png")
    first = client.get(f"/thumbnail/{key}")
    assert decode(first).shape[:2] == SHAPE and first.mimetype == "image/jpeg"
    assert (board.thumbnails.folder / key[:2] / f"{key}.jpg").read_bytes() == first.data
    monkeypatch.setattr("helpers.dashboard.thumbnails.read_image", lambda *given: pytest.fail("decoded again"))
    assert client.get(f"/thumbnail/{key}").data == first.data


def test_thumbnails_are_narrow_and_their_folder_is_bounded(tmp_path):
    """Room for three of the kind; the oldest goes first."""
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        write_image(paths[-1], np.random.default_rng(number).integers(0, 255, (100, 2 * WIDTH), dtype=np.uint8))
    size = len(Thumbnails(tmp_path / "one").get("ab00", paths[0], 2 * WIDTH))
    thumbnails = Thumbnails(tmp_path / "kept", most_bytes=int(3.6 * size))
    made = [thumbnails.get(f"ab{number:02}", path, 2 * WIDTH) for number, path in enumerate(paths)]
    assert all(cv2.imdecode(np.frombuffer(each, np.uint8), 0).shape == (50, WIDTH) for each in made)
    kept = sorted(path.name for path in (tmp_path / "kept").rglob("*.jpg"))
    assert kept == ["ab02.jpg", "ab03.jpg", "ab04.jpg"]
    assert Thumbnails(tmp_path / "kept")._bytes == sum(
        path.stat().st_size for path in (tmp_path / "kept").rglob("*.jpg")
    )


def test_masks_are_painted_in_the_colours_of_the_classes(client, board):
    """Image 5 has class 2, #56B4E9; OpenCV gives blue, green, red and opacity."""
    found = decode(client.get(f"/mask/truth/{key_of(board, '05.png')}?v=1"))
    inside = tiny_masks(5)[..., 1] > 0
    assert (found[inside] == (0xE9, 0xB4, 0x56, 255)).all() and (found[~inside] == 0).all()


def test_masks_of_models_and_of_the_submission(client, board):
    found = decode(client.get(f"/mask/model/{MODEL}/{key_of(board, '19.png')}"))
    np.testing.assert_array_equal(found[..., 3] > 0, predicted(19).any(axis=-1))
    found = decode(client.get(f"/mask/submitted/{key_of(board, '02.png', 'test')}?small"))
    np.testing.assert_array_equal(found[..., 3] > 0, predicted(102).any(axis=-1))


def test_probabilities_are_shown_from_5_percent_on(client, board):
    found = decode(client.get(f"/probability/{MODEL}/1/{key_of(board, '16.png')}"))
    inside = predicted(16)[..., 0] > 0
    assert inside.any() and (found[inside, 3] == 255).all() and (found[~inside, 3] == 0).all()
    assert found[inside][0, :3].sum() > 600  # near the pale end of the colours


@pytest.mark.parametrize(
    "address",
    [
        "/mask/model/by_hand/{train}",  # trained on: no prediction is kept
        "/mask/model/other/{judged}",
        "/mask/model/by_hand/{test}",
        "/mask/truth/{test}",
        "/mask/submitted/{train}",
        "/mask/a/{train}",  # nothing was uploaded
        "/mask/strange/{train}",
        "/probability/by_hand/0/{judged}",
        "/probability/by_hand/5/{judged}",
        "/probability/by_hand/1/{train}",
        "/predicted/0/photograph",
        "/predicted/runs.csv",
    ],
)
def test_what_there_is_not_is_not_found(client, board, address):
    keys = {
        "train": key_of(board, "00.png"),
        "judged": key_of(board, "16.png"),
        "test": key_of(board, "00.png", "test"),
    }
    assert client.get(address.format(**keys)).status_code == 404


@pytest.mark.parametrize("place", ["photograph", "thumbnail", "mask/truth", "mask/a", "mask/model/by_hand", "assets"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_outside(client, place, path):
    answer = client.get(f"/{place}/{path}")
    assert answer.status_code in (404, 308)
    assert b"EncodedPixels" not in answer.data and b"fingerprint" not in answer.data and b"root:" not in answer.data


def test_a_photograph_that_went_meanwhile_is_not_found(tmp_path):
    places = make_places(tmp_path / "project", 5, run=False)
    made = board_of(places)
    client = browser_of(make_app(made).server)
    places.dataset.path("03.png").unlink()
    for place in ("photograph", "thumbnail"):
        assert client.get(f"/{place}/{key_of(made, '03.png')}").status_code == 404
    made.close()


def test_marks_are_downloaded_without_formulas(client, board):
    board.marks.put("train", "05.png", "=cmd|' /C calc'!A0")
    answer = client.get("/marks.csv")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert row["note"] == "'=cmd|' /C calc'!A0" and row["image_id"] == "05.png"


# What is uploaded


def test_a_submission_of_training_images_is_scored(client, board, tmp_path):
    """Three images, of which one lacks its mask: 11 of the 12 pairs are right."""
    content = submission_bytes(
        tmp_path, ["08.png", "09.png", "05.png"], [tiny_masks(8), tiny_masks(9), 0 * tiny_masks(5)]
    )
    assert send(client, "/upload/submission/a", ("theirs.csv", content)) == (200, {"problem": ""})
    uploaded = session_of(client, board).submissions["a"]
    assert (uploaded.name, uploaded.part, uploaded.known, uploaded.sound) == ("theirs.csv", "train", 3, True)
    table = score_uploaded(uploaded, board.catalogue).table()
    assert table.at["all", "kaggle_dice"] == 11 / 12 and table.at["class 2", "kaggle_dice"] == 2 / 3
    found = decode(client.get(f"/mask/a/{key_of(board, '08.png')}"))
    np.testing.assert_array_equal(found[..., 3] > 0, tiny_masks(8).any(axis=-1))
    assert client.get(f"/mask/a/{key_of(board, '00.png', 'test')}").status_code == 404


def test_a_submission_of_test_images_is_linted_and_compared_with_ours(client, board, tmp_path):
    ids = board.places.dataset.test_ids
    masks = [predicted(100), 0 * predicted(101), predicted(102)]
    send(client, "/upload/submission/a", ("x.csv", submission_bytes(tmp_path, ids, masks)))
    uploaded = session_of(client, board).submissions["a"]
    assert (uploaded.part, uploaded.known, len(uploaded.problems)) == ("test", 3, 0)
    compared, number = compare_uploaded(uploaded, ours("test", board.catalogue), board.catalogue)
    differing = compared.differing()
    assert number == 3 and differing["image"].tolist() == ["01.png"]
    assert differing["differing"].tolist() == [predicted(101).sum()]


def test_a_workbook_is_taken_as_the_csv_file_is(client, board, tmp_path):
    path = tmp_path / "theirs.csv"
    write_submission(path, ["08.png", "09.png"], [tiny_masks(8), tiny_masks(9)], ROW_PER_MASK)
    write_workbook(path, tmp_path / "theirs.xlsx")
    status, _ = send(client, "/upload/submission/b", ("theirs.xlsx", (tmp_path / "theirs.xlsx").read_bytes()))
    uploaded = session_of(client, board).submissions["b"]
    assert status == 200 and list(uploaded.runs) == ["08.png"] and uploaded.sound  # 09 is clean: without a row


def test_problems_are_named_by_the_sender_s_name(client, board):
    content = b"ImageId,EncodedPixels,ClassId\n00.png,2 1 1 1,1\n"
    send(client, "/upload/submission/a", ("dir/theirs.csv", content))
    uploaded = session_of(client, board).submissions["a"]
    assert not uploaded.sound and uploaded.runs == {}
    assert set(uploaded.problems["file"]) == {"theirs.csv"}
    assert (
        not uploaded.problems.astype(str).apply(lambda column: column.str.contains("steel-dashboard-")).any(axis=None)
    )


BAD_SUBMISSIONS = {
    "empty": (b"", "the file is empty; expected some content. Choose another file."),
    "header alone": (b"\n\n", "the file is empty; expected a header and rows"),
    "other columns": (b"a,b\n1,2\n", "found the columns a, b; expected ImageId_ClassId,EncodedPixels or"),
    "semicolons": (b"ImageId;EncodedPixels;ClassId\n", "separated by semicolons"),
    "torn": (b"ImageId,EncodedPixels,ClassId\na.png,1 1\n", "row 2 has 2 cells; expected 3"),
    "another class": (
        b"ImageId,EncodedPixels,ClassId\n00.png,1 1,9\n",
        "row 2: class 9; expected one of the 4 of tiny",
    ),
    "binary": (bytes(range(256)) * 40, "is not UTF-8 text"),
    "a picture": (cv2.imencode(".png", tiny_image(1))[1].tobytes(), "is not UTF-8 text"),
    "no workbook": (broken_workbook(), "no sound Excel workbook"),
    "torn workbook": (zip_bomb(2**20)[:400], "no Excel workbook"),
}


@pytest.mark.parametrize("kind", BAD_SUBMISSIONS)
def test_a_bad_submission_is_refused_with_a_message(client, board, kind):
    content, message = BAD_SUBMISSIONS[kind]
    status, told = send(client, "/upload/submission/a", ("bad.csv", content))
    assert status == 400 and message in told["problem"] and told["problem"].startswith("bad.csv: ")
    assert session_of(client, board).submissions == {}
    assert client.get("/").status_code == 200


def test_a_zip_bomb_is_not_unpacked(client, board, monkeypatch):
    content = zip_bomb(100 * 2**20)
    assert len(content) < 2**20
    monkeypatch.setattr("openpyxl.load_workbook", lambda *given, **more: pytest.fail("unpacked"))
    status, told = send(client, "/upload/submission/a", ("bomb.xlsx", content))
    assert status == 400 and "bomb.xlsx: unpacked it has 105 MB; expected 101 MB at most" in told["problem"]


def test_what_is_too_large_is_refused_while_it_comes(client, server, board, monkeypatch):
    monkeypatch.setattr(uploads_module, "MOST_SUBMISSION", 1000)
    monkeypatch.setattr(uploads_module, "_CHUNK", 100)
    status, told = send(client, "/upload/submission/a", ("large.csv", b"x" * 1001))
    assert status == 400 and "large.csv: the file has more than" in told["problem"]
    monkeypatch.setitem(server.config, "MAX_CONTENT_LENGTH", 5000)
    status, told = send(client, "/upload/submission/a", ("larger.csv", b"x" * 10_000))
    assert status == 413 and "send less at once" in told["problem"]


def test_uploads_without_a_session_or_a_file_or_with_too_many(server, client):
    status, told = send(fresh_browser(server), "/upload/submission/a", ("a.csv", b"x"))
    assert status == 400 and "the session's cookie is missing" in told["problem"]
    assert send(client, "/upload/submission/a")[0] == 400
    assert send(client, "/upload/submission/c", ("a.csv", b"x"))[0] == 404
    status, told = send(client, "/upload/images", *[("a.png", b"x")] * 17)
    assert status == 400 and told["problem"] == "got 17 files, expected 1 to 16 at once. Send fewer."


def test_two_browsers_do_not_see_each_other_s_uploads(server, board, tmp_path):
    one, other = browser_of(server), browser_of(server)
    content = submission_bytes(tmp_path, ["08.png"], [tiny_masks(8)])
    send(one, "/upload/submission/a", ("mine.csv", content))
    send(one, "/upload/images", ("mine.png", png_of(0)))
    wait_for(one, board)
    mask, address = f"/mask/a/{key_of(board, '08.png')}", "/predicted/0/photograph"
    assert (
        one.get(mask).status_code == one.get(address).status_code == one.get("/predicted/runs.csv").status_code == 200
    )
    assert other.get(mask).status_code == other.get(address).status_code == 404
    assert other.get("/predicted/runs.csv").status_code == 404


# What is predicted


def png_of(number):
    return cv2.imencode(".png", tiny_image(number))[1].tobytes()


def session_of(client, board):
    """What a browser uploaded; None before it did."""
    return board.sessions.find(client.session_id)


def wait_for(client, board):
    """All images of a browser, once they are predicted or failed."""
    for _ in range(600):
        images = session_of(client, board).images
        if all(each.state != WAITING for each in images):
            return images
        board.predictor._worker.submit(lambda: None).result()
    return pytest.fail("the images are still waiting")


def test_images_are_predicted_and_given_back(client, board):
    sent = [("one.png", png_of(5)), ("=two.png", png_of(9)), ("clean.png", png_of(4))]
    assert send(client, "/upload/images", *sent) == (200, {"problem": ""})
    images = wait_for(client, board)
    assert [each.state for each in images] == [DONE] * 3 and [each.name for each in images] == [
        name for name, _ in sent
    ]
    np.testing.assert_array_equal(images[0].masks(), predicted(5))
    assert images[0].areas == tuple(predicted(5).sum(axis=(0, 1))) and images[0].shape == SHAPE
    assert images[0].highest == pytest.approx((0, 0.98, 0, 0)) and images[0].seconds > 0
    rows = list(csv.reader(io.StringIO(client.get("/predicted/runs.csv").text, newline="")))
    assert rows == [
        ["ImageId", "EncodedPixels", "ClassId"],
        ["one.png", images[0].runs[1], "2"],
        ["'=two.png", images[1].runs[0], "1"],
    ]
    with zipfile.ZipFile(io.BytesIO(client.get("/predicted/overlays.zip").data)) as file:
        assert file.namelist() == ["000-one.png", "001-_two.png", "002-clean.png"]
        painted = cv2.imdecode(np.frombuffer(file.read("000-one.png"), np.uint8), cv2.IMREAD_COLOR)
    grey, inside = np.repeat(tiny_image(5)[..., np.newaxis], 3, axis=-1), predicted(5)[..., 1] > 0
    np.testing.assert_array_equal(painted[~inside], grey[~inside])
    np.testing.assert_allclose(painted[inside], 0.5 * grey[inside] + 0.5 * np.array((0xE9, 0xB4, 0x56)), atol=0.51)
    found = decode(client.get("/predicted/0/mask"))
    np.testing.assert_array_equal(found[..., 3] > 0, inside)
    assert client.get("/predicted/0/photograph").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.png: the file is empty"),
        (b"no picture", "x.png: this is no sound image; expected one of: BMP, GIF, JPEG"),
        (png_of(1)[:500], "this is no sound image"),
        (png_bomb(8_000, 6_000), "the image has 6,000 x 8,000 pixels; expected 40 million at most"),
        (png_bomb(60_000, 60_000), "the image has so many pixels that it is a trap; expected 40 million at most"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "this is no sound image"),  # Pillow would start another program for it
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "this is no sound image"),
    ],
)
def test_a_bad_image_is_set_aside_and_the_others_are_predicted(client, board, content, message):
    assert send(client, "/upload/images", ("x.png", content), ("good.png", png_of(2)))[0] == 200
    bad, good = wait_for(client, board)
    assert bad.state == FAILED and message in bad.problem and good.state == DONE
    assert client.get("/predicted/0/photograph").status_code == 404 == client.get("/predicted/0/mask").status_code


def test_a_bomb_is_not_decoded(client, board, monkeypatch):
    monkeypatch.setattr(uploads_module, "read_image", lambda *given: pytest.fail("decoded"))
    monkeypatch.setattr("PIL.Image.Image.load", lambda *given: pytest.fail("decoded"))
    send(client, "/upload/images", ("bomb.png", png_bomb(10_000, 10_000)))
    (bomb,) = wait_for(client, board)
    assert "10,000 x 10,000 pixels" in bomb.problem


def test_what_the_network_can_not_take_is_said_and_the_worker_goes_on(client, board):
    white = cv2.imencode(".png", np.full(SHAPE, 255, np.uint8))[1].tobytes()
    send(client, "/upload/images", ("white.png", white), ("good.png", png_of(2)))
    failed, good = wait_for(client, board)
    assert failed.problem == "the network by hand takes no white image" and good.state == DONE


def test_without_a_model_nothing_is_predicted(tmp_path):
    made = board_of(make_places(tmp_path / "project", 5, run=False))
    client = browser_of(make_app(made).server)
    status, told = send(client, "/upload/images", ("a.png", png_of(1)))
    assert status == 400 and told["problem"].startswith("there is no model to predict with; expected one of a run")
    made.close()


def test_a_bundle_predicts_as_the_series_does(tmp_path):
    """One image through the worker's network, and through what 06_submission calls; at another size, mirrored."""
    from helpers.inference.predict import predict_masks
    from helpers.models.build import build_model
    from helpers.models.bundle import load_bundle, save_bundle

    arguments = {"stem": 4, "widths": (8,), "depths": (1,)}
    save_bundle(
        tmp_path / "bundle",
        build_model("steel_unet", SHAPE, 4, **arguments),
        architecture="steel_unet",
        arguments=arguments,
        input_shape=SHAPE,
        channels=1,
        class_names=["a", "b", "c", "d"],
        thresholds=[0.5, 0.4, 0.3, 0.6],
        training={},
        scores={},
        mirrored=True,
    )
    image = np.random.default_rng(0).integers(0, 255, (48, 100), dtype=np.uint8)
    write_image(tmp_path / "a.png", image)
    predictor = Predictor(tmp_path / "bundle")
    done = predictor.predict(Prediction(0, "a.png", tmp_path / "a.png"))
    (expected,) = predict_masks(*load_bundle(predictor.folder), [image[..., np.newaxis]])
    np.testing.assert_array_equal(done.masks(), expected)
    assert done.state == DONE and done.shape == (48, 100) and expected.any()
    assert predictor.engine.startswith("Keras 3.")
    predictor.close()


# Starting


def test_a_start_loads_no_tensorflow(board):
    """Nor does anything but a prediction."""
    code = (
        "import sys; from helpers.dashboard.places import open_places; from helpers.dashboard.board import make_board; "
        "from helpers.dashboard.app import make_app; import helpers.dashboard.serve; "
        f"board = make_board(open_places({str(board.places.root)!r}, {str(board.places.dataset.directory)!r})); "
        "client = make_app(board).server.test_client(); "
        "assert client.get('/', headers={'Host': '127.0.0.1:8005'}).status_code == 200; board.close(); "
        "print({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: None if name == "dash" else object())
    with pytest.raises(ImportError, match=r"needs dash, which is not installed. Install it with: pip install 'steel"):
        serve.require_packages()


def test_a_port_that_is_taken_is_said_before_data_is_read():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=f"127.0.0.1, port {port}: can't be listened at .* Choose another with --port"
        ):
            serve.require_port("127.0.0.1", port)
    serve.require_port("127.0.0.1", port)


def test_addresses_to_open():
    assert serve.address("127.0.0.1", 8005, "") == "http://127.0.0.1:8005/"
    assert serve.address("::1", 80, "abc") == "http://[::1]:80/?token=abc"
    assert "0.0.0.0" not in serve.address("0.0.0.0", 80, "abc")


def test_make_board_takes_up_what_is_kept(board):
    made = make_board(board.places)
    assert list(made.scores.models) == [MODEL] and made.scores.waiting == []
    assert made.predictor.folder == board.places.run.directory / "models" / MODEL and not made.predictor.engine
    assert serve.describe(made) == "tiny: 20 training and 3 test images; run tiny-smoke."
    made.close()


def test_bundle_is_that_of_the_decided_model_or_the_one_that_ships(tmp_path):
    """The model that 05_evaluation decided, also where another one scored better while training."""
    places = make_places(tmp_path / "project", 5, run=False)
    assert find_bundle(places) is None
    shipped = places.root / "models" / "steel_unet"
    shipped.mkdir(parents=True)
    (shipped / "bundle.json").touch()
    assert find_bundle(places) == shipped
    scores = {"a": 0.5, "b": 0.4}
    records = {f"04_segmentation.{name}.validation_kaggle_dice": {"value": score} for name, score in scores.items()}
    directory = places.root / "runs" / "tiny-smoke"
    for name in scores:
        (directory / "models" / name).mkdir(parents=True)
        (directory / "models" / name / "bundle.json").touch()
    write_json(directory / "results.json", records | {"05_evaluation.sheets_passed_b": {"value": 0.1}})
    run = Run(directory, places.dataset.directory)
    assert find_bundle(replace(places, run=run)) == directory / "models" / "b"


def test_no_address_of_dash_is_open_that_the_pages_do_not_need(server):
    rules = {str(rule) for rule in server.url_map.iter_rules()}
    assert not [rule for rule in rules if "mcp" in rule or "shutdown" in rule]
