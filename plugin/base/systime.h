/* SPDX-License-Identifier: MIT
 *
 * systime owns reading the system's clocks, in ms. No state: any thread.
 */
#ifndef ONENET_SYSTIME_H
#define ONENET_SYSTIME_H

#include <stdint.h>
#include <time.h>

/* Returns what the clock shows, in ms. */
int64_t systime_ms(clockid_t clock);

/* Returns what CLOCK_MONOTONIC shows, by which libcurl and pthread wait. */
int64_t systime_monotonic_ms(void);

/* Returns the time on CLOCK_MONOTONIC that is wait_ms, at least 0, from now:
 * the form in which pthread takes the end of a wait. */
struct timespec systime_deadline(int64_t wait_ms);

#endif
