// Every space that has or had deltas.
// Pushed down to storage: from, range, filter, group, count.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "space_delta" and r._field == "value")
    |> group(columns: ["space"])
    |> count()
