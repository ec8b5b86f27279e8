/* SPDX-License-Identifier: MIT */
#include "agent/teller.h"

#include "agent/lines.h"
#include "agent/troubles.h"
#include "base/log.h"
#include "cloud/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLEETING_PERIOD_MS 1000 /* one line of the log in each, at most */

struct teller {
  const struct options *options;
  struct stats *stats;
  struct outbox *outbox;
  bool is_dry;
  struct troubles *troubles;
  bool *circuit_open; /* by endpoint.index: the log says that it is open */
  bool *has_new_key;  /* by endpoint.index: troubles do not know of it yet */
  uint64_t fleeting;  /* fleeting commands that are not logged yet */
  int64_t fleeting_told_ms;
};

struct teller *teller_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_dry) {
  size_t endpoints = directory_endpoint_count(options->directory);
  struct teller *t = calloc(1, sizeof *t);
  if (t == NULL)
    return NULL;
  *t = (struct teller){
      .options = options,
      .stats = stats,
      .outbox = outbox,
      .is_dry = is_dry,
      .troubles =
          troubles_new(endpoints, directory_device_count(options->directory)),
      .circuit_open = calloc(endpoints + 1, sizeof *t->circuit_open),
      .has_new_key = calloc(endpoints + 1, sizeof *t->has_new_key)};
  if (t->troubles != NULL && t->circuit_open != NULL && t->has_new_key != NULL)
    return t;
  teller_free(t);
  return NULL;
}

static void tell_fleeting(struct teller *t) {
  if (t->fleeting > 0)
    lines_write_fleeting(t->fleeting);
  t->fleeting = 0;
}

void teller_free(struct teller *t) {
  if (t == NULL)
    return;
  tell_fleeting(t);
  troubles_free(t->troubles);
  free(t->circuit_open);
  free(t->has_new_key);
  free(t);
}

static void put_news(struct teller *t, const struct news *news) {
  if (outbox_put(t->outbox, news))
    stats_count_unreported(t->stats, 1);
}

/* ---- commands ---- */

/* Leaves out the recovery of an endpoint whose circuit was open: the line for
 * the circuit that closes says it. */
static void tell_troubles(struct teller *t, const struct command *c,
                          const struct verdict *v, struct moment now) {
  const struct endpoint *e = c->device->endpoint;
  struct troubles_news news = troubles_take(t->troubles, c->device, v);
  if (news.endpoint_recovered && !t->circuit_open[e->index])
    lines_write_endpoint_recovery(e);
  if (news.device_recovered)
    lines_write_device_recovery(c->device);
  if (news.began != TROUBLE_NONE)
    lines_write_trouble(c, v, news.began, now);
}

static void tell_attempt(struct teller *t, const struct command *c,
                         struct moment now) {
  const struct verdict *v = command_verdict(c);
  if (v->http_code != 0)
    stats_count_http_code(t->stats, c->device->endpoint, v->http_code);
  stats_count_failure(t->stats, c->device, v->cause);
  tell_troubles(t, c, v, now);
}

/* Returns whether the acceptance is the device's own answer. */
static bool is_answered(const struct command *c) {
  return c->outcome == OUTCOME_ACCEPTED && c->device->endpoint->api->is_answer;
}

static void put_outcome(struct teller *t, const struct command *c) {
  const struct body *reply = command_reply(c);
  struct news news = {.kind = NEWS_OUTCOME,
                      .policy = c->policy,
                      .device = c->device,
                      .outcome = c->outcome,
                      .status =
                          is_answered(c) ? TRACKED_ANSWERED : TRACKED_CREATED,
                      .verdict = *command_verdict(c),
                      .attempts = c->attempts,
                      .wall_created_ms = c->created.wall_ms,
                      .wall_finished_ms = c->finished.wall_ms,
                      .duration_ms = c->finished.ms - c->created.ms};
  snprintf(news.verdict.error, sizeof news.verdict.error, "%s", command_why(c));
  if (reply != NULL) /* without memory it is in the log and the ledger */
    news.reply = strndup(reply->data, reply->size);
  put_news(t, &news);
}

static void count_answer(struct teller *t, const struct command *c) {
  stats_note_tracked(t->stats, c->device);
  stats_count_end(t->stats, c->device, TRACKED_END_ANSWERED);
  stats_count_answer_latency(t->stats, c->device,
                             c->finished.ms - c->created.ms);
}

static void tell_outcome(struct teller *t, const struct command *c) {
  if (c->outcome == OUTCOME_ACCEPTED)
    stats_count_latency(t->stats, c->device, c->finished.ms - c->created.ms);
  if (is_answered(c))
    count_answer(t, c);
  put_outcome(t, c);
  lines_write_finished(c);
}

/* News of it would only drive out that of others. */
static void note_fleeting(struct teller *t) {
  t->fleeting++;
  stats_count_unreported(t->stats, 1);
}

static void tell_command(struct teller *t, const struct command *c,
                         struct moment now) {
  if (c->takes_back && !c->change.is_told)
    lines_write_taken_back(c);
  if (c->has_ended_attempt)
    tell_attempt(t, c, now);
  if (command_is_fleeting(c))
    note_fleeting(t);
  else if (c->state == COMMAND_FINISHED)
    tell_outcome(t, c);
  else if (t->is_dry && !c->change.is_told && c->state == COMMAND_WAITING)
    lines_write_dry_wait(c);
}

