// Every delta of a partition, first ones and those of recounts, for an audit.
// Pushed down to storage: from, range, filter.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r._field == "value")
    |> keep(columns: ["_time", "_value", "space", "kind"])
