"""Writes pandas.json: what pandas itself makes of a few frames. Run with pandas >= 2 and commit the result."""

import json
import pathlib

import pandas

days = pandas.DatetimeIndex(["2015-01-01", "2015-01-02", "2015-01-05 12:30:00.250"])
frames = {
    "floats": pandas.DataFrame({"v": [1.5, None, 3.0], "w": [0.1, -2.25, 1e20]}, index=days),
    "zoned": pandas.DataFrame({"v": [1.5, 2.5, 3.5]}, index=days.tz_localize("Europe/Paris")),
    "old": pandas.DataFrame({"v": [1.5]}, index=pandas.DatetimeIndex(["1969-12-31 23:59:59.999"])),
    "integers": pandas.DataFrame(
        {"i": [9007199254740993, 9223372036854775807, -9223372036854775808]}, index=days
    ),
    "mixed": pandas.DataFrame(
        {"b": [True, False, True], "s": ["a", 'say "hi"', "c"], "n": [None, None, None]},
        index=days,
    ),
    "numbered": pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.0]}),
    "empty": pandas.DataFrame({"v": pandas.Series([], dtype="float64")}, index=days[:0]),
}

goldens = {}
for name, frame in frames.items():
    frame.index.name = None
    texts = {
        orient: frame.to_json(orient=orient, date_format="iso", date_unit="ms")
        for orient in ["columns", "index", "split", "records", "values", "table"]
    }
    texts["epoch"] = frame.to_json(orient="split", date_format="epoch", date_unit="ms")
    goldens[name] = texts

path = pathlib.Path(__file__).with_name("pandas.json")
path.write_text(json.dumps({"pandas": pandas.__version__, "goldens": goldens}, indent=2) + "\n")
