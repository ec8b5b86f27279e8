/* SPDX-License-Identifier: MIT */
#include "words/slot.h"

#include "base/heap.h"
#include "base/pool.h"
#include "base/shared_text.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void slot_format_key(const struct policy *policy, const struct device *device,
                     const char *series, char ret_key[static SLOT_KEY_BYTES]) {
  if (policy->per_series)
    snprintf(ret_key, SLOT_KEY_BYTES, "%s/%s/%s", policy->rule, device->name,
             series);
  else
    snprintf(ret_key, SLOT_KEY_BYTES, "%s/%s", policy->rule, device->name);
}

/* Series of a slot up to which they are searched one by one. */
#define FEW_SERIES 8

/* Slots and series of all lanes. */
static struct pool slots = POOL_OF(sizeof(struct slot));
static struct pool all_series = POOL_OF(sizeof(struct series));

static struct span *span_new(void) {
  struct span *span = calloc(1, sizeof *span);
  if (span != NULL)
    span->due_index = HEAP_OUTSIDE;
  return span;
}

struct slot *slot_new(const struct policy *policy, const struct device *device,
                      const char *key) {
  struct slot *s = pool_take(&slots);
  if (s == NULL)
    return NULL;
  s->change.kind = CHANGE_SLOT;
  s->policy = policy;
  s->device = device;
  s->key = shared_text_new(key);
  if (policy_is_timed(policy))
    s->span = span_new();
  if (s->key != NULL && (s->span != NULL || !policy_is_timed(policy)))
    return s;
  slot_free(s);
  return NULL;
}

/* ---- series ---- */

static int compare_names(const void *a, const void *b) {
  const struct series *left = a, *right = b;
  return strcmp(left->name, right->name);
}

static struct series *find_among_few(const struct slot *s, const char *name) {
  for (int severity = 0; severity < SEVERITY_COUNT; severity++)
    for (struct series *one = s->newest[severity]; one; one = one->older)
      if (strcmp(one->name, name) == 0)
        return one;
  return NULL;
}

struct series *slot_find_series(const struct slot *s, const char *name) {
  if (s->series_by_name == NULL)
    return find_among_few(s, name);
  struct series wanted = {.name = name};
  struct series **found = tfind(&wanted, &s->series_by_name, compare_names);
  return found != NULL ? *found : NULL;
}

static bool has_few(const struct slot *s) {
  size_t count = 0;
  for (int severity = 0; severity < SEVERITY_COUNT; severity++)
    for (struct series *one = s->newest[severity]; one; one = one->older)
      count++;
  return count < FEW_SERIES;
}

static void drop_tree(struct slot *s) {
  while (s->series_by_name != NULL)
    tdelete(*(struct series **)s->series_by_name, &s->series_by_name,
            compare_names);
}

/* Enters all series of the slot in its tree. Returns 0; or -ENOMEM, and then
 * there is no tree. */
static int make_tree(struct slot *s) {
  for (int severity = 0; severity < SEVERITY_COUNT; severity++) {
    for (struct series *one = s->newest[severity]; one; one = one->older) {
      if (tsearch(one, &s->series_by_name, compare_names) == NULL) {
        drop_tree(s);
        return -ENOMEM;
      }
    }
  }
  return 0;
}

/* Makes the search find one more series, which is in no list yet. Returns 0 or
 * -ENOMEM. */
static int enter_series(struct slot *s, struct series *series) {
  if (s->series_by_name == NULL && has_few(s))
    return 0;
  if (s->series_by_name == NULL && make_tree(s) < 0)
    return -ENOMEM;
  return tsearch(series, &s->series_by_name, compare_names) != NULL ? 0
                                                                    : -ENOMEM;
}

void slot_free_series(struct series *series) {
  if (series == NULL)
    return;
  body_unref(series->body);
  body_unref(series->okay_body);
  body_unref(series->held[0]);
  body_unref(series->held[1]);
  shared_text_unref(series->name);
  pool_give(&all_series, series);
}

/* Searches the lists of all severities: a restored series was placed before its
 * severity was filled in. */
static void unlink_series(struct series *series) {
  struct slot *s = series->slot;
  if (series->newer != NULL)
    series->newer->older = series->older;
  for (int severity = 0; severity < SEVERITY_COUNT; severity++)
    if (s->newest[severity] == series)
      s->newest[severity] = series->older;
  if (series->older != NULL)
    series->older->newer = series->newer;
  series->newer = NULL;
  series->older = NULL;
}

