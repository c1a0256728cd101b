"""What `results.md` and README.md say of many machines: what was measured on one, and what is projected from it."""

import math
import textwrap

from markdown_table import table

PLANT, STORE, FLEETS, SPARE = 1000, 100_000_000, (10, 100, 1000), 0.2  # what is projected


def cluster_section(results):
    """Images a second on a cluster, and what more machines would do by that."""
    if not results:
        return ""
    parts = ["## Many machines", "", f"`cluster.py`, measured on one machine; {results[0]['processor']}.", ""]
    measured, projected = [], []
    for result in results:
        about = [f"`{result['cluster_bundle']}`", result["engine"]]
        for name, rate in result["images_per_second"].items():
            same = {True: "yes", False: "no"}.get(result["same_to_the_byte"].get(name), "–")
            measured.append([*about, name, f"{rate:,.1f}", same])
        rate = result["images_per_second"][f"cluster of {result['cores']}"]
        projected += [[*about, *row] for row in project(rate)]
    parts += [table(["bundle", "engine", "processes", "images a second", "same file to the byte"], measured)]
    parts += [
        "**Projected**, not measured: such machines side by side, each as quick as this one with all its cores, and "
        f"{SPARE:.0%} of their time lost to reading from elsewhere and to waiting.",
        "",
        table(["bundle", "engine", "task", "machines", "time"], projected),
    ]
    return "\n".join(parts)


def clusters_in_words(results):
    """What the page on many machines in README.md says of what was measured; "" where nothing was."""
    sentences = []
    for result in results:
        cores, rates = result["cores"], result["images_per_second"]
        together = rates[f"cluster of {cores}"]
        (plant, machines, _), *stores = project(together)
        task, fleet, time = stores[len(stores) // 2]
        killed = rates.get(f"cluster of {cores}, one killed")
        sentences.append(
            f"Measured with `{result['cluster_bundle']}` on one machine ({result['processor']}; {result['engine']}): "
            f"{rates['one process']:,.0f} images a second by one process, {together:,.0f} by a cluster of {cores} "
            + (f"processes, {killed:,.0f} with one of them killed in the middle. " if killed else "processes. ")
            + f"Projected from that, not measured: {machines} such machines for "
            f"{plant.removesuffix(', as they come')}, and {time} for {task} on {fleet}."
        )
    return "\n".join(textwrap.fill(sentence, 128) for sentence in sentences)


def project(rate):
    """Rows of (task, machines, time) for a machine that does so many images a second."""
    useful = (1 - SPARE) * rate
    yield [f"{PLANT:,} images a second, as they come", f"{math.ceil(PLANT / useful):,}", "–"]
    for machines in FLEETS:
        days = STORE / (machines * useful) / 86_400
        time = f"{days:,.1f} days" if days >= 1 else f"{24 * days:.1f} hours"
        yield [f"{STORE:,} images in an object store", f"{machines:,}", time]
