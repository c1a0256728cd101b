"""What the pages are put together from."""

import json
from urllib.parse import quote

from dash import dcc, html

from helpers.dashboard.catalogue import TEST, TRAIN
from helpers.dashboard.scores import RIGHT, SEEN
from helpers.dashboard.select import ANY, CLEAN
from helpers.report.colours import NEUTRAL, class_colours

NOTHING = "–"
AWAITED = "Predictions of labelled images are still being scored: they can be seen when that is done."


def choice(identifier, label, options, value, *, several=False):
    """A row of buttons of which one, or several, are chosen.

    Args:
        identifier: of the component.
        label: what is chosen.
        options: dict of value -> words.
        value: what is chosen at first.
        several: whether more than one may be.
    """
    kind = dcc.Checklist if several else dcc.RadioItems
    items = [{"label": words, "value": each} for each, words in options.items()]
    return html.Fieldset(
        [
            html.Legend(label),
            kind(items, value, id=identifier, className="choice"),
        ],
        className="field",
    )


def field(label, *children):
    """Controls in a row, with their label."""
    return html.Div([html.Div(label, className="legend"), html.Div(list(children), className="row")], className="field")


def class_options(class_names, *, clean=True):
    """What may be chosen of the classes: dict of value -> words."""
    options = {ANY: "any"} | {str(number): name for number, name in enumerate(class_names, start=1)}
    return options | ({CLEAN: "no defect"} if clean else {})


def stack(photograph, masks=(), *, alt, shape, class_name="stack"):
    """A photograph with masks laid over it.

    Args:
        photograph: its address.
        masks: addresses of pictures to lay over.
        alt: what is to be seen.
        shape: (height, width) of the image in pixels.
        class_name: of the element.
    """
    style = {"aspectRatio": f"{shape[1]} / {shape[0]}"}
    over = [html.Img(src=mask, alt="", className="mask") for mask in masks]
    return html.Div([html.Img(src=photograph, alt=alt), *over], className=class_name, style=style)


def mask_address(board, source, key, *, model="", small=False, version=""):
    """The address of masks: of the `truth`, the run's submission (`submitted`), an upload (`a`, `b`), or a model."""
    place = f"model/{quote(model, safe='')}" if model else source
    return f"/mask/{place}/{key}?v={version or board.version}{'&small' if small else ''}"


def shape_of(board, row):
    """(height, width) of a row's image."""
    table = board.catalogue.table
    return int(table["height"].iat[row]), int(table["width"].iat[row])


def true_masks(board, row, *, small=False):
    """Addresses of an image's true masks; none where it has no defect, or nothing is known."""
    if not board.catalogue.areas[row].any():
        return []
    return [mask_address(board, "truth", board.catalogue.table["key"].iat[row], small=small)]


def predicted_masks(board, row, scores, *, small=False):
    """Addresses of an image's predicted masks; None where there is no prediction of it."""
    catalogue, key = board.catalogue, board.catalogue.table["key"].iat[row]
    part, image_id = catalogue.image_of(row)
    if part == TEST:
        if image_id not in catalogue.test_runs:
            return None
        found = catalogue.test_areas[row].any()
        return [mask_address(board, "submitted", key, small=small)] if found else []
    if scores is None or image_id not in scores.places:
        return None
    found = scores.counts.predicted[scores.places[image_id]].any()
    return [mask_address(board, "", key, model=scores.name, small=small)] if found else []


def card(board, row, scores, position, *, marked=False):
    """One image among others, its target and its prediction; a click opens it."""
    catalogue, (part, image_id) = board.catalogue, board.catalogue.image_of(row)
    views = []
    if part == TRAIN:
        masks, areas = true_masks(board, row, small=True), catalogue.areas[row]
        views.append(view(board, row, "target", masks, areas, "no defect"))
    predicted = predicted_masks(board, row, scores, small=True)
    if predicted is not None:
        views.append(view(board, row, "prediction", predicted, _predicted_areas(board, row, scores), "nothing"))
    elif part == TEST:
        views.append(view(board, row, "photograph", [], (), "no prediction"))
    star = [html.Span("★", className="star", title="marked for review")] if marked else []
    words = [*star, html.Span(image_id, className="name"), *_dice_words(scores, image_id, part)]
    if predicted is None and part == TRAIN:
        lacking = "no prediction yet" if is_awaited(board, scores) else "no prediction kept"
        words.append(html.Span(lacking, className="quiet"))
    return open_button(board, row, position, [*views, html.Span(words, className="line last")])


def open_button(board, row, position, children):
    """A button that opens an image of a gallery."""
    shape, image_id = shape_of(board, row), board.catalogue.table["image_id"].iat[row]
    told = {"data-position": str(position), "aria-label": f"Open {image_id}"}
    return html.Button(children, className="card strip" if is_strip(shape) else "card", **told)


