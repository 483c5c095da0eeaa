// What the load generator is to do, as job-file.ts writes it: little-endian, in the order of the fields below.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// CONNACK and PUBACK, the longest answers.
enum { ANSWER_BYTES = 4 };

typedef struct {
  uint8_t *packet;
  uint32_t length, id_at;
  uint32_t *timestamps_at;
} Template;

typedef struct {
  enum { CLOSED, CONNECTING, OPEN, FINISHED } state;
  int fd;
  uint32_t number;
  const char *name;
  uint8_t *connect;
  uint32_t connect_length;
  int is_connect_sent;
  Template *templates;
  /// So much of an answer has come.
  uint8_t head[ANSWER_BYTES];
  uint32_t head_length;
  uint32_t sent, acked, planned;
  int64_t *sent_at_us;
  int64_t last_ms, due_us;
  uint8_t *waiting;
  size_t waiting_length;
} Device;

typedef struct {
  uint32_t port, source_address, devices, variants, events, messages, warm_up, in_flight, connects_at_once, is_patient;
  uint32_t has_backlog;
  double period_ms, backlog_first_ms, backlog_step_ms, pings_per_s;
  Device *all;
  const char *latencies_path;
} Job;

typedef struct { uint8_t *at, *end; } Reader;

static inline uint32_t read_u32(Reader *reader) {
  uint32_t value = 0;
  if (reader->end - reader->at < 4) return 0;
  memcpy(&value, reader->at, 4);
  reader->at += 4;
  return value;
}

static inline double read_f64(Reader *reader) {
  double value = 0;
  if (reader->end - reader->at < 8) return 0;
  memcpy(&value, reader->at, 8);
  reader->at += 8;
  return value;
}

static inline uint8_t *read_bytes(Reader *reader, uint32_t length) {
  uint8_t *bytes = reader->at;
  reader->at += length;
  return bytes;
}

static inline void read_device(Job *job, Device *device, Reader *reader) {
  uint32_t name_length = read_u32(reader);
  device->name = strndup((char *)read_bytes(reader, name_length), name_length);
  device->connect_length = read_u32(reader);
  device->connect = read_bytes(reader, device->connect_length);
  device->templates = calloc(job->variants, sizeof(Template));
  device->sent_at_us = calloc(job->in_flight, sizeof(int64_t));
  for (uint32_t variant = 0; variant < job->variants; variant++) {
    Template *template = &device->templates[variant];
    template->id_at = read_u32(reader);
    template->timestamps_at = calloc(job->events, sizeof(uint32_t));
    for (uint32_t index = 0; index < job->events; index++) template->timestamps_at[index] = read_u32(reader);
    template->length = read_u32(reader);
    template->packet = read_bytes(reader, template->length);
  }
}

/// False when the file is not what it should be.
static inline int read_job(Job *job, const char *path, const char *latencies_path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  uint8_t *bytes = malloc((size_t)length);
  int is_read = fread(bytes, 1, (size_t)length, file) == (size_t)length;
  fclose(file);
  Reader reader = {bytes, bytes + length};
  uint32_t *numbers[] = {&job->port,    &job->source_address, &job->devices,          &job->variants,   &job->events, &job->messages,
                         &job->warm_up, &job->in_flight,      &job->connects_at_once, &job->is_patient, &job->has_backlog};
  for (size_t index = 0; index < sizeof numbers / sizeof *numbers; index++) *numbers[index] = read_u32(&reader);
  double *fractions[] = {&job->period_ms, &job->backlog_first_ms, &job->backlog_step_ms, &job->pings_per_s};
  for (size_t index = 0; index < sizeof fractions / sizeof *fractions; index++) *fractions[index] = read_f64(&reader);
  job->latencies_path = latencies_path;
  job->all = calloc(job->devices, sizeof(Device));
  for (uint32_t number = 0; number < job->devices; number++) {
    job->all[number].number = number;
    read_device(job, &job->all[number], &reader);
  }
  return is_read && job->devices > 0 && reader.at == reader.end;
}
