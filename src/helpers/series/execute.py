"""Running one notebook with papermill, under one line of progress."""

import os
import re
import shutil
import sys
import warnings
from contextlib import contextmanager

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from helpers.series.parameters import SeriesError
from helpers.series.plan import paths_from_root


def run_notebook(root, run_directory, data, step, title):
    """Run one notebook with papermill, in its own folder, under one progress line."""
    output = run_directory / "notebooks" / f"{step.label}.ipynb"
    partial = run_directory / "partial" / f"{step.label}.ipynb"
    for path in (output, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
    folder = root / "notebooks"
    parameters = {"DATA": str(data), "RUN": str(run_directory), **paths_from_root(root, step)}
    with _kernel_log(run_directory / "kernels.log") as terminal, warnings.catch_warnings():
        # papermill's own dependencies warn about themselves; nothing that a user could mend
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            papermill.execute_notebook(
                folder / f"{step.notebook}.ipynb",
                partial,
                cwd=folder,
                parameters=parameters,
                progress_bar={"desc": title, "unit": "cell", "file": terminal, "dynamic_ncols": True},
                stderr_file=_ProgressRelay(title, terminal),
            )
        except PapermillExecutionError as error:
            raise SeriesError(
                f"{step.label} failed in cell {error.cell_index + 1} (In [{error.exec_count}]): "
                f"{error.ename}: {error.evalue}\n"
                f"The partly run copy: {partial.relative_to(root)}. The last good report stays in place."
            ) from None
        except DeadKernelError:
            raise SeriesError(
                f"{step.label}: the notebook's process died, perhaps for want of memory. Its last words are in "
                f"{(run_directory / 'kernels.log').relative_to(root)}, the partly run copy is "
                f"{partial.relative_to(root)}. Run again to go on; the last good report stays in place."
            ) from None
    partial.replace(output)


@contextmanager
def _kernel_log(path):
    """Send what the kernels' libraries write to the terminal on their own to a file; hand out the terminal."""
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w") as terminal, open(path, "a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield terminal
        finally:
            os.dup2(terminal.fileno(), 2)


class _ProgressRelay:
    """Shows a notebook's own progress bar on that notebook's progress line, where there is a terminal."""

    def __init__(self, title, terminal):
        self.title, self.terminal = title, terminal

    def write(self, text):
        bars = [line for line in re.split(r"[\r\n]", text) if "%|" in line]
        if bars and self.terminal.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.terminal.write("\r\x1b[2K" + f"{self.title}: {bars[-1].strip()}"[:width])

    def flush(self):
        self.terminal.flush()
