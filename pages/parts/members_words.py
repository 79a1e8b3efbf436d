"""The words of the page about membership inference."""

from engine.extras import TAMPERED as TAMPERED_IMAGES
from pages.parts.labels import NBSP

TITLE = "Who was in the data?"
INTRO = "Can somebody who only asks a model find out whether a picture was used to train it?"
ATTACK = "Attack"
ATTACKS = {
    "threshold": "Loss threshold",
    "lira": "LiRA",
    "lira-offline": "LiRA, offline",
    "rmia": "RMIA",
}
ATTACKS_HELP = (
    "All attacks only read how sure a model is of the true class. Loss threshold: whoever is sure was in "
    "(arXiv:1709.01604). LiRA: compares with models of the attacker's own, some of which had the image "
    "(arXiv:2112.03570); offline: none had. RMIA: compares with other images besides (arXiv:2312.03262). The page "
    "opens with the one that finds most."
)
TAMPERED = "Tampered images"
TAMPERED_HELP = (
    "The attacker first changes each image so that the model reads it worse, by one gradient step, and learns from how "
    "sure it still is: what a model was trained on tends to resist longer (arXiv:1905.10291). He does the same to the "
    f"models that he compares with. At most {TAMPERED_IMAGES} images of the pool are tried: too few to tell of rare "
    "false alarms."
)
BUDGET = "Privacy budget ε"
BUDGET_HELP = "The one whose line stands out, beside what theory allows, and whose exposures are written under images."
NUMBERS = "The numbers"
TABLE = ("", f"found at 0.1{NBSP}% false alarms", f"found at 1{NBSP}%", "AUC (chance: 0.5)")
AT_MOST = "theory: at most {0}"
NOT_MEASURED = "not measured yet"
TOO_FEW = "too few images to tell"
MOST = "Training images that the model gives away most"
TYPICAL = "Typical ones, from the middle"
PICTURE = "{shown}\n{exposure}"
PICTURE_ALT = "Training image {index:,}, {shown}: its exposure is {exposure} at {budget}."
GALLERY = (
    "Under each image, its **exposure**: how many standard deviations a model's confidence in the right class moves "
    "when it trains on this image. The fainter an image, the less of it is given away. Images were chosen by half of "
    "the models, without a look at the others, and what is written is what the others say, so that luck does not "
    "choose; {n:,} images were looked at."
)
GALLERY_SOON = "Looking up the images that give themselves away …"
NO_GALLERY = (
    "Networks train one by one, so few are attacked: which single images they give away could not be told from luck, "
    "and none is shown."
)
GALLERY_LATER = "Which images are given away most is known when every budget is measured."
CLOSED = (
    "Which training images are given away most is not shown: **{0}** are under a privacy ledger (own images, a cap or "
    "a mark). The numbers above show no image."
)
ANOTHER = "Measured on"
ANOTHER_HELP = (
    "What comes with Frontier, and the studies of this server. Those that have not been asked what their models give "
    "away can be asked here."
)
OPENING = "{0}, comes with Frontier"
UNMEASURED = " - not measured yet"
MEASURE = "Train again and measure what it gives away"
MEASURE_FOR = "Train again and measure what it gives away (about {0})"
MEASURE_HELP = (
    "The same study with this question besides is a study of its own: its models are trained again, then others on "
    "random halves of the images, which are attacked."
)
ASK = (
    "This study has not been asked what its models give away. Pressing the button trains its models again and many "
    "more on random halves of the images; the curves grow here budget by budget."
)
EMPTY = (
    "There is nothing to look into: what comes with Frontier is not here, and nothing was trained yet. Train a model "
    "on the Trade-off page."
)
SOON, NOTHING = "The first curve appears soon", "Nothing was measured"
NOT_HERE = "The study of this link is not on this server, or stays with the owner of its images: another one is shown."
MEANS_TITLE = "What this means"
MEANS = """
- Models are trained as the study would train on so many images, at its budget, each on its own **random half** of a
  pool of at most 20,000 training images (5,000 for networks): a coin decides who is in. One of them is attacked, the
  others are the attacker's, who thus knows the images, the recipe and the true classes: more than most attackers will.
  The study's own models may have learned from many more, which leaves less of each.
- **False alarms** are outsiders wrongly accused. Being surely right about few does more harm than being right about all
  a little more often than a coin, so scales are logarithmic and begin at 0.1 %.
- Intervals are over the models attacked. These serve as each other's references, so the intervals are somewhat too
  narrow.
- This is what attacks *we tried* find; others may find more. Only the dotted line of theory holds for every attack on
  one released model.
""".replace(" %", f"{NBSP}%")
PRICED = "What does privacy cost? See Trade-off"
PROVENANCE = "{targets} models attacked at each budget, by {attack}"
SHIPPED_ORIGIN = "Computed earlier, {day}, by commit {commit} on {cores} cores ({processor})"