/* Puts the series behind `newer`, or first if that is NULL. */
static void link_behind(struct series *series, struct series *newer) {
  struct series **place =
      newer != NULL ? &newer->older : &series->slot->newest[series->severity];
  series->newer = newer;
  series->older = *place;
  if (series->older != NULL)
    series->older->newer = series;
  *place = series;
}

static void place_as_newest(struct series *series) {
  unlink_series(series);
  link_behind(series, NULL);
}

void slot_place_series(struct series *series) {
  struct series *newer = NULL;
  unlink_series(series);
  struct series *next = series->slot->newest[series->severity];
  for (; next != NULL && next->arrived_ms > series->arrived_ms;
       next = next->older)
    newer = next;
  link_behind(series, newer);
}

struct series *slot_add_series(struct slot *s, const char *name) {
  struct series *series = pool_take(&all_series);
  if (series == NULL)
    return NULL;
  series->change.kind = CHANGE_SERIES;
  series->slot = s;
  series->silence_index = HEAP_OUTSIDE;
  series->name = shared_text_new(name);
  if (series->name == NULL || enter_series(s, series) < 0) {
    slot_free_series(series);
    return NULL;
  }
  place_as_newest(series);
  return series;
}

void slot_take_out(struct series *series) {
  unlink_series(series);
  if (series->slot->series_by_name != NULL)
    tdelete(series, &series->slot->series_by_name, compare_names);
}

void slot_each_series(const struct slot *s,
                      void (*visit)(void *context, struct series *series),
                      void *context) {
  for (int severity = 0; severity < SEVERITY_COUNT; severity++) {
    for (struct series *one = s->newest[severity], *older; one; one = older) {
      older = one->older;
      visit(context, one);
    }
  }
}

static void remove_series(void *context, struct series *series) {
  (void)context;
  slot_take_out(series);
  slot_free_series(series);
}

static void forget_set_aside(struct slot *s) {
  if (s->set_aside != NULL)
    body_unref(s->set_aside->body);
  free(s->set_aside);
  s->set_aside = NULL;
}

void slot_free(struct slot *s) {
  if (s == NULL)
    return;
  slot_each_series(s, remove_series, NULL);
  body_unref(s->accepted.body);
  forget_set_aside(s);
  body_unref(s->held[0]);
  body_unref(s->held[1]);
  shared_text_unref(s->key);
  free(s->span);
  pool_give(&slots, s);
}

/* ---- the state ---- */

static int64_t clock_offset_ms(struct moment m) { return m.wall_ms - m.ms; }

/* Returns whether the firing can be compared with the last event by their own
 * times: it arrived soon after, and the wall clock was not set in between. */
static bool is_comparable(const struct slot_time *last,
                          const struct firing *f) {
  int64_t step_ms =
      clock_offset_ms(f->arrived) - clock_offset_ms(last->arrived);
  return last->known && f->arrived.ms - last->arrived.ms <= SLOT_REORDER_MS &&
         step_ms <= SLOT_CLOCK_STEP_MS && step_ms >= -SLOT_CLOCK_STEP_MS;
}

/* Returns the event's own time, but not later than its arrival: an event from a
 * clock that is ahead must not make the next ones late. */
static int64_t past_ms(const struct slot_time *t) {
  return t->wall_event_ms < t->arrived.wall_ms ? t->wall_event_ms
                                               : t->arrived.wall_ms;
}

enum ignored slot_judge_arrival(const struct series *series,
                                const struct firing *f) {
  if (series == NULL)
    return IGNORED_NOT;
  if (is_comparable(&series->event, f) &&
      f->wall_event_ms == series->event.wall_event_ms &&
      f->severity == series->event_severity)
    return IGNORED_DUPLICATE;
  if (f->has_value && is_comparable(&series->valued, f) &&
      f->wall_event_ms < past_ms(&series->valued))
    return IGNORED_LATE;
  return IGNORED_NOT;
}

/* Notes the times of an event. */
static void note_event(struct series *series, const struct firing *f) {
  series->event = (struct slot_time){
      .known = true, .wall_event_ms = f->wall_event_ms, .arrived = f->arrived};
  series->event_severity = f->severity;
  if (f->has_value)
    series->valued = series->event;
}

enum ignored slot_judge_behind(const struct firing *last,
                               const struct firing *f) {
  struct series series = {.slot = NULL};
  note_event(&series, last);
  return slot_judge_arrival(&series, f);
}

static void set_state(struct series *series, enum severity severity,
                      struct body *body, int64_t now_ms) {
  if (series->arrived_ms == 0 || severity != series->severity ||
      severity == SEVERITY_VALUE)
    series->since_ms = now_ms;
  series->arrived_ms = now_ms;
  unlink_series(series);
  body_unref(series->body);
  series->body = body;
  series->severity = severity;
  place_as_newest(series);
}

