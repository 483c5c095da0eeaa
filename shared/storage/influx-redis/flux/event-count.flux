// The number of events of all DPUs.
// Pushed down to storage: from, range, filter, group, count.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event" and r._field == "direction")
    |> group()
    |> count()
