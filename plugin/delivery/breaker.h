/* SPDX-License-Identifier: MIT
 *
 * breaker owns an endpoint's circuit: closed, or open with now and then one
 * attempt let through to see whether the cloud is back. No clock: the time is
 * told. One thread.
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
  int failures;        /* consecutive: not sent or doubtful */
  const void *suspect; /* the lane of the first of them */
  bool several;        /* they came from two lanes or more */
  bool open;
  const void *probe; /* the attempt let through while open, or NULL */
  int64_t pause_ms;  /* the present pause between two probes */
  int64_t next_probe_ms;
};

void breaker_init(struct breaker *b, int threshold);

/* Returns in how many ms an attempt may begin, 0 for now; COMMAND_NEVER_MS
 * while the end of a probe has to be waited for. */
int64_t breaker_wait_ms(const struct breaker *b, int64_t now_ms);

/* An attempt, known by any pointer of its own, begins. */
void breaker_begin(struct breaker *b, const void *attempt);

/* It ended, on that lane, and the circuit makes that of it; others_wait tells
 * whether another device has a command waiting. */
void breaker_end(struct breaker *b, const void *attempt,
                 enum verdict_circuit circuit, const void *lane,
                 bool others_wait, int64_t now_ms);

#endif
