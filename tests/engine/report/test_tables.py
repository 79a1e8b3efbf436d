"""The result table as CSV and summed up over seeds."""

import io
from dataclasses import replace
from math import inf, nan

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.tables import ONE_SEED, SEVERAL, SUMMARY_COLUMNS, curves_csv, summary
from engine.results import COLUMNS
from tests.engine.report.rows import CLEAN, OPEN, ROBUST, frame


def test_csv_has_exactly_the_columns_of_the_result_table() -> None:
    shuffled = frame(CLEAN).assign(revision=7)[["revision", *reversed(COLUMNS)]]
    lines = curves_csv(shuffled).decode().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 2


def test_csv_writes_inf_and_leaves_out_what_does_not_apply() -> None:
    row = dict(zip(COLUMNS, curves_csv(frame(OPEN)).decode().splitlines()[1].split(","), strict=True))
    assert (row["epsilon"], row["eps"], row["delta"]) == ("inf", "", "")


@given(st.floats(0, 1), st.floats(0.05, 100))
def test_csv_keeps_every_digit(value: float, epsilon: float) -> None:
    read = pd.read_csv(io.BytesIO(curves_csv(frame(replace(CLEAN, value=value, epsilon=epsilon)))))
    assert (read["value"][0], read["epsilon"][0]) == (
        pytest.approx(value, rel=1e-15),
        pytest.approx(epsilon, rel=1e-15),
    )


def test_no_rows_still_have_a_header() -> None:
    assert curves_csv(frame()).decode() == ",".join(COLUMNS) + "\n"
    assert summary(frame()).columns.tolist() == list(SUMMARY_COLUMNS)


def test_one_seed_keeps_its_wilson_interval() -> None:
    [point] = summary(frame(CLEAN)).to_dict("records")
    assert (point["n_seeds"], point["mean"], point["low"], point["high"]) == (1, 0.9, 0.87, 0.92)
    assert pd.isna(point["spread"])
    assert point["interval"] == ONE_SEED


def test_several_seeds_give_mean_and_spread() -> None:
    [point] = summary(frame(*(replace(CLEAN, seed=i, value=v) for i, v in enumerate((0.8, 0.9, 0.94))))).to_dict(
        "records"
    )
    assert (point["n_seeds"], point["low"], point["high"]) == (3, 0.8, 0.94)
    assert point["mean"] == pytest.approx(0.88)
    assert point["spread"] == pytest.approx(0.07211, abs=1e-5)
    assert point["interval"] == SEVERAL


def test_clean_and_robust_points_stay_apart_in_order() -> None:
    rows = [replace(ROBUST, eps=0.1), OPEN, replace(ROBUST, eps=0.0), CLEAN, replace(ROBUST, eps=0.0, norm="l2")]
    points = summary(frame(*rows))
    keys = list(zip(points["metric"], points["norm"], points["epsilon"], points["eps"].fillna(-1), strict=True))
    robust = "robust_accuracy"
    assert keys == [
        ("accuracy", "none", 3.0, -1),
        ("accuracy", "none", inf, -1),
        (robust, "l2", 3.0, 0.0),
        (robust, "linf", 3.0, 0.0),
        (robust, "linf", 3.0, 0.1),
    ]


def test_nan_of_eps_does_not_lose_rows() -> None:
    assert summary(frame(replace(CLEAN, eps=nan)))["n_seeds"].sum() == 1
