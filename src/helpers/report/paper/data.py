"""The paper's passages on the data: what there is, what others wrote of it, and how it is prepared."""

from helpers.files import read_json
from helpers.report.paper.competition import competition_labels, published_values


def the_data(paper):
    """How many images, with and without a defect, copies, and what was set aside."""
    prose, clean = paper.prose, "01_eda.clean_images"
    text = [f"There are {prose.count('01_eda.training_images', 'image')} with labels."]
    if prose.has(clean):
        text.append(
            f"{_some(prose, '01_eda.defective_images')} a defect, {_some(prose, clean, capital=False)} none."
            if prose.number(clean)
            else "Every one of them has a defect. So nothing here can tell how many good sheets a model would throw "
            "away, and a classifier that asks whether there is a defect has nothing to learn."
        )
    text.append(
        f"An image can have several classes at once: the labels are {prose.count('01_eda.label_rows', 'pair')} of an "
        "image and a class."
    )
    return " ".join([*text, *_left_out(paper), *_copies(paper), *_unlabelled(paper)])


def _some(prose, name, capital=True):
    """A recorded count of images with its verb."""
    number = prose.number(name)
    none = "None" if capital else "none"
    return f"{prose.words(name, capital) if number else none} {'has' if number < 2 else 'have'}"


def _left_out(paper):
    """What was set aside."""
    prose, name = paper.prose, "01_eda.images_set_aside"
    if not prose.has(name) or not prose.number(name):
        return []
    was = "was" if prose.number(name) == 1 else "were"
    return [
        f"{prose.words(name, capital=True)} could not be used and {was} set aside, since an image that can't be read "
        "is not a clean one."
    ]


def _copies(paper):
    """How many images are copies of one another."""
    prose, name = paper.prose, "01_eda.images_with_a_copy"
    if not prose.has(name):
        return []
    if not prose.number(name):
        return ["We looked for copies of one another, also mirrored, turned and shifted ones, and found none."]
    return [
        f"{prose.words(name, capital=True)} have a copy among the others, perhaps mirrored, turned or shifted; they "
        f"form {prose.count('01_eda.groups_of_copies', 'group', spelt=True)}. A copy of an image that judges must not "
        "be among those trained on, so a group is never parted."
    ]


def _unlabelled(paper):
    """How many images have no labels."""
    prose, name = paper.prose, "01_eda.test_images"
    if not prose.has(name) or not prose.number(name):
        return []
    return [f"Another {prose.count(name, 'image')} come without labels; they are predicted, and judge nothing."]


def shares_compared(paper):
    """Whether a part of the competition's data has the shares of the whole."""
    prose, share, labels = paper.prose, "01_eda.defective_share", competition_labels()
    if not paper.of_competition or not prose.has(share):
        return ""
    if prose.number("01_eda.training_images") == labels["images"]:
        return "The counts are those of the whole set, as its label file gives them."
    theirs = labels["defective"] / labels["images"]
    more = prose.number(share) > theirs
    whole = prose.setting(
        theirs, "share of the competition's training images with a defect, from its label file", ".0%"
    )
    return (
        f"Here {prose.value(share, '.0%')} of the images have a defect, in the competition's training set {whole}. "
        f"With {'more' if more else 'fewer'} defective sheets, the floor that every score has to be compared with lies "
        f"{'lower' if more else 'higher'}; no score of this paper can be read as one on the competition's test set."
    )


def what_was_written(paper):
    """What publications say of the competition's data, beside its own label file."""
    prose, labels, counts = paper.prose, competition_labels(), published_values("training set")
    file = "from the competition's label file"

    def counted(value, about, form=None):
        return prose.setting(value, f"{about}, {file}", form)

    def claimed(measure, form=",.0f"):
        return prose.published("claim", measure, form)

    third = counts["images with class 3"]
    areas = [counts[f"class {n}, mean"] * labels["images"] / counts[f"images with class {n}"] for n in range(1, 5)]
    good = prose.published_number("classifier B", "normal sheets")
    thrown = round((1 - prose.published_number("classifier B", "recall of normal sheets")) * good)
    points = [
        f"One reference speaks of {claimed('training images')} images, over {claimed('defective images')} of them "
        f"defective. There are {counted(labels['images'], 'images')}, and "
        f"{counted(labels['defective'], 'images with a defect')} have a defect. The label file has "
        f"{counted(labels['rows'], 'rows')} rows: an image with two classes has two of them, and rows were taken for "
        "images.",
        f"It is also written that {claimed('share of defects that are of class 3', '.0%')} of the defects are of the "
        "third class. That is its share of the label rows, "
        f"{counted(third / labels['rows'], 'share of the rows', '.1%')}. Of the defective images, "
        f"{counted(third / labels['defective'], 'share of the defective images', '.1%')} have it.",
        "A U-Net paper says that a defect usually covers "
        f"{claimed('usual area of a defect, per cent of the image, lower end', '.2f')} to "
        f"{claimed('usual area of a defect, per cent of the image, upper end', '.1f')} per cent of the image. Its own "
        "table of areas holds fractions, which were read as per cent. By that table, the mean area on the images "
        f"that have a class goes from {counted(min(areas), 'smallest mean area of a class', '.1%')} to "
        f"{counted(max(areas), 'largest mean area of a class', '.1%')}: about a hundred times as much.",
        f"The test set is given as {claimed('test images (public part)')} or "
        f"{claimed('test images (a second reference)')} images. It has "
        f"{prose.published('competition', 'test images', ',.0f')}; the first number is its public part, the second a "
        "slip.",
        f"A classifier is reported with an accuracy of {prose.published('classifier B', 'accuracy', '.0%')}. Its "
        f"recall of normal sheets is {prose.published('classifier B', 'recall of normal sheets', '.2f')}. Of "
        f"{prose.published('classifier B', 'normal sheets', ',.0f')} good sheets it throws "
        f"{prose.setting(thrown, 'good sheets rejected, from recall and count')} away.",
    ]
    return "\n".join(
        [
            "Much has been written about the competition's training set, and some of it is wrong. Its own label file "
            "can tell.",
            "",
            *(f"- {point}" for point in points),
        ]
    )


