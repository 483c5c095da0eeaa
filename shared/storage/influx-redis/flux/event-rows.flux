// Events of all DPUs, a row each with all that is kept of it.
// Pushed down to storage: from, range, filter. Pivoted after that: the fields of an event lie in columns of their own.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event")
    |> drop(columns: ["_start", "_stop", "_measurement", "partition"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
