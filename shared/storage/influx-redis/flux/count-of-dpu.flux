// The number of events of a DPU in a range, to tell how long a recount will take.
// Pushed down to storage: all of it.
numberOf = (dpu, start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu and r._field == "position")
        |> count()
