/* SPDX-License-Identifier: MIT
 *
 * breaker owns the circuit breaker of one endpoint. Closed, it lets every
 * attempt pass. After too many failures in a row it opens, and then lets one
 * attempt through now and then, a probe, to see whether the endpoint answers
 * again. It has no clock: the caller tells the time. One thread.
 */
#ifndef ONENET_BREAKER_H
#define ONENET_BREAKER_H

#include "words/command.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FIRST_PAUSE_MS 5000
#define BREAKER_MAX_PAUSE_MS 60000

struct breaker {
  int threshold;
  int failures; /* in a row: attempts not sent or doubtful */
  const void *first_failed_lane;
  bool failed_on_several_lanes;
  bool open;
  const void *probe; /* attempt let through while open; NULL: none */
  int64_t pause_ms;  /* pause between two probes */
  int64_t next_probe_ms;
};

void breaker_init(struct breaker *b, int threshold);

/* Returns how many ms remain until an attempt may begin: 0 if it may now,
 * COMMAND_NEVER_MS while a probe is under way, whose end comes first. */
int64_t breaker_wait_ms(const struct breaker *b, int64_t now_ms);

/* Tells that an attempt begins. `attempt` is any pointer that identifies it
 * until breaker_end. */
void breaker_begin(struct breaker *b, const void *attempt);

/* Tells that the attempt ended on `lane`, and how the circuit counts its end.
 * others_wait: a command for another device waits. */
void breaker_end(struct breaker *b, const void *attempt,
                 enum verdict_circuit circuit, const void *lane,
                 bool others_wait, int64_t now_ms);

#endif
