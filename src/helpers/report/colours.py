"""The colours of the classes, fixed once and readable by the colour-blind."""

# Okabe and Ito (2008), "Color universal design", without black; sheets are grey, so no grey either.
OKABE_ITO = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73", "#F0E442", "#D55E00", "#0072B2")
TRUTH, PREDICTION = "#009E73", "#D55E00"
NEUTRAL = "#8A8F98"


def class_colours(num_classes):
    """A colour for each class, as "#rrggbb"; beyond seven classes they come from a circle of hues.

    Example:
        >>> class_colours(2)
        ['#E69F00', '#56B4E9']
    """
    if num_classes <= len(OKABE_ITO):
        return list(OKABE_ITO[:num_classes])
    import matplotlib.colors  # only here, since they take a second to load
    import seaborn

    return [matplotlib.colors.to_hex(colour) for colour in seaborn.husl_palette(num_classes)]
