"""Versions of a prediction: of the image as it is, of its mirror images too, at other sizes, and their means."""

from dataclasses import dataclass

LEAST, MOST = 0.25, 4.0  # sizes that are allowed, as multiples of the network's own
MOST_SIZES = 8  # at once


@dataclass(frozen=True)
class Version:
    """One way to predict an image; where it takes several passes, the mean of what they give.

    Attributes:
        sizes: multiples of the network's size at which the image is predicted.
        mirrored: whether its three mirror images are predicted as well, at each size.
    """

    sizes: tuple = (1.0,)
    mirrored: bool = False

    @property
    def parts(self):
        """The versions of a single size whose mean this is."""
        return tuple(Version((size,), self.mirrored) for size in self.sizes)

    @property
    def name(self):
        """In a few words."""
        numbers = [f"{size:g}" for size in self.sizes]
        size = "" if self.sizes == (1.0,) else f"at {' and '.join(numbers)} times the network's size"
        return ", ".join(filter(None, [size, "mirrored" if self.mirrored else ""])) or "as it is"

    def describe(self):
        """As plain values, for a JSON file; the keys are those of a bundle."""
        return {"sizes": [float(size) for size in self.sizes], "mirrored": bool(self.mirrored)}

    @classmethod
    def of(cls, described):
        """What `describe` gave; without sizes, as bundles from before there were any, the network's own alone."""
        return cls(tuple(float(size) for size in described.get("sizes", (1.0,))), bool(described["mirrored"]))


AS_IT_IS = Version()


def candidates(sizes=(1.0,), mirrored=False):
    """The versions that are tried: each size, the mean of all of them, and the same with mirror images.

    Args:
        sizes: multiples of the network's size; its own, 1, among them.
        mirrored: whether to try mirror images.

    Returns:
        Tuple of `Version`, that of the image as it is first.

    Raises:
        ValueError: the network's own size is not among them, or one is there twice, or is beyond measure.

    Example:
        >>> [version.name for version in candidates((1.0,), mirrored=True)]
        ['as it is', 'mirrored']
    """
    sizes = tuple(float(size) for size in sizes)
    check_sizes(sizes)
    if 1.0 not in sizes:
        raise ValueError(f"sizes: got {list(sizes)}, expected 1, the network's own size, among them. Add it.")
    sizes = sorted(sizes, key=lambda size: (size != 1.0, size))
    means = [(size,) for size in sizes] + ([tuple(sorted(sizes))] if len(sizes) > 1 else [])
    return tuple(Version(mean, mirror) for mirror in ([False, True] if mirrored else [False]) for mean in means)


def parts_of(versions):
    """The versions of a single size that all of these are means of, each once: tuple of `Version`."""
    return tuple(dict.fromkeys(part for version in versions for part in version.parts))


def check_sizes(sizes):
    """Stop where multiples of the network's size are beyond measure.

    Raises:
        ValueError: there are none, one is there twice, or is too small or too large.
    """
    if not 0 < len(set(sizes)) == len(sizes) <= MOST_SIZES or not all(LEAST <= size <= MOST for size in sizes):
        raise ValueError(
            f"sizes: got {list(sizes)[: MOST_SIZES + 1]}, expected different numbers from {LEAST:g} to {MOST:g}, "
            f"{MOST_SIZES} at most."
        )
