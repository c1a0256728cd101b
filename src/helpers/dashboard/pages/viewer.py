"""One image, large: target, prediction and probabilities side by side, to be zoomed, marked and leafed through."""

from urllib.parse import quote

import pandas as pd
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update

from helpers.dashboard.catalogue import TEST, TRAIN
from helpers.dashboard.marks import LONGEST_NOTE
from helpers.dashboard.pages.parts import (
    AWAITED,
    NOTHING,
    area_chips,
    choice,
    is_awaited,
    is_strip,
    mask_address,
    predicted_masks,
    seen_words,
    shape_of,
    stack,
    true_masks,
)
from helpers.dashboard.select import Query, select_rows
from helpers.dashboard.submissions import OURS, ours

KEYS = (
    "Keys: ← → other images, o overlays, p probabilities, + − 0 zoom, m note, Esc close. Wheel, drag or pinch to zoom."
)
NO_MAP = "0"


def layout(board):
    """The viewer, which lies over every page and is hidden until an image is opened."""
    maps = {NO_MAP: "off"} | {str(number): name for number, name in enumerate(board.catalogue.class_names, start=1)}
    return html.Div(
        [
            html.Div(
                [
                    html.Button("◀", id="viewer-before", **{"aria-label": "Image before"}),
                    html.Button("▶", id="viewer-next", **{"aria-label": "Next image"}),
                    html.Strong(id="viewer-title", className="viewer-title"),
                    html.Button("Close ✕", id="viewer-close", **{"aria-label": "Close"}),
                ],
                className="viewer-bar",
            ),
            html.Div(id="viewer-facts"),
            html.Div(
                [
                    choice("overlays", "Overlays", {"on": "shown"}, ["on"], several=True),
                    html.Div(
                        [
                            html.Div("Opacity", className="legend"),
                            dcc.Slider(0, 100, 5, value=60, id="opacity", marks=None, allow_direct_input=False),
                        ],
                        className="field slider",
                    ),
                    choice("map", "Probability map", maps, NO_MAP),
                    html.Div(
                        [
                            html.Button("+", className="zoom", **{"data-zoom": "in", "aria-label": "Zoom in"}),
                            html.Button("−", className="zoom", **{"data-zoom": "out", "aria-label": "Zoom out"}),
                            html.Button("1:1", className="zoom", **{"data-zoom": "none", "aria-label": "Whole image"}),
                        ],
                        className="field zooms",
                    ),
                ],
                className="controls",
            ),
            html.Div(id="viewer-panes"),
            html.Div(
                [
                    dcc.Textarea(
                        id="note",
                        placeholder="What should be looked at?",
                        maxLength=LONGEST_NOTE,
                        rows=2,
                        title="Note",
                    ),
                    html.Button("Mark for review", id="mark", className="primary", n_clicks=0),
                    html.Button("Remove the mark", id="unmark", n_clicks=0),
                    html.Span(id="mark-words", className="note", role="status"),
                ],
                id="marking",
                className="marking",
            ),
            html.P(KEYS, className="note keys"),
            dcc.Store(id="opened"),
            dcc.Store(id="shown"),
            dcc.Store(id="marks-changed", data=0),
            dcc.Store(id="look"),
            dcc.Store(id="focused"),
        ],
        id="viewer",
        className="viewer",
        role="dialog",
        hidden=True,
        **{"aria-modal": "true", "aria-label": "One image"},
    )


