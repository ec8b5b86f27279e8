/* SPDX-License-Identifier: MIT */
/* Stands between the plugin and a ThreadSanitizer that does not know
 * pthread_clockjoin_np, as that of gcc 12: to it, such a thread was never
 * joined. One that knows it is loaded before this, and this is not called. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <time.h>

int pthread_clockjoin_np(pthread_t thread, void **ret_result, clockid_t clock,
                         const struct timespec *end) {
  const struct timespec one_ms = {.tv_nsec = 1000000};
  for (;;) {
    int status = pthread_tryjoin_np(thread, ret_result);
    struct timespec now;
    clock_gettime(clock, &now);
    if (status != EBUSY)
      return status;
    if (now.tv_sec > end->tv_sec ||
        (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec))
      return ETIMEDOUT;
    nanosleep(&one_ms, NULL);
  }
}
