/* SPDX-License-Identifier: MIT */
#include "agent/door.h"

#include <time.h>

/* The count is raised before the look at is_closed, and is_closed set before
 * the look at the count: one of the two sees the other. */
bool door_enter(struct door *d) {
  atomic_fetch_add(&d->inside, 1);
  if (!atomic_load(&d->is_closed))
    return true;
  door_leave(d);
  return false;
}

void door_leave(struct door *d) { atomic_fetch_sub(&d->inside, 1); }

/* A caller who is turned away is counted for a moment. Once the count was 0
 * after the door was closed, nobody is inside any more for good. */
bool door_close(struct door *d, int64_t max_wait_ms) {
  const struct timespec one_ms = {.tv_nsec = 1000000};
  atomic_store(&d->is_closed, true);
  for (int64_t ms = 0; atomic_load(&d->inside) > 0; ms++) {
    if (ms >= max_wait_ms)
      return false;
    nanosleep(&one_ms, NULL);
  }
  return true;
}
