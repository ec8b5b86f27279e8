/* SPDX-License-Identifier: MIT */
#include "agent/sender.h"

#include "agent/lines.h"
#include "base/log.h"
#include "cloud/answer.h"
#include "cloud/api.h"
#include "cloud/cmds_api.h"
#include "cloud/credential.h"
#include "cloud/http.h"
#include "cloud/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An attempt that is to be sent once its record is settled. */
struct begun {
  struct command *command;
  uint64_t batch; /* batch of the recorder that holds it; 0: not yet noted */
};

struct sender {
  const struct directory *directory;
  struct stats *stats;
  bool is_dry;
  struct http *http;               /* http_wake may be called by any thread */
  struct credential **credentials; /* by endpoint.index */
  struct lanes *lanes;
  struct tracker *tracker;
  struct begun *begun; /* in the order in which they began: in flight for
                          lanes, and so never more than begun_max */
  size_t begun_count;
  size_t begun_max;
};

/* ---- life ---- */

static bool make_parts(struct sender *s) {
  size_t count = directory_endpoint_count(s->directory);
  bool is_complete = true;
  s->credentials = calloc(count + 1, sizeof(struct credential *));
  if (s->credentials == NULL)
    return false;
  for (size_t i = 0; i < count; i++) {
    const struct endpoint *e = directory_endpoint(s->directory, i);
    s->credentials[i] = credential_new(&e->credential);
    s->begun_max += (size_t)e->max_in_flight;
    is_complete = is_complete && s->credentials[i] != NULL;
  }
  s->begun = calloc(s->begun_max + 1, sizeof *s->begun);
  s->http = http_new(s->begun_max);
  return is_complete && s->begun != NULL && s->http != NULL;
}

