"""Fifty years of weather, watched through a real server: the first three are the reference, the rest is streamed.

    python -m benchmarks.drift_weather --data weather.csv [--plot docs/weather_drift.png]

A row is a day at Offutt Air Force Base, from 1949 on: eight measurements, and whether it rained (NOAA, as prepared
by Elwell and Polikar 2011). Windows have 365 days, at one false alarm in a hundred years. The days come in three
ways: as they were; in random order within each year, so that neighbours have nothing in common; and drawn from the
reference itself, where nothing has changed. What comes of the model is not watched: it was trained on the days of
the reference. Takes half a minute; without data it makes up some, to see that it runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assayd import Client, WatchReport, WindowDrift
from assayd.testing import serving

MEASUREMENTS = (
    "temperature", "dew_point", "pressure", "visibility", "wind", "strongest_wind", "highest", "lowest"
)  # fmt: skip
FIRST_YEAR, DAYS, REFERENCE_YEARS, RUN_YEARS = 1949, 365, 3, 100
BATCH_ROWS = 500
SEED = 0


def of_file(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The measurements of each day, and whether it rained."""
    rows = pd.read_csv(path)
    return rows.iloc[:, :-1].set_axis(MEASUREMENTS, axis=1).astype(np.float32), rows.iloc[:, -1].to_numpy()


def made_up() -> tuple[pd.DataFrame, np.ndarray]:
    """Ten years with seasons, of which the visibility rises in the sixth."""
    rng, days = np.random.default_rng(SEED), np.arange(10 * DAYS)
    rows = rng.normal(0, 1, (len(days), len(MEASUREMENTS)))
    rows[:, 0] += 3 * np.sin(2 * np.pi * days / DAYS)
    rows[6 * DAYS :, 3] += 2
    return pd.DataFrame(rows.astype(np.float32), columns=list(MEASUREMENTS)), (rows[:, 1] > 0).astype(int)


def write_model(rows: pd.DataFrame, rain: np.ndarray, path: Path) -> None:
    """A logistic regression of rain, with an input for each measurement."""
    scaled = ColumnTransformer([("scaled", StandardScaler(), list(MEASUREMENTS))])
    model = make_pipeline(scaled, LogisticRegression()).fit(rows, rain)
    inputs = [(name, FloatTensorType([None, 1])) for name in MEASUREMENTS]
    path.write_bytes(to_onnx(model, initial_types=inputs, options={"zipmap": False}).SerializeToString())


def write_reference(rows: pd.DataFrame, folder: Path) -> Path:
    """By the command that anyone would use."""
    rows.to_csv(folder / "reference.csv", index=False)
    features = [word for name in MEASUREMENTS for word in ("--feature", name)]
    files = ["--model", "model.onnx", "--input", "reference.csv", "--output", "reference.npz"]
    subprocess.run(
        [sys.executable, "-m", "assayd_server", "reference", "build", *files, *features],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "reference.npz"


def orders(rows: pd.DataFrame, reference: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The days that are streamed, in each way."""
    rng = np.random.default_rng(SEED)
    years = [rows[start : start + DAYS] for start in range(0, len(rows), DAYS)]
    yield "as they came", rows
    yield "shuffled within each year", pd.concat([year.iloc[rng.permutation(len(year))] for year in years])
    yield "drawn from the reference", reference.iloc[rng.integers(0, len(reference), len(rows))]


def watched(client: Client, rows: pd.DataFrame) -> list[WatchReport]:
    """The reports on a stream."""
    batches = (rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS))
    return list(
        client.watch_drift(
            batches, window_rows=DAYS, expected_run_rows=RUN_YEARS * DAYS, columns=list(MEASUREMENTS)
        )
    )


def line(order: str, reports: list[WatchReport]) -> str:
    """How many years drifted by which measurement, and in how many a sum changed between their ends."""
    windows = [report.window for report in reports if report.window]
    drifted = sum(window.drifted for window in windows)
    columns = [
        f"{name} {sum(column.drifted for window in windows for column in window.columns if column.name == name)}"
        f"+{len({change.row // DAYS for report in reports for change in report.changes if change.column == name})}"
        for name in MEASUREMENTS
    ]
    return f"{order}: {drifted} of {len(windows)} years drifted; " + ", ".join(columns)


def of_year(window: WindowDrift) -> list[float]:
    """The effect in each measurement."""
    effects = {column.name: column.effect for column in window.columns}
    return [effects[name] for name in MEASUREMENTS]


def plot(found: dict[str, list[WatchReport]], path: Path) -> None:
    """A panel for each way the days came: effects by colour, drifted years as dots, changes as triangles."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(len(found), 1, sharex=True, figsize=(9, 6.5), layout="constrained")
    for panel, (order, reports) in zip(panels, found.items(), strict=True):
        effects = np.array([of_year(report.window) for report in reports if report.window]).T
        start = FIRST_YEAR + REFERENCE_YEARS
        extent = (start, start + effects.shape[1], len(MEASUREMENTS) - 0.5, -0.5)
        image = panel.imshow(effects, aspect="auto", extent=extent, cmap="Oranges", vmin=0, vmax=0.5)
        for report in reports:
            for change in report.changes:
                place = MEASUREMENTS.index(change.column)
                way = ("^", "tab:red") if change.direction == "up" else ("v", "tab:blue")
                panel.plot(start + change.row / DAYS, place, way[0], color=way[1], markersize=3)
            for column in report.window.columns if report.window else ():
                if column.drifted:
                    year = start + report.window.number + 0.5
                    panel.plot(year, MEASUREMENTS.index(column.name) - 0.3, ".", color="black", markersize=3)
        panel.set_yticks(range(len(MEASUREMENTS)), MEASUREMENTS)
        panel.set_title(f"days {order}", fontsize=10)
    figure.colorbar(image, ax=panels, label="PSI of the year; dots: drifted; triangles: the mean rose or fell")
    figure.savefig(path, dpi=90, metadata={"Software": None})


def main() -> None:
    """Stream, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a file of days in their order; the last column is rain")
    parser.add_argument("--plot", type=Path, help="where the plot goes")
    arguments = parser.parse_args()
    rows, rain = of_file(arguments.data) if arguments.data else made_up()
    past = REFERENCE_YEARS * DAYS
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), {}
        write_model(rows[:past], rain[:past], folder / "model.onnx")
        reference = write_reference(rows[:past], folder)
        with serving(folder / "model.onnx", reference=reference) as server:
            for order, days in orders(rows[past:], rows[:past]):
                found[order] = watched(server.client(), days)
                print(line(order, found[order]), flush=True)
    if arguments.plot:
        plot(found, arguments.plot)


if __name__ == "__main__":
    main()
