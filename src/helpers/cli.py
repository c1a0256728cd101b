"""The command `steel`: each subcommand calls one function."""

import argparse
import os
import sys
from pathlib import Path


def main(arguments=None):
    """Parse the command line and run one subcommand; returns the exit code."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells of its build and of absent GPUs otherwise
    try:
        return options.run(options) or 0
    except (ValueError, OSError, ImportError) as error:
        print(f"steel {options.command}: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="steel", description="Steel defects, from data to report.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    make_data = commands.add_parser("make-data", help="make up a data set in the competition's layout")
    make_data.add_argument("directory", type=Path, metavar="DIR", help="where to write; has to be new or empty")
    make_data.add_argument("--images", type=int, default=200, metavar="N", help="training images (200)")
    make_data.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same bytes (0)")
    _add_shape(make_data)
    make_data.set_defaults(run=_make_data)

    check = commands.add_parser("check", help="list what is wrong with a data set, and how to mend it")
    check.add_argument("directory", type=Path, metavar="DIR", help="data in the competition's layout")
    check.add_argument("--no-copies", dest="copies", action="store_false", help="don't look for copies (quicker)")
    check.add_argument("--csv", type=Path, metavar="FILE", help="write the whole table there")
    check.set_defaults(run=_check)

    masks = commands.add_parser(
        "import-masks", help="turn images and masks into a data set in the competition's layout"
    )
    masks.add_argument("images", type=Path, metavar="IMAGES", help="folder of images")
    masks.add_argument(
        "masks", type=Path, metavar="MASKS", help="folder of PNG masks with class ids, or a folder a class"
    )
    masks.add_argument("out", type=Path, metavar="OUT", help="where to write; has to be new or empty")
    masks.add_argument("--classes", metavar="FILE_OR_NAMES", help="JSON file, text file with a name a line, or a,b,c")
    masks.add_argument("--clean-without-mask", action="store_true", help="an image without a mask is free of defects")
    masks.add_argument("--test", type=Path, metavar="FOLDER", help="images without labels for test_images/")
    masks.set_defaults(run=_import_masks)

    coco = commands.add_parser("import-coco", help="turn images and a COCO file into such a data set")
    coco.add_argument("file", type=Path, metavar="FILE", help="COCO JSON with polygons or run lengths")
    coco.add_argument("images", type=Path, metavar="IMAGES", help="folder that file_name starts from")
    coco.add_argument("out", type=Path, metavar="OUT", help="where to write; has to be new or empty")
    coco.add_argument("--test", type=Path, metavar="FOLDER", help="images without labels for test_images/")
    coco.set_defaults(run=_import_coco)

    download = commands.add_parser("download", help="fetch the competition's data with the kaggle package")
    download.add_argument("out", type=Path, metavar="OUT", help="where to write; has to be new or empty")
    download.set_defaults(run=_download)

    lint = commands.add_parser("lint", help="list what the competition's scorer would refuse in a submission")
    lint.add_argument("submission", type=Path, metavar="SUBMISSION", help="CSV in either of the competition's formats")
    against = lint.add_mutually_exclusive_group()
    against.add_argument("--data", type=Path, metavar="DIR", help="data whose test_images/ the submission is of")
    _add_shape(against)
    lint.set_defaults(run=_lint)

    score = commands.add_parser("score", help="score a submission against true masks, straight from the runs")
    score.add_argument("submission", type=Path, metavar="SUBMISSION", help="CSV in either of the competition's formats")
    score.add_argument("truth", type=Path, metavar="TRUTH", help="the same, or a train.csv")
    _add_pair_options(score)
    score.set_defaults(run=_score)

    compare = commands.add_parser("compare", help="how far two submissions agree, and where they differ most")
    compare.add_argument("first", type=Path, metavar="A", help="CSV in either of the competition's formats")
    compare.add_argument("second", type=Path, metavar="B", help="the same")
    compare.add_argument("--most", type=int, default=20, metavar="N", help="list so many rows that differ (20)")
    _add_pair_options(compare)
    compare.set_defaults(run=_compare)

    _add_predict(commands)
    _add_bundle(commands)
    export = commands.add_parser("export", help="write a bundle's network for a quicker engine, held against Keras")
    export.add_argument("bundle", type=Path, metavar="BUNDLE", help="a bundle's folder")
    export.add_argument("--to", required=True, metavar="FORMAT", help="onnx, openvino or saved-model")
    export.add_argument("--int8", action="store_true", help="8-bit weights and activations; of openvino alone")
    export.add_argument(
        "--data", default="", metavar="DIR", help="images to calibrate with and to check on (as the series finds them)"
    )
    export.set_defaults(run=_export)

    readme = commands.add_parser("readme", help="write a report's results into README.md and reports/README.md")
    readme.add_argument("--report", default="severstal-sample", metavar="NAME", help="(severstal-sample)")
    readme.set_defaults(run=_readme)

    runs = commands.add_parser("runs", help="list the runs here, with data, models, scores and time")
    runs.set_defaults(run=_runs)

    diff = commands.add_parser("diff", help="which settings, versions and scores differ between two runs")
    what = "a run's name, the folder of a run or report, or one of these with @ and a time in its history/"
    diff.add_argument("first", metavar="A", help=what)
    diff.add_argument("second", metavar="B", help="the same")
    diff.set_defaults(run=_diff)

    dashboard = commands.add_parser("dashboard", help="look at a data set and a run of it in the browser")
    dashboard.add_argument("--data", default="", metavar="DIR", help="as in run_all.py; made up where there is none")
    dashboard.add_argument("--run", dest="of", default="", metavar="DIR", help="a run's folder or name; else the last")
    dashboard.add_argument("--port", type=int, default=8005, metavar="N", help="(8005)")
    dashboard.add_argument(
        "--host", default="127.0.0.1", metavar="HOST", help="address to listen at (127.0.0.1: this machine alone)"
    )
    dashboard.add_argument("--token", metavar="TEXT", help="that browsers have to show; with --host one is made up")
    dashboard.set_defaults(run=_dashboard)

    paper = commands.add_parser("paper-pdf", help="print the paper of a report that is there to paper.pdf, anew")
    paper.add_argument("report", nargs="?", default="", metavar="REPORT", help="its name; else the one made last")
    paper.set_defaults(run=_paper_pdf)
    return parser


def _add_predict(commands):
    predict = commands.add_parser("predict", help="find the defects in images of any size and number")
    predict.add_argument(
        "images", nargs="+", metavar="IMAGES", help="a folder, files, a pattern in quotes, or an address for fsspec"
    )
    predict.add_argument(
        "out", type=Path, metavar="OUT", help="folder for predictions.csv; a killed call goes on there"
    )
    predict.add_argument("--bundle", type=Path, metavar="BUNDLE", help="folder of a model bundle (models/steel_unet)")
    predict.add_argument("--overlays", action="store_true", help="draw the defects over the images that have some")
    predict.add_argument("--gallery", action="store_true", help="the same, and a page of the surest, index.html")
    predict.add_argument("--format", default="csv", metavar="F", help="csv, or parquet for many images (csv)")
    predict.add_argument("--engine", default="fastest", metavar="E", help="what runs the network (the fastest here)")
    predict.add_argument(
        "--once",
        action="store_true",
        help="without the mirror images and other sizes that the bundle asks for: several times as quick, by the "
        "bundle's thresholds for that, or, where it has none, by those for the mean",
    )
    predict.add_argument("--batch-size", type=int, default=8, metavar="N", help="images at a time (8)")
    predict.add_argument("--chunk-size", type=int, default=128, metavar="N", help="images kept together (128)")
    predict.add_argument(
        "--image-shape",
        type=_shape,
        metavar="HEIGHTxWIDTH",
        help="of the photographs the bundle was trained on, where it doesn't tell; others are predicted in tiles",
    )
    predict.add_argument(
        "--most-pixels", type=int, default=100_000_000, metavar="N", help="refuse larger images (100000000)"
    )
    predict.add_argument(
        "--cluster", nargs="?", const="", metavar="ADDRESS", help="let a Dask cluster work; without an address one here"
    )
    predict.set_defaults(run=_predict)


def _add_bundle(commands):
    bundle = commands.add_parser("bundle", help="look at a model bundle, verify it, make one file of it or unpack that")
    what = bundle.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, about in (
        ("info", "what it is, how it decides and how well"),
        ("verify", "whether all is known here, and the weights are those that it names"),
    ):
        parser = what.add_parser(name, help=about)
        parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle's folder")
    pack = what.add_parser("pack", help="write it, and the classifier that it asks, as one file")
    pack.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle's folder")
    pack.add_argument("file", type=Path, metavar="FILE", help="the ZIP archive to write")
    unpack = what.add_parser("unpack", help="take it out of such a file, once all was found sound")
    unpack.add_argument("file", type=Path, metavar="FILE", help="the ZIP archive")
    unpack.add_argument("out", type=Path, metavar="OUT", help="folder in which the bundle's folder is made")
    bundle.set_defaults(run=_bundle)


def _add_shape(parser):
    parser.add_argument("--shape", type=_shape, default=(256, 1600), metavar="HEIGHTxWIDTH", help="(256x1600)")


def _add_pair_options(parser):
    _add_shape(parser)
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="all images, needed where both files list masks alone"
    )


def _make_data(options):
    from helpers.data.made_up import make_data

    path = make_data(options.directory, options.images, options.seed, shape=options.shape)
    print(f"Written: {path}. Run the series on it with: python run_all.py --data {path}")


def _check(options):
    """Print what is wrong; 1 where something makes an image or row unusable."""
    from helpers.data.check import check_dataset, print_problems
    from helpers.data.dataset import read_dataset
    from helpers.data.leaks import find_dataset_copies
    from helpers.files import write_csv

    dataset = read_dataset(options.directory)
    problems = check_dataset(dataset, find_dataset_copies(dataset) if options.copies else None)
    if options.csv:
        write_csv(options.csv, problems, index=False)
    print_problems(problems)
    return int((problems["severity"] == "error").any())


def _import_masks(options):
    from helpers.data.import_masks import import_masks

    print(
        import_masks(
            options.images,
            options.masks,
            options.out,
            class_names=options.classes,
            clean_without_mask=options.clean_without_mask,
            test=options.test,
        )
    )


def _import_coco(options):
    from helpers.data.import_coco import import_coco

    print(import_coco(options.file, options.images, options.out, test=options.test))


def _download(options):
    from helpers.data.download import download_competition

    dataset = download_competition(options.out)
    training, test = len(dataset.training_ids), len(dataset.test_ids)
    print(f"Written: {dataset.directory}: {training:,} training and {test:,} test images.")


def _lint(options):
    """Print what is wrong; 1 where the scorer would refuse it."""
    from helpers.data.check import print_problems
    from helpers.inference.lint import lint_submission

    problems = lint_submission(options.submission, data=options.data, shape=options.shape)
    print_problems(problems)
    if options.data is None:
        print("Which images there have to be was not looked at: give the data with --data DIR for that.")
    return int((problems["severity"] == "error").any())


def _score(options):
    from helpers.inference.score import score_submission

    print(score_submission(options.submission, options.truth, shape=options.shape, images=options.images))


def _compare(options):
    from helpers.inference.compare import compare_submissions

    shown = compare_submissions(
        options.first, options.second, shape=options.shape, images=options.images, most=options.most
    )
    print(shown)


def _predict(options):
    from helpers.inference.many import Asked, default_bundle, predict_images
    from helpers.models.bundle_file import decides_once, read_bundle

    draw, work = None, None
    if options.overlays or options.gallery:
        from helpers.report.figures import overlay as draw
    if options.cluster is not None:
        from helpers.inference.cluster import work_on

        work = work_on(options.cluster, options.out / "cluster.log")
    asked = Asked(
        options.bundle or default_bundle(),
        engine=options.engine,
        batch_size=options.batch_size,
        image_shape=options.image_shape,
        most_pixels=options.most_pixels,
        once=options.once,
        draw=draw,
    )
    if options.once and not decides_once(read_bundle(asked.bundle)):
        print(
            "--once: the thresholds are for the mean over several passes; by one, more is marked, also on clean steel."
        )
    print(
        predict_images(
            options.images,
            options.out,
            asked,
            chunk_size=options.chunk_size,
            file_format=options.format,
            work=work,
        )
    )
    if options.gallery:
        from helpers.report.gallery import write_gallery

        print(f"Written: {write_gallery(options.out)}.")


def _bundle(options):
    from helpers.inference.engines import verify_exports
    from helpers.models.about import about_bundle
    from helpers.models.archive import pack_bundle, unpack_bundle
    from helpers.models.bundle_file import verify_bundle

    if options.what == "info":
        print(about_bundle(options.bundle))
    elif options.what == "verify":
        for folder, bundle in verify_bundle(options.bundle):
            print(f"{folder}: sound: {bundle['weights']} is the file that bundle.json names.")
            for export in verify_exports(folder, bundle):
                print(f"{folder}: sound: the export {export} is as it was made of these weights, by its own record.")
    elif options.what == "pack":
        print(f"Written: {pack_bundle(options.bundle, options.file)}.")
    else:
        print(f"Written: {unpack_bundle(options.file, options.out)}.")


def _export(options):
    from helpers.inference.export import export_bundle
    from helpers.runs import find_data, find_root

    data = options.data or find_data("", find_root(), make=False)
    print(export_bundle(options.bundle, options.to, data, int8=options.int8))


def _readme(options):
    from helpers.report.readme import write_readmes
    from helpers.runs import find_root

    for path in write_readmes(find_root(), options.report):
        print(f"Written: {path}")


def _runs(options):
    from helpers.history import list_runs
    from helpers.runs import find_root

    table = list_runs(find_root())
    print(table.to_string(max_colwidth=60) if len(table) else "There are no runs here. Begin with: python run_all.py")


def _diff(options):
    from helpers.history import compare_runs, find_run
    from helpers.runs import find_root

    root = find_root()
    print(compare_runs(find_run(options.first, root), find_run(options.second, root)))


def _dashboard(options):
    from helpers.dashboard.serve import run_dashboard
    from helpers.runs import find_root

    run_dashboard(
        find_root(), data=options.data, run=options.of, port=options.port, host=options.host, token=options.token
    )


def _paper_pdf(options):
    from helpers.report.site import last_paper, print_paper
    from helpers.runs import find_root

    reports = find_root() / "reports"
    print(f"Written: {print_paper(reports / options.report if options.report else last_paper(reports))}")


def _shape(text):
    """HEIGHTxWIDTH as two whole numbers."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected HEIGHTxWIDTH in pixels, such as 256x1600")
    return int(height), int(width)


if __name__ == "__main__":
    sys.exit(main())