def register(app, board):
    """What the viewer's controls do."""
    app.clientside_callback(
        ClientsideFunction("steel", "look"),
        Output("look", "data"),
        Input("overlays", "value"),
        Input("opacity", "value"),
    )
    app.clientside_callback(ClientsideFunction("steel", "focus"), Output("focused", "data"), Input("viewer", "hidden"))

    @app.callback(
        Output("viewer", "hidden"),
        Output("viewer-title", "children"),
        Output("viewer-facts", "children"),
        Output("viewer-panes", "children"),
        Output("note", "value"),
        Output("mark-words", "children"),
        Output("shown", "data"),
        Input("opened", "data"),
        Input("map", "value"),
        State("shown", "data"),
    )
    def show(opened, map_of, shown):
        if not isinstance(opened, dict):
            return True, "", "", "", "", "", None
        query, total, row, position = find_opened(board, opened)
        if row is None:
            return True, "", "", "", "", "", None
        key = board.catalogue.table["key"].iat[row]
        words = f"{board.catalogue.table['image_id'].iat[row]} · {position + 1:,} of {total:,}"
        title = html.Span(words, **{"data-position": str(position), "data-total": str(total)})
        note, words = marking_of(board, row)
        if ctx.triggered_id == "map" and (shown or {}).get("key") == key:
            note, words = no_update, no_update  # what is being written stays
        panes = panes_of(board, row, query.model, opened.get("compared"), map_of)
        facts = facts_of(board, row, query.model)
        return False, title, facts, panes, note, words, {"key": key, "position": position, "total": total}

    @app.callback(
        Output("mark-words", "children", allow_duplicate=True),
        Output("note", "value", allow_duplicate=True),
        Output("marks-changed", "data"),
        Input("mark", "n_clicks"),
        Input("unmark", "n_clicks"),
        State("note", "value"),
        State("shown", "data"),
        State("marks-changed", "data"),
        prevent_initial_call=True,
    )
    def mark(marked, unmarked, note, shown, changed):
        row = board.catalogue.rows.get((shown or {}).get("key"))
        if row is None:
            return no_update, no_update, no_update
        image = board.catalogue.image_of(row)
        if ctx.triggered_id == "unmark":
            board.marks.remove(*image)
            return "Not marked.", "", changed + 1
        try:
            board.marks.put(*image, (note or "").strip())
        except ValueError as error:
            return str(error), no_update, no_update
        return "Marked for review.", no_update, changed + 1


def find_opened(board, opened):
    """What was opened.

    Args:
        board: `Board`.
        opened: dict that the browser sends: query and position.

    Returns:
        (`Query`, number of its images, row of the one that was opened, its position); the row is None where there is
        none.
    """
    query = Query.of(opened.get("query"))
    marks = board.marks.table() if query.marked else None
    marked = () if marks is None else set(zip(marks["part"], marks["image_id"], strict=True))
    rows = select_rows(board.catalogue, query, board.model(query.model), marked)
    position = opened.get("position")
    if not len(rows) or not isinstance(position, int):
        return query, len(rows), None, 0
    position = min(max(position, 0), len(rows) - 1)
    return query, len(rows), int(rows[position]), position


def panes_of(board, row, model, compared, map_of):
    """The views of an image: target, prediction or what is compared, and the probability of a class."""
    catalogue, scores, shape = board.catalogue, board.model(model), shape_of(board, row)
    key, (part, image_id) = catalogue.table["key"].iat[row], catalogue.image_of(row)
    photograph, panes = f"/photograph/{key}", []
    if part == TRAIN:
        panes.append(_pane("Target", photograph, true_masks(board, row), shape))
    if compared:
        panes += [_pane(words, photograph, masks, shape) for words, masks in compared_masks(board, row, compared)]
    else:
        predicted = predicted_masks(board, row, scores)
        words = "Prediction" + (f" of {scores.name}" if scores and part == TRAIN else "")
        lacking = "not yet scored" if part == TRAIN and is_awaited(board, scores) else "not kept for this image"
        panes.append(_pane(words, photograph, predicted or [], shape, lacking="" if predicted is not None else lacking))
    known = scores is not None and part == TRAIN and image_id in scores.places
    if map_of != NO_MAP and known and str(map_of).isdecimal() and int(map_of) <= len(catalogue.class_names):
        address = f"/probability/{quote(scores.name, safe='')}/{int(map_of)}/{key}?v={board.version}"
        name = catalogue.class_names[int(map_of) - 1]
        panes.append(_pane(f"Probability of {name}", photograph, [address], shape, scale=True))
    return html.Div(panes, className="panes strips" if is_strip(shape) else "panes")


