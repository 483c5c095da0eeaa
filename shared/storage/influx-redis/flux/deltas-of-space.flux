// Every delta of a space, of all partitions and recounts, in no order: what its hours are rolled up from.
// Pushed down to storage: from, range, filter.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
    |> keep(columns: ["_time", "_value", "kind"])
