// Devices by when their time comes: a binary heap.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct { int64_t at_us; uint32_t number; } Timer;
typedef struct { Timer *heap; size_t length, room; } Timers;

static inline void *grow(void *memory, size_t bytes) {
  void *grown = realloc(memory, bytes);
  if (grown == NULL) abort();
  return grown;
}

static inline void timers_swap(Timer *one, Timer *other) {
  Timer kept = *one;
  *one = *other;
  *other = kept;
}

static inline void timers_add(Timers *timers, int64_t at_us, uint32_t number) {
  if (timers->length == timers->room) {
    timers->room = timers->room == 0 ? 1024 : 2 * timers->room;
    timers->heap = grow(timers->heap, timers->room * sizeof(Timer));
  }
  size_t at = timers->length++;
  timers->heap[at] = (Timer){at_us, number};
  for (; at > 0 && timers->heap[(at - 1) / 2].at_us > at_us; at = (at - 1) / 2) {
    timers_swap(&timers->heap[at], &timers->heap[(at - 1) / 2]);
  }
}

/// The next one whose time has come by now, if there is one.
static inline int timers_take(Timers *timers, int64_t now_us, uint32_t *number) {
  if (timers->length == 0 || timers->heap[0].at_us > now_us) return 0;
  *number = timers->heap[0].number;
  timers->heap[0] = timers->heap[--timers->length];
  for (size_t at = 0;;) {
    size_t least = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < timers->length; child++) {
      if (timers->heap[child].at_us < timers->heap[least].at_us) least = child;
    }
    if (least == at) return 1;
    timers_swap(&timers->heap[at], &timers->heap[least]);
    at = least;
  }
}
