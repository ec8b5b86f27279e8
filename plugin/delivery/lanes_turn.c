/* SPDX-License-Identifier: MIT
 *
 * lanes_turn is the way out of the lanes: which command is due, what becomes of
 * an attempt, and what expires. A part of `lanes`.
 */
#include "delivery/lanes.h"

#include "delivery/lanes_state.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- time ---- */

static void end_late(struct lanes *l, struct command *c, struct moment now) {
  if (c->waits_for_credentials)
    lanes_end_waiting(l, c, OUTCOME_REFUSED, "the credentials were refused",
                      now);
  else
    lanes_end_waiting(l, c, OUTCOME_EXPIRED, "its deadline passed", now);
}

static void run_timer(struct lanes *l, struct command *c, struct moment now) {
  struct lane *lane = lanes_lane_of(l, c);
  lanes_set_validity(c);
  if (c->deadline_ms <= now.ms) {
    end_late(l, c, now);
  } else if (c == lane->holder) {
    lanes_set_timer(l, c, COMMAND_NEVER_MS);
    lanes_wake(l, lane);
  } else if (c->at.ready_index != HEAP_OUTSIDE) {
    lanes_set_timer(l, c, COMMAND_NEVER_MS);
  } else {
    lanes_place(l, c, now.ms);
  }
}

void lanes_expire(struct lanes *l, struct moment now) {
  struct command *c;
  while ((c = heap_first(&l->timers)) != NULL && c->at.timer_ms <= now.ms)
    run_timer(l, c, now);
}

/* ---- beginning attempts ---- */

static struct lane *queue_pop(struct queue *q) {
  struct lane *lane = q->first;
  if (lane != NULL) {
    q->first = lane->next_in[q->kind];
    lane->is_in[q->kind] = false;
  }
  return lane;
}

/* Takes the first command out of `ready` whose slot is not in cooldown, and
 * returns it; NULL if there is none. */
static struct command *next_holder(struct lanes *l, struct lane *lane,
                                   int64_t now_ms) {
  struct command *c;
  while ((c = heap_first(&lane->ready)) != NULL) {
    heap_remove(&lane->ready, c);
    lanes_set_validity(c);
    if (!lanes_is_cooling(c, now_ms))
      break;
    lanes_place(l, c, now_ms);
  }
  return c;
}

/* Takes the lane from a holder that was not tried yet if a command with an
 * earlier place is ready: a cooldown has held that one back until now. */
static void give_lane_back(struct lane *lane) {
  struct command *c = lane->holder;
  const struct command *first = heap_first(&lane->ready);
  if (c == NULL || first == NULL || c->state == COMMAND_IN_FLIGHT ||
      c->not_before_ms > 0 || lanes_place_before(c, first))
    return;
  lane->holder = NULL;
  heap_push(&lane->ready, c);
}

/* Chooses a holder if the lane has none, ends what the device has accepted
 * already, and queues the lane at its endpoint if the holder may be sent. */
static void look_at_lane(struct lanes *l, struct lane *lane,
                         struct moment now) {
  for (;;) {
    give_lane_back(lane);
    if (lane->holder == NULL)
      lane->holder = next_holder(l, lane, now.ms);
    struct command *c = lane->holder;
    if (c == NULL || c->state == COMMAND_IN_FLIGHT)
      return;
    if (c->not_before_ms > now.ms) {
      lanes_set_timer(l, c, c->not_before_ms);
      return;
    }
    if (!slot_remembers(c->at.slot, c,
                        lanes_device_of(l, c)->account.attempts_begun, now.ms))
      break;
    lanes_end_waiting(l, c, OUTCOME_UNCHANGED,
                      "the device has accepted this already", now);
  }
  int64_t wait_ms =
      bucket_wait_ms(&lanes_device_of(l, lane->holder)->bucket, now.ms);
  if (wait_ms > 0)
    lanes_set_timer(l, lane->holder, now.ms + wait_ms);
  else
    lanes_queue_push(&lanes_endpoint_of(l, lane->holder)->due, lane);
}

