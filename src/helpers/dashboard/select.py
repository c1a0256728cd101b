"""Which images are looked at, and in which order: what the browser asks for, checked and applied."""

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd

from helpers.dashboard.catalogue import TEST
from helpers.dashboard.scores import ALARM, MISSED, MIXED, RIGHT

ANY, CLEAN = "any", "none"  # of the choices of classes: all images, those without a defect
WRONG = "wrong"
VERDICTS = (ANY, RIGHT, WRONG, MISSED, ALARM)
BY_DATE, BY_NAME, BY_SIZE, BY_DICE, BY_MISSED, BY_INVENTED = "date", "name", "size", "dice", "missed", "invented"
ORDERS = (BY_DATE, BY_NAME, BY_SIZE, BY_DICE, BY_MISSED, BY_INVENTED)
OF_MODEL = (BY_DICE, BY_MISSED, BY_INVENTED)  # orders in which images without a prediction have no place
SCORES, SHARES = (0.0, 1.0), (0.0, 100.0)


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes:
        start: first day as text such as "2019-07-01"; "" has no bound.
        end: last day, the same.
        class_id: text of a class id from 1, `ANY`, or `CLEAN`.
        splits: tuple of the splits that are wanted; empty: all.
        shares: lowest and highest share of the image that its defects cover, per cent.
        scores: lowest and highest mean Dice; the whole range keeps images without a prediction, too.
        verdict: one of `VERDICTS`.
        order: one of `ORDERS`.
        model: name of the model that scores, verdicts and orders are of; "" without one.
        keys: tuple of the keys of the images that are wanted, in their order; empty: all.
        marked: whether images alone are wanted that are marked.
    """

    start: str = ""
    end: str = ""
    class_id: str = ANY
    splits: tuple = ()
    shares: tuple = SHARES
    scores: tuple = SCORES
    verdict: str = ANY
    order: str = BY_DATE
    model: str = ""
    keys: tuple = ()
    marked: bool = False

    @classmethod
    def of(cls, asked):
        """Read what a browser sends; what is none of the choices is taken for the usual one.

        Args:
            asked: dict of JSON values, or None.
        """
        asked = asked if isinstance(asked, dict) else {}
        usual = cls()
        texts = {name: str(asked.get(name) or getattr(usual, name)) for name in ("start", "end", "class_id", "model")}
        texts |= {name: text[:10] if _is_day(text) else "" for name, text in texts.items() if name in ("start", "end")}
        choices = {
            name: asked[name] if asked.get(name) in known else getattr(usual, name)
            for name, known in (("verdict", VERDICTS), ("order", ORDERS))
        }
        lists = {
            name: tuple(str(each) for each in asked[name]) if isinstance(asked.get(name), list) else ()
            for name in ("splits", "keys")
        }
        ranges = {name: _range_of(asked.get(name), getattr(usual, name)) for name in ("shares", "scores")}
        return cls(**texts, **choices, **lists, **ranges, marked=asked.get("marked") is True)

    def describe(self):
        """As JSON values, which `of` reads."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def only(self, keys):
        """The same of some images alone."""
        return replace(self, keys=tuple(keys))


def select_rows(catalogue, query, scores=None, marked=()):
    """The images that are asked for, in order.

    Args:
        catalogue: `Catalogue`.
        query: `Query`.
        scores: `ModelScores` of the query's model, or None where there are none.
        marked: collection of (part, image id) of the images that are marked.

    Returns:
        int array of rows of the catalogue's table.
    """
    if query.keys:
        return np.array([catalogue.rows[key] for key in query.keys if key in catalogue.rows], int)
    kept = within_dates(catalogue, query) & has_class(true_areas(catalogue), query.class_id)
    if query.splits:
        kept &= catalogue.table["split"].isin(query.splits).to_numpy()
    if query.shares != SHARES:
        shares = 100 * true_areas(catalogue).sum(axis=1) / catalogue.pixels
        kept &= (shares >= query.shares[0]) & (shares <= query.shares[1])
    if query.marked:
        kept &= _is_marked(catalogue, marked)
    places = _places(catalogue, scores)
    kept &= _is_judged_so(query, scores, places)
    rows = np.flatnonzero(kept)
    return rows[np.argsort(_order_of(catalogue, query, scores, places)[rows], kind="stable")]


