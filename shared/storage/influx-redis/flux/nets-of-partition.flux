// Entrances less exits of a partition in a range, of each space that has deltas then, or of one: what a reset changes.
// Pushed down to storage: from, range, filter, group, sum.
ofAll = (start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r._field == "value")
        |> group(columns: ["space"])
        |> sum()
ofSpace = (space, start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.partition == partition and r.space == space)
        |> filter(fn: (r) => r._field == "value")
        |> group(columns: ["space"])
        |> sum()
