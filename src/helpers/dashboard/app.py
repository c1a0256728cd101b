"""The application: the frame of all pages, and what each address shows."""

from dash import Dash, Input, Output, State, dcc, html

from helpers.dashboard.guard import guard
from helpers.dashboard.pages import distribution, images, predicting, submission, viewer, worst
from helpers.dashboard.pages.parts import field, notice
from helpers.dashboard.routes import add_routes

PAGES = (distribution, images, worst, submission, predicting)
DATED = (distribution, images, worst)  # pages that the range of dates and the model are for
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
    taken = board.catalogue.table["taken"].dropna()
    first, last = (f"{day:%Y-%m-%d}" for day in (taken.min(), taken.max()))
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
            html.Span(_waiting_words(board), id="scores-words", className="note", role="status"),
        ),
    ]


def _register(app, board):
    """What the frame's controls do."""
    every = _frame_controls(board)[0].children[1]

    @app.callback(Output("page", "children"), Output("frame-controls", "hidden"), Input("address", "pathname"))
    def show_page(path):
        page = next((page for page in PAGES if page.PATH == path), None)
        if page is None:
            return notice("There is no such page. ", dcc.Link("To the start", href="/")), True
        return page.layout(board), page not in DATED and page is not submission

    @app.callback(
        [Output(link, "className") for link in (f"to-{page.PATH.strip('/') or 'start'}" for page in PAGES)],
        Input("address", "pathname"),
    )
    def show_where(path):
        return ["here" if page.PATH == path else "" for page in PAGES]

    @app.callback(
        Output("dates", "start_date"),
        Output("dates", "end_date"),
        Input("all-dates", "n_clicks"),
        prevent_initial_call=True,
    )
    def show_all_dates(clicks):
        return every.start_date, every.end_date

    @app.callback(
        Output("model", "options"),
        Output("model", "value"),
        Output("scores-words", "children"),
        Output("scores-again", "disabled"),
        Input("scores-again", "n_intervals"),
        State("model", "value"),
    )
    def show_models(times, chosen):
        names = list(board.scores.models)
        kept = chosen if chosen in names else next(iter(names), None)
        return names, kept, _waiting_words(board), not board.scores.waiting


def _waiting_words(board):
    """Which models are still looked at."""
    waiting = board.scores.waiting
    return f"Scores are being taken, once, of: {', '.join(waiting)}." if waiting else ""


def _notices(board):
    """What has to be known before anything is believed."""
    lines = []
    if board.catalogue.dates.simulated:
        lines.append(notice("Dates are ", html.Strong("simulated"), board.catalogue.dates.words[len("simulated"):] + "."))
    if board.places.dataset.made_up:
        lines.append(notice("The data is made up by this project: what is seen here says nothing about real sheets."))
    lines += [notice(note) for note in board.catalogue.notes]
    return lines + [notice(f"{name} is not shown: {problem}") for name, problem in board.scores.problems.items()]
