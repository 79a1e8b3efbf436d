"""What the page about privacy budgets says."""

TITLE = "What is a privacy budget?"
INTRO = (
    "A promise to everybody whose picture is in a data set: **whatever is published would have come out almost the "
    "same without it.** The budget, written ε, says how much *almost* is. Smaller is more private, and costs more. "
    "Three pictures, computed here from real images, show what it buys."
)
ACTS = {
    "count": "1. A number that does not give anybody away",
    "step": "2. The same inside one step of training",
    "attack": "3. What is left to an attacker",
}
COUNTED = "What is counted"
COUNT = (
    "How many of the {total} training images show **{shown}**? The exact answer, **{count}**, gives one image away to "
    "whoever knows all others: without it the answer would be {less}. So a random number is added, and only the sum "
    "is published. When both curves lie over each other, an answer says little about this one image."
)
ONE = "The image that joins or not"
NOISE = "Noise"
NOISES = {"laplace": "Laplace", "gaussian": "Gaussian"}
NOISE_HELP = (
    "Two shapes of noise. Laplace keeps the promise always. Gaussian keeps it but for a tiny chance δ, and is the one "
    "that training uses, because many Gaussian answers together cost less."
)
BUDGET = "Privacy budget ε"
BUDGET_HELP = "How much one image may change which answers are likely: by a factor of exp(ε) at most."
ASK, ASK_MORE, FORGET = "Ask once", "Ask 20 times", "Start over"
ASK_HELP = "Draws the noise from this machine's own randomness. What was asked once is spent for good."
FORGET_HELP = "On this page only: in earnest an answer cannot be taken back, nor its budget."
STEP = (
    "Training asks the images, too: each says how it would change the weights (its **gradient**), and a step follows "
    "the sum. A private step shortens every gradient to a bound, so that no image pulls harder than any other may, and "
    "adds noise of that size. A low bound bends the sum, a high one makes the noise larger: find the place between."
)
STEP_ABOUT = (
    "A real step: {batch} of {total} images of {title}, each drawn with probability {rate}; one linear layer on the "
    "pixels, after {before} steps without noise. The noise is drawn by this machine and then only stretched."
)
CLOSED = (
    "This page shows training images without protection, and **{0}** are under a privacy ledger (own images, a cap or "
    "a mark)."
)
PUBLIC, OTHERS = "Everything here is of **{0}** instead, which anybody can get.", "Choose other images."
BOUND = "Bound on every gradient"
BOUND_HELP = "Clipping norm: longer gradients are shortened to it, and keep their direction."
MULTIPLIER = "Noise multiplier"
MULTIPLIER_HELP = "Standard deviation of the noise, in units of the bound."
PICTURES = {"plain": "The true sum", "clipped": "After shortening", "noisy": "With noise"}
PICTURE_ALT = "{what}, for the weights of {shown}: blue pixels raise them, orange ones lower them."
PICTURE_SAID = "{what}, for {shown}"
AGAIN = "Draw other noise"
ATTACK = (
    "Somebody holds the trained model and asks of an image: **was it trained on?** Who never accuses finds nobody, who "
    "accuses everybody finds all. Between lies a line that no attack gets above, whatever it knows and computes."
)
ATTACK_ABOUT = (
    "For the default training on {title}: {steps} steps, each image in a batch with probability {rate}, "
    "δ {delta}; one model published, its batches hidden. The noise of each budget is known exactly, so the "
    "whole curve is, and it says more than its budget."
)
ATTACK_HELP = "The budget of the whole training. Its noise is chosen so that all steps together keep it."
PREPARING = {
    "count": "Counting the images, once",
    "step": "Looking into a training step, once",
    "attack": "Working out what no attack can beat, once",
}
END = "See what budgets cost: Trade-off"
NONE = "No training image shows {shown}: choose another class."
TERMS = {  # words that explain themselves, below each picture
    "count": {
        "the exact promise": "delta",
        "one image": "unit",
        "how much noise": "analytic",
        "how answers add up": "composition",
        "floating point": "floating point",
    },
    "step": {"bound": "max_grad_norm", "noise multiplier": "noise_multiplier", "how steps agree": "agreement"},
    "attack": {"where the line comes from": "line of attack", "the budget": "epsilon", "one image": "unit"},
}
