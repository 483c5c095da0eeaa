// What a series is folded from, in one query: the hour rollups of a space, and its raw deltas where no rollup holds.
// Pushed down to storage: from, range, filter, and for the hours aggregateWindow with last; pivot and union are not.
hours = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_hour" and r.space == space)
        |> aggregateWindow(every: 1h, fn: last, createEmpty: false, timeSrc: "_start")
        |> keep(columns: ["_time", "_field", "_value"])
        |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
deltas = (start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> keep(columns: ["_time", "_value", "kind"])