/* Writes a reference to what a series is to hold from now on instead of
 * `before`. Returns 0 or -ENOMEM. */
static int keep_body(struct body *before, const struct body *fired,
                     struct body **ret_body) {
  if (body_equals(before, fired))
    *ret_body = body_ref(before);
  else
    *ret_body = fired != NULL ? body_new(fired->data, fired->size) : NULL;
  return *ret_body == NULL && fired != NULL ? -ENOMEM : 0;
}

int slot_note_firing(struct series *series, const struct firing *f) {
  struct body *body, *okay_body;
  if (keep_body(series->body, f->body, &body) < 0)
    return -ENOMEM;
  if (keep_body(series->okay_body, f->okay_body, &okay_body) < 0) {
    body_unref(body);
    return -ENOMEM;
  }
  set_state(series, f->severity, body, f->arrived.ms);
  body_unref(series->okay_body);
  series->okay_body = okay_body;
  series->has_unsendable = f->has_unsendable;
  series->unsendable_bytes = (uint32_t)f->unsendable_bytes;
  series->has_value = f->has_value;
  series->value = f->value;
  note_event(series, f);
  return 0;
}

void slot_note_silence(struct series *series, int64_t now_ms) {
  set_state(series, SEVERITY_OKAY, series->okay_body, now_ms);
  series->okay_body = NULL;
  series->has_unsendable = false;
}

const struct series *slot_speaker(const struct slot *s) {
  for (int severity = SEVERITY_COUNT - 1; severity >= 0; severity--)
    if (s->newest[severity] != NULL)
      return s->newest[severity];
  return NULL;
}

int64_t slot_last_event_ms(const struct slot *s) {
  int64_t last_ms = 0;
  for (int severity = 0; severity < SEVERITY_COUNT; severity++) {
    const struct series *newest = s->newest[severity];
    if (newest != NULL && newest->arrived_ms > last_ms)
      last_ms = newest->arrived_ms;
  }
  return last_ms;
}

static struct asked asked_by(const struct series *series) {
  return (struct asked){.severity = series->severity,
                        .body = series->body,
                        .has_unsendable = series->has_unsendable,
                        .unsendable_bytes = series->unsendable_bytes,
                        .has_value = series->has_value,
                        .value = series->value};
}

static struct asked taken_back_by(const struct series *series) {
  return (struct asked){.severity = SEVERITY_OKAY,
                        .body = series->okay_body,
                        .has_value = series->has_value,
                        .value = series->value};
}

struct asked slot_asks(const struct slot *s) {
  const struct series *speaker = slot_speaker(s);
  if (speaker == NULL || slot_is_unfired(s))
    return (struct asked){.severity = SEVERITY_OKAY};
  return slot_is_spent(s) ? taken_back_by(speaker) : asked_by(speaker);
}

bool slot_asks_nothing(const struct asked *asked) {
  return asked->body == NULL && !asked->has_unsendable;
}

/* ---- After and Until ---- */

bool slot_waits(const struct slot *s) {
  return s->span != NULL && s->span->waits;
}

bool slot_is_unfired(const struct slot *s) {
  return s->span != NULL && s->policy->after_s > 0 &&
         s->span->state == SEVERITY_OKAY && !s->span->has_fired;
}

bool slot_is_spent(const struct slot *s) {
  return s->span != NULL && s->span->is_spent;
}

/* Notes a state other than OKAY. */
static void note_alert(struct slot *s, bool was_okay, bool was_settled,
                       int64_t now_ms) {
  struct span *span = s->span;
  if (was_okay) {
    span->left_okay_ms = now_ms;
    span->has_fired = span->has_fired && !was_settled;
  }
  span->waits = s->policy->after_s > 0 && !span->is_spent;
}

/* An earlier process may have fired what a first OKAY ends. */
static void note_okay(struct span *span) {
  span->has_fired = span->has_fired || !span->is_known;
  span->is_spent = false;
  span->waits = false;
}

bool slot_note_state(struct slot *s, bool was_settled, int64_t now_ms) {
  struct span *span = s->span;
  if (span == NULL)
    return false;
  enum severity state = slot_speaker(s)->severity;
  bool was_okay = !span->is_known || span->state == SEVERITY_OKAY;
  if (span->is_known && span->state == state)
    return false;
  if (state == SEVERITY_OKAY)
    note_okay(span);
  else
    note_alert(s, was_okay, was_settled, now_ms);
  span->state = state;
  span->since_ms = now_ms;
  span->is_known = true;
  return true;
}

