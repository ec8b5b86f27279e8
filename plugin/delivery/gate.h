/* SPDX-License-Identifier: MIT
 *
 * gate owns the limits of one endpoint: how many requests may be in flight, how
 * many may begin per second, and its circuit breaker. Two kinds of requests
 * pass the gate: attempts of commands, and polls, which ask what became of an
 * accepted command. Polls take at most half of MaxInFlight. The circuit does
 * not count polls; while it is open, one poll goes at a time, and only when a
 * command might go, too. The caller sees to it that commands go before polls.
 *
 * It has no clock: the caller tells the time. One thread.
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
  size_t polls;     /* the polls among these */
};

/* Makes a gate with the endpoint's limits and nothing in flight. Returns 0 or
 * -ENOMEM. */
int gate_init(struct gate *g, const struct endpoint *endpoint);
void gate_free(struct gate *g);

/* Return how many ms remain until an attempt of a command, or a poll, may pass:
 * 0 if it may now, COMMAND_NEVER_MS if another request has to end first. */
int64_t gate_wait_ms(const struct gate *g, int64_t now_ms);
int64_t gate_poll_wait_ms(const struct gate *g, int64_t now_ms);

/* Lets the attempt of a command pass; gate_wait_ms must be 0. `attempt` is any
 * pointer that identifies it until gate_end. */
void gate_begin(struct gate *g, const void *attempt, int64_t now_ms);

/* Tells that the attempt ended; the arguments are those of breaker_end. */
void gate_end(struct gate *g, const void *attempt, enum verdict_circuit circuit,
              const void *lane, bool others_wait, int64_t now_ms);

/* Lets a poll pass, for which gate_poll_wait_ms must be 0; and tells that it
 * ended, whatever came of it. */
void gate_begin_poll(struct gate *g, int64_t now_ms);
void gate_end_poll(struct gate *g);

#endif
