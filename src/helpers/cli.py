"""The command `steel`: each subcommand calls one function."""

import argparse
import sys
from pathlib import Path


def main(arguments=None):
    """Parse the command line and run one subcommand; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, OSError) as error:
        print(f"steel {options.command}: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="steel", description="Steel defects, from data to report.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    make_data = commands.add_parser("make-data", help="make up a data set in the competition's layout")
    make_data.add_argument("directory", type=Path, metavar="DIR", help="where to write; has to be new or empty")
    make_data.add_argument("--images", type=int, default=200, metavar="N", help="training images (200)")
    make_data.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same bytes (0)")
    make_data.add_argument("--shape", type=_shape, default=(256, 1600), metavar="HEIGHTxWIDTH", help="pixels (256x1600)")
    make_data.set_defaults(run=_make_data)

    readme = commands.add_parser("readme", help="write a report's results into README.md and reports/README.md")
    readme.add_argument("--report", default="severstal-sample", metavar="NAME", help="(severstal-sample)")
    readme.set_defaults(run=_readme)
    return parser


def _make_data(options):
    from helpers.data.made_up import make_data

    path = make_data(options.directory, options.images, options.seed, shape=options.shape)
    print(f"Written: {path}. Run the series on it with: python run_all.py --data {path}")


def _readme(options):
    from helpers.report.readme import write_readmes
    from helpers.runs import find_root

    for path in write_readmes(find_root(), options.report):
        print(f"Written: {path}")


def _shape(text):
    """HEIGHTxWIDTH as two whole numbers."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected HEIGHTxWIDTH in pixels, such as 256x1600")
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(main())
