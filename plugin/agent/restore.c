/* SPDX-License-Identifier: MIT */
#include "agent/restore.h"

struct restoring {
  const struct recorder_state *state;
  struct moment now;
};

/* ---- what the ledger calls ---- */

static const struct recorder_state *state_of(void *context) {
  const struct restoring *r = context;
  return r->state;
}

static const struct policy *find_policy(void *context, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  return orders_find_policy(state_of(context)->orders, rule, content_type,
                            service);
}

static bool has_newer(void *context, const char *slot_key, const char *name) {
  return lanes_has_newer(state_of(context)->lanes, slot_key, name);
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
  const struct earlier earlier = {.policy = policy, .device = device};
  (void)outcome;
  return outbox_put_earlier(state_of(context)->outbox, &earlier);
}

static int restore_silence(void *context, struct order *order) {
  const struct restoring *r = context;
  return lanes_restore_silence(state_of(context)->lanes, order, r->now);
}

static struct ledger_callbacks callbacks_of(struct restoring *r) {
  return (struct ledger_callbacks){.context = r,
                                   .find_policy = find_policy,
                                   .has_newer = has_newer,
                                   .account = restore_account,
                                   .slot = restore_slot,
                                   .series = restore_series,
                                   .command = restore_command,
                                   .tracked = restore_tracked,
                                   .failing = restore_failing,
                                   .silence = restore_silence};
}

/* ---- restoring ---- */

int restore_at_start(struct ledger *l, const struct options *options,
                     const struct recorder_state *state, struct moment now) {
  struct restoring r = {.state = state, .now = now};
  const struct ledger_callbacks callbacks = callbacks_of(&r);
  int64_t next_id = 1;
  int status = ledger_load(l, options->directory, &callbacks, now, &next_id);
  if (status == 0)
    lanes_set_next_id(state->lanes, next_id);
  return status;
}

int restore_read_late(struct ledger *l, const struct options *options,
                      const struct recorder_state *state, struct moment now) {
  struct restoring r = {.state = state, .now = now};
  const struct ledger_callbacks callbacks = callbacks_of(&r);
  return ledger_read_late(l, options->directory, &callbacks, now);
}

/* Makes what waits for credentials due: the key that was refused is that of an
 * earlier run, and the present one is known already. */
static void try_present_keys(const struct directory *directory,
                             struct lanes *lanes, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(directory); i++)
    lanes_retry_credentials(lanes, directory_endpoint(directory, i), now);
}

int restore_late(struct ledger *l, const struct options *options,
                 const struct recorder_state *state, struct moment now) {
  struct restoring r = {.state = state, .now = now};
  const struct ledger_callbacks callbacks = callbacks_of(&r);
  int64_t next_id = 1;
  lanes_begin_late_restore(state->lanes);
  int status =
      ledger_restore_late(l, options->directory, &callbacks, now, &next_id);
  lanes_set_next_id(state->lanes, next_id);
  lanes_end_late_restore(state->lanes);
  if (status == 0)
    lanes_set_first_okay_send(state->lanes, !ledger_knows_all(l));
  try_present_keys(options->directory, state->lanes, now);
  return status;
}
