// The events of a partition, for an audit.
// Pushed down to storage: from, range, filter. Pivoted after that: the fields of an event lie in columns of their own.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "dpu_event" and r.partition == partition)
    |> filter(fn: (r) => r._field == "direction" or r._field == "epoch" or r._field == "seq" or r._field == "recorded_at")
    |> group(columns: ["dpu"])
    |> keep(columns: ["_time", "_field", "_value", "dpu"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
