"""The paper's passages that depend on the run: each function gives one as Markdown, chosen by the results.

What is true whatever the results are stands in the notebook 07_paper itself. A passage about a part of the series that
was not run says so in a sentence where it has a heading of its own, and is empty elsewhere.
"""

from helpers.report.paper.facts import Paper

__all__ = ["Paper"]
