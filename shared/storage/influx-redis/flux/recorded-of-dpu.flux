// Events of a DPU that a recount maps anew, two rows each: where in the journal they came, and when they were recorded.
// The direction lies in the slot. Pushed down to storage: from, range, filter, for each stream by itself.
events = (dpu, start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu)
        |> filter(fn: (r) => r._field == "position" or r._field == "recorded_at")
        |> keep(columns: ["_time", "_field", "_value", "dpu"])
