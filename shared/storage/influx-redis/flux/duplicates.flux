// Copies of events of all DPUs: a row each entry and millisecond.
// Pushed down to storage: from, range, filter.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_duplicate")
    |> keep(columns: ["_time", "_value", "dpu"])
