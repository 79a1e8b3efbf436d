"""The words of the image lab, for the page and for what the browser draws."""

from typing import Any

from pages.parts.labels import NBSP

TITLE = "Tampered images"
INTRO = "How little has to change until a model sees something else? Move the slider and watch two models."
EMPTY = (
    "There is no model to look into: the images of those that come with Frontier are not here or stay with their "
    "owner, and nothing was trained yet. Train one on the Trade-off page."
)
LINK_LEFT_OUT = "Left out of the link: {0}."
NORMS = {
    "linf": "Every pixel, a little (Linf)",
    "l2": "The whole picture, by a distance (L2)",
    "spatial": "Turned, moved and scaled",
}
WORDS: dict[str, Any] = {
    "images": "Images",
    "first": "First model",
    "second": "Second model",
    "none": "none",
    "attack": "Attack",
    "norm": "What may change",
    "strength": "Attack strength",
    "strength_help": {
        "linf": "How far every pixel may be changed, in percent of full brightness.",
        "l2": "How far the whole picture may be moved: the L2 distance, with pixels from 0 to 1.",
        "spatial": "How much of the largest turn, shift and scale is allowed.",
    },
    "advanced": "Advanced",
    "steps": "Attack steps",
    "seed": "Random start (seed)",
    "loading": "Loading the models: a few seconds the first time",
    "original": "Original",
    "test_image": "Test image {0}: {1}",
    "own_image": "Your own picture",
    "shows": "It shows",
    "as_said": "what each model says",
    "surprise": "Surprise me",
    "hard": "Find a hard image",
    "hard_help": "Looks among 96 test images for one that both models get right, and that the least strength flips.",
    "looking": "Looking …",
    "upload": "Upload a picture",
    "upload_help": "A PNG or JPEG, at most 6 MB. Its middle square is made as small as what the models know. Nothing "
    "of it is kept.",
    "invert": "Swap black and white",
    "large": "This file is larger than 6 MB, which is more than the lab takes.",
    "change": f"Change, ×{NBSP}{{0}}",
    "change_help": "Blue pixels were made brighter, orange ones darker; magnified so many times.",
    "unchanged": "No change",
    "result": "Result",
    "change_alt": "What the attack on {0} changed, magnified: blue pixels were made brighter, orange ones darker.",
    "result_alt": "The tampered picture, on which {0} says {1}.",
    "original_alt": "The picture before tampering.",
    "says": "says {0}",
    "flipped": "flipped",
    "stands": "not flipped",
    "misread": "misread anyway",
    "rough": "rough, refining …",
    "searching": "Looking for the smallest strength …",
    "smallest_help": "Found by halving, with this attack and these steps: an upper bound, since another attack may "
    "need less.",
    "bars": "Probabilities of {0}, before and after",
    "before": "before",
    "after": "after",
    "true": "true class",
    "strip": "Across strengths",
    "strip_help": "Each row was made against one model. Below each picture: what the first (1) and the second "
    "(2) say of it.",
    "made_against": "Made against {0}",
    "pictures": "Test images",
    "every_class": "every class",
    "earlier": "Earlier images",
    "later": "Later images",
    "save_picture": "PNG",
    "save_picture_help": "Saves this picture. A PNG rounds pixels to 1/255, which may undo a very small change.",
    "save": "Save the numbers",
    "link": "Copy link",
    "copied": "Copied",
    "link_without_picture": "The link leaves the uploaded picture out: it is too large for one.",
    "priced": "What does a defence cost? See Trade-off",
    "failed": "The lab does not answer: is the server still running?",
}
