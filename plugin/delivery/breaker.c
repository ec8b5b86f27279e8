/* SPDX-License-Identifier: MIT */
#include "delivery/breaker.h"

void breaker_init(struct breaker *b, int threshold) {
  *b = (struct breaker){.threshold = threshold};
}

int64_t breaker_wait_ms(const struct breaker *b, int64_t now_ms) {
  if (!b->open)
    return 0;
  if (b->probe != NULL)
    return COMMAND_NEVER_MS;
  return b->next_probe_ms > now_ms ? b->next_probe_ms - now_ms : 0;
}

void breaker_begin(struct breaker *b, const void *attempt) {
  if (b->open)
    b->probe = attempt;
}

static void count_failure(struct breaker *b, const void *lane) {
  if (b->failures == 0)
    b->first_failed_lane = lane;
  else if (b->first_failed_lane != lane)
    b->failed_on_several_lanes = true;
  if (b->failures < INT32_MAX)
    b->failures++;
}

static void open_circuit(struct breaker *b, int64_t now_ms) {
  b->open = true;
  b->pause_ms = BREAKER_FIRST_PAUSE_MS;
  b->next_probe_ms = now_ms + b->pause_ms;
}

static void end_probe(struct breaker *b, bool failed, int64_t now_ms) {
  b->probe = NULL;
  if (failed && b->pause_ms < BREAKER_MAX_PAUSE_MS)
    b->pause_ms = 2 * b->pause_ms > BREAKER_MAX_PAUSE_MS ? BREAKER_MAX_PAUSE_MS
                                                         : 2 * b->pause_ms;
  b->next_probe_ms = now_ms + b->pause_ms;
}

void breaker_end(struct breaker *b, const void *attempt,
                 enum verdict_circuit circuit, const void *lane,
                 bool others_wait, int64_t now_ms) {
  bool failed = circuit == CIRCUIT_COUNTS;
  if (circuit == CIRCUIT_CLOSES) {
    breaker_init(b, b->threshold);
    return;
  }
  if (failed)
    count_failure(b, lane);
  if (b->open) {
    if (attempt == b->probe)
      end_probe(b, failed, now_ms);
  } else if (failed && b->failures >= b->threshold &&
             (b->failed_on_several_lanes || !others_wait)) {
    /* A single device that fails may be broken itself: it must not hold up the
     * others. */
    open_circuit(b, now_ms);
  }
}
