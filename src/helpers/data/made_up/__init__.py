"""A made-up data set of steel sheets, in the layout of "Severstal: Steel Defect Detection".

With it the whole project runs where there is no data. The sheets are drawn, not photographed: nothing in them
comes from a real image. They are made to look like the competition's at a glance, and to be learnable without
being trivial: every sheet also carries harmless marks that nobody labelled, some of them stronger than a
defect.

Imports point one way: `textures` -> `sheets`, `defects` -> `labels`, `plan`, `copies` -> `make`;
`workplace` needs none of them.

Source:
    The shares of the classes and the areas of the defects follow the 12,568 training images of the Kaggle
    competition "Severstal: Steel Defect Detection" (2019), whose labels were counted for `plan.COMBINATIONS` and
    `labels.AREAS`.
"""

from helpers.data.made_up.copies import near_copy
from helpers.data.made_up.defects import Defect
from helpers.data.made_up.labels import draw_defects, make_sheet, outline
from helpers.data.made_up.make import draw_image, make_data
from helpers.data.made_up.plan import TEST, TRAIN, image_name, plan_images
from helpers.data.made_up.sheets import Sheet, draw_sheet

__all__ = [
    "TEST",
    "TRAIN",
    "Defect",
    "Sheet",
    "draw_defects",
    "draw_image",
    "draw_sheet",
    "image_name",
    "make_data",
    "make_sheet",
    "near_copy",
    "outline",
    "plan_images",
]
