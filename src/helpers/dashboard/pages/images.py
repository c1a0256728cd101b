"""Images to look at: three at random of a class, or all that fit, a page at a time."""

import random

from dash import Input, Output, State, ctx, dcc, html

from helpers.dashboard.catalogue import TRAIN
from helpers.dashboard.pages.parts import (
    AWAITED,
    card,
    choice,
    class_options,
    field,
    gallery,
    is_awaited,
    legend,
    notice,
)
from helpers.dashboard.select import (
    ANY,
    BY_DATE,
    BY_DICE,
    BY_INVENTED,
    BY_MISSED,
    BY_NAME,
    BY_SIZE,
    OF_MODEL,
    SCORES,
    SHARES,
    VERDICTS,
    Query,
    select_rows,
)

PATH, TITLE = "/images", "Images"
PER_PAGE, AT_RANDOM = 24, 3
ORDERS = {
    BY_DATE: "date",
    BY_NAME: "name",
    BY_SIZE: "largest defects first",
    BY_DICE: "lowest Dice first",
    BY_MISSED: "most missed first",
    BY_INVENTED: "most invented first",
}
VERDICT_WORDS = dict(
    zip(VERDICTS, ("any", "right classes", "wrong classes", "a class missed", "a class invented"), strict=True)
)
FILTERS = {
    "class_id": "class-filter",
    "splits": "split-filter",
    "shares": "share-filter",
    "scores": "score-filter",
    "verdict": "verdict-filter",
    "order": "order",
}
STEPS, PLACES = {"before": -1, "next": 1}, ("above", "below")


def layout(board):
    """The page."""
    names = board.catalogue.class_names
    splits = sorted(board.catalogue.table["split"].unique())
    return html.Div(
        [
            html.H1("Look at images"),
            legend(names),
            html.Section(
                [
                    html.H2("Three at random"),
                    html.Div(
                        [
                            choice("random-class", "Class", class_options(names), ANY),
                            html.Button("Three images", id="random", className="primary", n_clicks=0),
                        ],
                        className="controls",
                    ),
                    html.Div(id="three"),
                ]
            ),
            html.Section(
                [
                    html.H2("All images"),
                    html.Details(
                        [html.Summary("Filters and order"), html.Div(_filters(names, splits), className="controls")],
                        open=True,
                        className="filters",
                    ),
                    _pager("above"),
                    html.Div(id="grid"),
                    _pager("below"),
                    dcc.Store(id="page-number", data=0),
                ]
            ),
        ]
    )


def _filters(names, splits):
    """The controls of what is shown."""
    return [
        choice("class-filter", "Class", class_options(names), ANY),
        choice("split-filter", "Split", {split: split for split in splits}, [], several=True),
        choice("verdict-filter", "Prediction", VERDICT_WORDS, ANY),
        field(
            "Defects cover, % of the image",
            dcc.RangeSlider(*SHARES, 1, value=list(SHARES), id="share-filter", marks=None, allow_direct_input=True),
        ),
        field(
            "Mean Dice of the prediction",
            dcc.RangeSlider(*SCORES, 0.01, value=list(SCORES), id="score-filter", marks=None, allow_direct_input=True),
        ),
        field(
            "Order",
            dcc.Dropdown(ORDERS, BY_DATE, id="order", clearable=False, searchable=False, className="dropdown"),
        ),
    ]


def _pager(place):
    """Buttons to the pages before and behind."""
    return html.Div(
        [
            html.Button("◀ Before", id=f"before-{place}", n_clicks=0, **{"aria-label": "Page before"}),
            html.Span(id=f"pages-{place}", className="note", **{"aria-live": "polite"}),
            html.Button("Next ▶", id=f"next-{place}", n_clicks=0, **{"aria-label": "Next page"}),
        ],
        className="pager",
    )


def register(app, board):
    """What the page's controls do."""

    @app.callback(
        Output("three", "children"),
        Input("random", "n_clicks"),
        Input("random-class", "value"),
        State("dates", "start_date"),
        State("dates", "end_date"),
        State("model", "value"),
    )
    def show_three(clicks, class_id, start, end, model):
        query = Query.of({"start": start, "end": end, "class_id": class_id, "model": model})
        return three_at_random(board, query)

    @app.callback(
        output=[Output(f"pages-{place}", "children") for place in PLACES]
        + [Output("grid", "children"), Output("page-number", "data")],
        inputs={
            "pressed": [Input(f"{step}-{place}", "n_clicks") for step in STEPS for place in PLACES],
            "asked": {name: Input(control, "value") for name, control in FILTERS.items()}
            | {
                "start": Input("dates", "start_date"),
                "end": Input("dates", "end_date"),
                "model": Input("model", "value"),
            },
        },
        state={"number": State("page-number", "data")},
    )
    def show_page(pressed, asked, number):
        query = Query.of(asked)
        button = str(ctx.triggered_id or "").partition("-")[0]
        cards, words, number = page_of(board, query, number + STEPS[button] if button in STEPS else 0)
        return words, words, cards, number


def three_at_random(board, query):
    """Three images of a query by chance; those with target and prediction first, then those with a target."""
    scores = board.model(query.model)
    rows = select_rows(board.catalogue, query, scores).tolist()
    named = {row: board.catalogue.image_of(row) for row in rows}
    both = [row for row, (part, image_id) in named.items() if scores and part == TRAIN and image_id in scores.places]
    rows = both or [row for row, (part, _) in named.items() if part == TRAIN] or rows
    if not rows:
        return notice("There is no such image in this range of dates. Choose another class, or a wider range.")
    chosen = random.sample(rows, min(AT_RANDOM, len(rows)))
    keys = [board.catalogue.table["key"].iat[row] for row in chosen]
    cards = [card(board, row, scores, place) for place, row in enumerate(chosen)]
    return gallery(query.only(keys), cards, "gallery pairs")


def page_of(board, query, number, per_page=PER_PAGE):
    """One page of the images of a query.

    Args:
        board: `Board`.
        query: `Query`.
        number: of the page, from 0; beyond the last one the last is shown.
        per_page: images on a page.

    Returns:
        (the gallery, words on where it is among all, the page's number).
    """
    scores, marks = board.model(query.model), board.marks.table()
    marked = set(zip(marks["part"], marks["image_id"], strict=True))
    rows = select_rows(board.catalogue, query, scores, marked)
    if not len(rows):
        return notice(_lacking(board, query, scores)), "no image", 0
    last = (len(rows) - 1) // per_page
    number = min(max(int(number or 0), 0), last)
    begin = number * per_page
    shown = rows[begin : begin + per_page]
    cards = [
        card(board, row, scores, begin + place, marked=board.catalogue.image_of(row) in marked)
        for place, row in enumerate(shown)
    ]
    words = f"{begin + 1:,} to {begin + len(shown):,} of {len(rows):,} · page {number + 1:,} of {last + 1:,}"
    return gallery(query, cards), words, number


def _lacking(board, query, scores):
    """Why nothing is shown."""
    asks = query.verdict != ANY or query.scores != SCORES or query.order in OF_MODEL
    if scores is None and asks:
        if is_awaited(board, scores):
            return AWAITED
        return "There are no predictions to choose by: run the series, or choose the run with --run."
    return "No image fits. Choose a wider range, or fewer filters."