def the_classes(paper):
    """Which class is common and which is rare, and whether they come together."""
    prose = paper.prose
    counts = {number: f"01_eda.images_with_class_{number}" for number in paper.class_numbers}
    if len(counts) < 2 or not prose.has(*counts.values()):
        return ""
    most, least = (choose(counts, key=lambda number: prose.number(counts[number])) for choose in (max, min))
    text = [
        f"The most common class, {paper.class_name(most)}, is on {prose.count(counts[most], 'image')}, the rarest, "
        f"{paper.class_name(least)}, on {prose.count(counts[least], 'image')}."
        if prose.number(counts[most]) > prose.number(counts[least])
        else f"Each class is on {prose.count(counts[most], 'image')}."
    ]
    if prose.number(counts[most]) > 3 * prose.number(counts[least]):
        text.append("A mean over images hardly hears the rare one, so that every score is also given for each class.")
    several = sum(
        prose.number(name) for number in range(2, 10) if prose.has(name := f"01_eda.images_with_{number}_classes")
    )
    if several:
        text.append(
            f"On {prose.setting(int(several), 'images with two or more classes', spelt=True)} there are two or more at "
            "once, so each class needs an output of its own, instead of one choice among them."
        )
    return " ".join(text)


def the_areas(paper):
    """How much of the images the defects cover."""
    prose = paper.prose
    shares = {number: f"01_eda.mean_share_class_{number}" for number in paper.class_numbers}
    if not prose.has(*shares.values()):
        return ""
    total = sum(prose.number(name) for name in shares.values())
    largest = max(shares, key=lambda number: prose.number(shares[number]))
    text = (
        f"All classes together cover {prose.setting(total, 'sum of the mean shares of the classes', '.1%')} of an "
        f"image's pixels in the mean, {paper.class_name(largest)} alone {prose.value(shares[largest], '.1%')}."
    )
    if total < 0.1:
        text += (
            " A network that marks nothing is right on almost every pixel. Accuracy by pixel is therefore no measure "
            "here, and a loss that counts pixels alone is tempted to give up on the defects."
        )
    return text


def the_preparation(paper):
    """Size of the images for the networks, and the split."""
    prose, path = paper.prose, paper.run.directory / "preprocessing.json"
    parts = [f"02_preprocessing.{part}_images" for part in ("train", "validation", "holdout")]
    if not path.is_file() or not prose.has("02_preprocessing.images_used", *parts):
        return ""
    shape, full = read_json(path)["shape"], list(paper.dataset.shape)
    height, width = (prose.setting(side, "pixels, size for the networks", "d") for side in shape)
    costs = [f"02_preprocessing.resize_dice_class_{number}" for number in paper.class_numbers]
    text = [f"The networks see the images at {height} x {width} pixels; scores are taken at the images' own size."]
    if list(shape) != full and prose.has(*costs):
        worst = min(costs, key=prose.number)
        text.append(
            "That has a price which no network can win back: true masks that are sent to this size and back have a "
            f"mean Dice of {prose.value(worst)} with themselves, in the class that loses most."
        )
    train, validation, holdout = (prose.value(part) for part in parts)
    sample = prose.number("02_preprocessing.images_used") < prose.number("01_eda.training_images")
    text.append(
        f"{'A sample of' if sample else 'All'} {prose.count('02_preprocessing.images_used', 'image')} "
        f"{'is' if sample else 'are'} split by group, stratified by the combination of classes: {train} to train on, "
        f"{validation} to tune on, and {holdout} to judge."
    )
    return " ".join(text)
