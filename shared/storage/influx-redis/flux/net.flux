// Entrances less exits of a space: the net of whole days and hours, every version of it, and the sum of raw deltas.
// One query for a count: each stream is a result of its own, because a union costs more than all three of them.
// Pushed down to storage: all of it.
days = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_day" and r.space == space and r._field == "net")
hours = (start, stop) =>
    from(bucket: "footfall_rollup")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "rollup_hour" and r.space == space and r._field == "net")
deltas = (start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> sum()