def within_dates(catalogue, query):
    """Which images were taken in the range of dates: bool array (images,)."""
    taken, kept = catalogue.table["taken"], np.ones(len(catalogue.table), bool)
    if query.start:
        kept &= (taken >= pd.Timestamp(query.start)).to_numpy()
    if query.end:
        kept &= (taken < pd.Timestamp(query.end) + pd.Timedelta(days=1)).to_numpy()
    return kept


def true_areas(catalogue):
    """Defect pixels (images, classes): the labels', and of test images those that the run's submission marks."""
    return catalogue.areas + catalogue.test_areas


def has_class(areas, class_id):
    """Which images have a class, no defect, or anything: bool array (images,)."""
    if class_id == CLEAN:
        return ~(areas > 0).any(axis=1)
    if class_id.isdecimal() and 1 <= int(class_id) <= areas.shape[1]:
        return areas[:, int(class_id) - 1] > 0
    return np.ones(len(areas), bool)


def _places(catalogue, scores):
    """Place of each image among a model's predictions, -1 where it has none: int array (images,)."""
    if scores is None:
        return np.full(len(catalogue.table), -1)
    parts, image_ids = catalogue.table["part"], catalogue.table["image_id"]
    return np.array(
        [-1 if part == TEST else scores.places.get(each, -1) for part, each in zip(parts, image_ids, strict=True)]
    )


def _is_judged_so(query, scores, places):
    """Which images fit the wanted scores and verdict, and have a prediction where the order is of predictions."""
    if query.scores == SCORES and query.verdict == ANY and query.order not in OF_MODEL:
        return np.ones(len(places), bool)
    if scores is None:
        return np.zeros(len(places), bool)
    dice, verdicts = scores.dice[places], scores.verdicts[places]
    kept = (places >= 0) & (dice >= query.scores[0]) & (dice <= query.scores[1])
    wanted = {RIGHT: [RIGHT], WRONG: [MISSED, ALARM, MIXED], MISSED: [MISSED, MIXED], ALARM: [ALARM, MIXED]}
    if query.verdict != ANY:
        kept &= np.isin(verdicts, wanted[query.verdict])
    if query.order == BY_MISSED:
        kept &= scores.missed[places] > 0
    if query.order == BY_INVENTED:
        kept &= scores.invented[places] > 0
    return kept


def _order_of(catalogue, query, scores, places):
    """What the images are sorted by, rising: an array (images,)."""
    if query.order in OF_MODEL and scores is not None:
        values = {BY_DICE: scores.dice, BY_MISSED: -scores.missed, BY_INVENTED: -scores.invented}[query.order]
        return values[places]
    if query.order == BY_SIZE:
        return -true_areas(catalogue).sum(axis=1) / catalogue.pixels
    if query.order == BY_NAME:
        return catalogue.table["image_id"].rank(method="dense").to_numpy()
    return catalogue.table["taken"].rank(method="first", na_option="bottom").to_numpy()


def _is_marked(catalogue, marked):
    """Which images are marked: bool array (images,)."""
    found = np.zeros(len(catalogue.table), bool)
    rows = (catalogue.row_of(*image) for image in marked)
    found[[row for row in rows if row is not None]] = True
    return found


def _is_day(text):
    """Whether a text begins with a day such as "2019-07-01"."""
    try:
        return bool(pd.Timestamp(date.fromisoformat(text[:10])))
    except ValueError:
        return False


def _range_of(value, usual):
    """Two numbers within the usual range, the lower one first."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(each, (int, float)) for each in value):
        return usual
    lowest, highest = sorted(min(max(float(each), usual[0]), usual[1]) for each in value)
    return lowest, highest


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
