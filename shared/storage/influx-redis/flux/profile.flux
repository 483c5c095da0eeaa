// What a series is folded from: the hours of whole days, single hours, and the raw deltas of a space where no rollup holds.
// Of a day that has a rollup but not its hours, the net tells that it has to be looked at hour by hour.
// Pushed down to storage: from, range, filter, and for the hours aggregateWindow with last; pivot and union are not.
days = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_day_hours" and r.space == space)
        |> keep(columns: ["_time", "_value"])
rolled = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_day" and r.space == space and r._field == "net")
        |> keep(columns: ["_time"])
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
