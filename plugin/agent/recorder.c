/* SPDX-License-Identifier: MIT */
#include "agent/recorder.h"

#include "ledger/ledger.h"
#include "ledger/ledger_batch.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_MS 1000
#define TRIM_PERIOD_MS 60000
#define CLOCK_JUMP_MS 2000
#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct recorder {
  const struct options *options;
  struct recorder_state state;
  struct ledger *ledger;
  bool was_set_aside; /* a file was, when the ledger was opened */
  bool is_failing;
  struct ledger_batch kept; /* history to be put once the ledger works again */
  int64_t retry_ms;
  int64_t next_trim_ms;
  int64_t clock_offset_ms; /* wall minus monotonic */
};

int recorder_open(const struct options *options, bool is_in_memory,
                  struct moment now, struct recorder **ret_recorder,
                  char *ret_why, size_t why_bytes) {
  const struct ledger_options ledger = {
      .path = is_in_memory ? LEDGER_IN_MEMORY : options->ledger_path,
      .sync = options->ledger_sync,
      .history_days = options->history_days,
      .history_max = options->history_max};
  struct recorder *r = calloc(1, sizeof *r);
  if (r == NULL)
    return -ENOMEM;
  r->options = options;
  r->next_trim_ms = now.ms;
  r->clock_offset_ms = now.wall_ms - now.ms;
  ledger_batch_init(&r->kept);
  int status = ledger_open(&ledger, now, &r->ledger, &r->was_set_aside, ret_why,
                           why_bytes);
  if (status < 0)
    recorder_close(r);
  else
    *ret_recorder = r;
  return status;
}

void recorder_close(struct recorder *r) {
  if (r == NULL)
    return;
  ledger_batch_free(&r->kept);
  ledger_close(r->ledger);
  free(r);
}

bool recorder_knows_nothing(const struct recorder *r) {
  return r->was_set_aside || ledger_error(r->ledger)[0] != '\0';
}

int64_t recorder_file_bytes(const struct recorder *r) {
  return ledger_file_bytes(r->ledger);
}

/* ---- restoring ---- */

struct restoring {
  const struct recorder *recorder;
  struct moment now;
};

static const struct recorder_state *state_of(void *context) {
  const struct restoring *r = context;
  return &r->recorder->state;
}

static const struct policy *find_policy(void *context, const char *name) {
  const struct restoring *r = context;
  struct rule *rule = rule_book_find(r->recorder->options->rules, name);
  return rule != NULL ? rule_policy(rule) : NULL;
}

static int restore_account(void *context, const struct device *device,
                           const struct account *account) {
  const struct recorder_state *s = state_of(context);
  lanes_restore_account(s->lanes, device, account);
  return stats_begin_after(s->stats, device, account);
}

static struct slot *restore_slot(void *context, const struct policy *policy,
                                 const struct device *device, const char *key) {
  return lanes_find_or_add_slot(state_of(context)->lanes, policy, device, key);
}

static int restore_series(void *context, struct series *series) {
  return lanes_restore_series(state_of(context)->lanes, series);
}

static int restore_command(void *context, struct command *command) {
  const struct restoring *r = context;
  return lanes_restore_command(state_of(context)->lanes, command, r->now);
}

static int restore_tracked(void *context, struct tracked *tracked) {
  const struct restoring *r = context;
  const struct recorder_state *s = state_of(context);
  const struct device *device = tracked->device;
  int status = tracker_add(s->tracker, tracked, r->now);
  if (status == 0)
    stats_note_tracked(s->stats, device);
  return status;
}

static int restore_failing(void *context, const struct policy *policy,
                           const struct device *device, enum outcome outcome) {
  outbox_put(state_of(context)->outbox,
             &(const struct news){.kind = NEWS_EARLIER,
                                  .policy = policy,
                                  .device = device,
                                  .outcome = outcome});
  return 0;
}