struct sender *sender_new(const struct options *options, struct stats *stats,
                          bool is_dry) {
  struct sender *s = calloc(1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->directory = options->directory;
  s->stats = stats;
  s->is_dry = is_dry;
  if (make_parts(s))
    return s;
  sender_free(s);
  return NULL;
}

void sender_free(struct sender *s) {
  if (s == NULL)
    return;
  http_free(s->http);
  for (size_t i = 0;
       s->credentials != NULL && i < directory_endpoint_count(s->directory);
       i++)
    credential_free(s->credentials[i]);
  free(s->credentials);
  free(s->begun);
  free(s);
}

void sender_serve(struct sender *s, struct lanes *lanes,
                  struct tracker *tracker) {
  s->lanes = lanes;
  s->tracker = tracker;
}

static struct credential *credential_of(const struct sender *s,
                                        const struct endpoint *e) {
  return s->credentials[e->index];
}

bool sender_has_new_key(const struct sender *s, const struct endpoint *e) {
  return credential_has_changed(credential_of(s, e));
}

/* ---- replies to commands ---- */

static void end_attempt(struct sender *s, struct command *c,
                        const struct verdict *v, struct moment now) {
  const struct endpoint *e = c->device->endpoint;
  unsigned long generation = c->attempt->key_generation;
  lanes_end(s->lanes, c, v, now);
  /* Another request may have read a new key after this one was sent: the
   * commands that wait for credentials are then tried with it at once. */
  if (v->class == VERDICT_CREDENTIALS &&
      credential_generation(credential_of(s, e)) != generation)
    lanes_retry_credentials(s->lanes, e, now);
}

static bool is_to_be_followed(const struct command *c) {
  return c->policy->track && !c->device->endpoint->api->is_answer &&
         c->state == COMMAND_FINISHED && c->outcome == OUTCOME_ACCEPTED &&
         command_verdict(c)->cmd_uuid[0] != '\0';
}

static void follow(struct sender *s, const struct command *c,
                   struct moment now) {
  struct tracked *one = tracked_new_of(c);
  if (one != NULL && tracker_add(s->tracker, one, now) == 0)
    return;
  tracked_free(one);
  log_error("out of memory: a command of rule \"%s\" is not tracked",
            c->policy->rule);
}

/* Keeps what the device replied to this attempt, in the place of an earlier
 * reply that could not be understood. */
static void keep_reply(struct command *c, const struct buf *text) {
  body_unref(c->attempt->reply);
  c->attempt->reply = text->size > 0 ? body_new(text->data, text->size) : NULL;
  if (text->size > 0 && c->attempt->reply == NULL)
    log_error("out of memory: what device \"%s\" replied is not kept",
              c->device->name);
}

static void take_reply(struct sender *s, const struct http_reply *reply,
                       struct moment now) {
  struct command *c = reply->tag;
  struct verdict v;
  struct buf device_reply;
  buf_init(&device_reply, API_REPLY_MAX_BYTES);
  c->device->endpoint->api->judge(reply, &v, &device_reply);
  keep_reply(c, &device_reply);
  buf_free(&device_reply);
  end_attempt(s, c, &v, now);
  if (is_to_be_followed(c))
    follow(s, c, now);
}

/* ---- replies to polls ---- */

static void end_poll(struct sender *s, struct tracked *one,
                     const struct poll *poll, struct moment now) {
  lanes_end_poll(s->lanes, one->device->endpoint);
  tracker_end(s->tracker, one, poll, now);
}

static void take_poll_reply(struct sender *s, const struct http_reply *reply,
                            struct moment now) {
  struct tracked *one = reply->tag;
  struct poll poll;
  if (tracker_wants_answer(one))
    cmds_api_judge_answer(reply, &poll);
  else
    cmds_api_judge_status(reply, &poll);
  end_poll(s, one, &poll, now);
}

void sender_take(struct sender *s, struct moment now) {
  struct http_reply reply;
  while (http_next_reply(s->http, &reply)) {
    if (reply.is_post)
      take_reply(s, &reply, now);
    else
      take_poll_reply(s, &reply, now);
  }
}

/* ---- sending commands ---- */

static int build_headers(const struct sender *s, const struct command *c,
                         struct moment now, struct request *r,
                         struct verdict *ret_verdict) {
  const struct endpoint *e = r->endpoint;
  char why[VERDICT_ERROR_BYTES];
  int status = request_add_headers(
      r, credential_of(s, e), request_content_type(c), now, why, sizeof why);
  /* Without memory nothing is wrong with the key. */
  if (status == -ENOMEM) {
    answer_judge_unsent(VERDICT_NOT_SENT, why, ret_verdict);
  } else if (status < 0) {
    answer_judge_unsent(VERDICT_CREDENTIALS, why, ret_verdict);
    ret_verdict->local_errno = -status;
  }
  return status;
}

static int build(const struct sender *s, const struct command *c,
                 struct moment now, struct request *r,
                 struct verdict *ret_verdict) {
  int status = request_build(r, c, now.ms, ret_verdict);
  return status < 0 ? status : build_headers(s, c, now, r, ret_verdict);
}

static int start(struct sender *s, struct command *c, const struct request *r,
                 struct verdict *ret_verdict) {
  int status = request_post(r, s->http, c, c->body);
  if (status < 0)
    answer_judge_unsent(VERDICT_NOT_SENT, strerror(-status), ret_verdict);
  else
    stats_count_request(s->stats, r->endpoint);
  return status;
}

static void send_one(struct sender *s, struct command *c, struct moment now) {
  struct request r;
  struct verdict unsent;
  request_init(&r, c->device->endpoint);
  int status = build(s, c, now, &r, &unsent);
  c->attempt->key_generation =
      credential_generation(credential_of(s, r.endpoint));
  if (status == 0)
    status = start(s, c, &r, &unsent);
  if (status < 0)
    end_attempt(s, c, &unsent, now);
  request_free(&r);
}

/* Logs the request instead of sending it. The command ends at once, so that the
 * next one of its lane is logged in the same turn. */
static void send_dry(struct sender *s, struct command *c, struct moment now) {
  struct request r;
  struct verdict unsent;
  request_init(&r, c->device->endpoint);
  if (build(s, c, now, &r, &unsent) == 0)
    lines_write_dry_request(c, &r);
  else
    lines_write_dry_failure(c, unsent.error);
  request_free(&r);
  lanes_end_dry(s->lanes, c, now);
}

void sender_begin(struct sender *s, struct moment now) {
  struct command *c;
  while ((c = lanes_begin(s->lanes, now)) != NULL) {
    if (s->is_dry)
      send_dry(s, c, now);
    else
      s->begun[s->begun_count++] = (struct begun){.command = c};
  }
}

/* ---- polls ---- */

static int build_poll(const struct sender *s, const struct tracked *one,
                      struct moment now, struct request *r) {
  const struct endpoint *e = r->endpoint;
  char why[VERDICT_ERROR_BYTES];
  int status = tracker_wants_answer(one)
                   ? cmds_api_append_answer_url(&r->url, e->url, one->cmd_uuid)
                   : cmds_api_append_status_url(&r->url, e->url, one->cmd_uuid);
  if (status < 0)
    return status;
  return request_add_headers(r, credential_of(s, e), NULL, now, why,
                             sizeof why);
}

static void send_poll(struct sender *s, struct tracked *one,
                      struct moment now) {
  const struct poll unsent = {.class = POLL_AGAIN, .cause = "local"};
  struct request r;
  request_init(&r, one->device->endpoint);
  if (build_poll(s, one, now, &r) < 0 || request_get(&r, s->http, one) < 0)
    end_poll(s, one, &unsent, now);
  request_free(&r);
}

void sender_poll(struct sender *s, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(s->directory); i++) {
    const struct endpoint *e = directory_endpoint(s->directory, i);
    while (tracker_wait_ms(s->tracker, e, now.ms) == 0 &&
           lanes_begin_poll(s->lanes, e, now))
      send_poll(s, tracker_begin(s->tracker, e), now);
  }
}

