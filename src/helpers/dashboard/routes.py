"""The server's own addresses: pictures, uploads and downloads. What is asked for is looked up, and never a path."""

from functools import wraps
from io import BytesIO
from pathlib import Path

from flask import Response, abort, g, jsonify, request, send_file
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import helpers.report
from helpers.dashboard.catalogue import TEST, TRAIN
from helpers.dashboard.pictures import JPEG, PNG, encode_masks, encode_photograph, encode_probabilities
from helpers.dashboard.prediction import DONE, FAILED, WAITING, Prediction, overlays_zip, runs_csv
from helpers.dashboard.thumbnails import WIDTH
from helpers.dashboard.uploads import (
    MOST_IMAGES,
    MOST_REQUEST,
    read_uploaded_image,
    receive_image,
    receive_submission,
    shown_name,
)
from helpers.data.images import read_image
from helpers.rle import build_masks

REPORT_STYLE = Path(helpers.report.__file__).parent / "templates" / "page" / "style.css"
SHOWN_AS_THEY_ARE = {"JPEG": JPEG, "PNG": PNG}  # formats that every browser shows
TRUTH, SUBMITTED, SLOTS = "truth", "submitted", ("a", "b")
FOR_EVER = "private, max-age=31536000, immutable"
CSV, ZIP = "text/csv", "application/zip"


def add_routes(server, board):
    """Add all addresses that are not Dash's.

    Args:
        server: the Flask application.
        board: `Board`.
    """
    server.config["MAX_CONTENT_LENGTH"] = MOST_REQUEST
    _add_pictures(server, board)
    _add_uploads(server, board)
    _add_downloads(server, board)


def _add_pictures(server, board):
    catalogue = board.catalogue

    @server.get("/report.css")
    def report_style():
        return send_file(REPORT_STYLE, mimetype="text/css", max_age=3600)

    @server.get("/photograph/<key>")
    def photograph(key):
        row = _row(catalogue, key)
        kind = SHOWN_AS_THEY_ARE.get(catalogue.table["format"].iat[row])
        if kind:
            return _kept(send_file(_there(catalogue.path_of(row)), mimetype=kind, conditional=True))
        return _picture(encode_photograph(read_image(catalogue.path_of(row), 3)), JPEG)

    @server.get("/thumbnail/<key>")
    def thumbnail(key):
        row = _row(catalogue, key)
        path, width = catalogue.path_of(row), int(catalogue.table["width"].iat[row])
        return _picture(board.thumbnails.get(key, _there(path), width, _channels(catalogue, row)), JPEG)

    @server.get("/mask/<source>/<key>")
    def mask(source, key):
        row = _row(catalogue, key)
        return _mask(_runs(board, source, *catalogue.image_of(row)), _shape(catalogue, row))

    @server.get("/mask/model/<name>/<key>")
    def model_mask(name, key):
        row, scores = _row(catalogue, key), board.model(name)
        part, image_id = catalogue.image_of(row)
        if scores is None or part != TRAIN or image_id not in scores.places:
            abort(404)
        return _mask(scores.runs[scores.places[image_id]], _shape(catalogue, row))

    @server.get("/probability/<name>/<int:class_id>/<key>")
    def probability(name, class_id, key):
        row, scores = _row(catalogue, key), board.model(name)
        part, image_id = catalogue.image_of(row)
        known = 1 <= class_id <= len(catalogue.class_names)
        if not known or scores is None or part != TRAIN or image_id not in scores.places:
            abort(404)
        found = scores.probabilities(catalogue.dataset, image_id)
        return _picture(encode_probabilities(found[..., class_id - 1]), PNG)


def _add_uploads(server, board):
    @server.post("/upload/submission/<slot>")
    @_answering
    def upload_submission(slot):
        if slot not in SLOTS:
            abort(404)
        (sent,) = _files(1)
        session = board.sessions.open(g.session_id)
        receive_submission(session, slot, sent.filename, sent.stream, board.catalogue)

    @server.post("/upload/images")
    @_answering
    def upload_images():
        if board.predictor.folder is None:
            raise ValueError(
                "there is no model to predict with; expected one of a run, or models/steel_unet. Run the series first."
            )
        files = _files(MOST_IMAGES)
        session = board.sessions.open(g.session_id)
        with session.lock:
            if any(each.state == WAITING for each in session.images):
                raise ValueError(
                    "the images sent before are still being predicted; expected one lot at a time. Wait for them."
                )
            session.images = []
            for place, sent in enumerate(files):
                session.images.append(_received(session, place, sent))
            for place, each in enumerate(session.images):
                if each.state == WAITING:
                    board.predictor.submit(session, place)


