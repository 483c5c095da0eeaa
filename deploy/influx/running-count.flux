// The count of one space over time: everything before the range, then every crossing in it, added up.
// Set `space` and `start`. Resets are facts of the floor plan, so add the value of the latest one yourself, if there is one.
space = "A"
start = 2018-02-24T00:00:00Z
stop = now()

crossings = (start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "space_delta" and r.space == space and r._field == "value")
        |> group()

before =
    crossings(start: 2000-01-01T00:00:00Z, stop: start)
        |> sum()
        |> map(fn: (r) => ({_time: start, _value: r._value}))
since =
    crossings(start: start, stop: stop)
        |> keep(columns: ["_time", "_value"])

union(tables: [before, since])
    |> sort(columns: ["_time"])
    |> cumulativeSum()
