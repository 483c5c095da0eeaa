// Entrances less exits of a partition since a moment, for each space that has deltas then; made when a reset is new.
// Pushed down to storage: from, range, filter, group, sum.
from(bucket: "footfall_raw")
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r._field == "value")
    |> group(columns: ["space"])
    |> sum()