/* Returns when the first of the series in the worst state came into it. */
static int64_t first_since_ms(const struct slot *s) {
  const struct series *one = slot_speaker(s);
  int64_t since_ms = one->since_ms;
  for (; one != NULL; one = one->older)
    if (one->since_ms < since_ms)
      since_ms = one->since_ms;
  return since_ms;
}

/* Makes up what no record says. */
static void guess_span(struct slot *s) {
  struct span *span = s->span;
  span->since_ms = first_since_ms(s);
  span->left_okay_ms = span->since_ms;
  span->has_fired = true;
  span->waits = span->state != SEVERITY_OKAY && s->policy->after_s > 0;
}

void slot_restore_state(struct slot *s, const struct series *series) {
  if (s->span == NULL)
    return;
  if (s->is_newer) {
    slot_note_state(s, false, series->since_ms);
    s->span->has_fired = true;
    return;
  }
  s->span->state = slot_speaker(s)->severity;
  s->span->is_known = true;
  if (!s->span->is_recorded)
    guess_span(s);
}

static int64_t until_ms(const struct slot *s) {
  return s->policy->until_s > 0
             ? s->span->left_okay_ms + (int64_t)s->policy->until_s * 1000
             : COMMAND_NEVER_MS;
}

int64_t slot_due_ms(const struct slot *s) {
  const struct span *span = s->span;
  if (span == NULL || span->state == SEVERITY_OKAY || span->is_spent)
    return COMMAND_NEVER_MS;
  int64_t after_ms = span->waits
                         ? span->since_ms + (int64_t)s->policy->after_s * 1000
                         : COMMAND_NEVER_MS;
  return after_ms < until_ms(s) ? after_ms : until_ms(s);
}

void slot_note_due(struct slot *s, int64_t now_ms) {
  s->span->waits = false;
  s->span->is_spent = until_ms(s) <= now_ms;
}

void slot_note_asked(struct slot *s) {
  if (s->span != NULL && s->span->state != SEVERITY_OKAY)
    s->span->has_fired = true;
}

/* ---- memory ---- */

static bool is_too_old(const struct slot *s, int64_t now_ms) {
  int repeat_s = policy_repeat_s(s->policy, s->device);
  return repeat_s != POLICY_DEFAULT &&
         now_ms - s->accepted.accepted_ms >= (int64_t)repeat_s * 1000;
}

static bool is_within_deadband(const struct slot *s, bool has_value,
                               double value) {
  return s->policy->deadband > 0 && has_value && s->accepted.has_value &&
         fabs(value - s->accepted.value) <= s->policy->deadband;
}

static bool has_accepted(const struct slot *s, const struct body *body,
                         bool has_value, double value) {
  return s->accepted.body != NULL && (body_equals(s->accepted.body, body) ||
                                      is_within_deadband(s, has_value, value));
}

bool slot_remembers(const struct slot *s, const struct command *c,
                    uint64_t attempts_begun, int64_t now_ms) {
  return s->accepted.attempts_begun == attempts_begun &&
         !is_too_old(s, now_ms) &&
         has_accepted(s, c->body, c->has_value, c->value);
}

bool slot_is_satisfied(const struct slot *s) {
  const struct asked asked = slot_asks(s);
  return slot_asks_nothing(&asked) ||
         has_accepted(s, asked.body, asked.has_value, asked.value);
}

void slot_begin_attempt(struct slot *s, uint64_t attempts_begun) {
  bool is_void = s->accepted.attempts_begun != attempts_begun;
  forget_set_aside(s);
  if (s->accepted.body != NULL && !is_void)
    s->set_aside = malloc(sizeof *s->set_aside);
  if (s->set_aside != NULL)
    *s->set_aside = s->accepted;
  else
    body_unref(s->accepted.body);
  s->accepted = (struct accepted){0};
  s->forget = false;
}

void slot_end_attempt(struct slot *s, const struct command *c,
                      const struct verdict *v, uint64_t attempts_begun,
                      int64_t now_ms) {
  if (!s->forget && v->class == VERDICT_ACCEPTED) {
    s->accepted = (struct accepted){.body = body_ref(c->body),
                                    .has_value = c->has_value,
                                    .value = c->value,
                                    .accepted_ms = now_ms};
  } else if (!s->forget && s->set_aside != NULL &&
             verdict_surely_unexecuted(v)) {
    s->accepted = *s->set_aside;
    s->set_aside->body = NULL;
  }
  s->accepted.attempts_begun = attempts_begun;
  forget_set_aside(s);
  s->forget = false;
}

void slot_forget(struct slot *s) {
  body_unref(s->accepted.body);
  s->accepted = (struct accepted){0};
  forget_set_aside(s);
  s->forget = true;
}
