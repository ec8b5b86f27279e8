/* SPDX-License-Identifier: MIT */
#include "delivery/gate.h"

int gate_init(struct gate *g, const struct endpoint *endpoint) {
  *g = (struct gate){.max_in_flight = (size_t)endpoint->max_in_flight};
  breaker_init(&g->breaker, endpoint->breaker_threshold);
  return bucket_init(&g->bucket, endpoint->rate);
}

void gate_free(struct gate *g) { bucket_free(&g->bucket); }

int64_t gate_wait_ms(const struct gate *g, int64_t now_ms) {
  if (g->in_flight >= g->max_in_flight)
    return COMMAND_NEVER_MS;
  int64_t breaker_ms = breaker_wait_ms(&g->breaker, now_ms);
  int64_t bucket_ms = bucket_wait_ms(&g->bucket, now_ms);
  return breaker_ms > bucket_ms ? breaker_ms : bucket_ms;
}

int64_t gate_poll_wait_ms(const struct gate *g, int64_t now_ms) {
  size_t most = g->breaker.open ? 1 : (g->max_in_flight + 1) / 2;
  return g->polls >= most ? COMMAND_NEVER_MS : gate_wait_ms(g, now_ms);
}

void gate_begin(struct gate *g, const void *attempt, int64_t now_ms) {
  g->in_flight++;
  bucket_take(&g->bucket, now_ms);
  breaker_begin(&g->breaker, attempt);
}

void gate_end(struct gate *g, const void *attempt, enum verdict_circuit circuit,
              const void *lane, bool others_wait, int64_t now_ms) {
  g->in_flight--;
  breaker_end(&g->breaker, attempt, circuit, lane, others_wait, now_ms);
}

void gate_begin_poll(struct gate *g, int64_t now_ms) {
  g->in_flight++;
  g->polls++;
  bucket_take(&g->bucket, now_ms);
}

void gate_end_poll(struct gate *g) {
  g->in_flight--;
  g->polls--;
}
