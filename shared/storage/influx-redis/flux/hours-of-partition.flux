// The hours in which a partition has events or deltas, and how many, for an audit.
// Pushed down to storage: from, range, filter, aggregateWindow with count, for each stream by itself.
events =
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "dpu_event" and r.partition == partition and r._field == "direction")
        |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")
        |> keep(columns: ["_time", "_value"])
deltas =
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r._field == "value")
        |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")
        |> keep(columns: ["_time", "_value"])

union(tables: [events, deltas])
    |> group(columns: ["_time"])
    |> sum()
