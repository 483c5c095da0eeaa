// The day rollups of a space, the newest version of each, as rows of entrances, exits, lowest and highest.
// Pushed down to storage: from, range, filter, aggregateWindow with last. Pivoted after that.
from(bucket: "footfall_rollup")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "rollup_day" and r.space == space)
    |> aggregateWindow(every: 1d, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
