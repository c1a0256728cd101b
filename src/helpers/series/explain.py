"""Saying what would run, and why, without running it."""

from helpers.series.changes import in_short, shown_name, why_again
from helpers.series.plan import place_of


def explain_steps(steps, records, now, asked):
    """A line for each step of a plan: whether it would run, and why.

    Args:
        steps: list of `Step`.
        records: dict of label -> `Record`.
        now: `Now`.
        asked: dict of label -> why a step runs even when nothing changed.

    Returns:
        List of texts. What a step that runs will change is known only when it has run, so that what reads its files
        "may run".
    """
    lines, running = [], {}  # label of what runs before -> "will" or "may"
    for step in steps:
        record = records.get(step.label)
        others = [other for label, other in records.items() if label != step.label]
        reasons = [asked[step.label]] if step.label in asked else why_again(step, record, others, now)
        perhaps = []
        if not reasons:
            perhaps = [
                reason
                for label, how in running.items()
                for reason in _read_of(record, records.get(label), f"{label} {how} run before it", label)
            ]
        if reasons:
            lines.append(f"{step.label}: runs, since {in_short(reasons)}")
        elif perhaps:
            lines.append(f"{step.label}: may run, since {in_short(perhaps)}")
        else:
            lines.append(f"{step.label}: unchanged since {record.finished}")
        if reasons or perhaps:
            running[step.label] = "will" if reasons else "may"
    return lines


def _read_of(record, earlier, before, label):
    """What a step reads of one that runs before it: a list of at most one text."""
    written = set(earlier.outputs or earlier.own) if earlier else set()
    read = sorted(set(record.inputs["files"]) & written)
    if read:
        more = f" and {len(read) - 1} more of its files" if len(read) > 1 else ""
        return [f"{before}, and it reads {shown_name(read[0])}{more}"]
    if record.inputs["results"] is not None and place_of(label) < place_of(record.label):
        return [f"{before}, and it reads its numbers"]
    return []