static void look_at_fresh_lanes(struct lanes *l, struct moment now) {
  struct lane *lane;
  while ((lane = queue_pop(&l->fresh)) != NULL)
    look_at_lane(l, lane, now);
}

/* A holder that was due when its lane was queued may have been superseded or
 * ended meanwhile. */
static bool may_be_sent(struct lanes *l, const struct command *c,
                        int64_t now_ms) {
  return c != NULL && c->state == COMMAND_WAITING &&
         c->not_before_ms <= now_ms &&
         bucket_wait_ms(&lanes_device_of(l, c)->bucket, now_ms) == 0;
}

static struct command *next_due(struct lanes *l, size_t index, int64_t now_ms) {
  struct lane *lane;
  if (gate_wait_ms(&l->endpoints[index].gate, now_ms) > 0)
    return NULL;
  while ((lane = queue_pop(&l->endpoints[index].due)) != NULL)
    if (may_be_sent(l, lane->holder, now_ms))
      return lane->holder;
  return NULL;
}

/* Allocates the verdict that the attempt will need. Returns whether there was
 * memory for it; if not, the command waits for a moment. */
static bool prepare_attempt(struct lanes *l, struct command *c,
                            int64_t now_ms) {
  if (command_make_attempt(c) == 0)
    return true;
  lanes_set_timer(l, c, now_ms + LANES_BACKOFF_FIRST_MS);
  return false;
}

/* Notes neither the slot nor the account: what they forget is forgotten at a
 * restart, too, since the command is in flight. The end of the attempt notes
 * both. */
static void begin(struct lanes *l, struct command *c, struct moment now) {
  struct device_state *d = lanes_device_of(l, c);
  lanes_stop_waiting(l, c);
  lanes_lane_of(l, c)->holder = c;
  c->state = COMMAND_IN_FLIGHT;
  c->not_before_ms = 0;
  c->attempt->sent = now;
  c->attempts++;
  lanes_add_tries(c, 1);
  gate_begin(&lanes_endpoint_of(l, c)->gate, c, now.ms);
  bucket_take(&d->bucket, now.ms);
  slot_begin_attempt(c->at.slot, d->account.attempts_begun);
  d->account.attempts_begun++;
  lanes_hold_memory(l, c->at.slot);
  lanes_note(l, &c->change);
}

struct command *lanes_begin(struct lanes *l, struct moment now) {
  lanes_end_silences(l, now);
  lanes_run_silence(l, now);
  lanes_run_due(l, now);
  do {
    lanes_expire(l, now);
    look_at_fresh_lanes(l, now);
  } while (lanes_ask_owed(l, now));
  for (size_t i = 0; i < l->endpoint_count; i++) {
    size_t index = (l->next_endpoint + i) % l->endpoint_count;
    struct command *c = next_due(l, index, now.ms);
    if (c == NULL || !prepare_attempt(l, c, now.ms))
      continue;
    l->next_endpoint = index + 1;
    begin(l, c, now);
    return c;
  }
  return NULL;
}

int64_t lanes_wait_ms(const struct lanes *l, struct moment now) {
  const struct command *timer = heap_first(&l->timers);
  const struct series *silent = heap_first(&l->silence);
  const struct slot *due = heap_first(&l->due);
  int64_t wait_ms = COMMAND_NEVER_MS;
  if (l->fresh.first != NULL)
    return 0;
  if (timer != NULL && timer->at.timer_ms != COMMAND_NEVER_MS)
    wait_ms = timer->at.timer_ms - now.ms;
  if (silent != NULL && lanes_silent_at_ms(silent) - now.ms < wait_ms)
    wait_ms = lanes_silent_at_ms(silent) - now.ms;
  if (due != NULL && slot_due_ms(due) - now.ms < wait_ms)
    wait_ms = slot_due_ms(due) - now.ms;
  if (lanes_silence_wait_ms(l, now) < wait_ms)
    wait_ms = lanes_silence_wait_ms(l, now);
  int64_t room_ms = lanes_room_wait_ms(l, now);
  if (ring_first(&l->owing) != NULL && room_ms < wait_ms)
    wait_ms = room_ms;
  for (size_t i = 0; i < l->endpoint_count; i++) {
    int64_t gate_ms = gate_wait_ms(&l->endpoints[i].gate, now.ms);
    if (l->endpoints[i].due.first != NULL && gate_ms < wait_ms)
      wait_ms = gate_ms;
  }
  return wait_ms > 0 ? wait_ms : 0;
}