def view(board, row, words, masks, areas, nothing):
    """A small picture of an image with masks over it, and what they are of.

    Args:
        board: `Board`.
        row: of the image.
        words: whose masks these are.
        masks: addresses of pictures to lay over.
        areas: pixels of each class.
        nothing: what is said where there are none.
    """
    catalogue = board.catalogue
    key, image_id = catalogue.table["key"].iat[row], catalogue.table["image_id"].iat[row]
    chips = area_chips(areas, catalogue.pixels[row], catalogue.class_names) if len(areas) else []
    return html.Span(
        [
            html.Span([html.Span(words, className="quiet"), *(chips or [html.Span(nothing)])], className="line"),
            stack(f"/thumbnail/{key}", masks, alt=f"{words} of {image_id}", shape=shape_of(board, row)),
        ],
        className="view",
    )


def is_strip(shape):
    """Whether an image is so much wider than high that two stand better one above the other."""
    return shape[1] > 2 * shape[0]


def gallery(query, cards, class_name="gallery", **more):
    """Cards that open in the viewer, among the images of a query.

    Args:
        query: `Query`, in whose order the cards' positions count.
        cards: list of `card`.
        class_name: of the element.
        more: further values that the viewer is given.
    """
    return html.Div(cards, className=class_name, **{"data-query": json.dumps(query.describe() | more)})


def area_chips(areas, pixels, class_names):
    """A chip for each class that is there, with the share of the image that it covers."""
    return [
        html.Span([swatch(colour), f"{name} {area / pixels:.1%}"], className="tag")
        for name, colour, area in zip(class_names, class_colours(len(class_names)), areas, strict=True)
        if area
    ]


def swatch(colour):
    """A dot in a colour."""
    return html.Span(className="swatch", style={"background": colour})


def legend(class_names):
    """The colours of the classes."""
    pairs = zip(class_names, class_colours(len(class_names)), strict=True)
    return html.Div(
        [html.Span([swatch(colour), name], className="tag") for name, colour in pairs], className="legend-row"
    )


def colours_with_clean(class_names):
    """Colours of the classes, and that of images without a defect behind them."""
    return [*class_colours(len(class_names)), NEUTRAL]


def seen_words(scores, image_id):
    """How a prediction came about, for people."""
    return f"Predicted {SEEN[scores.seen[scores.places[image_id]]]}."


def notice(*children, tone=""):
    """A line that is to be seen."""
    return html.P(list(children), className=f"notice {tone}".strip(), role="status")


def data_table(head, rows, **attributes):
    """A table of texts; the first column names the row."""
    body = [html.Tr([html.Th(first, scope="row"), *map(html.Td, others)]) for first, *others in rows]
    table = html.Table(
        [html.Thead(html.Tr([html.Th(name, scope="col") for name in head])), html.Tbody(body)], className="data"
    )
    return html.Div(table, className="table", **attributes)


def graph(identifier, label):
    """A place for a figure."""
    settings = {"displaylogo": False, "modeBarButtons": [["toImage", "resetScale2d"]], "responsive": True}
    return html.Div(
        dcc.Graph(id=identifier, figure=empty_figure(), config=settings, responsive=True),
        className="figure",
        role="img",
        **{"aria-label": label},
    )


def empty_figure(**layout):
    """The look of all figures; the colours of text and lines come from the page's style."""
    usual = {
        "margin": {"l": 52, "r": 12, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
        "bargap": 0.25,
    }
    axis = {"gridcolor": "#8884", "zerolinecolor": "#8886", "automargin": True}
    axes = {name: axis | layout.pop(name, {}) for name in ("xaxis", "yaxis")}
    return {"data": [], "layout": usual | axes | layout}


def is_awaited(board, scores):
    """Whether there are no predictions of labelled images since they are still being scored."""
    return scores is None and bool(board.scores.waiting)


def _predicted_areas(board, row, scores):
    """Pixels of each class that are predicted on an image of which there is a prediction."""
    part, image_id = board.catalogue.image_of(row)
    if part == TEST:
        return board.catalogue.test_areas[row]
    return scores.counts.predicted[scores.places[image_id]]


def _dice_words(scores, image_id, part):
    """Mean Dice of an image, and what is wrong with its classes."""
    if part == TEST or scores is None or image_id not in scores.places:
        return []
    place = scores.places[image_id]
    verdict = scores.verdicts[place]
    return [
        html.Span(f"Dice {scores.dice[place]:.2f}", className="number"),
        html.Span(verdict, className="verdict" if verdict == RIGHT else "verdict wrong"),
    ]
