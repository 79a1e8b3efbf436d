"""What a study may measure besides: what no attack can pass, and what damage without an enemy does to a model."""

# names in studies; each is measured of every model that is attacked
EXTRAS = ("corruptions", "certificates", "smoothing", "leakage")
SIGMA = 0.25  # of the noise that smoothing adds, in pixel units
SMOOTHED, DISTANCES = 100, (0.0, 0.1, 0.25, 0.5, 0.75)  # images certified in noise, at these L2 distances
TIGHT = (0.0005, 0.001, 0.002, 0.003)  # interval bounds of networks not trained for them end early
# what is measured of leakage: with how many models against each target, on how many images, at which false alarms
SHADOWS, POOL = 64, 20_000  # models that train as columns of one pass
TOGETHER = 5  # of those, on small data
NETWORKS, FEWER_IMAGES = 8, 5_000  # models that train one by one
LEAST_POOL = 100  # images: of fewer, nothing could be told
FALSE_POSITIVES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TAMPERED = 300  # images of the pool that every model is asked about under attack, too
CANARIES, RUNS = 500, 400  # in one run; and runs with one or none, in halves
GUESSED_IMAGES, ATTACKED_IMAGES = 1_000, 300  # of each split, for guesses about a study's own models
