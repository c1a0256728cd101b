"""How many images there are of each class, in which shares, and how that goes over time."""

import numpy as np
import pandas as pd
from dash import Input, Output, html

from helpers.dashboard.catalogue import TEST, TRAIN
from helpers.dashboard.control import PERIODS, count_by_period, p_chart
from helpers.dashboard.pages.parts import (
    AWAITED,
    choice,
    class_options,
    colours_with_clean,
    data_table,
    empty_figure,
    graph,
    is_awaited,
    notice,
    swatch,
)
from helpers.dashboard.select import ANY, CLEAN, Query, within_dates
from helpers.report.colours import NEUTRAL

PATH, TITLE = "/", "Distribution"
PREDICTED = "predicted"
WHICH = {
    TRAIN: "training, as labelled",
    PREDICTED: "training, as predicted",
    TEST: "test, as predicted",
}
SEVERAL = "several classes"
SHARE, OUTSIDE = "#4A90D9", "#D55E00"


def layout(board):
    """The page."""
    names = board.catalogue.class_names
    return html.Div(
        [
            html.H1("What is on the sheets"),
            choice("which", "Images", WHICH, TRAIN),
            html.Div(id="cards"),
            html.Div(
                [
                    html.Section([html.H2("Images with each class"), graph("bars", "Bars: images with each class")]),
                    html.Section(
                        [
                            html.H2("Shares of all images"),
                            graph("pie", "Ring: shares of images by what is on them, each image counted once"),
                        ]
                    ),
                ],
                className="pair",
            ),
            html.H2("Over time"),
            html.Div(
                [
                    choice("period", "By", {name: name for name in PERIODS}, "month"),
                    choice("watched", "Control chart of", class_options(names) | {ANY: "any defect"}, ANY),
                ],
                className="controls",
            ),
            html.Div(
                [
                    html.Section(
                        [html.H3("Share of images with each class"), graph("trend", "Lines: share by period")]
                    ),
                    html.Section(
                        [
                            html.H3("Control chart", id="control-title"),
                            graph("control", "Line with limits: share of images by period"),
                        ]
                    ),
                ],
                className="pair",
            ),
            html.Div(id="control-words"),
        ]
    )


def register(app, board):
    """What the page's controls do."""

    @app.callback(
        Output("cards", "children"),
        Output("bars", "figure"),
        Output("pie", "figure"),
        Output("trend", "figure"),
        Output("control", "figure"),
        Output("control-title", "children"),
        Output("control-words", "children"),
        Input("which", "value"),
        Input("period", "value"),
        Input("watched", "value"),
        Input("dates", "start_date"),
        Input("dates", "end_date"),
        Input("model", "value"),
    )
    def show(which, period, watched, start, end, model):
        names = board.catalogue.class_names
        query = Query.of({"start": start, "end": end})
        has, lacking = classes_of(board, which, query, board.model(model))
        taken = board.catalogue.table["taken"].loc[has.index]
        table = count_by_period(taken, with_any(has), period if period in PERIODS else "month")
        column, title = _watched(watched, names)
        return (
            count_cards(has, names) if len(has) else notice(lacking),
            bar_figure(has, names),
            pie_figure(has, names),
            trend_figure(table, names),
            control_figure(table, column),
            f"Control chart: {title}",
            control_words(table, column, board.catalogue.dates),
        )


