"""Real pandas against a running Worker: what read_json makes of an answer is what it makes of pandas' own JSON.

usage: frames.py http://localhost:8787
"""

import io
import json
import sys
import traceback

import numpy as np
import pandas as pd
import requests
from pandas.testing import assert_frame_equal

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8787"
ORIENTS = ["columns", "index", "split", "table"]
passed = failed = 0


def url(name, orient):
    return f"{BASE}/api/store/pandas/{name}?orient={orient}"


def put(name, orient, body):
    answer = requests.put(url(name, orient), data=body.encode(), timeout=30)
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.json()["status"] is True


def check(title, run):
    global passed, failed
    try:
        run()
        passed += 1
    except Exception:
        failed += 1
        print(f"FAIL {title}\n{traceback.format_exc(limit=3)}")


def days(count, **options):
    return pd.date_range("2015-01-01", periods=count, **options)


NUMBERS = pd.DataFrame({"v": [1.5, np.nan, -0.25], "n": [1, 2, 3]}, index=days(3))

FRAMES = {
    "naive": NUMBERS,
    "utc": NUMBERS.set_axis(days(3, tz="UTC")),
    "oslo": NUMBERS.set_axis(days(3, tz="Europe/Oslo")),
    "kathmandu": NUMBERS.set_axis(days(3, tz="Asia/Kathmandu")),
    "milliseconds": NUMBERS.set_axis(days(3, freq="1ms")),
    "before-1970": NUMBERS.set_axis(pd.date_range("1955-05-05 05:05", periods=3, freq="D")),
    "int64": pd.DataFrame(
        {"n": [9223372036854775807, -9223372036854775808, 9007199254740993]}, index=days(3)
    ),
    "booleans": pd.DataFrame({"b": [True, False, True], "c": [False, False, True]}, index=days(3)),
    "text": pd.DataFrame(
        {"s": ['say "hi"', "日本 é 🎉", "back\\slash / and\nline"], "t": ["", "null", "x"]},
        index=days(3),
    ),
    "missing": pd.DataFrame(
        {"all": [np.nan] * 3, "some": [1.0, np.nan, 2.0], "text": ["a", None, "b"]}, index=days(3)
    ),
    "objects": pd.DataFrame(
        {"b": [True, None, False], "j": [[1, 2], {"a": 1}, "x"]}, index=days(3)
    ),
    "empty": NUMBERS.iloc[:0],
    "empty-oslo": NUMBERS.set_axis(days(3, tz="Europe/Oslo")).iloc[:0],
    "named": NUMBERS.rename_axis("Date"),
    "named-oslo": NUMBERS.set_axis(days(3, tz="Europe/Oslo")).rename_axis("when"),
    "wide": pd.DataFrame(np.arange(3 * 60).reshape(3, 60) / 8, index=days(3)).rename(
        columns=lambda name: f"c{name}"
    ),
    "integers": pd.DataFrame({"v": [0.5, 1.5, 2.5]}, index=[3, 5, 8]),
}


def same_as_pandas(name, frame, orient, **how):
    """The Worker between to_json and read_json changes nothing that pandas can see."""
    text = frame.to_json(orient=orient, **how)
    key = f"{name}-{orient}-{how.get('date_format', 'default')}"
    put(key, orient, text)
    own = pd.read_json(io.StringIO(text), orient=orient)
    ours = pd.read_json(url(key, orient), orient=orient)
    assert_frame_equal(ours, own, check_freq=False, check_exact=True)


for name, frame in FRAMES.items():
    for orient in ORIENTS:
        for how in [{}] if orient == "table" else [{}, {"date_format": "iso"}]:
            if name == "before-1970" and not how and orient != "table":
                continue  # pandas itself reads negative epochs as plain numbers
            check(
                f"{name} {orient} {how}",
                lambda name=name, frame=frame, orient=orient, how=how: same_as_pandas(
                    name, frame, orient, **how
                ),
            )


def microseconds(orient):
    frame = NUMBERS.set_axis(pd.to_datetime("2015-01-01") + pd.to_timedelta([1, 2, 1001], unit="us"))
    put(f"us-{orient}", orient, frame.to_json(orient=orient, date_format="iso", date_unit="us"))
    assert_frame_equal(
        pd.read_json(url(f"us-{orient}", orient), orient=orient), frame, check_freq=False
    )


