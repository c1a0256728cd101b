"""A submission that somebody made, looked at before it is sent: linted, scored, and compared."""

import pandas as pd
from dash import Input, Output, dcc, html
from flask import g

from helpers.dashboard.catalogue import TEST, TRAIN
from helpers.dashboard.pages.parts import (
    AWAITED,
    NOTHING,
    choice,
    data_table,
    gallery,
    is_awaited,
    legend,
    mask_address,
    notice,
    open_button,
    predicted_masks,
    view,
)
from helpers.dashboard.pages.uploading import drop_zone
from helpers.dashboard.select import Query
from helpers.dashboard.submissions import OURS, areas_of, compare_uploaded, ours, score_uploaded
from helpers.data.problems import ERROR
from helpers.inference.score import MEASURES

PATH, TITLE = "/submission", "Submission"
MOST_PROBLEMS, MOST_SHOWN = 50, 8
ACCEPT = ".csv,.xlsx,text/csv"
OTHER = "b"
PARTS = {TEST: "test images", TRAIN: "training images", "": "no image of this data set"}
COUNTS = {"pairs": "pairs", "true": "with a defect", "predicted": "predicted"}


def layout(board):
    """The page."""
    return html.Div(
        [
            html.H1("Look at a submission"),
            html.P(
                "CSV or Excel, in either of the competition's formats. Your files are seen by this browser alone, and "
                "forgotten after four hours.",
                className="note",
            ),
            html.Div(
                [
                    drop_zone("drop-a", "Drop a submission (A) here", "/upload/submission/a", "sent-a", accept=ACCEPT),
                    drop_zone(
                        "drop-b", "and perhaps another (B), to compare", "/upload/submission/b", "sent-b", accept=ACCEPT
                    ),
                ],
                className="pair",
            ),
            dcc.Store(id="sent-a"),
            dcc.Store(id="sent-b"),
            html.Div(id="refused"),
            html.Div(id="linted"),
            html.Div(id="scored"),
            choice("against", "Compare A with", {OURS: "ours", OTHER: "B"}, OURS),
            html.Div(id="compared"),
        ]
    )


def register(app, board):
    """What the page's controls do."""

    @app.callback(
        Output("refused", "children"),
        Output("linted", "children"),
        Output("scored", "children"),
        Output("compared", "children"),
        Input("sent-a", "data"),
        Input("sent-b", "data"),
        Input("against", "value"),
        Input("model", "value"),
    )
    def show(sent_a, sent_b, against, model):
        problems = [f"{name}: {sent['problem']}" for name, sent in (("A", sent_a), ("B", sent_b)) if _is_refused(sent)]
        refused = [notice(problem, tone="bad") for problem in problems]
        session = board.sessions.find(g.session_id)
        uploads = {} if session is None else dict(session.submissions)
        linted = [linted_section(name, uploads[slot]) for slot, name in (("a", "A"), ("b", "B")) if slot in uploads]
        if "a" not in uploads:
            return refused, linted, "", ""
        return refused, linted, scored_section(uploads["a"], board), compared_section(board, uploads, against, model)


def linted_section(name, uploaded):
    """What the competition's scorer would refuse."""
    problems = uploaded.problems
    errors = int((problems["severity"] == ERROR).sum())
    verdict = (
        f"{errors:,} errors and {len(problems) - errors:,} warnings." if len(problems) else "Nothing is wrong with it."
    )
    about = f"{len(uploaded.runs) or uploaded.known:,} images; {uploaded.known:,} of them are {PARTS[uploaded.part]}."
    parts = [html.H2(f"{name}: {uploaded.name}"), notice(f"{verdict} {about}", tone="bad" if errors else "good")]
    if len(problems):
        shown = problems.head(MOST_PROBLEMS)
        rows = [
            (each.severity, "" if pd.isna(each.row) else f"{each.row:,}", each.problem, each.mend)
            for each in shown.itertuples(index=False)
        ]
        parts.append(data_table(["", "row", "problem", "what to do"], rows, **{"data-kind": "sentences"}))
        if len(problems) > len(shown):
            parts.append(html.P(f"The first {len(shown)} of {len(problems):,}.", className="note"))
    return html.Section(parts)


