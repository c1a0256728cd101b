"""Which notebooks there are, and what each profile does with them."""

import shutil
import subprocess

NOTEBOOKS = (
    "01_eda",
    "02_preprocessing",
    "03_classifier",
    "04_segmentation",
    "04_taken_apart",
    "05_evaluation",
    "06_submission",
    "07_paper",
    "08_blog",
)
TRAINS = ("03_classifier", "04_segmentation")  # notebooks that run once for each of the profile's models
KEEPS = {"04_taken_apart": "ablation"}  # other notebooks that train: the folder in models/ where they keep it
OWN = ("DATA", "RUN")

MADE_UP = "models/steel_unet-made-up"  # weights to begin with where images are few
# What a profile changes against the notebooks' own parameters, those of `demo` but for the length of trainings.
PROFILES = {
    "smoke": {
        "02_preprocessing": {"MAX_IMAGES": 24, "MAX_PIXELS": 64 * 384},
        "03_classifier": {"EPOCHS": 1},
        "04_segmentation": {"EPOCHS": 1},
        "04_taken_apart": {"STEPS": 20},
        "05_evaluation": {"CLASSIFIER": "classifier_small", "REPEATS": 10},
    },
    "demo": {
        "03_classifier": {"TRAIN_MINUTES": 3.0},
        "04_segmentation": {"TRAIN_MINUTES": 3.0},
        "05_evaluation": {"CLASSIFIER": "classifier_small", "AVERAGED": ["steel_unet", "unet_paper"]},
    },
    "study": {
        "02_preprocessing": {"MAX_IMAGES": 0},
        "03_classifier": {"TRAIN_MINUTES": 5.0},
        "04_segmentation": {"TRAIN_MINUTES": 5.0},
        "04_taken_apart": {"ABLATION_MINUTES": 1.0, "PRETRAINED": MADE_UP},
        # Ours, which is judged on all images; the few that validate would choose among the others by chance.
        "05_evaluation": {
            "MODEL": "steel_unet",
            "CLASSIFIER": "classifier_small",
            "AVERAGED": ["steel_unet_short", "sm_unet_baseline"],
        },
    },
    "pretrain": {
        "02_preprocessing": {"MAX_IMAGES": 0},
        "04_segmentation": {"EPOCHS": 10, "STEPS_PER_EPOCH": 1000},
    },
    "full": {
        "02_preprocessing": {"MAX_IMAGES": 0, "MAX_PIXELS": 0, "CHANNELS": 3},
        "04_taken_apart": {"ABLATION_MINUTES": 10.0},
        "05_evaluation": {"CLASSIFIER": "classifier_resnet50", "AVERAGED": ["steel_unet", "sm_unet_baseline"]},
    },
}
TWO_STAGE = {"GATE": "classifier_resnet50"}
PUBLISHED = {
    "paper": {},
    "unet_wide": {},
    "sm_fpn": {},
    "sm_pspnet": {},
    "deeplabv3plus": {},
    "sm_unet_baseline": {},
    "resnet_unet": {},
    "resunet": TWO_STAGE,
    "resunet_tversky": TWO_STAGE,
}
CLASSIFIERS = {"classifier_small": {}, "classifier_resnet50": {}}
# What a profile trains, by the name that it gets, and what each changes against the profile.
MODELS = {
    "smoke": {"03_classifier": {"classifier_small": {}}, "04_segmentation": {"unet_paper": {}}},
    "demo": {
        "03_classifier": {"classifier_small": {"PRETRAINED": MADE_UP}},
        "04_segmentation": {
            "unet_paper": {"TRAIN_MINUTES": 1.5},
            "steel_unet": {"PRETRAINED": MADE_UP, "TRAIN_MINUTES": 2.5, "MIRRORED": True},
        },
    },
    "study": {
        "03_classifier": {**CLASSIFIERS, "classifier_small": {"FOLDS": True, "TRAIN_MINUTES": 1.5}},
        "04_segmentation": {
            "steel_unet": {
                "PRETRAINED": MADE_UP,
                "TRAIN_MINUTES": 7.5,
                "MIRRORED": True,
                "SIZES": [1.0, 1.25],
                "FOLDS": True,
            },
            "steel_unet_short": {"MODEL": "steel_unet"},
            **PUBLISHED,
        },
    },
    "pretrain": {"03_classifier": {}, "04_segmentation": {"steel_unet": {}}},
    "full": {
        "03_classifier": CLASSIFIERS,
        "04_segmentation": {"steel_unet": {"EPOCHS": 60, "MIRRORED": True}, **PUBLISHED},
    },
}
BY_FOLDS = 6  # networks of a model that is judged by five folds: one for each, and the one that ships
ABLATIONS = 10  # trainings of `helpers.inference.ablation.ablate` on `steel_unet`, and one more with PRETRAINED


def training_minutes(profile):
    """Minutes of all trainings of a profile that go by the minutes, one after the other, where none ends sooner."""
    ablation = PROFILES[profile].get("04_taken_apart", {})
    minutes = ablation.get("ABLATION_MINUTES", 0.0) * (ABLATIONS + bool(ablation.get("PRETRAINED")))
    for notebook in TRAINS:
        for changes in MODELS[profile][notebook].values():
            settings = PROFILES[profile].get(notebook, {}) | changes
            minutes += settings.get("TRAIN_MINUTES", 0.0) * (BY_FOLDS if settings.get("FOLDS") else 1)
    return minutes


PROFILE_NOTES = {
    "smoke": "a handful of small images, one epoch; under 3 minutes on 2 cores",
    "demo": "a sample of the data at reduced size; 15 minutes at most on 2 cores",
    "study": "all images, ours by five folds, and every published network; on 2 cores at most "
    f"{training_minutes('study'):.0f} minutes of training, and half an hour around it; goes on when stopped",
    "pretrain": "steel_unet alone in ten thousand steps, for weights to begin with; half an hour on 2 cores",
    "full": "all images at the paper's sizes; meant for a GPU",
}


def default_profile():
    """`full` where there is a GPU, else `demo`."""
    driver = shutil.which("nvidia-smi")
    if driver and "GPU 0" in subprocess.run([driver, "-L"], capture_output=True, text=True, check=False).stdout:
        return "full"
    return "demo"