def compared_masks(board, row, compared):
    """(words, addresses) of the masks of two submissions on an image, as the browser was told of them."""
    part, _ = board.catalogue.image_of(row)
    key, found = board.catalogue.table["key"].iat[row], []
    for source in compared if isinstance(compared, list) else []:
        if not isinstance(source, dict):
            continue
        if source.get("slot") == OURS:
            scores = board.model(str(source.get("model", "")))
            if ours(part, board.catalogue, scores) is not None:
                found.append((str(source.get("name")), predicted_masks(board, row, scores) or []))
        elif source.get("slot") in ("a", "b"):
            address = mask_address(board, source["slot"], key, version=str(source.get("version", "")))
            found.append((str(source.get("name")), [address]))
    return found


def facts_of(board, row, model):
    """What is known of an image, on a few lines."""
    catalogue, scores = board.catalogue, board.model(model)
    (part, _), taken = catalogue.image_of(row), catalogue.table["taken"].iat[row]
    day = NOTHING if pd.isna(taken) else f"{taken:%Y-%m-%d %H:%M}"
    simulated = " (simulated)" if catalogue.dates.simulated else ""
    height, width = shape_of(board, row)
    facts = [f"{catalogue.table['split'].iat[row]} · {day}{simulated} · {height} x {width} pixels"]
    lines = [html.P(facts, className="note")]
    if part == TRAIN:
        chips = area_chips(catalogue.areas[row], catalogue.pixels[row], catalogue.class_names)
        lines.append(html.P(["Target: ", *(chips or ["no defect"])], className="line"))
    lines += _prediction_lines(board, row, scores)
    return html.Div(lines, className="facts")


def marking_of(board, row):
    """(note, words) of an image's mark."""
    note = board.marks.note(*board.catalogue.image_of(row))
    return ("", "Not marked.") if note is None else (note, "Marked for review.")


def _prediction_lines(board, row, scores):
    """What is predicted of an image, and by whom."""
    catalogue, (part, image_id) = board.catalogue, board.catalogue.image_of(row)
    if part == TEST:
        if image_id not in catalogue.test_runs:
            return [html.P("The run has no prediction of this test image.", className="note")]
        chips = area_chips(catalogue.test_areas[row], catalogue.pixels[row], catalogue.class_names)
        return [html.P(["Prediction (submission.csv): ", *(chips or ["nothing"])], className="line")]
    if is_awaited(board, scores):
        return [html.P(AWAITED, className="note")]
    if scores is None or image_id not in scores.places:
        words = "The run kept no prediction of this image by a network that was not trained on it."
        return [html.P([words, " The tab Predict takes any image."], className="note")]
    place = scores.places[image_id]
    chips = area_chips(scores.counts.predicted[place], catalogue.pixels[row], catalogue.class_names)
    numbers = (
        f"Dice {scores.dice[place]:.3f} ({scores.verdicts[place]}), {scores.missed[place]:,} pixels missed, "
        f"{scores.invented[place]:,} invented. {seen_words(scores, image_id)}"
    )
    return [html.P(["Prediction: ", *(chips or ["nothing"])], className="line"), html.P(numbers, className="note")]


def _pane(words, photograph, masks, shape, *, lacking="", scale=False):
    """One view, which zooms together with the others."""
    title = [words, html.Span(lacking, className="quiet")] if lacking else [words]
    if scale:
        title.append(html.Span(["0", html.Span(className="scale"), "1"], className="scale-words"))
    picture = stack(photograph, masks, alt=words, shape=shape, class_name="stack stage")
    return html.Figure([html.Figcaption(title), html.Div(picture, className="pane", tabIndex=-1)])
