/* SPDX-License-Identifier: MIT */
#include "agent/poller.h"

#include "base/log.h"
#include "cloud/cmds_api.h"
#include "cloud/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what is followed ---- */

int poller_restore(const struct poller *p, struct tracked *one,
                   struct moment now) {
  const struct device *device = one->device;
  int status = tracker_add(p->tracker, one, now);
  if (status == 0)
    stats_note_tracked(p->stats, device);
  return status;
}

void poller_follow(const struct poller *p, const struct command *c,
                   struct moment now) {
  if (!c->policy->track || c->state != COMMAND_FINISHED ||
      c->outcome != OUTCOME_ACCEPTED || command_verdict(c)->cmd_uuid[0] == '\0')
    return;
  struct tracked *one = tracked_new_of(c);
  if (one != NULL && poller_restore(p, one, now) == 0)
    return;
  tracked_free(one);
  log_error("out of memory: a command of rule \"%s\" is not tracked",
            c->policy->rule);
}

/* ---- polls ---- */

static int build(const struct poller *p, const struct tracked *one,
                 struct moment now, struct request *r) {
  const struct endpoint *e = r->endpoint;
  char why[VERDICT_ERROR_BYTES];
  int status = tracker_wants_answer(one)
                   ? cmds_api_append_answer_url(&r->url, e->url, one->cmd_uuid)
                   : cmds_api_append_status_url(&r->url, e->url, one->cmd_uuid);
  if (status < 0)
    return status;
  return request_add_headers(r, p->credentials[e->index], NULL, now, why,
                             sizeof why);
}

static void end(const struct poller *p, struct tracked *one,
                const struct poll *poll, struct moment now) {
  lanes_end_poll(p->lanes, one->device->endpoint);
  tracker_end(p->tracker, one, poll, now);
}

static void begin_one(const struct poller *p, struct tracked *one,
                      struct moment now) {
  const struct poll unsent = {.class = POLL_AGAIN, .cause = "local"};
  struct request r;
  request_init(&r, one->device->endpoint);
  if (build(p, one, now, &r) < 0 || request_get(&r, p->http, one) < 0)
    end(p, one, &unsent, now);
  request_free(&r);
}

void poller_begin(const struct poller *p, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(p->directory); i++) {
    const struct endpoint *e = directory_endpoint(p->directory, i);
    while (tracker_wait_ms(p->tracker, e, now.ms) == 0 &&
           lanes_begin_poll(p->lanes, e, now))
      begin_one(p, tracker_begin(p->tracker, e), now);
  }
}

void poller_take_reply(const struct poller *p, const struct http_reply *reply,
                       struct moment now) {
  struct tracked *one = reply->tag;
  struct poll poll;
  if (tracker_wants_answer(one))
    cmds_api_judge_answer(reply, &poll);
  else
    cmds_api_judge_status(reply, &poll);
  end(p, one, &poll, now);
}

int64_t poller_wait_ms(const struct poller *p, struct moment now) {
  int64_t wait_ms = COMMAND_NEVER_MS;
  for (size_t i = 0; i < directory_endpoint_count(p->directory); i++) {
    const struct endpoint *e = directory_endpoint(p->directory, i);
    int64_t due_ms = tracker_wait_ms(p->tracker, e, now.ms);
    int64_t gate_ms = lanes_poll_wait_ms(p->lanes, e, now);
    int64_t begin_ms = due_ms > gate_ms ? due_ms : gate_ms;
    wait_ms = begin_ms < wait_ms ? begin_ms : wait_ms;
  }
  return wait_ms;
}

/* ---- telling ---- */

static void report(const struct poller *p, const struct tracked *one,
                   enum finished_news news) {
  struct finished_command told = {.news = news,
                                  .policy = one->policy,
                                  .device = one->device,
                                  .outcome = OUTCOME_ACCEPTED,
                                  .status = one->status};
  memcpy(told.verdict.cmd_uuid, one->cmd_uuid, sizeof one->cmd_uuid);
  if (finished_put(p->finished, &told))
    stats_count_unreported(p->stats, 1);
}

static void log_end(const struct tracked *one, enum tracked_end end_of_it) {
  const char *rule = one->policy->rule;
  const struct device *d = one->device;
  const char *name = tracked_end_name(end_of_it);
  const char *separator = one->why[0] != '\0' ? ": " : "";
  const char *text = tracked_status_text(one->status);
  log_info("command %lld: rule \"%s\", device \"%s\" (%s): %s, status %d (%s), "
           "cmd_uuid %s%s%s",
           (long long)one->id, rule, d->name, d->device_id, name,
           (int)one->status, text, one->cmd_uuid, separator, one->why);
  if (end_of_it != TRACKED_END_ANSWERED)
    log_warning("a command of rule \"%s\" for device \"%s\" (%s) was accepted, "
                "but is %s: status %d (%s)%s%s",
                rule, d->name, d->device_id, name, (int)one->status, text,
                separator, one->why);
}

static void tell_end(const struct poller *p, const struct tracked *one) {
  enum tracked_end end_of_it = tracked_end_of(one->status);
  stats_count_end(p->stats, one->device, end_of_it);
  if (end_of_it == TRACKED_END_ANSWERED)
    stats_count_answer_latency(p->stats, one->device,
                               one->status_ms - one->created.ms);
  if (end_of_it == TRACKED_END_UNDELIVERED)
    lanes_forget(p->lanes, one->slot_key);
  report(p, one, FINISHED_END);
  log_end(one, end_of_it);
}

size_t poller_tell(const struct poller *p) {
  size_t concluded = 0;
  for (struct tracked *one = tracker_changed(p->tracker); one != NULL;
       one = one->next_changed) {
    concluded += one->concluded ? 1 : 0;
    if (one->has_news && one->concluded)
      tell_end(p, one);
    else if (one->has_news && p->tells_statuses)
      report(p, one, FINISHED_STATUS);
    one->has_news = false;
  }
  return concluded;
}
