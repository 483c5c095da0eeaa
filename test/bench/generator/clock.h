// Times of the load generator, and timestamps as a DPU writes them.
#pragma once
#include <stdint.h>
#include <string.h>
#include <time.h>

static inline int64_t now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000LL + at.tv_nsec / 1000;
}

static inline int64_t now_of_day_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return at.tv_sec * 1000LL + at.tv_nsec / 1000000;
}

static inline void write_digits(uint8_t *at, int digits, int value) {
  for (int index = digits - 1; index >= 0; index--, value /= 10) at[index] = (uint8_t)('0' + value % 10);
}

/// `2026-11-23T09:43:20.123Z` (RFC 3339), over a text of the same form.
static inline void write_timestamp(uint8_t *at, int64_t at_ms) {
  static int64_t known_day = -1;
  static uint8_t date[10];
  int64_t day = at_ms / 86400000;
  if (day != known_day) {
    time_t seconds = (time_t)(day * 86400);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    memcpy(date, "0000-00-00", sizeof date);
    write_digits(date, 4, parts.tm_year + 1900);
    write_digits(date + 5, 2, parts.tm_mon + 1);
    write_digits(date + 8, 2, parts.tm_mday);
    known_day = day;
  }
  int of_day = (int)(at_ms % 86400000);
  memcpy(at, date, sizeof date);
  write_digits(at + 11, 2, of_day / 3600000);
  write_digits(at + 14, 2, of_day / 60000 % 60);
  write_digits(at + 17, 2, of_day / 1000 % 60);
  write_digits(at + 20, 3, of_day % 1000);
}
