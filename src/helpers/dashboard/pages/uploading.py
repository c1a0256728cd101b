"""Places to drop files on; `assets/upload.js` sends them, and tells the page when they were taken."""

from dash import html


def drop_zone(identifier, words, address, answer, *, accept, several=False):
    """A place to drop files on, or to choose them with a click.

    Args:
        identifier: of the element.
        words: what to drop.
        address: that the files are sent to.
        answer: id of the `dcc.Store` that is told what came of it: `{"at": ..., "problem": ...}`.
        accept: kinds of files that the browser offers, such as ".csv,.xlsx".
        several: whether more than one file may be sent.
    """
    told = {"data-address": address, "data-answer": answer, "data-accept": accept}
    return html.Div(
        [
            html.Span(words),
            html.Button("Choose" + (" files" if several else " a file"), className="primary"),
            html.Span(className="drop-state note", role="status"),
        ],
        id=identifier,
        className="drop",
        **told | ({"data-several": "yes"} if several else {}),
    )
