"""Flights joined with the planes that flew them, grouped by manufacturer: activity joined with users, in SQL fragments.

The maps read only the columns they need; both inputs meet in the reducer of their tail number. A second job adds
up per manufacturer, since planes of one manufacturer lie in many partitions of the first.

gristmill run examples/manufacturers/job.py
"""

import gristmill as gm

joined = gm.Job(
    "flown",
    input={
        "flights": gm.parquet(
            "data/nycflights13/flights/*.parquet",
            map=gm.sql_fragment("SELECT tailnum, arr_delay FROM input WHERE tailnum IS NOT NULL"),
            key=["tailnum"],
        ),
        "planes": gm.parquet(
            "data/nycflights13/planes.parquet",
            map=gm.sql_fragment("SELECT tailnum, manufacturer FROM input"),
            key=["tailnum"],
        ),
    },
    reduce=gm.sql_fragment(
        """SELECT manufacturer, count(*) AS flights, sum(arr_delay)::BIGINT AS minutes_late, count(arr_delay) AS arrived
           FROM flights JOIN planes USING (tailnum) GROUP BY manufacturer"""
    ),
    partitions=4,
)

job = gm.Job(
    "manufacturers",
    input={"flown": gm.from_job(joined, key=["manufacturer"])},
    reduce=gm.sql_fragment(
        """SELECT manufacturer, sum(flights)::BIGINT AS flights,
                  sum(minutes_late)::DOUBLE / sum(arrived) AS mean_delay
           FROM flown GROUP BY manufacturer"""
    ),
    partitions=2,
    output=gm.output("out/manufacturers/", mode="overwrite"),
)

if __name__ == "__main__":
    print(gm.run(job, workers=2).pandas().nlargest(10, "flights"))
