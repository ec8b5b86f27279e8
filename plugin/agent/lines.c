/* SPDX-License-Identifier: MIT */
#include "agent/lines.h"

#include "base/log.h"
#include "base/one_line.h"
#include "cloud/advice.h"
#include "ledger/ledger.h"
#include "words/event.h"

#include <stdio.h>
#include <string.h>

static long long seconds_of(int64_t ms) { return (ms + 999) / 1000; }

/* ---- the start ---- */

#define NAMES_MAX 4 /* longer lists are only counted */

struct list {
  struct buf *line;
  size_t count;
  size_t written;
};

static struct list list_begin(struct buf *line, size_t count,
                              const char *what) {
  buf_append_format(line, ", %zu %s%s", count, what, count == 1 ? "" : "s");
  return (struct list){.line = line, .count = count};
}

static void list_add(struct list *l, const char *name) {
  if (l->count > NAMES_MAX)
    return;
  l->written++;
  buf_append_format(l->line, "%s%s%s", l->written == 1 ? " (" : ", ", name,
                    l->written == l->count ? ")" : "");
}

static void append_directory(struct buf *line, const struct directory *d) {
  struct list l = list_begin(line, directory_endpoint_count(d), "endpoint");
  for (size_t i = 0; i < l.count && i < NAMES_MAX; i++)
    list_add(&l, directory_endpoint(d, i)->name);
  l = list_begin(line, directory_device_count(d), "device");
  for (size_t i = 0; i < l.count && i < NAMES_MAX; i++)
    list_add(&l, directory_device(d, i)->name);
}

void lines_write_start(const struct options *o, bool is_dry, size_t pending) {
  struct buf line;
  buf_init(&line, LOG_LINE_BYTES);
  buf_append_format(&line,
                    "version %s started%s: ledger \"%s\", %zu command%s "
                    "pending",
                    ONENET_VERSION, is_dry ? " for a dry run" : "",
                    is_dry ? LEDGER_IN_MEMORY : o->ledger_path, pending,
                    pending == 1 ? "" : "s");
  append_directory(&line, o->directory);
  struct list l = list_begin(&line, rule_book_count(o->rules), "rule");
  for (size_t i = 0; i < l.count && i < NAMES_MAX; i++)
    list_add(&l, rule_name(rule_book_rule(o->rules, i)));
  log_info("%s", buf_text(&line));
  buf_free(&line);
}

/* ---- what is lost ---- */

void lines_format_loss(char *text, size_t size,
                       const struct ledger_loss *loss) {
  char count[48] = "an unknown number";
  if (loss->commands > 0)
    snprintf(count, sizeof count, "%s%llu",
             loss->uncounted > 0 ? "at least " : "",
             (unsigned long long)loss->commands);
  snprintf(text, size,
           "of the commands that were pending in the ledger, %s can not be "
           "restored: check the states of the devices",
           count);
}

void lines_write_loss(const struct ledger_loss *loss) {
  char text[LINES_LOSS_BYTES];
  lines_format_loss(text, sizeof text, loss);
  log_error("%s", text);
}

/* ---- commands ---- */

static void append_outcome(struct buf *line, const struct command *c) {
  const struct verdict *v = command_verdict(c);
  const char *why = command_why(c);
  char errno_text[32] = "none";
  bool says_more = c->outcome != OUTCOME_ACCEPTED && why[0] != '\0';
  if (v->has_errno)
    snprintf(errno_text, sizeof errno_text, "%d", (int)v->errno_value);
  buf_append_format(
      line,
      "command %lld: rule \"%s\", device \"%s\" (%s): %s, errno %s, cmd_uuid "
      "%s, attempts %d%s%s",
      (long long)c->id, c->policy->rule, c->device->name, c->device->device_id,
      outcome_name(c->outcome), errno_text,
      v->cmd_uuid[0] != '\0' ? v->cmd_uuid : "none", c->attempts,
      says_more ? ": " : "", says_more ? why : "");
}

/* Appends what the device replied, or as much of it as the line has room for.
 */
static void append_reply(struct buf *line, const struct body *reply) {
  static const char whole[] = ", reply ", part[] = ", reply (shortened) ";
  size_t room = LOG_LINE_BYTES - 1 - line->size;
  if (reply->size + strlen(whole) <= room)
    buf_append_format(line, "%s%.*s", whole, (int)reply->size, reply->data);
  else if (strlen(part) < room)
    buf_append_format(
        line, "%s%.*s", part,
        (int)one_line_cut(reply->data, reply->size, room - strlen(part)),
        reply->data);
}

static void inform_of(const struct command *c) {
  const struct body *reply = command_reply(c);
  struct buf line;
  buf_init(&line, LOG_LINE_BYTES - 1);
  append_outcome(&line, c);
  if (reply != NULL)
    append_reply(&line, reply);
  log_info("%s", buf_text(&line));
  buf_free(&line);
}

static bool needs_attention(enum outcome outcome) {
  return outcome == OUTCOME_REFUSED || outcome == OUTCOME_UNKNOWN ||
         outcome == OUTCOME_EXPIRED || outcome == OUTCOME_DROPPED;
}

static void warn_of(const struct command *c) {
  const char *cause = command_verdict(c)->cause, *why = command_why(c);
  log_warning("a command of rule \"%s\" for device \"%s\" (%s) ended as %s: "
              "%s%s%s",
              c->policy->rule, c->device->name, c->device->device_id,
              outcome_name(c->outcome), cause,
              cause[0] != '\0' && why[0] != '\0' ? ", " : "", why);
}

void lines_write_finished(const struct command *c) {
  inform_of(c);
  if (needs_attention(c->outcome))
    warn_of(c);
}

void lines_write_taken_back(const struct command *c) {
  log_info("command %lld: rule \"%s\", device \"%s\": taken back after %d s "
           "(Until)",
           (long long)c->id, c->policy->rule, c->device->name,
           c->policy->until_s);
}

void lines_write_fleeting(uint64_t count) {
  log_info("%llu commands were superseded before they were recorded: each by a "
           "newer state of its slot that came right behind",
           (unsigned long long)count);
}

void lines_write_end(const struct tracked *one) {
  enum tracked_end end_of_it = tracked_end_of(one);
  const char *rule = one->policy->rule;
  const struct device *d = one->device;
  const char *name = tracked_end_name(end_of_it);
  const char *separator = one->cause[0] != '\0' ? ": " : "";
  const char *text = tracked_status_text(one->status);
  log_info("command %lld: rule \"%s\", device \"%s\" (%s): %s, status %d (%s), "
           "cmd_uuid %s%s%s",
           (long long)one->id, rule, d->name, d->device_id, name,
           (int)one->status, text, one->cmd_uuid, separator, one->cause);
  if (end_of_it == TRACKED_END_NOT_KNOWN)
    log_warning("a command of rule \"%s\" for device \"%s\" (%s) was accepted, "
                "but what became of it is not known: %s",
                rule, d->name, d->device_id, one->cause);
  else if (end_of_it != TRACKED_END_ANSWERED)
    log_warning("a command of rule \"%s\" for device \"%s\" (%s) was accepted, "
                "but is %s: status %d (%s)",
                rule, d->name, d->device_id, name, (int)one->status, text);
}

/* ---- orders ---- */

/* Appends what the order is about: ` device "fan"`, ` command 17`. */
static void append_target(struct buf *line, const struct order *o) {
  if (o->command_id != 0)
    buf_append_format(line, " command %lld", (long long)o->command_id);
  else if (o->device_name != NULL)
    buf_append_format(line, " device \"%s\"", o->device_name);
  else if (o->rule_name != NULL)
    buf_append_format(line, " rule \"%s\"", o->rule_name);
}

/* Appends for how long a silence holds; one that is over ends another one. */
static void append_silence(struct buf *line, const struct order *o) {
  long long left_s = seconds_of(o->wall_until_ms - o->ended.wall_ms);
  if (left_s > 0)
    buf_append_format(line, ", for %lld s", left_s);
  else
    buf_append_text(line, ", it ends now");
}

static void append_result(struct buf *line, const struct order *o) {
  bool is_obeyed = o->state == ORDER_OBEYED;
  if (is_obeyed && o->verb == ORDER_SILENCE)
    append_silence(line, o);
  if (is_obeyed && (o->verb == ORDER_SILENCE || o->verb == ORDER_CANCEL))
    buf_append_format(line, ", %llu cancelled", (unsigned long long)o->count);
  if (o->result_id != 0)
    buf_append_format(line, ", as command %lld", (long long)o->result_id);
  if (o->why[0] != '\0')
    buf_append_format(line, ": %s", o->why);
  if (o->comment != NULL)
    buf_append_format(line, ", comment: %s", o->comment);
}

void lines_write_order(const struct order *o) {
  struct buf line;
  buf_init(&line, LOG_LINE_BYTES);
  buf_append_format(&line, "order %lld of user %lld: %s", (long long)o->id,
                    (long long)o->uid, order_verb_name(o->verb));
  append_target(&line, o);
  buf_append_format(&line, ": %s", order_state_name(o->state));
  append_result(&line, o);
  log_info("%s", buf_text(&line));
  buf_free(&line);
}

/* ---- troubles ---- */

static void append_what_failed(struct buf *line, const struct command *c,
                               const struct verdict *v,
                               enum verdict_trouble trouble) {
  switch (trouble) {
  case TROUBLE_NONE:
    break;
  case TROUBLE_DEVICE:
    buf_append_format(line, "device \"%s\" (%s)", c->device->name,
                      c->device->device_id);
    return;
  case TROUBLE_NO_ANSWER:
    buf_append_format(line, "endpoint \"%s\": an attempt failed",
                      c->device->endpoint->name);
    return;
  case TROUBLE_BUSY:
    buf_append_format(line, "endpoint \"%s\": it asks for fewer attempts",
                      c->device->endpoint->name);
    return;
  case TROUBLE_CREDENTIALS:
    buf_append_format(line, "endpoint \"%s\": the credentials %s",
                      c->device->endpoint->name,
                      v->http_code != 0 ? "were refused" : "can not be read");
    return;
  }
}