void sender_note_batch(struct sender *s, uint64_t batch) {
  for (size_t i = s->begun_count; i > 0 && s->begun[i - 1].batch == 0; i--)
    s->begun[i - 1].batch = batch;
}

void sender_send(struct sender *s, uint64_t settled, struct moment now) {
  size_t sent = 0;
  while (sent < s->begun_count && s->begun[sent].batch <= settled)
    send_one(s, s->begun[sent++].command, now);
  s->begun_count -= sent;
  memmove(s->begun, s->begun + sent, s->begun_count * sizeof *s->begun);
}

void sender_give_back(struct sender *s, struct moment now) {
  struct verdict unsent;
  answer_judge_unsent(VERDICT_NOT_SENT, "the agent ends", &unsent);
  for (size_t i = 0; i < s->begun_count; i++)
    lanes_end(s->lanes, s->begun[i].command, &unsent, now);
  s->begun_count = 0;
}

/* ---- waiting ---- */

int64_t sender_wait_ms(const struct sender *s, struct moment now) {
  int64_t wait_ms = COMMAND_NEVER_MS;
  for (size_t i = 0; i < directory_endpoint_count(s->directory); i++) {
    const struct endpoint *e = directory_endpoint(s->directory, i);
    int64_t due_ms = tracker_wait_ms(s->tracker, e, now.ms);
    int64_t gate_ms = lanes_poll_wait_ms(s->lanes, e, now);
    int64_t begin_ms = due_ms > gate_ms ? due_ms : gate_ms;
    wait_ms = begin_ms < wait_ms ? begin_ms : wait_ms;
  }
  return wait_ms;
}

void sender_wait(struct sender *s, int64_t timeout_ms) {
  http_wait(s->http, timeout_ms);
}

void sender_wake(struct sender *s) { http_wake(s->http); }

size_t sender_in_flight(const struct sender *s) {
  return s->begun_count + http_in_flight(s->http) -
         tracker_in_flight(s->tracker);
}
