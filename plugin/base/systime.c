/* SPDX-License-Identifier: MIT */
#include "base/systime.h"

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

int64_t systime_ms(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

int64_t systime_monotonic_ms(void) { return systime_ms(CLOCK_MONOTONIC); }

struct timespec systime_deadline(int64_t wait_ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += wait_ms % 1000 * NS_PER_MS;
  t.tv_sec += wait_ms / 1000 + t.tv_nsec / NS_PER_S;
  t.tv_nsec %= NS_PER_S;
  return t;
}
