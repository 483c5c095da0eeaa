// Sum and number of the deltas of a space in each hour, by kind: what its rollups must say, for an audit.
// Pushed down to storage: from, range, filter, aggregateWindow; each stream reads for itself, or nothing would be.
sums =
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> aggregateWindow(every: 1h, fn: sum, createEmpty: false, timeSrc: "_start")
        |> set(key: "what", value: "sum")
        |> keep(columns: ["_time", "_value", "kind", "what"])
counts =
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")
        |> set(key: "what", value: "count")
        |> keep(columns: ["_time", "_value", "kind", "what"])

union(tables: [sums, counts])
    |> group(columns: ["_time", "kind", "what"])
    |> sum()
