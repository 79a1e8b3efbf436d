"""The words of `Rebuilt images`, for the page and for what the browser draws."""

from typing import Any

TITLE = "Rebuilt images"
INTRO = (
    "In federated learning images stay where they are, and only **gradients** are sent. What can be drawn from those?"
)
GONE = (
    "What this page opens with was made by another version: `python -m engine starter --pages rebuilt` makes it anew."
)
PRIVATE = "This page opens with images of Fashion-MNIST, which are marked private here: none of them is shown."
NETWORKS = {
    "initial": "{0}, initial weights",
    "linear": "One linear layer on the pixels, initial weights",
    "trained": "{0}",
}
ATTACKS = {
    "cosine": "Cosine (Geiping et al.)",
    "dlg": "DLG: nearest gradient (Zhu et al.)",
    "analytic": "Analytic: one linear layer",
}
ABOUT = {
    "cosine": "Looks for smooth pictures whose gradient points the same way (arXiv:2003.14053).",
    "dlg": "Looks for pictures whose gradient is nearest (arXiv:1906.08935), with the labels told by the gradient.",
    "analytic": "Of one linear layer every row of the gradient is the image, times a number: no search is needed.",
}
CAVEAT = (
    "The gradient of few images holds much of them; a promise not to share images does not change that. "
    "**Clipping alone** shortens a gradient and leaves its direction, so one image is still there; **noise** is what "
    "covers it. The noise shown is that on a gradient of these few images; private training adds it to the sum over a "
    "large batch, and its budget says what that promises. A **trained network** gives much less of an image away to "
    "these attacks than one at initial weights, as federated training begins with: choose one above. SSIM "
    "compares structure (1: the same picture), PSNR the pixels, in dB. What no attack here redraws, another one may."
)
HELD_CAVEAT = (
    "No training image: a picture on which the model is sure of a class, found from its weights by climbing from grey "
    "(model inversion, Fredrikson et al. 2015). At best it is what the images of a class have in common, which is what "
    "a model is there to learn. Sureness says little, as networks are sure of noise too; so another model, trained "
    "apart, is asked what it recognises."
)
WORDS: dict[str, Any] = {
    "attack": "Attack",
    "images": "Images",
    "network": "Network whose gradient is sent",
    "count": "Images in the gradient",
    "bound": "Clipping (largest norm)",
    "bound_help": "max_grad_norm: each image's gradient is shortened to this length before they are added.",
    "unclipped": "none",
    "noise": "Noise multiplier",
    "noise_help": "Deviation of the noise on every number of the sum, as a multiple of the clipping bound.",
    "unbounded": "needs clipping",
    "original": "original: {0}",
    "original_alt": "Test image {0}: {1}",
    "rebuilt_alt": "What the attack redraws of test image {0}: SSIM {1}",
    "waiting_alt": "Not rebuilt yet",
    "ssim": "SSIM {0}",
    "psnr": "{0} dB",
    "told": "The gradient also tells {0} of {1} labels.",
    "told_one": "The gradient also tells its label.",
    "told_none": "The gradient tells the wrong label.",
    "chart": "Likeness left (SSIM) as noise grows",
    "chart_alt": "SSIM at noise multipliers {0}: {1}. Two different images have {2}.",
    "chart_axis": "noise multiplier",
    "chance": "two different images",
    "run": "Rebuild",
    "stop": "Stop",
    "missing": "Not computed for these settings: press **Rebuild**, at most 25 s.",
    "missing_closed": "Not computed for these settings, and the images are not on this server.",
    "running": "Rebuilding: what the attack has so far is drawn as it goes.",
    "queued": "Waiting for a turn …",
    "step": "Step {0} of {1}, about {2} s left",
    "starting": "Taking the gradient …",
    "stopped": "Stopped at step {0} of {1}: the nearest pictures so far.",
    "late": "Ended after 25 s, at step {0} of {1}: the nearest pictures so far.",
    "again": "A newer run took its place.",
    "seconds": "{0} s of computing.",
    "shipped": "Computed with Frontier, in {0} s of one core: {1}. One draw of initial weights and of noise. "
    "Fashion-MNIST: Zalando SE, MIT licence.",
    "live": "Computed here, in {0} s: {1}. One draw of noise.",
    "test_images": "test images {0}",
    "test_image": "test image {0}",
    "pick": "Choose the images",
    "pick_help": "A click puts an image into the gradient, in place of the one chosen longest ago.",
    "earlier": "Earlier images",
    "later": "Later images",
    "failed": "The lab does not answer: is the server still running?",
    "held": "The picture a model holds of a class",
    "first": "First model",
    "second": "Second model",
    "none": "none",
    "draw": "Draw",
    "held_missing": "Not drawn yet: press Draw, some seconds.",
    "held_stopped": "Stopped at step {0} of {1}.",
    "held_alt": "What {0} holds of class {1}",
    "sure": "{0} sure",
    "recognised": "recognised",
    "recognised_of": "{0} of {1} recognised by another model: {2} (95 % interval {3} to {4})",
    "unjudged": "there is no other model of these images to ask",
    "held_finding": "Of {0} classes another model recognises {1}; guessing gets 1.",
    "held_alike": "The intervals overlap: from one training of each, no difference we can measure.",
    "held_one": "**{0}** in what the model with **{1}** holds",
    "priced": "What does the defence cost? See Trade-off",
}