def _received(session, place, sent):
    """An image that was sent, as one that waits; or as one that failed, which doesn't keep the others."""
    name = shown_name(sent.filename)
    try:
        return Prediction(place, name, receive_image(session, place, sent.filename, sent.stream))
    except ValueError as error:
        return Prediction(place, name, session.folder, FAILED, problem=str(error))


def _add_downloads(server, board):
    @server.get("/predicted/<int:number>/photograph")
    def predicted_photograph(number):
        found = _predicted(board, number)
        return _fresh(encode_photograph(read_uploaded_image(found.path, 3)), JPEG)

    @server.get("/predicted/<int:number>/mask")
    def predicted_mask(number):
        found = _predicted(board, number)
        if found.state != DONE:
            abort(404)
        return _fresh(encode_masks(found.masks()), PNG)

    @server.get("/predicted/runs.csv")
    def predicted_runs():
        return _download(runs_csv(_session(board).images).encode(), CSV, "predicted.csv")

    @server.get("/predicted/overlays.zip")
    def predicted_overlays():
        return _download(overlays_zip(_session(board).images), ZIP, "predicted.zip")

    @server.get("/marks.csv")
    def marks():
        return _download(board.marks.export().encode(), CSV, "marks.csv")


def _answering(receive):
    """Answer what the browser's script reads: whether an upload was taken, and else why not."""

    @wraps(receive)
    def answer(**values):
        try:
            receive(**values)
        except RequestEntityTooLarge:
            most = f"{MOST_REQUEST / 2**20:.0f} MiB"
            return jsonify(problem=f"What was sent has more than {most}; send less at once."), 413
        except HTTPException:
            raise
        except (ValueError, OSError) as error:
            return jsonify(problem=str(error)), 400
        return jsonify(problem="")

    return answer


def _files(most):
    """The files that were sent."""
    sent = request.files.getlist("file")
    if not 1 <= len(sent) <= most:
        raise ValueError(f"got {len(sent)} files, expected 1 to {most} at once. Send fewer.")
    return sent


def _row(catalogue, key):
    """The row of a key; an unknown one is not found."""
    if key not in catalogue.rows:
        abort(404)
    return catalogue.rows[key]


def _there(path):
    """A file of the data set, which may have gone since."""
    if not path.is_file():
        abort(404)
    return path


def _shape(catalogue, row):
    return int(catalogue.table["height"].iat[row]), int(catalogue.table["width"].iat[row])


def _channels(catalogue, row):
    return 1 if catalogue.dataset.images["channels"].iat[row] == 1 else 3


def _runs(board, source, part, image_id):
    """An image's runs in the labels, the run's submission, or an upload of this browser."""
    if source == TRUTH and part == TRAIN:
        return board.catalogue.dataset.runs(image_id)
    if source == SUBMITTED and part == TEST and image_id in board.catalogue.test_runs:
        return board.catalogue.test_runs[image_id]
    session = board.sessions.find(g.session_id)
    uploaded = session.submissions.get(source) if session is not None and source in SLOTS else None
    if uploaded is None or uploaded.part != part or image_id not in uploaded.runs:
        abort(404)
    return uploaded.runs[image_id]


def _mask(runs, shape):
    """Masks as a picture; small ones where they are asked for."""
    try:
        masks = build_masks(runs, shape)
    except ValueError:  # an upload was checked against the largest image, and this one is smaller
        abort(404)
    return _picture(encode_masks(masks, WIDTH if "small" in request.args else None), PNG)


def _session(board):
    """This browser's session, which has uploads."""
    found = board.sessions.find(g.session_id)
    if found is None:
        abort(404)
    return found


def _predicted(board, number):
    """An uploaded image of this browser that can be shown."""
    images = _session(board).images
    if number >= len(images) or not images[number].path.is_file():
        abort(404)
    return images[number]


def _picture(data, kind):
    """A picture whose address changes with it."""
    return _kept(Response(data, mimetype=kind))


def _kept(answer):
    answer.headers["Cache-Control"] = FOR_EVER
    return answer


def _fresh(data, kind):
    """A picture of an upload, which browsers don't keep."""
    answer = Response(data, mimetype=kind)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _download(data, kind, name):
    answer = send_file(BytesIO(data), mimetype=kind, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer
