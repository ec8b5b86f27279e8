/* SPDX-License-Identifier: MIT */
#include "delivery/tracker.h"

#include "base/heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tracker: a command that waits for its next poll is in `next` and in `oldest`;
 * one that is being polled is in `polled`; one that is concluded is in the
 * journal alone. */
struct tracker {
  size_t max;
  size_t endpoint_count;
  struct heap *next; /* by endpoint.index; next to be polled first */
  struct heap oldest;
  struct heap polled;
  struct journal *journal;
};

static bool is_polled_before(const void *a, const void *b) {
  const struct tracked *left = a, *right = b;
  if (left->next_ms != right->next_ms)
    return left->next_ms < right->next_ms;
  return left->id < right->id;
}

static uint32_t *next_index(void *item) {
  return &((struct tracked *)item)->next_index;
}

static bool is_older(const void *a, const void *b) {
  return ((const struct tracked *)a)->id < ((const struct tracked *)b)->id;
}

static uint32_t *age_index(void *item) {
  return &((struct tracked *)item)->age_index;
}

static const struct heap_order order_of_polls = {is_polled_before, next_index};
static const struct heap_order order_of_age = {is_older, age_index};
static const struct heap_order order_of_polled = {is_older, next_index};

struct tracker *tracker_new(size_t endpoint_count, size_t max,
                            struct journal *journal) {
  struct tracker *t = calloc(1, sizeof *t);
  struct heap *next = calloc(endpoint_count + 1, sizeof *next);
  if (t == NULL || next == NULL) {
    free(t);
    free(next);
    return NULL;
  }
  t->max = max;
  t->journal = journal;
  t->endpoint_count = endpoint_count;
  t->next = next;
  for (size_t i = 0; i < endpoint_count; i++)
    heap_init(&next[i], &order_of_polls);
  heap_init(&t->oldest, &order_of_age);
  heap_init(&t->polled, &order_of_polled);
  return t;
}

void tracker_free(struct tracker *t) {
  if (t == NULL)
    return;
  for (size_t i = 0; i < t->oldest.count; i++)
    tracked_free(t->oldest.items[i]);
  for (size_t i = 0; i < t->polled.count; i++)
    tracked_free(t->polled.items[i]);
  for (size_t i = 0; i < t->endpoint_count; i++)
    heap_free(&t->next[i]);
  heap_free(&t->oldest);
  heap_free(&t->polled);
  free(t->next);
  free(t);
}

/* ---- small steps ---- */

static struct heap *heap_of(struct tracker *t, const struct tracked *one) {
  return &t->next[one->device->endpoint->index];
}

static void note_news(struct tracker *t, struct tracked *one) {
  one->has_news = true;
  journal_note(t->journal, &one->change);
}

/* Pushing can not fail: tracker_add has made the room. */
static void wait_until(struct tracker *t, struct tracked *one, int64_t at_ms) {
  one->next_ms = at_ms;
  heap_push(heap_of(t, one), one);
  heap_push(&t->oldest, one);
}

static void stop_waiting(struct tracker *t, struct tracked *one) {
  heap_remove(heap_of(t, one), one);
  heap_remove(&t->oldest, one);
}

static void conclude(struct tracker *t, struct tracked *one) {
  one->concluded = true;
  one->has_news = true;
  journal_note_last(t->journal, &one->change);
}

static void conclude_oldest(struct tracker *t) {
  struct tracked *oldest = heap_first(&t->oldest);
  if (oldest == NULL)
    return;
  stop_waiting(t, oldest);
  snprintf(oldest->cause, sizeof oldest->cause, "too many are tracked");
  conclude(t, oldest);
}

