"""The words of `Copied model`."""

TITLE = "Copied model"
QUESTION = (
    "Somebody may ask a model questions, and nothing else: which class is in this picture? From the answers he trains "
    "a model of his own. How many questions until his copy answers as yours does?"
)
EMPTY = "There is no model to copy: nothing was trained yet. Train one on the Trade-off page."
LINK_LEFT_OUT = "Left out of the link: models or settings that are not here."
NOTHING = "Not asked yet: press the button below"
SOON = "The first copy is being trained"
FINDING_HELP = (
    "From the numbers drawn here, at the most questions. Says the same: the copy names the class that the model names, "
    "right or wrong. New images: neither the model nor any copy was trained on them."
)
PICTURES = {"alike": "Pictures like its own", "made-up": "Made-up pictures"}
PICTURES_LABEL = "What the attacker asks about"
PICTURES_HELP = (
    "Like its own: half of the test images, which no model was trained on, and mixtures of two once these run out, as "
    "for a knockoff (arXiv:1812.02766). Made-up: soft shapes with a texture that show nothing, for an attacker who has "
    "no such images (arXiv:1609.02943 asks about random ones); that he copies less is no protection."
)
IMAGES, FIRST, SECOND, NONE = "Images", "Model", "Beside it", "no other"
MOST = "Questions, at most"
MOST_HELP = "A run begins with 30 questions and goes up to so many; each point is a copy trained anew."
RUN = "Copy them here ({n} copies{about})"
RUN_ONE = "Copy it here ({n} copies{about})"
ABOUT = ", about {0}"
STOP = "Stop"
DOING = "Copy {done} of {n}: {said}, {answers}, {queries:,} questions{left}"
LEFT = ", about {0} left"
STOPPED = "Stopped after {done} of {n} copies: what is drawn is measured, the rest is missing."
LATE = "The lab did not answer: try it once more."
ABOUT_POINTS = (
    "{title}: {asks}; copies are measured on {measured:,} other test images. Each point is one copy: a "
    "network of two convolutions and a wide layer, {steps:,} steps. Bars: 95{nbsp}% intervals over test images, for "
    "this very copy."
)
HOLDS = "the attacker holds {0:,} test images"
HOLDS_NONE = "the attacker has made-up pictures only"
EARLIER = "Computed earlier, {day}, by commit {commit} on {cores} cores."
HERE = "Computed here, on this visit."
MEANING = """
**A promise of privacy is none to the model.** ε bounds what any one training image can change. A copy takes what the
model has learned from all of them together, which is what its answers are for.

**What helps instead**, without a promise: limits on how many questions one may ask, answers by label alone, and
watermarks by which an owner recognises a copy. They make copying dearer or show it afterwards. Noise in a private model
may lower agreement; what counts then is how often the copy is right.

**These are copies by an attacker we tried.** One with more pictures, a larger network or better chosen questions comes
closer: read the lines as what is lost at least.
"""
PRICED = "What a promise to the images costs: Trade-off"
