"""Write environment.yml, which gives a conda user just what requirements.lock pins: `make lock` calls this."""

import re
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent
HEAD = """\
# Written by tools/write_environment.py from requirements.lock; run `make lock` instead of editing.
name: steel-defect-report
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip
  - pip:
"""


def read_pins(text):
    """Name, version and condition of each package in a lock file, as "name==version ; condition"."""
    return re.findall(r"^([\w.-]+==[^\s\\]+(?: ; [^\\\n]+?)?) *\\?$", text, re.MULTILINE)


def environment(pins):
    """The text of environment.yml; a condition may hold quotes, so each line is one YAML string."""
    lines = [f'      - "{pin}"' for pin in pins]
    return "\n".join([HEAD.rstrip("\n"), *lines, '      - "--no-deps -e ."', ""])


if __name__ == "__main__":
    pins = read_pins((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    (ROOT / "environment.yml").write_text(environment(pins), encoding="utf-8")
    print(f"environment.yml: {len(pins)} packages")