/* Appends the number of the next attempt, too: without it the line for a new
 * key that is refused would equal the one before, and the log only counts a
 * line that equals the last one. */
static void append_next_of_credentials(struct buf *line,
                                       const struct command *c,
                                       long long wait_s) {
  bool is_file = c->device->endpoint->credential.kind != CREDENTIAL_KEY;
  buf_append_format(line, "; attempt %d is %sin %lld s", c->attempts + 1,
                    is_file ? "as soon as that file changes, else " : "",
                    wait_s);
}

static void append_next(struct buf *line, const struct command *c,
                        const struct verdict *v, struct moment now) {
  bool is_again =
      c->state == COMMAND_WAITING || c->outcome == OUTCOME_SUPERSEDED;
  long long wait_s = seconds_of(c->not_before_ms - now.ms);
  if (c->state == COMMAND_IN_FLIGHT)
    buf_append_text(line, "; it is tried again now");
  else if (!is_again)
    buf_append_text(line, "; this command is not tried again");
  else if (v->class == VERDICT_CREDENTIALS)
    append_next_of_credentials(line, c, wait_s);
  else
    buf_append_format(line, "; the next attempt is in %lld s%s", wait_s,
                      v->class != VERDICT_OFFLINE ? ""
                      : c->policy->retry_offline  ? " (OnOffline retry)"
                                                  : " (Timeout)");
}

void lines_write_trouble(const struct command *c, const struct verdict *v,
                         enum verdict_trouble trouble, struct moment now) {
  struct buf line;
  buf_init(&line, LOG_LINE_BYTES);
  append_what_failed(&line, c, v, trouble);
  buf_append_text(&line, ": ");
  advice_append_cause(&line, v, c->device->endpoint);
  buf_append_text(&line, ": ");
  advice_append(&line, v, c->device->endpoint, now.wall_ms / 1000);
  append_next(&line, c, v, now);
  if (trouble == TROUBLE_CREDENTIALS)
    log_error("%s", buf_text(&line));
  else
    log_warning("%s", buf_text(&line));
  buf_free(&line);
}

void lines_write_endpoint_recovery(const struct endpoint *e) {
  log_warning("endpoint \"%s\": it works again", e->name);
}

void lines_write_device_recovery(const struct device *d) {
  log_warning("device \"%s\" (%s): it accepts commands again", d->name,
              d->device_id);
}

void lines_write_circuit_open(const struct endpoint *e,
                              const struct verdict *last, int64_t next_ms) {
  struct buf why;
  buf_init(&why, LOG_LINE_BYTES);
  advice_append_cause(&why, last, e);
  log_warning("endpoint \"%s\": the circuit is open, since several attempts in "
              "a row failed, the last with: %s; commands wait; the next "
              "attempt is in %lld s",
              e->name, buf_text(&why), seconds_of(next_ms));
  buf_free(&why);
}

void lines_write_circuit_closed(const struct endpoint *e) {
  log_warning("endpoint \"%s\": the circuit is closed: it works again",
              e->name);
}

/* Masks the value: a header of the configuration may hold a secret, too. */
static void log_masked(const char *header) {
  log_info("dry run: %.*s: ***", (int)strcspn(header, ":"), header);
}

static void log_body(const struct request *r, const struct body *body) {
  const void *data;
  size_t size;
  struct buf text;
  request_body(r, body, &data, &size);
  /* A longer body is cut, since a line of collectd's log holds no more. */
  buf_init(&text, LOG_LINE_BYTES);
  buf_append_json(&text, data, size);
  log_info("dry run: body (%zu bytes): %s", size, buf_text(&text));
  buf_free(&text);
}

void lines_write_dry_request(const struct command *c, const struct request *r) {
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
  log_body(r, c->body);
}

void lines_write_dry_failure(const struct command *c, const char *why) {
  log_error("dry run: rule \"%s\", device \"%s\": could not be sent: %s",
            c->policy->rule, c->device->name, why);
}

void lines_write_dry_wait(const struct command *c) {
  log_info("dry run: command %lld: rule \"%s\", device \"%s\": waits for its "
           "cooldown, a limit, or its turn",
           (long long)c->id, c->policy->rule, c->device->name);
}

void lines_write_dry_after(const struct policy *policy,
                           const struct device *device) {
  log_info("dry run: rule \"%s\", device \"%s\": waits until its state has "
           "held for %d s (After)",
           policy->rule, device->name, policy->after_s);
}

void lines_write_dry_ignored(const char *rule, const struct device *device,
                             const char *reason) {
  if (device == NULL)
    log_info("dry run: an event is ignored: %s", reason);
  else
    log_info("dry run: rule \"%s\", device \"%s\": the event is ignored: %s",
             rule, device->name, reason);
}
