// Copies of events of one DPU: a row each entry and millisecond.
// Pushed down to storage: from, range, filter.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_duplicate" and r.dpu == dpu)
    |> keep(columns: ["_time", "_value", "dpu"])
