// The events of a DPU in a range, to know a duplicate of any age; a batch asks for many ranges at once.
// The direction lies in the slot, so a DPU that sends neither epoch nor seq has one series to read.
// Pushed down to storage: from, range, filter, for each stream by itself. Pivoted after the union: a row an event.
events = (dpu, start, stop) =>
    from(bucket: "footfall_raw")
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu)
        |> filter(fn: (r) => r._field == "position" or r._field == "epoch" or r._field == "seq")
        |> keep(columns: ["_time", "_field", "_value", "dpu"])
