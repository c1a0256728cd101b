"""What changed between two runs: their settings and their scores."""

from helpers.history import run_settings
from helpers.report.scores import CLASSIFIED, SEGMENTED, scored_models
from helpers.results import format_difference, format_record

COMPARED = (("04_segmentation", SEGMENTED, ("kaggle_dice", "defect_dice")), ("03_classifier", CLASSIFIED, ("auc",)))
NOT_SET = "–"


def changed_settings(before, now):
    """Settings, versions and data that two runs don't share, or of which nobody can tell whether they do.

    Args:
        before: what `run.json` holds of the one.
        now: of the other.

    Returns:
        List of dicts of name, before and now, as texts.
    """
    old, new = _flat(before), _flat(now)
    return [
        {"name": name, "before": _text(name, old.get(name)), "now": _text(name, new.get(name))}
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name) or _is_open(name, new.get(name))
    ]


def _flat(run):
    """What a run's outcome depends on, in one dict."""
    versions = {f"{name} (version)": version for name, version in run.get("versions", {}).items()}
    return run_settings(run) | {"code": run.get("git_revision") or "unknown"} | versions


def _is_open(name, value):
    """Whether two equal values may stand for different things: code with changes that its revision doesn't hold."""
    return name == "code" and (value == "unknown" or value.endswith("+"))


def _text(name, value):
    if value is None:
        return NOT_SET
    if name == "code" and value.endswith("+"):
        return f"{value.removesuffix('+')}, with changes"
    return value[:16] if name == "fingerprint" else value if isinstance(value, str) and value else repr(value)


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
                        "change": NOT_SET if None in values else format_difference(values[1] - values[0]),
                    }
                )
    return rows