/* ---- ends of attempts ---- */

static int64_t backoff_ms(struct lanes *l, const struct command *c) {
  int64_t max_ms = LANES_BACKOFF_FIRST_MS;
  for (int i = 1; i < c->tries && max_ms < LANES_BACKOFF_MAX_MS; i++)
    max_ms *= 2;
  if (max_ms > LANES_BACKOFF_MAX_MS)
    max_ms = LANES_BACKOFF_MAX_MS;
  return (int64_t)l->options.random(l->options.random_context,
                                    (uint64_t)max_ms);
}

static bool waits_for_key(const struct command *c) {
  return verdict_meaning(c->attempt->verdict.class)->wait == WAIT_FOR_KEY;
}

static int64_t retry_wait_ms(struct lanes *l, const struct command *c) {
  if (waits_for_key(c))
    return LANES_CREDENTIALS_RETRY_MS;
  if (c->attempt->verdict.retry_after_ms > LANES_RETRY_AFTER_MAX_MS)
    return LANES_RETRY_AFTER_MAX_MS;
  if (c->attempt->verdict.retry_after_ms > 0)
    return c->attempt->verdict.retry_after_ms;
  return backoff_ms(l, c);
}

/* Puts the command back to wait, with its place and the hold on its lane. A
 * newer command of its slot that came meanwhile takes over both; if one was
 * dropped, this one gives way. */
static void wait_for_retry(struct lanes *l, struct command *c,
                           struct moment now) {
  struct command *newer = c->at.slot->waiting;
  c->state = COMMAND_WAITING;
  c->not_before_ms = now.ms + retry_wait_ms(l, c);
  /* The wait ends at this deadline even where a newer command, whose deadline
   * is later, takes it over. */
  if (c->not_before_ms > c->deadline_ms)
    c->not_before_ms = c->deadline_ms;
  lanes_count_waiting(l, c);
  lanes_set_credentials_wait(l, c, waits_for_key(c));
  lanes_set_timer(l, c, c->not_before_ms);
  if (newer != NULL) {
    heap_remove(&lanes_lane_of(l, c)->ready, newer);
    lanes_supersede(l, newer, c, now);
    return;
  }
  if (c->policy->supersede)
    c->at.slot->waiting = c;
  if (lanes_end_silenced(l, c, now))
    return;
  if (lanes_is_obsolete(c))
    lanes_supersede_waiting(l, c->at.slot, now);
  else if (c->deadline_ms <= now.ms)
    end_late(l, c, now);
}

static void end_in_flight(struct lanes *l, struct command *c,
                          enum outcome outcome, struct moment now) {
  struct lane *lane = lanes_lane_of(l, c);
  lane->holder = NULL;
  lanes_wake(l, lane);
  lanes_count_outcome(l, c, outcome, now);
}

static bool is_to_be_retried(const struct command *c) {
  switch (verdict_meaning(c->attempt->verdict.class)->retry) {
  case RETRY_ALWAYS:
    return true;
  case RETRY_IF_OFFLINE:
    return c->policy->retry_offline || command_is_kept_here(c);
  case RETRY_IF_UNKNOWN:
    return c->policy->retry_unknown;
  default:
    return false;
  }
}