def scored_section(uploaded, board):
    """The scores against the labels, where they are known."""
    if not uploaded.sound:
        return notice("It is not scored: mend the errors first.")
    if uploaded.part != TRAIN:
        return html.P("It is not scored: the truth is known of training images alone.", className="note")
    scores = score_uploaded(uploaded, board.catalogue)
    table = scores.table()
    rows = [
        (
            name,
            *(_score(table.at[name, measure]) for measure in MEASURES),
            *(f"{table.at[name, each]:,}" for each in COUNTS),
        )
        for name in table.index
    ]
    notes = [html.P(note, className="note") for note in scores.pairs.notes]
    head = ["", *MEASURES, *COUNTS.values()]
    return html.Section([html.H2("Scores of A against the labels"), data_table(head, rows), *notes])


def compared_section(board, uploads, against, model):
    """Where two submissions differ, and the largest differences as images."""
    first, scores = uploads["a"], board.model(model or "")
    second = uploads.get("b") if against == OTHER else ours(first.part, board.catalogue, scores)
    if second is None:
        words = "Drop a second submission." if against == OTHER else "The run has no predictions of these images."
        if against != OTHER and first.part == TRAIN and is_awaited(board, scores):
            words = AWAITED
        return notice(f"There is nothing to compare with. {words}")
    if not first.sound or not second.sound:
        return notice("They are not compared: mend the errors first.")
    try:
        compared, number = compare_uploaded(first, second, board.catalogue)
    except ValueError as error:
        return notice(str(error), tone="bad")
    agreement = compared.agreement()
    head = ["", "mean Dice between them", "where either has something", "pairs", "in A", f"in {_short(against)}"]
    columns = ["pairs", "in A", "in B"]
    rows = [
        (
            name,
            _score(each["mean_dice"]),
            _score(each["mean_dice_of_found"]),
            *(f"{int(each[one]):,}" for one in columns),
        )
        for name, each in agreement.iterrows()
    ]
    return html.Section(
        [
            html.H2(f"A beside {second.name}"),
            html.P(f"On the {number:,} images that both speak of.", className="note"),
            data_table(head, rows),
            *_differences(board, compared.differing(), uploads, second, against, model),
        ]
    )


def _differences(board, differing, uploads, second, against, model):
    """The images on which two submissions differ most."""
    if differing.empty:
        return [html.P("They have the same masks.", className="note")]
    first = uploads["a"]
    rows = [(image_id, board.catalogue.row_of(first.part, image_id)) for image_id in differing["image"].unique()]
    there = [(image_id, row) for image_id, row in rows if row is not None][:MOST_SHOWN]
    keys = [board.catalogue.table["key"].iat[row] for _, row in there]
    sources = [{"slot": "a", "name": f"A: {first.name}", "version": first.version}]
    if against == OTHER:
        sources.append({"slot": "b", "name": f"B: {second.name}", "version": second.version})
    else:
        sources.append({"slot": OURS, "name": second.name, "model": model or ""})
    cards = [
        _difference_card(board, place, image_id, row, (first, second), against, model)
        for place, (image_id, row) in enumerate(there)
    ]
    return [
        html.H3("The largest differences"),
        legend(board.catalogue.class_names),
        gallery(Query(model=model or "").only(keys), cards, "gallery pairs", compared=sources),
    ]


def _difference_card(board, place, image_id, row, both, against, model):
    """An image with the masks of two submissions."""
    first, second = both
    key = board.catalogue.table["key"].iat[row]
    if against == OTHER:
        other = [mask_address(board, "b", key, small=True, version=second.version)]
    else:
        other = predicted_masks(board, row, board.model(model or ""), small=True) or []
    masks = ([mask_address(board, "a", key, small=True, version=first.version)], other)
    views = [
        view(board, row, words, over, areas_of(each, image_id), "nothing")
        for words, over, each in zip(("A", _short(against)), masks, both, strict=True)
    ]
    return open_button(board, row, place, [*views, html.Span(image_id, className="line last name")])


def _short(against):
    return "B" if against == OTHER else "ours"


def _is_refused(sent):
    return isinstance(sent, dict) and bool(sent.get("problem"))


def _score(value):
    return NOTHING if pd.isna(value) else f"{value:.5f}"
