-- The fleet database: the newest connection of each DPU, and how often it was refused.
CREATE TABLE connection (
  dpu TEXT PRIMARY KEY,
  revision INTEGER NOT NULL UNIQUE,
  teller TEXT NOT NULL,
  connection TEXT NOT NULL,
  online INTEGER NOT NULL,
  since INTEGER NOT NULL,
  address TEXT NOT NULL,
  mqtt_version TEXT NOT NULL
) STRICT;
CREATE INDEX connection_online ON connection (teller) WHERE online = 1;
CREATE TABLE refusal (
  dpu TEXT NOT NULL,
  reason TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (dpu, reason)
) STRICT, WITHOUT ROWID;
