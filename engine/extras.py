"""What a study may measure besides: what no attack can pass, and what damage without an enemy does to a model."""

# names in studies; each is measured of every model that is attacked
EXTRAS = ("corruptions", "certificates", "smoothing")
SIGMA = 0.25  # of the noise that smoothing adds, in pixel units
SMOOTHED, DISTANCES = 100, (0.0, 0.1, 0.25, 0.5, 0.75)  # images certified in noise, at these L2 distances
TIGHT = (0.0005, 0.001, 0.002, 0.003)  # interval bounds of networks not trained for them end early
