// Entrances less exits of a space in one partition, by quarters of an hour that have any: what many resets change.
// A quarter begins a millisecond after it strikes, because what crosses at the moment of a reset is before it.
// Pushed down to storage: from, range, filter, aggregateWindow with sum.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r.space == space)
    |> filter(fn: (r) => r._field == "value")
    |> aggregateWindow(every: 15m, offset: 1ms, fn: sum, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_value"])
