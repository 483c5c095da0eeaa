// Entrances and exits of one space by hour, from the rollups; of each hour the newest version holds. The hours that are
// still open, or that late events have reached since, are missing or behind for some minutes: the HTTP API has them all.
space = "A"

from(bucket: "footfall_rollup")
    |> range(start: 2018-02-24T00:00:00Z)
    |> filter(fn: (r) => r._measurement == "rollup_hour" and r.space == space)
    |> filter(fn: (r) => r._field == "entrances" or r._field == "exits")
    |> aggregateWindow(every: 1h, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