def classes_of(board, which, query, scores):
    """Which classes images have: by the labels, by predictions on labelled images, or by predictions on test images.

    Args:
        board: `Board`.
        which: one of `WHICH`.
        query: `Query`, of which the dates count.
        scores: `ModelScores`, or None.

    Returns:
        (bool table with the columns 1 to n, indexed by row of the catalogue; what is lacking where it is empty).
    """
    catalogue, kept = board.catalogue, within_dates(board.catalogue, query)
    columns = range(1, len(catalogue.class_names) + 1)
    lacking = "No image was taken in this range of dates. Choose a wider one."
    areas = catalogue.areas
    if which == PREDICTED:
        areas, known = np.zeros_like(areas), np.zeros(len(kept), bool)
        for place, image_id in enumerate(scores.image_ids if scores else ()):
            row = catalogue.row_of(TRAIN, image_id)
            if row is not None:
                areas[row], known[row] = scores.counts.predicted[place], True
        kept = kept & known
        if is_awaited(board, scores):
            lacking = AWAITED
        elif scores is None:
            lacking = "There are no predictions of labelled images: run the series, or choose the run with --run."
    elif which == TEST:
        known = catalogue.table["image_id"].isin(list(catalogue.test_runs)).to_numpy() & ~catalogue.labelled
        areas, kept = catalogue.test_areas, kept & known
        if not catalogue.test_runs:
            lacking = "There are no predictions of test images: run 06_submission of the series."
    else:
        kept = kept & catalogue.labelled
    rows = np.flatnonzero(kept)
    return pd.DataFrame(areas[rows] > 0, index=rows, columns=columns), lacking


def with_any(has):
    """The same with a column for any defect, and one for none."""
    return has.assign(**{ANY: has.any(axis=1), CLEAN: ~has.any(axis=1)})


def count_cards(has, names):
    """Cards with the number of images: all, of each class, and without a defect."""
    counts, total = [*has.sum(), int((~has.any(axis=1)).sum())], len(has)
    told = zip([*names, "no defect"], colours_with_clean(names), counts, strict=True)
    cards = [_card("images", None, total, "all that are chosen")]
    cards += [_card(name, colour, count, f"{count / total:.1%} of the images") for name, colour, count in told]
    return html.Ul(cards, className="numbers")


def bar_figure(has, names):
    """Bars: images with each class; one with several counts for each."""
    # To the left alone: room above for the numbers on the bars would move the ticks, and these the room, without end.
    axis = {"title": {"text": "images"}, "automargin": "left"}
    figure = empty_figure(showlegend=False, xaxis={"showgrid": False}, yaxis=axis)
    counts = [*has.sum(), int((~has.any(axis=1)).sum())]
    labels = [*names, "no defect"]
    figure["data"] = [
        {
            "type": "bar",
            "x": [_plain(label) for label in labels],
            "y": [int(count) for count in counts],
            "marker": {"color": colours_with_clean(names)},
            "text": [f"{count:,}" for count in counts],
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{x}: %{y:,} images<extra></extra>",
        }
    ]
    return figure


def pie_figure(has, names):
    """A ring: images by what is on them, each counted once."""
    single = has.sum(axis=1) == 1
    counts = [int((has[column] & single).sum()) for column in has]
    parts = [
        *zip([f"{name} alone" for name in names], colours_with_clean(names)[:-1], counts, strict=True),
        (SEVERAL, "#7A4FBF", int((has.sum(axis=1) > 1).sum())),
        ("no defect", NEUTRAL, int((~has.any(axis=1)).sum())),
    ]
    parts = [part for part in parts if part[2]]
    figure = empty_figure(
        margin={"l": 8, "r": 8, "t": 24, "b": 24},
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.08, "yanchor": "top"},
    )
    figure["data"] = [
        {
            "type": "pie",
            "labels": [_plain(label) for label, _, _ in parts],
            "values": [count for _, _, count in parts],
            "marker": {"colors": [colour for _, colour, _ in parts]},
            "hole": 0.55,
            "sort": False,
            "direction": "clockwise",
            "texttemplate": "%{percent:.1%}",
            "textposition": "outside",
            "hovertemplate": "%{label}: %{value:,} images, %{percent}<extra></extra>",
        }
    ]
    return figure