int recorder_restore(struct recorder *r, const struct recorder_state *state,
                     struct moment now) {
  struct restoring restoring = {.recorder = r, .now = now};
  const struct ledger_callbacks callbacks = {.context = &restoring,
                                             .find_policy = find_policy,
                                             .account = restore_account,
                                             .slot = restore_slot,
                                             .series = restore_series,
                                             .command = restore_command,
                                             .tracked = restore_tracked,
                                             .failing = restore_failing};
  int64_t next_id = 1;
  r->state = *state;
  int status =
      ledger_load(r->ledger, r->options->directory, &callbacks, now, &next_id);
  if (status == 0)
    lanes_set_next_id(state->lanes, next_id);
  return status;
}

/* ---- recording ---- */

static void note_all(const struct recorder *r) {
  lanes_note_all(r->state.lanes);
  tracker_note_all(r->state.tracker);
}

/* Notes the whole state anew after a jump of the clock, which makes the
 * wall-clock times in the ledger wrong. */
static void watch_clock(struct recorder *r, struct moment now) {
  int64_t offset_ms = now.wall_ms - now.ms;
  int64_t jump_ms = offset_ms - r->clock_offset_ms;
  if (jump_ms > CLOCK_JUMP_MS || jump_ms < -CLOCK_JUMP_MS)
    note_all(r);
  r->clock_offset_ms = offset_ms;
}

static bool is_time_to_trim(const struct recorder *r, struct moment now) {
  return now.ms >= r->next_trim_ms;
}

static void trim_history(struct recorder *r, struct moment now) {
  if (is_time_to_trim(r, now) && !ledger_trim(r->ledger, now))
    r->next_trim_ms = now.ms + TRIM_PERIOD_MS;
}

static int begin(struct recorder *r, struct moment now) {
  int status = ledger_begin(r->ledger, now);
  if (ledger_take_set_aside_count(r->ledger) > 0)
    stats_count_ledger_error(r->state.stats);
  if (status < 0 || !r->is_failing)
    return status;
  ledger_clear_state(r->ledger);
  note_all(r);
  return 0;
}

static void make_batch(const struct recorder *r, struct moment now,
                       struct ledger_batch *ret_batch) {
  ledger_batch_init(ret_batch);
  for (struct change *c = r->state.journal->first; c != NULL; c = c->next)
    ledger_batch_add(ret_batch, c, now);
}

static int commit(struct recorder *r, const struct ledger_batch *batch,
                  struct moment now) {
  ledger_put_batch(r->ledger, &r->kept);
  ledger_put_batch(r->ledger, batch);
  trim_history(r, now);
  return ledger_commit(r->ledger);
}

static void fail(struct recorder *r, struct ledger_batch *batch,
                 struct moment now) {
  ledger_batch_keep_history(&r->kept, batch, RECORDER_KEPT_MAX);
  r->is_failing = true;
  r->retry_ms = now.ms + RETRY_MS;
  stats_count_ledger_error(r->state.stats);
}

static void try_to_record(struct recorder *r, struct moment now) {
  struct ledger_batch batch;
  if (is_time_to_trim(r, now))
    lanes_trim(r->state.lanes, r->options->history_days * DAY_MS, now);
  int status = begin(r, now);
  make_batch(r, now, &batch);
  if (status == 0)
    status = commit(r, &batch, now);
  if (status < 0) {
    fail(r, &batch, now);
    return;
  }
  r->is_failing = false;
  ledger_batch_free(&batch);
  ledger_batch_free(&r->kept);
}

static void keep_for_later(struct recorder *r, struct moment now) {
  struct ledger_batch batch;
  make_batch(r, now, &batch);
  ledger_batch_keep_history(&r->kept, &batch, RECORDER_KEPT_MAX);
}

void recorder_record(struct recorder *r, struct moment now) {
  watch_clock(r, now);
  if (r->is_failing && now.ms < r->retry_ms)
    keep_for_later(r, now);
  else if (r->is_failing || r->state.journal->first != NULL ||
           is_time_to_trim(r, now))
    try_to_record(r, now);
}
