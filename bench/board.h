/* SPDX-License-Identifier: MIT
 *
 * board owns the numbers that the processes of a benchmark share: a file of
 * 64-bit numbers, mapped by each of them. Whoever measures (bench/run) makes
 * the file, writes orders into it, and reads what the parties tell; it takes
 * the names and their order from the list below.
 *
 * Any thread of any process may read and write a number at any time. Times are
 * of CLOCK_MONOTONIC, which is one clock for all processes of a machine.
 */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include <stdint.h>

/* Orders are read when a party needs them, those to `load` when LOAD_GO
 * changes. */
#define BOARD_FIELDS(X)                                                        \
  X(FAR_DELAY_NS)     /* order: time from a request to its answer */           \
  X(FAR_HOLD)         /* order: 1: answer nobody until it is 0 again */        \
  X(FAR_PORT)         /* told once the far side listens */                     \
  X(FAR_REQUESTS)     /* requests that were read, with their bodies */         \
  X(FAR_ANSWERED)     /* of these, the answered ones */                        \
  X(FAR_DISTINCT)     /* different numbers "n" in the bodies */                \
  X(FAR_REPEATED)     /* requests whose number had come before */              \
  X(FAR_UNNUMBERED)   /* requests without a number */                          \
  X(FAR_FIRST_NS)     /* time of the first request since it was 0 */           \
  X(FAR_LAST_NS)      /* time at which the last answer was written */          \
  X(LOAD_FIRST)       /* order: number of the first event */                   \
  X(LOAD_COUNT)       /* order: events to dispatch */                          \
  X(LOAD_THREADS)     /* order: threads that dispatch them */                  \
  X(LOAD_DEVICES)     /* order: devices that they are about, in turn */        \
  X(LOAD_RULES)       /* order: rules that they fire, in turn */               \
  X(LOAD_WINDOW)      /* order: events that may be unanswered; 0: any */       \
  X(LOAD_GAP_NS)      /* order: from one event of a thread to its next */      \
  X(LOAD_AWAIT)       /* order: 1: wait for the acceptance of each event */    \
  X(LOAD_GO)          /* order: number of the burst to begin */                \
  X(LOAD_READY_NS)    /* time of this plugin's init, which is the last one */  \
  X(LOAD_CALL_P50_NS) /* of the calls of plugin_dispatch_notification */       \
  X(LOAD_CALL_P99_NS)                                                          \
  X(LOAD_ACCEPT_P50_NS) /* from an event to the line that says "accepted" */   \
  X(LOAD_WAIT_CPU_NS)   /* CPU time of its threads between the calls */        \
  X(LOAD_DONE)          /* number of the last burst that is done */            \
  X(BARE_CPU_NS)        /* CPU time of the loop */                             \
  X(BARE_P50_NS)        /* from the start of a request to its answer */

#define BOARD_NAME(name) name,
enum board_field { BOARD_FIELDS(BOARD_NAME) BOARD_FIELD_COUNT };
#undef BOARD_NAME

typedef _Atomic uint64_t board_number;

/* Maps the file at `path`, for the life of the process. Returns the numbers, by
 * enum board_field, or NULL with errno set. */
board_number *board_open(const char *path);

/* Returns the time of a clock, in ns. */
uint64_t board_clock_ns(int clock);

/* Sorts `count` numbers. */
void board_sort(uint64_t *numbers, uint64_t count);

/* Returns the number below which so many hundredths of the sorted ones lie; 0
 * if there is none. */
uint64_t board_percentile(const uint64_t *sorted, uint64_t count,
                          unsigned hundredths);

#endif