static enum outcome final_outcome(const struct command *c) {
  if (c->attempt->verdict.class == VERDICT_ACCEPTED)
    return OUTCOME_ACCEPTED;
  /* A definite no to this attempt says nothing about a doubtful one before it.
   */
  return c->doubtful ? OUTCOME_UNKNOWN : OUTCOME_REFUSED;
}

/* Cooldown counts from the first attempt that may have been executed. */
static void start_cooldown(struct command *c) {
  int64_t until_ms = command_sent(c).ms + (int64_t)c->policy->cooldown_s * 1000;
  if (!c->doubtful && c->policy->cooldown_s > 0)
    c->at.slot->cooldown_until_ms = until_ms;
}

/* Takes the command out of flight and puts it nowhere: the caller does that
 * next. */
static void leave_flight(struct lanes *l, struct command *c,
                         const struct verdict *v, struct moment now) {
  struct endpoint_state *e = lanes_endpoint_of(l, c);
  struct lane *lane = lanes_lane_of(l, c);
  if (c->state != COMMAND_IN_FLIGHT || lane->holder != c)
    abort();
  gate_end(&e->gate, c, verdict_circuit(v), lane, e->waiting > lane->waiting,
           now.ms);
  slot_end_attempt(c->at.slot, c, v,
                   lanes_device_of(l, c)->account.attempts_begun, now.ms);
  if (!verdict_surely_unexecuted(v))
    start_cooldown(c);
  lanes_note(l, &lanes_device_of(l, c)->account.change);
  lanes_note_slot(l, c->at.slot);
  lanes_note(l, &c->change);
}

void lanes_end(struct lanes *l, struct command *c,
               const struct verdict *verdict, struct moment now) {
  c->attempt->verdict = *verdict;
  c->has_ended_attempt = true;
  c->why = NULL;
  leave_flight(l, c, verdict, now);
  if (verdict->class == VERDICT_DOUBTFUL)
    c->doubtful = true;
  if (is_to_be_retried(c))
    wait_for_retry(l, c, now);
  else
    end_in_flight(l, c, final_outcome(c), now);
}

void lanes_end_dry(struct lanes *l, struct command *c, struct moment now) {
  const struct verdict as_if = {.class = VERDICT_ACCEPTED};
  leave_flight(l, c, &as_if, now);
  c->why = "a dry run";
  end_in_flight(l, c, OUTCOME_CANCELLED, now);
}

/* ---- polls ---- */

int64_t lanes_poll_wait_ms(const struct lanes *l,
                           const struct endpoint *endpoint, struct moment now) {
  const struct endpoint_state *e = &l->endpoints[endpoint->index];
  if (l->fresh.first != NULL || e->due.first != NULL)
    return COMMAND_NEVER_MS;
  return gate_poll_wait_ms(&e->gate, now.ms);
}

bool lanes_begin_poll(struct lanes *l, const struct endpoint *endpoint,
                      struct moment now) {
  if (lanes_poll_wait_ms(l, endpoint, now) > 0)
    return false;
  gate_begin_poll(&l->endpoints[endpoint->index].gate, now.ms);
  return true;
}

void lanes_end_poll(struct lanes *l, const struct endpoint *endpoint) {
  gate_end_poll(&l->endpoints[endpoint->index].gate);
}

/* ---- credentials ---- */

bool lanes_has_credentials_wait(const struct lanes *l,
                                const struct endpoint *endpoint) {
  return l->endpoints[endpoint->index].waiting_for_credentials > 0;
}

void lanes_retry_credentials(struct lanes *l, const struct endpoint *endpoint,
                             struct moment now) {
  for (size_t i = 0; i < l->timers.count; i++) {
    struct command *c = l->timers.items[i];
    if (!c->waits_for_credentials || c->device->endpoint != endpoint)
      continue;
    c->not_before_ms = now.ms;
    lanes_note(l, &c->change);
    lanes_wake(l, lanes_lane_of(l, c));
  }
}
