"""The result table as a file, and summed up over seeds."""

import io
from math import nan

import pandas as pd

from engine.report import points
from engine.results import COLUMNS

POINT = ["metric", "attack", "norm", "epsilon", "eps"]
ONE_SEED = "95 % Wilson interval of one seed"
SEVERAL = "95 % Wilson interval, widened to the smallest and largest of the seeds"
SUMMARY_COLUMNS = (*POINT, "n_seeds", "mean", "low", "high", "spread", "interval")


def curves_csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 CSV with exactly the columns of the result table; no privacy is `inf`, what does not apply is empty."""
    return frame.reindex(columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n").encode()


def curves_parquet(frame: pd.DataFrame, about: bytes) -> bytes:
    """Parquet with exactly the columns of the result table; its schema's metadata holds `about` as "frontier"."""
    import pyarrow as pa  # a tenth of a second, which only this format should cost
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame.reindex(columns=list(COLUMNS)), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"frontier": about})
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a point (metric, attack, norm, epsilon, eps): its mean over the seeds and how sure that is.

    `epsilon` is lines.CLIPPING for clipping alone.

    `low` and `high` are those of `points.Point`, as the charts draw them, and `interval` says what they are. `spread`
    is the sample standard deviation over the seeds, NaN for one. Fractions in [0, 1].
    """
    rows = [
        (
            *(nan if part is None else part for part in key),
            *(point.n_seeds, point.mean, point.low, point.high, point.spread),
            ONE_SEED if point.n_seeds == 1 else SEVERAL,
        )
        for key, point in points.points(points.accuracies(frame), *POINT).items()
    ]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
