"""Images that somebody drops on the page, and what the network finds on them."""

from dash import Input, Output, dcc, html
from flask import g

from helpers.dashboard.pages.parts import data_table, legend, notice, stack, swatch
from helpers.dashboard.pages.uploading import drop_zone
from helpers.dashboard.prediction import DONE, FAILED, WAITING
from helpers.dashboard.uploads import MOST_IMAGE, MOST_IMAGES, MOST_PIXELS
from helpers.report.colours import class_colours

PATH, TITLE = "/predict", "Predict"
ACCEPT = ".jpg,.jpeg,.png,.bmp,.tif,.tiff,.webp,image/*"
LOOK_AGAIN = 700  # milliseconds


def layout(board):
    """The page."""
    return html.Div(
        [
            html.H1("What does the network find?"),
            *(_offer(board) if board.predictor.folder else [_lacking()]),
            dcc.Store(id="sent-images"),
            dcc.Interval(id="look-again", interval=LOOK_AGAIN),
            html.Div(id="predicted"),
        ]
    )


def _lacking():
    return notice("There is no model to predict with. Run the series first: python run_all.py", tone="bad")


def _offer(board):
    """What is predicted with, and where to drop images."""
    about = board.predictor.about
    return [
        html.P(
            f"By {board.predictor.folder.name}, at thresholds tuned for each class. Up to {MOST_IMAGES} images at "
            f"once, {MOST_IMAGE / 2**20:.0f} MiB and {MOST_PIXELS / 1e6:.0f} million pixels each. Your images are "
            "seen by this browser alone, and forgotten after four hours. An image of the training set is no test.",
            className="note",
        ),
        legend(about["class_names"]),
        drop_zone("drop-images", "Drop images here", "/upload/images", "sent-images", accept=ACCEPT, several=True),
    ]


def register(app, board):
    """What the page's controls do."""

    @app.callback(
        Output("predicted", "children"),
        Output("look-again", "disabled"),
        Input("sent-images", "data"),
        Input("look-again", "n_intervals"),
    )
    def show(sent, times):
        session = board.sessions.find(g.session_id)
        images = [] if session is None else list(session.images)
        refused = [notice(sent["problem"], tone="bad")] if isinstance(sent, dict) and sent.get("problem") else []
        waits = any(each.state == WAITING for each in images)
        return [*refused, *predicted_section(board, images)], not waits


def predicted_section(board, images):
    """What came of the images that were sent."""
    if not images:
        return []
    names = board.predictor.about["class_names"]
    waiting = sum(each.state == WAITING for each in images)
    done = sum(each.state == DONE for each in images)
    engine = board.predictor.engine
    words = f"{done} of {len(images)} predicted{f' by {engine}' if engine else ''}."
    if waiting and not engine:
        words += " The network is being loaded, which takes some seconds the first time."
    parts = [html.P(words, className="note", role="status", id="predicted-words")]
    if done and not waiting:
        links = [
            html.A("Download the runs (CSV)", href="/predicted/runs.csv", download="predicted.csv"),
            " · ",
            html.A("Download the overlays (ZIP)", href="/predicted/overlays.zip", download="predicted.zip"),
        ]
        parts.append(html.P(links, className="note"))
    return [*parts, html.Div([_result(each, names) for each in images], className="results")]


def _result(image, names):
    """One image's masks, classes, probabilities and time."""
    if image.state == FAILED:
        return notice(html.Strong(image.name), f": {image.problem.removeprefix(image.name + ': ')}", tone="bad")
    if image.state == WAITING:
        return notice(html.Strong(image.name), ": waits for the network.")
    address = f"/predicted/{image.number}"
    found = any(image.areas)
    picture = stack(
        f"{address}/photograph?v={image.version}",
        [f"{address}/mask?v={image.version}"] if found else [],
        alt=f"prediction of {image.name}",
        shape=image.shape,
    )
    pixels = image.shape[0] * image.shape[1]
    rows = [
        (html.Span([swatch(colour), name], className="tag"), f"{area / pixels:.2%}" if area else "no", f"{highest:.3f}")
        for name, colour, area, highest in zip(
            names, class_colours(len(names)), image.areas, image.highest, strict=True
        )
    ]
    height, width = image.shape
    words = f"{height:,} x {width:,} pixels · {image.seconds * 1000:,.0f} ms"
    return html.Section(
        [
            html.H2(image.name),
            picture,
            html.P(words, className="note"),
            data_table(["class", "share of the image", "highest probability"], rows),
        ],
        className="result",
    )
