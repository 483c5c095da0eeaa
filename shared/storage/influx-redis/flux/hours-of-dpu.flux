// The number of events of a DPU in each hour that has any, to cut a recount into pieces.
// Pushed down to storage: from, range, filter, aggregateWindow with count.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu and r._field == "position")
    |> aggregateWindow(every: 1h, fn: count, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_value"])
