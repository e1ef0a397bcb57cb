"""All flights, the most delayed first: a total sort. Ranges are cut from samples, so part 0 holds the greatest delays,
and reading the parts one after the other gives the whole order.

gristmill run examples/departures/job.py
"""

import gristmill as gm

job = gm.Job(
    "departures",
    input=gm.parquet(
        "data/nycflights13/flights/*.parquet",
        map=gm.sql_fragment("SELECT dep_delay, time_hour, carrier, flight, origin, dest FROM input"),
    ),
    partition="range",
    sort=[gm.desc("dep_delay"), "time_hour", "carrier", "flight"],
    partitions=4,
    output=gm.output("out/departures/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().head(10))
