// The events of a DPU, to know a duplicate of any age. A row an event, with its place in its millisecond in the time.
// Pushed down to storage: from, range, filter. Pivoted after that: the fields of an event lie in columns of their own.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu)
    |> filter(fn: (r) => r._field == "direction" or r._field == "epoch" or r._field == "seq" or r._field == "position")
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
