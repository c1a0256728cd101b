"""What changed between two runs: their settings and their scores."""

from helpers.report.scores import CLASSIFIED, SEGMENTED, scored_models
from helpers.results import format_record

COMPARED = (("04_segmentation", SEGMENTED, ("kaggle_dice", "defect_dice")), ("03_classifier", CLASSIFIED, ("auc",)))
NOT_SET = "–"


def changed_settings(before, now):
    """Settings, versions and data that two runs don't share.

    Args:
        before: what `run.json` holds of the one.
        now: of the other.

    Returns:
        List of dicts of name, before and now, as texts.
    """
    old, new = _settings(before), _settings(now)
    return [
        {"name": name, "before": old.get(name, NOT_SET), "now": new.get(name, NOT_SET)}
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def changed_scores(before, now):
    """The main scores of every model of two runs, side by side.

    Args:
        before: records of the one.
        now: records of the other.

    Returns:
        List of dicts of model, score, before and now (with intervals), and change, as texts. A run that doesn't have
        the model has a dash.
    """
    rows = []
    for notebook, scored, scores in COMPARED:
        for model in dict.fromkeys([*scored_models(now, scored), *scored_models(before, scored)]):
            for score in scores:
                old, new = (records.get(f"{notebook}.{model}.{score}", {}) for records in (before, now))
                values = [record.get("value") for record in (old, new)]
                rows.append(
                    {
                        "model": model,
                        "score": score,
                        "before": format_record(old),
                        "now": format_record(new),
                        "change": NOT_SET if None in values else f"{values[1] - values[0]:+.3f}",
                    }
                )
    return rows


def _settings(run):
    """What a run's outcome depends on, as one flat dict of texts."""
    flat = {key: str(run[key]) for key in ("data", "profile") if run.get(key)}
    flat |= {"fingerprint of the data": run["fingerprint"][:16]} if run.get("fingerprint") else {}
    flat |= {"code": run["git_revision"]} if run.get("git_revision") else {}
    for notebook, values in run.get("settings", {}).items():
        flat |= {f"{notebook}.{name}": repr(value) for name, value in values.items()}
    return flat | {f"{name} (version)": version for name, version in run.get("versions", {}).items()}
