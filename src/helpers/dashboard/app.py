"""The application: the frame of all pages, and what each address shows."""

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import DependencyException
from flask import request

from helpers.dashboard.guard import guard
from helpers.dashboard.pages import distribution, images, predicting, submission, viewer, worst
from helpers.dashboard.pages.parts import field, notice
from helpers.dashboard.routes import add_routes

PAGES = (distribution, images, worst, submission, predicting)
DATED = (distribution, images, worst)  # pages that the range of dates is for
ANY_PATH = "/<path:path>"  # the name that Dash gives to what is no other address
LOOK_AGAIN = 2_000  # milliseconds until it is asked again whether scores are ready
# The style of the report's pages comes first, so that both look alike; the script for it
# sets the colours before anything shows.
INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="color-scheme" content="light dark">
<title>{%title%}</title>
<link rel="icon" href="data:,">
<script src="/assets/theme.js"></script>
<link rel="stylesheet" href="/report.css">
{%css%}
</head>
<body>
{%app_entry%}
<div hidden>{%config%}{%scripts%}{%renderer%}</div>
</body>
</html>"""


def make_app(board, *, host="127.0.0.1", port=8005, token=""):
    """The Dash application of a board; `server` of it is the Flask application.

    Args:
        board: `Board`.
        host: address that it will listen at.
        port: port that it will listen at.
        token: of `helpers.dashboard.guard.choose_token`.

    Returns:
        dash.Dash.
    """
    app = Dash(
        "helpers.dashboard",
        assets_folder="assets",
        assets_ignore="theme.js",
        title=f"{board.places.dataset.name} · steel defects",
        update_title=None,
        index_string=INDEX,
        serve_locally=True,
        compress=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    frame = make_frame(board)
    app.layout = frame
    app.validation_layout = html.Div([frame, *(page.layout(board) for page in PAGES)])
    _register(app, board)
    for page in (*PAGES, viewer):
        page.register(app, board)
    add_routes(app.server, board)
    _find_no_others(app.server)
    guard(app.server, host=host, port=port, token=token, scripts=app.csp_hashes())
    return app


def make_frame(board):
    """What stands around every page."""
    links = [dcc.Link(page.TITLE, href=page.PATH, id=f"to-{page.PATH.strip('/') or 'start'}") for page in PAGES]
    return html.Div(
        [
            dcc.Location(id="address", refresh="callback-nav"),
            html.Header(
                [
                    dcc.Link(board.places.dataset.name, href="/", className="home"),
                    html.Nav(links, className="tabs", **{"aria-label": "Pages"}),
                    html.Button("Dark", id="theme", className="theme", **{"aria-label": "Light or dark colours"}),
                ]
            ),
            html.Main(
                [
                    html.Div(_notices(board), id="notices"),
                    html.Div(_frame_controls(board), id="frame-controls", className="controls"),
                    html.Div(id="page"),
                ],
                id="content",
            ),
            viewer.layout(board),
            dcc.Interval(id="scores-again", interval=LOOK_AGAIN, disabled=not board.scores.waiting),
        ]
    )


def _frame_controls(board):
    """The range of dates and the model, which hold for several pages."""
    first, last = _days(board)
    return [
        field(
            "Taken",
            dcc.DatePickerRange(
                id="dates",
                start_date=first,
                end_date=last,
                min_date_allowed=first,
                max_date_allowed=last,
                display_format="YYYY-MM-DD",
            ),
            html.Button("All dates", id="all-dates", n_clicks=0),
        ),
        field(
            "Predictions of",
            dcc.Dropdown(
                list(board.scores.models),
                next(iter(board.scores.models), None),
                id="model",
                clearable=False,
                searchable=False,
                placeholder="no model",
                className="dropdown",
            ),
            html.Span(_waiting_words(board.scores.waiting), id="scores-words", className="note", role="status"),
        ),
    ]


def _days(board):
    """First and last day on which an image was taken, as text."""
    taken = board.catalogue.table["taken"]
    return f"{taken.min():%Y-%m-%d}", f"{taken.max():%Y-%m-%d}"


def _register(app, board):
    """What the frame's controls do."""
    first, last = _days(board)

    @app.callback(
        Output("page", "children"),
        Output("frame-controls", "hidden"),
        Output("frame-controls", "className"),
        Input("address", "pathname"),
    )
    def show_page(path):
        page = next((page for page in PAGES if path == page.PATH), None)
        if page is None:
            return notice("There is no such page. ", dcc.Link("To the start", href="/")), True, "controls"
        return page.layout(board), page is predicting, "controls" if page in DATED else "controls undated"

    @app.callback(
        [Output(link, "className") for link in (f"to-{page.PATH.strip('/') or 'start'}" for page in PAGES)],
        Input("address", "pathname"),
    )
    def show_where(path):
        return ["here" if path == page.PATH else "" for page in PAGES]

    @app.callback(
        Output("dates", "start_date"),
        Output("dates", "end_date"),
        Input("all-dates", "n_clicks"),
        prevent_initial_call=True,
    )
    def show_all_dates(clicks):
        return first, last

    @app.callback(
        Output("model", "options"),
        Output("model", "value"),
        Output("scores-words", "children"),
        Output("notices", "children"),
        Output("scores-again", "disabled"),
        Input("scores-again", "n_intervals"),
        State("model", "value"),
    )
    def show_models(times, chosen):
        waiting = list(board.scores.waiting)  # asked first, since a model is there before it is waited for no more
        names = list(board.scores.models)
        kept = chosen if chosen in names else next(iter(names), None)
        # Also the same choice, given again, would have each page drawn anew from its beginning.
        return names, no_update if kept == chosen else kept, _waiting_words(waiting), _notices(board), not waiting


def _find_no_others(server):
    """Addresses that are no page's are not found, where Dash would answer each with its page, or with a failure."""
    pages = {page.PATH for page in PAGES}

    @server.errorhandler(DependencyException)
    def find_no_file(error):
        return "", 404

    @server.after_request
    def find_no_page(answer):
        if answer.status_code == 200 and request.endpoint == ANY_PATH and request.path not in pages:
            answer.status_code = 404
        return answer


def _waiting_words(waiting):
    """Which models are still looked at."""
    return f"Scores are being taken, once, of: {', '.join(waiting)}." if waiting else ""


def _notices(board):
    """What has to be known before anything is believed."""
    dates, words = board.catalogue.dates, []
    if board.places.dataset.made_up:
        words.append("The data is made up by this project, and says nothing about real sheets. ")
    if dates.simulated:
        words += ["Dates are ", html.Strong("simulated"), f"{dates.words.removeprefix('simulated')}."]
    lines = [notice(*words)] if words else []
    lines += [notice(note) for note in board.catalogue.notes]
    return lines + [notice(f"{name} is not shown: {problem}") for name, problem in list(board.scores.problems.items())]