def last_bit(orient):
    """pandas writes 15 digits at most, so these are written by Python and read by pandas."""
    seed = np.random.default_rng(20150101)
    doubles = np.concatenate(
        [
            seed.uniform(-1, 1, 40) * 10.0 ** seed.integers(-300, 300, 40),
            # No subnormals: pandas' own reader refuses those.
            [0.1 + 0.2, 1 / 3, 2.2250738585072014e-308, 1.7976931348623157e308, 123456789.123456789],
            [-0.0, 1e16, 1e22, 9007199254740993.0],
        ]
    )
    index = [stamp.isoformat() for stamp in days(len(doubles))]
    put(
        "bits",
        "split",
        json.dumps({"columns": ["v"], "index": index, "data": [[float(v)] for v in doubles]}),
    )
    ours = pd.read_json(url("bits", orient), orient=orient, precise_float=True, dtype=False)
    assert ours["v"].to_numpy().tobytes() == doubles.tobytes()


def holes(orient):
    """What came without a schema: a null among integers or booleans is none of them, in a table too."""
    index = ["2015-01-01", "2015-01-02", "2015-01-03"]
    data = [[1, True, 9007199254740993], [None, None, None], [3, False, 1]]
    put(
        f"holes-{orient}",
        "split",
        json.dumps({"columns": ["n", "b", "large"], "index": index, "data": data}),
    )
    ours = pd.read_json(url(f"holes-{orient}", orient), orient=orient)
    assert ours["n"].isna().tolist() == [False, True, False]
    assert ours["b"].isna().tolist() == [False, True, False]
    assert ours["large"].isna().tolist() == [False, True, False]
    assert [ours["n"].iloc[0], ours["n"].iloc[2]] == [1, 3]
    assert [bool(ours["b"].iloc[0]), bool(ours["b"].iloc[2])] == [True, False]
    text = requests.get(url(f"holes-{orient}", orient), timeout=30).text
    put(f"holes-again-{orient}", orient, text)
    again = requests.get(url(f"holes-again-{orient}", "split"), timeout=30).json()
    assert again["data"] == data, again


def empty(orient):
    put(f"empty-{orient}", "split", '{"columns":["v"],"index":[],"data":[]}')
    ours = pd.read_json(url(f"empty-{orient}", orient), orient=orient)
    assert len(ours) == 0
    if orient != "index":
        assert list(ours.columns) == ["v"]


def duplicates():
    """split and table can say a stamp twice; the last one counts."""
    index = pd.to_datetime(["2015-01-01", "2015-01-02", "2015-01-01"])
    frame = pd.DataFrame({"v": [1.5, 2.5, 3.5]}, index=index)
    put("twice", "split", frame.to_json(orient="split", date_format="iso"))
    for orient in ORIENTS:
        ours = pd.read_json(url("twice", orient), orient=orient)
        assert list(ours["v"]) == [3.5, 2.5], (orient, ours)


def grown():
    """A column may change its kind, and no old value is lost."""
    put("grown", "split", NUMBERS[["n"]].to_json(orient="split", date_format="iso"))
    put(
        "grown",
        "split",
        NUMBERS[["v"]].rename(columns={"v": "n"}).tail(1).to_json(orient="split", date_format="iso"),
    )
    assert list(pd.read_json(url("grown", "split"), orient="split")["n"]) == [1.0, 2.0, -0.25]


def ranges():
    put("range", "columns", NUMBERS.to_json(date_format="iso"))
    ours = pd.read_json(url("range", "split") + "&start=2015-01-02&end=2015-01-03", orient="split")
    assert list(ours.index.strftime("%Y-%m-%d")) == ["2015-01-02", "2015-01-03"]


for orient in ORIENTS:
    check(f"microseconds {orient}", lambda orient=orient: microseconds(orient))
    check(f"doubles to the last bit {orient}", lambda orient=orient: last_bit(orient))
    check(f"nulls {orient}", lambda orient=orient: holes(orient))
    check(f"empty frame {orient}", lambda orient=orient: empty(orient))
for test in [duplicates, grown, ranges]:
    check(test.__name__, test)

print(f"pandas: {passed} passed, {failed} failed (pandas {pd.__version__})")
sys.exit(1 if failed else 0)
