// Entrances less exits of a space: whole days, whole hours and raw deltas, each from where it is cheapest, added up.
// Pushed down to storage: from, range, filter and the aggregate behind them, for each stream by itself; the union is not.
days = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_day" and r.space == space and r._field == "net")
        |> aggregateWindow(every: 1d, fn: last, createEmpty: false)
        |> group()
        |> sum()
        |> keep(columns: ["_value"])
hours = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_hour" and r.space == space and r._field == "net")
        |> aggregateWindow(every: 1h, fn: last, createEmpty: false)
        |> group()
        |> sum()
        |> keep(columns: ["_value"])
deltas = (start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> group()
        |> sum()
        |> keep(columns: ["_value"])
