/* SPDX-License-Identifier: MIT */
#include "worker_log.h"

#include "event.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

static void inform_of(const struct command *c) {
  const struct verdict *v = &c->verdict;
  char errno_text[32] = "none";
  bool says_more = c->outcome != OUTCOME_ACCEPTED && v->error[0] != '\0';
  if (v->has_errno)
    snprintf(errno_text, sizeof errno_text, "%d", (int)v->errno_value);
  log_info("command %lld: rule \"%s\", device \"%s\" (%s): %s, errno %s, "
           "cmd_uuid %s, attempts %d%s%s",
           (long long)c->id, c->policy->rule, c->device->name,
           c->device->device_id, outcome_name(c->outcome), errno_text,
           v->cmd_uuid[0] != '\0' ? v->cmd_uuid : "none", c->attempts,
           says_more ? ": " : "", says_more ? v->error : "");
}

static bool needs_attention(enum outcome outcome) {
  return outcome == OUTCOME_REFUSED || outcome == OUTCOME_UNKNOWN ||
         outcome == OUTCOME_EXPIRED || outcome == OUTCOME_DROPPED;
}

static void warn_of(const struct command *c) {
  const struct verdict *v = &c->verdict;
  log_warning("a command of rule \"%s\" for device \"%s\" (%s) ended as %s: "
              "%s%s%s",
              c->policy->rule, c->device->name, c->device->device_id,
              outcome_name(c->outcome), v->cause,
              v->cause[0] != '\0' && v->error[0] != '\0' ? ", " : "", v->error);
}

void worker_log_finished(const struct command *c) {
  inform_of(c);
  if (needs_attention(c->outcome))
    warn_of(c);
}

void worker_log_credentials(const struct command *c, const struct verdict *v) {
  const struct endpoint *e = c->device->endpoint;
  const char *kept_in =
      e->credential.kind == CREDENTIAL_KEY ? "APIKey" : e->credential.text;
  log_error(
      "endpoint \"%s\": the credentials were refused (%s%s%s): check that "
      "%s holds the key of the product that device %s belongs to; its "
      "commands wait, and are tried again when that file changes, else "
      "every 60 s",
      e->name, v->cause, v->error[0] != '\0' ? ", " : "", v->error, kept_in,
      c->device->device_id);
}

void worker_log_circuit(const struct endpoint *e, bool is_open) {
  if (is_open)
    log_warning("endpoint \"%s\": the circuit is open: it does not answer; one "
                "attempt is let through now and then, commands wait",
                e->name);
  else
    log_warning("endpoint \"%s\": the circuit is closed: it answers again",
                e->name);
}

/* A header of the configuration may hold a secret, too. */
static void log_masked(const char *header) {
  log_info("dry run: %.*s: ***", (int)strcspn(header, ":"), header);
}

static void log_body(const struct body *body) {
  struct buf text;
  /* A longer one is cut: a line of collectd's log holds no more. */
  buf_init(&text, LOG_LINE_BYTES);
  buf_append_json(&text, body->data, body->size);
  log_info("dry run: body (%zu bytes): %s", body->size, buf_text(&text));
  buf_free(&text);
}

void worker_log_dry_request(const struct command *c, const struct request *r) {
  log_info("dry run: rule \"%s\", device \"%s\" (%s), series %s, %s:",
           c->policy->rule, c->device->name, c->device->device_id, c->series,
           event_severity_name(c->severity));
  log_info("dry run: POST %s", buf_text(&r->url));
  for (size_t i = 0; r->headers[i] != NULL; i++) {
    if (strncmp(r->headers[i], "Content-Type:", 13) == 0)
      log_info("dry run: %s", r->headers[i]);
    else
      log_masked(r->headers[i]);
  }
  log_body(c->body);
}

void worker_log_dry_failure(const struct command *c, const char *why) {
  log_error("dry run: rule \"%s\", device \"%s\": could not be sent: %s",
            c->policy->rule, c->device->name, why);
}

void worker_log_dry_wait(const struct command *c) {
  log_info("dry run: command %lld: rule \"%s\", device \"%s\": waits for its "
           "cooldown, a limit, or its turn",
           (long long)c->id, c->policy->rule, c->device->name);
}

void worker_log_dry_ignored(const char *rule, const struct device *device,
                            const char *reason) {
  if (device == NULL)
    log_info("dry run: an event is ignored: %s", reason);
  else
    log_info("dry run: rule \"%s\", device \"%s\": the event is ignored: %s",
             rule, device->name, reason);
}
