"""What the privacy ledger says."""

INTRO = "Releases of the same images add up. This page shows how far; what it shows is only ever added to."
DEMONSTRATION = "These images are public: their ledger is a demonstration of how one works."
PRIVATE = (
    "Marked private: results without a guarantee stay with the owner. They are shown here, and are not in links, "
    "exports or starter results."
)
SEEDED = (
    "Releases in mode reproducible, {0} of them, count towards the total, but guarantee nothing once their seed is "
    "known: the cap speaks for those in mode private."
)
EMPTY = (
    "Nothing stands here yet. A study is written here before its first step of training: compute one on the Trade-off "
    "page. Studies computed before there was a ledger, and results that came with Frontier, are not in it."
)
UNPROTECTED = (
    "Computed from these images without noise: there is no finite ε to add up. Outside the total, and refused where "
    "a cap is set."
)
ALONE = "Epsilon of releasing all models of this study together, an upper bound by Renyi curves."
TOTAL = (
    "Epsilon of everything up to here. Not the sum of the rows: curves are added, and models on the same batches count "
    "as one pass."
)
COUNTS = "A cap has to hold whatever is asked next, so it is counted more strictly:"
CAP = (
    "Whoever owns the images sets it, on the machine that holds them. A study in mode private starts only if "
    "everything that was released and itself stay below; all others are refused."
)
MARK = "Marked private, results without a guarantee leave neither by a link nor by an export."
WORDS = """
- **Released**: a study's models can be seen, so everything it trains counts together, from before its first step on.
  Stopping or deleting it takes nothing back. An answer that is there already, or a run that goes on, costs nothing; in
  mode private steps that are made again, and a study that is computed again, have fresh noise and count again. In mode
  reproducible the same budget and repeat in two studies are one model, and count once.
- **Total**: information. It says what was spent by those who ask one question after another, and promises nothing.
- **Cap**: the guarantee. People choose the next study after seeing the last, so costs are added as Renyi curves and
  compared with the cap before a study starts (a Renyi filter, arXiv:2008.11193).
- **No guarantee**: trained without noise, or with noise from a seed that is known.
- **One ledger for the same images**: uploaded twice, at another size or in part, they share it. A picture is known
  again by its pixels: one that was edited, cropped or saved with other losses is another picture.
- **Rows with hashes**: each covers the one before it, and the newest is noted beside the store, so that a changed,
  removed or moved row is seen. Whoever may write all files of this store can make a new ledger:
  `python -m engine ledger check` shows the numbers to keep elsewhere against that.
- **One ledger a folder**: another `FRONTIER_HOME` on the same images has a ledger of its own, which knows nothing of
  what is spent here.
"""