def trend_figure(table, names):
    """Lines: share of the images with each class by period."""
    figure = empty_figure(yaxis={"title": {"text": "share of images"}, "tickformat": ".0%", "rangemode": "tozero"})
    shares = [table[column] / table["images"].where(table["images"] > 0) for column in range(1, len(names) + 1)]
    figure["data"] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": _plain(name),
            "x": _days(table),
            "y": _numbers(share),
            "line": {"color": colour, "width": 2},
            "customdata": table["images"].tolist(),
            "hovertemplate": "%{x}: %{y:.1%} of %{customdata:,} images",
        }
        for name, colour, share in zip(names, colours_with_clean(names)[:-1], shares, strict=True)
    ]
    return figure


def control_figure(table, column):
    """A p-chart: share by period, its centre, and the limits within which it varies by chance."""
    figure = empty_figure(yaxis={"title": {"text": "share of images"}, "tickformat": ".0%", "rangemode": "tozero"})
    if table.empty:
        return figure
    table = table[table["images"] > 0]
    chart, days = p_chart(table[column], table["images"]), _days(table)
    limit = {"type": "scatter", "mode": "lines", "x": days, "hoverinfo": "skip"}
    colours = np.where(chart["outside"], OUTSIDE, SHARE).tolist()
    figure["data"] = [
        limit | {"y": _numbers(chart["lower"]), "line": {"width": 0, "shape": "hvh"}, "showlegend": False},
        limit
        | {
            "y": _numbers(chart["upper"]),
            "line": {"width": 0, "shape": "hvh"},
            "fill": "tonexty",
            "fillcolor": "rgba(74,144,217,0.18)",
            "name": "limits: 3 standard deviations",
        },
        limit | {"y": _numbers(chart["centre"]), "line": {"color": NEUTRAL, "dash": "dash"}, "name": "mean"},
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "share",
            "x": days,
            "y": _numbers(chart["share"]),
            "line": {"color": SHARE, "width": 1.5},
            "marker": {"color": colours, "size": np.where(chart["outside"], 12, 7).tolist()},
            "customdata": table[["images", column]].to_numpy().tolist(),
            "hovertemplate": "%{x}: %{y:.1%} (%{customdata[1]:,} of %{customdata[0]:,} images)<extra></extra>",
        },
    ]
    return figure


def control_words(table, column, dates):
    """What the control chart says, and in which periods it says it."""
    words = "Dates are simulated, so that nothing seen over time here means anything." if dates.simulated else ""
    without = int(dates.taken.isna().sum())
    if without:
        words = f"{without:,} images have no date and are left out. {words}"
    if table.empty:
        return notice("No image has a date. ", words)
    chart = p_chart(table[column], table["images"])
    outside = chart[chart["outside"]]
    if outside.empty:
        return html.P(f"No period lies beyond its limits. {words}", className="note")
    rows = [
        (day, f"{chart['share'][row]:.1%}", f"{chart['lower'][row]:.1%} to {chart['upper'][row]:.1%}",
         f"{table['images'].iat[row]:,}")
        for row, day in ((row, _days(table)[row]) for row in outside.index)
    ]  # fmt: skip
    return html.Div(
        [
            html.P(f"Periods beyond their limits: {len(outside)}. {words}", className="note"),
            data_table(["begins", "share", "limits", "images"], rows),
        ]
    )


def _watched(watched, names):
    """(column of the table, words) of what the control chart is of."""
    if watched in (ANY, CLEAN):
        return watched, "images with any defect" if watched == ANY else "images without a defect"
    number = int(watched) if str(watched).isdecimal() and 1 <= int(watched) <= len(names) else 1
    return number, f"images with {names[number - 1]}"


def _card(name, colour, count, words):
    title = [swatch(colour), name] if colour else name
    return html.Li([html.H2(title), html.P(f"{count:,}", className="figure-number"), html.P(words, className="note")])


def _days(table):
    return [f"{day:%Y-%m-%d}" for day in table.index]


def _numbers(values):
    """Numbers for a figure; a gap where there is none."""
    return [None if pd.isna(value) else round(float(value), 5) for value in values]


def _plain(text):
    """A name for a figure, where Plotly would take some marks for HTML."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
