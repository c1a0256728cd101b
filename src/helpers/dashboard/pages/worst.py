"""Where a model is most wrong, and what somebody marked to be looked at again."""

from dash import Input, Output, State, ctx, dcc, html

from helpers.dashboard.pages.images import page_of
from helpers.dashboard.pages.parts import card, choice, gallery, legend
from helpers.dashboard.select import BY_DICE, BY_INVENTED, BY_MISSED, Query

PATH, TITLE = "/worst", "Worst first"
PER_PAGE = 12
ORDERS = {BY_DICE: "lowest Dice", BY_INVENTED: "largest false alarm", BY_MISSED: "most missed"}


def layout(board):
    """The page."""
    return html.Div(
        [
            html.H1("Worst first"),
            html.P(
                "Each image by a network that was not trained on it. Open one to mark it for review with a note.",
                className="note",
            ),
            legend(board.catalogue.class_names),
            choice("worst-order", "Begin with", ORDERS, BY_DICE),
            html.Div(
                [
                    html.Button("◀ Before", id="worst-before", n_clicks=0, **{"aria-label": "Page before"}),
                    html.Span(id="worst-pages", className="note", **{"aria-live": "polite"}),
                    html.Button("Next ▶", id="worst-next", n_clicks=0, **{"aria-label": "Next page"}),
                ],
                className="pager",
            ),
            html.Div(id="worst-grid"),
            dcc.Store(id="worst-number", data=0),
            html.H2("Marked for review"),
            html.Div(id="marks"),
        ]
    )


def register(app, board):
    """What the page's controls do."""

    @app.callback(
        Output("worst-grid", "children"),
        Output("worst-pages", "children"),
        Output("worst-number", "data"),
        Input("worst-before", "n_clicks"),
        Input("worst-next", "n_clicks"),
        Input("worst-order", "value"),
        Input("dates", "start_date"),
        Input("dates", "end_date"),
        Input("model", "value"),
        Input("marks-changed", "data"),
        State("worst-number", "data"),
    )
    def show_worst(before, behind, order, start, end, model, changed, number):
        query = Query.of({"start": start, "end": end, "model": model, "order": order})
        steps = {"worst-before": number - 1, "worst-next": number + 1, "marks-changed": number}
        return page_of(board, query, steps.get(ctx.triggered_id, 0), PER_PAGE)

    @app.callback(Output("marks", "children"), Input("marks-changed", "data"), Input("model", "value"))
    def show_marks(changed, model):
        return marked_images(board, model)


def marked_images(board, model):
    """The marked images with their notes, and where to get them as a file."""
    table, scores = board.marks.table(), board.model(model or "")
    rows = [
        board.catalogue.row_of(part, image_id) for part, image_id in zip(table["part"], table["image_id"], strict=True)
    ]
    there = [(row, note) for row, note in zip(rows, table["note"], strict=True) if row is not None]
    if table.empty:
        return html.P("Nothing is marked yet.", className="note")
    query = Query(model=model or "").only(board.catalogue.table["key"].iat[row] for row, _ in there)
    cards = [
        html.Div(
            [card(board, row, scores, place, marked=True), html.P(note or "without a note", className="mark-note")],
            className="noted",
        )
        for place, (row, note) in enumerate(there)
    ]
    gone = len(table) - len(there)
    words = f"{len(table):,} marked" + (f", of which {gone:,} are no longer in the data" if gone else "")
    return html.Div(
        [
            html.P(
                [words, " · ", html.A("Download as CSV", href="/marks.csv", download="marks.csv")], className="note"
            ),
            gallery(query, cards),
        ]
    )