/* ---- tracked commands ---- */

static void put_status(struct teller *t, const struct tracked *one,
                       enum news_kind kind) {
  struct news news = {.kind = kind,
                      .policy = one->policy,
                      .device = one->device,
                      .outcome = OUTCOME_ACCEPTED,
                      .status = one->status,
                      .end = tracked_end_of(one)};
  memcpy(news.verdict.cmd_uuid, one->cmd_uuid, sizeof one->cmd_uuid);
  put_news(t, &news);
}

static void tell_end(struct teller *t, const struct tracked *one) {
  enum tracked_end end = tracked_end_of(one);
  stats_count_end(t->stats, one->device, end);
  if (end == TRACKED_END_ANSWERED)
    stats_count_answer_latency(t->stats, one->device,
                               one->status_ms - one->created.ms);
  put_status(t, one, NEWS_END);
  lines_write_end(one);
}

static void tell_tracked(struct teller *t, const struct tracked *one) {
  if (!one->change.is_told)
    stats_note_tracked(t->stats, one->device);
  if (one->has_news && one->concluded)
    tell_end(t, one);
  else if (one->has_news && t->options->command_series)
    put_status(t, one, NEWS_STATUS);
}

/* ---- orders ---- */

/* Leaves out a silence that is only put anew. */
static void tell_order(const struct order *o) {
  if (!o->change.is_told)
    lines_write_order(o);
}

/* ---- changes ---- */

static void tell_change(struct teller *t, struct change *change,
                        struct moment now) {
  switch (change->kind) {
  case CHANGE_COMMAND:
    tell_command(t, journal_command(change), now);
    break;
  case CHANGE_ACCOUNT:
    stats_publish(t->stats, journal_account(change));
    break;
  case CHANGE_TRACKED:
    tell_tracked(t, journal_tracked(change));
    break;
  case CHANGE_ORDER:
    tell_order(journal_order(change));
    break;
  case CHANGE_SLOT:
  case CHANGE_SERIES:
    break;
  }
}

/* Forgets what was told of keys that have been replaced. All that was told
 * before this call was about the old key. */
static void forget_old_keys(struct teller *t) {
  const struct directory *directory = t->options->directory;
  for (size_t i = 0; i < directory_endpoint_count(directory); i++) {
    if (t->has_new_key[i])
      troubles_forget_credentials(t->troubles,
                                  directory_endpoint(directory, i));
    t->has_new_key[i] = false;
  }
}

void teller_tell_changes(struct teller *t, const struct journal *journal,
                         struct moment now) {
  for (struct change *change = journal->first; change != NULL;
       change = change->next)
    tell_change(t, change, now);
  forget_old_keys(t);
  if (now.ms - t->fleeting_told_ms < FLEETING_PERIOD_MS)
    return;
  tell_fleeting(t);
  t->fleeting_told_ms = now.ms;
}

/* ---- endpoints ---- */

static void tell_circuit(struct teller *t, const struct lanes *lanes,
                         const struct endpoint *e, struct moment now) {
  bool is_open = lanes_circuit_is_open(lanes, e);
  if (is_open)
    lines_write_circuit_open(e, troubles_last(t->troubles, e),
                             lanes_circuit_wait_ms(lanes, e, now));
  else
    lines_write_circuit_closed(e);
  t->circuit_open[e->index] = is_open;
}

void teller_tell_endpoints(struct teller *t, const struct lanes *lanes,
                           struct moment now) {
  const struct directory *directory = t->options->directory;
  for (size_t i = 0; i < directory_endpoint_count(directory); i++) {
    const struct endpoint *e = directory_endpoint(directory, i);
    bool is_open = lanes_circuit_is_open(lanes, e);
    if (is_open != t->circuit_open[i])
      tell_circuit(t, lanes, e, now);
    stats_set_endpoint(t->stats, e, lanes_in_flight(lanes, e), is_open);
  }
}

void teller_forget_credentials(struct teller *t, const struct endpoint *e) {
  t->has_new_key[e->index] = true;
}

/* ---- events that made no command ---- */

void teller_tell_ignored(struct teller *t, const struct policy *policy,
                         const struct device *device, enum ignored reason,
                         uint64_t count) {
  if (reason == IGNORED_WAITS && t->is_dry)
    lines_write_dry_after(policy, device);
  if (reason == IGNORED_UNTOLD || reason == IGNORED_WAITS)
    return;
  while (count-- > 0)
    stats_count_ignored(t->stats, reason == IGNORED_UNMATCHED ? NULL : device,
                        reason);
  if (reason == IGNORED_SERIES_MAX)
    log_error("SeriesMax %zu is reached, and no series is OKAY: events of new "
              "series are ignored, of rule \"%s\" for device \"%s\"",
              t->options->series_max, policy->rule, device->name);
  if (t->is_dry)
    lines_write_dry_ignored(policy->rule, device, ignored_name(reason));
}

void teller_tell_lost(struct teller *t, const struct device *device,
                      uint64_t count, const char *why) {
  stats_count_unreported(t->stats, count);
  log_error("%s: commands for device \"%s\" were dropped", why, device->name);
}
