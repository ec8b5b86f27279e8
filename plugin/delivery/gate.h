/* SPDX-License-Identifier: MIT
 *
 * gate owns what one endpoint admits: so many requests in flight, so many per
 * second, and none, or one at a time, while its circuit is open. Commands and
 * polls, which ask what became of an accepted command, pass the same gate.
 * Polls take at most half of MaxInFlight; the circuit does not count them, and
 * while it is open one goes at a time, when a command might go, too. That
 * commands go first is for the caller to see to.
 *
 * It has no clock: the time is told. One thread.
 */
#ifndef ONENET_GATE_H
#define ONENET_GATE_H

#include "delivery/breaker.h"
#include "delivery/bucket.h"
#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
  struct bucket bucket;
  struct breaker breaker;
  size_t max_in_flight;
  size_t in_flight; /* commands and polls */
  size_t polls;     /* of these */
};

/* Makes a gate with the endpoint's limits and nothing in flight. Returns 0 or
 * -ENOMEM. */
int gate_init(struct gate *g, const struct endpoint *endpoint);
void gate_free(struct gate *g);

/* Return in how many ms the attempt of a command, or a poll, may pass, 0 for
 * now; COMMAND_NEVER_MS if the end of another request has to come first. */
int64_t gate_wait_ms(const struct gate *g, int64_t now_ms);
int64_t gate_poll_wait_ms(const struct gate *g, int64_t now_ms);

/* The attempt of a command, known by any pointer of its own, passes now; it may
 * (see gate_wait_ms). */
void gate_begin(struct gate *g, const void *attempt, int64_t now_ms);

/* It ended, as breaker_end is told. */
void gate_end(struct gate *g, const void *attempt, enum verdict_circuit circuit,
              const void *lane, bool others_wait, int64_t now_ms);

/* A poll passes now; it may. Later it ended, whatever came of it. */
void gate_begin_poll(struct gate *g, int64_t now_ms);
void gate_end_poll(struct gate *g);

#endif
