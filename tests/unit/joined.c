/* SPDX-License-Identifier: MIT
 *
 * joined owns a pthread_clockjoin_np that ThreadSanitizer understands: that of
 * gcc 12 does not know this call, and so takes what comes after it for a race
 * with the thread that has ended. It stands before the one of libc, and only
 * with that sanitizer. */
#ifdef __SANITIZE_THREAD__
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#define NS_PER_S 1000000000L

/* Returns the time on the wall clock that is as far away as `end` on its own.
 */
static struct timespec on_wall(clockid_t clock, const struct timespec *end) {
  struct timespec now, wall;
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &wall);
  wall.tv_sec += end->tv_sec - now.tv_sec;
  wall.tv_nsec += end->tv_nsec - now.tv_nsec;
  wall.tv_sec += wall.tv_nsec < 0 ? -1 : wall.tv_nsec >= NS_PER_S;
  wall.tv_nsec = (wall.tv_nsec + NS_PER_S) % NS_PER_S;
  return wall;
}

int pthread_clockjoin_np(pthread_t thread, void **ret_result, clockid_t clock,
                         const struct timespec *end) {
  struct timespec wall = on_wall(clock, end);
  return pthread_timedjoin_np(thread, ret_result, &wall);
}
#else
typedef int joined_is_empty; /* ISO C wants something in a file */
#endif
