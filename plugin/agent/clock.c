/* SPDX-License-Identifier: MIT */
#include "agent/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct moment clock_now(void) {
  return (struct moment){.ms = read_ms(CLOCK_BOOTTIME),
                         .wall_ms = read_ms(CLOCK_REALTIME)};
}
