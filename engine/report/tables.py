"""The result table as a file, and summed up over seeds."""

from math import nan

import pandas as pd

from engine.results import COLUMNS

POINT = ["metric", "attack", "norm", "epsilon", "eps"]
ONE_SEED = "95 % Wilson interval of one seed"
SEVERAL = "smallest and largest of the seeds"
SUMMARY_COLUMNS = (*POINT, "n_seeds", "mean", "low", "high", "spread", "interval")


def curves_csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 CSV with exactly the columns of the result table; no privacy is `inf`, what does not apply is empty."""
    return frame.reindex(columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n").encode()


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a point (metric, attack, norm, epsilon, eps): its mean over the seeds and how sure that is.

    With one seed `low` and `high` are its Wilson interval and `spread` is NaN; with several they are the smallest and
    the largest seed, and `spread` is the sample standard deviation. `interval` says which. Fractions in [0, 1].
    """
    groups = frame.groupby(POINT, dropna=False, sort=True)
    rows = [(*point, *_summed(group)) for point, group in groups]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _summed(group: pd.DataFrame) -> tuple[int, float, float, float, float, str]:
    value = group["value"]
    if len(group) == 1:
        only = group.iloc[0]
        return 1, float(only["value"]), float(only["low"]), float(only["high"]), nan, ONE_SEED
    return len(group), float(value.mean()), float(value.min()), float(value.max()), float(value.std()), SEVERAL
