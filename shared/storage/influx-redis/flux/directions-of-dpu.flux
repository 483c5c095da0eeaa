// The events of a DPU that a recount maps anew: time and direction.
// Pushed down to storage: from, range, filter.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu and r._field == "direction")
    |> keep(columns: ["_time", "_value"])
