"""What all pages and routes of the dashboard share."""

import secrets
from dataclasses import dataclass, field

from helpers.dashboard.catalogue import Catalogue, make_catalogue
from helpers.dashboard.marks import Marks
from helpers.dashboard.places import Places
from helpers.dashboard.prediction import Predictor, find_bundle
from helpers.dashboard.scores import ScoreKeeper
from helpers.dashboard.sessions import Sessions
from helpers.dashboard.thumbnails import Thumbnails


@dataclass(frozen=True, eq=False)
class Board:
    """A dashboard of one data set.

    Attributes:
        places: `Places`.
        catalogue: `Catalogue`.
        scores: `ScoreKeeper`.
        thumbnails: `Thumbnails`.
        marks: `Marks`.
        sessions: `Sessions`.
        predictor: `Predictor`.
        version: stands in the addresses of masks, so that no browser takes those of an earlier start for these.
    """

    places: Places
    catalogue: Catalogue
    scores: ScoreKeeper
    thumbnails: Thumbnails
    marks: Marks
    sessions: Sessions
    predictor: Predictor
    version: str = field(default_factory=lambda: secrets.token_hex(4))

    def close(self):
        """End the worker, and remove what browsers uploaded."""
        self.predictor.close()
        self.sessions.close()

    def model(self, name):
        """`ModelScores` of a model; None where there is no such model, or its scores are still computed."""
        return self.scores.models.get(name)


def make_board(places, load=None):
    """Read what there is to show, and begin to compute what is not kept yet.

    Args:
        places: `Places`.
        load: function of a bundle's folder that gives the `Detector` to predict with; None loads the bundle.

    Returns:
        `Board`.
    """
    scores = ScoreKeeper(places)
    scores.start()
    return Board(
        places,
        make_catalogue(places),
        scores,
        Thumbnails(places.home / "thumbnails"),
        Marks(places.marks),
        Sessions(),
        Predictor(find_bundle(places), load),
    )
