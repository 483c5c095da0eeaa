// What one DPU has sent today (UTC): a row an event, with when it was received.
import "date"

dpu = "283"

from(bucket: "footfall_raw")
    |> range(start: date.truncate(t: now(), unit: 1d))
    |> filter(fn: (r) => r._measurement == "dpu_event" and r.dpu == dpu)
    |> filter(fn: (r) => r._field == "direction" or r._field == "received_at")
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> sort(columns: ["_time"])