int tracker_add(struct tracker *t, struct tracked *one, struct moment now) {
  size_t count = t->oldest.count + t->polled.count;
  if (heap_reserve(heap_of(t, one), count + 1) < 0 ||
      heap_reserve(&t->oldest, count + 1) < 0 ||
      heap_reserve(&t->polled, count + 1) < 0)
    return -ENOMEM;
  if (count >= t->max)
    conclude_oldest(t);
  /* A command that is restored after a long time is polled for a while, too. */
  if (one->until_ms < now.ms + TRACKED_GRACE_MS)
    one->until_ms = now.ms + TRACKED_GRACE_MS;
  one->wait_ms = TRACKER_FIRST_WAIT_MS;
  journal_note(t->journal, &one->change);
  wait_until(t, one, now.ms + one->wait_ms);
  return 0;
}

/* ---- polls ---- */

int64_t tracker_wait_ms(const struct tracker *t,
                        const struct endpoint *endpoint, int64_t now_ms) {
  const struct tracked *first = heap_first(&t->next[endpoint->index]);
  if (first == NULL)
    return COMMAND_NEVER_MS;
  return first->next_ms > now_ms ? first->next_ms - now_ms : 0;
}

struct tracked *tracker_begin(struct tracker *t,
                              const struct endpoint *endpoint) {
  struct tracked *one = heap_first(&t->next[endpoint->index]);
  stop_waiting(t, one);
  heap_push(&t->polled, one);
  return one;
}

bool tracker_wants_answer(const struct tracked *one) {
  return one->status == TRACKED_ANSWERED;
}

static void note_status(struct tracker *t, struct tracked *one,
                        enum tracked_status status, struct moment now) {
  if (status == one->status)
    return;
  one->status = status;
  one->status_ms = now.ms;
  note_news(t, one);
}

static int64_t next_wait_ms(struct tracked *one, const struct poll *poll) {
  one->wait_ms = one->wait_ms * 2 < TRACKER_MAX_WAIT_MS ? one->wait_ms * 2
                                                        : TRACKER_MAX_WAIT_MS;
  return poll->retry_after_ms > one->wait_ms ? poll->retry_after_ms
                                             : one->wait_ms;
}

static void ask_again(struct tracker *t, struct tracked *one,
                      const struct poll *poll, struct moment now) {
  int64_t at_ms = now.ms + next_wait_ms(one, poll);
  if (now.ms >= one->until_ms)
    conclude(t, one);
  else
    wait_until(t, one, at_ms < one->until_ms ? at_ms : one->until_ms);
}

static void end_status(struct tracker *t, struct tracked *one,
                       const struct poll *poll, struct moment now) {
  if (poll->class == POLL_STATUS)
    note_status(t, one, poll->status, now);
  if (one->status == TRACKED_ANSWERED) {
    one->wait_ms = TRACKER_FIRST_WAIT_MS;
    wait_until(t, one, now.ms);
  } else if (poll->class == POLL_NEVER ||
             tracked_status_is_final(one->status)) {
    conclude(t, one);
  } else {
    ask_again(t, one, poll, now);
  }
}

static void end_answer(struct tracker *t, struct tracked *one,
                       const struct poll *poll, struct moment now) {
  one->answer_polls++;
  if (poll->class == POLL_ANSWER)
    one->answer = body_new(poll->answer, poll->answer_size);
  if (poll->class == POLL_AGAIN && one->answer_polls < TRACKER_ANSWER_POLLS)
    wait_until(t, one, now.ms + next_wait_ms(one, poll));
  else
    conclude(t, one);
}

void tracker_end(struct tracker *t, struct tracked *one,
                 const struct poll *poll, struct moment now) {
  heap_remove(&t->polled, one);
  memcpy(one->cause, poll->cause, sizeof one->cause);
  if (tracker_wants_answer(one))
    end_answer(t, one, poll, now);
  else
    end_status(t, one, poll, now);
}

size_t tracker_in_flight(const struct tracker *t) { return t->polled.count; }

void tracker_note_all(struct tracker *t) {
  for (size_t i = 0; i < t->oldest.count; i++)
    journal_note(t->journal, &((struct tracked *)t->oldest.items[i])->change);
  for (size_t i = 0; i < t->polled.count; i++)
    journal_note(t->journal, &((struct tracked *)t->polled.items[i])->change);
}
