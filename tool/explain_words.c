/* SPDX-License-Identifier: MIT
 *
 * explain_words says to people what rules make of an event. A part of
 * `explanation`.
 */
#include "explanation.h"

#include "base/one_line.h"
#include "cloud/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (4 * COMMAND_BODY_MAX_BYTES + 4096)

/* ---- lines ---- */

/* Writes one line. What came from outside can not break it. */
static void write_line(const struct buf *line, int indent) {
  struct buf valid;
  buf_init(&valid, 3 * LINE_MAX_BYTES);
  buf_append_utf8(&valid, buf_text(line), line->size);
  if (valid.size > 0)
    one_line_blank(valid.data, valid.size);
  printf("%*s%s\n", indent, "", buf_text(&valid));
  buf_free(&valid);
}

static void say(int indent, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(int indent, const char *format, ...) {
  char text[2 * REHEARSAL_WHY_BYTES];
  struct buf line;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  buf_init(&line, LINE_MAX_BYTES);
  buf_append_text(&line, text);
  write_line(&line, indent);
  buf_free(&line);
}

/* ---- the event and the ground ---- */

static void say_event(const struct explanation *x) {
  const struct event *e = &x->event;
  char series[EVENT_SERIES_BYTES];
  struct buf value;
  buf_init(&value, 400);
  event_format_series(e, series);
  if (e->has_value)
    template_append_number(&value, e->value);
  say(0, "event: %s, %s%s%s", series, event_severity_name(e->severity),
      e->has_value ? ", value " : "", buf_text(&value));
  buf_free(&value);
}

static void say_ground(const struct explanation *x) {
  const char *path = x->options->ledger_path;
  if (x->ground == GROUND_UNKNOWN)
    say(0, "states: not known: %s", x->why);
  else if (x->ground == GROUND_NOTHING)
    say(0, "states: none: there is no ledger %s yet", path);
  else if (x->agent > 0)
    say(0, "states: of ledger %s, which process %ld has open", path, x->agent);
  else
    say(0,
        "states: of ledger %s; no agent runs: they are those of the next "
        "start",
        path);
  if (x->ground != GROUND_UNKNOWN)
    say(0, "assumed: each endpoint works, and its RateLimit is not used up");
}

/* ---- slots ---- */

static void append_counts(const struct slot_sight *s, struct buf *out) {
  static const char *const names[SEVERITY_COUNT] = {
      [SEVERITY_OKAY] = "OKAY",
      [SEVERITY_WARNING] = "WARNING",
      [SEVERITY_FAILURE] = "FAILURE",
      [SEVERITY_VALUE] = "values"};
  const char *between = " (series: ";
  for (int i = SEVERITY_COUNT - 1; i >= 0; i--) {
    if (s->series[i] == 0)
      continue;
    buf_append_format(out, "%s%zu %s", between, s->series[i], names[i]);
    between = ", ";
  }
  buf_append_text(out, between[0] == ',' ? ")" : "");
}

static void append_time_of(const struct explanation *x, const char *what,
                           int64_t ms, struct buf *out) {
  buf_append_text(out, what);
  explanation_append_time(x, ms, out);
}

static void append_accepted(const struct explanation *x,
                            const struct slot_sight *s, struct buf *out) {
  if (s->accepted == NULL) {
    buf_append_text(out, "; what its device accepted last is not known");
    return;
  }
  append_time_of(x, "; its device accepted at ", s->accepted_ms, out);
  buf_append_text(out, ": ");
  buf_append(out, s->accepted->data, s->accepted->size);
  if (s->is_void)
    buf_append_text(out, " (void: another command went to the device since)");
}

static void append_slot(const struct explanation *x, const struct slot_sight *s,
                        struct buf *out) {
  buf_append_format(out, "slot: %s", event_severity_name(s->severity));
  append_time_of(x, " since ", s->since_ms, out);
  append_counts(s, out);
  append_accepted(x, s, out);
  if (s->cooldown_until_ms > x->now.ms)
    append_time_of(x, "; cooldown until ", s->cooldown_until_ms, out);
  if (s->due_ms != COMMAND_NEVER_MS)
    append_time_of(x, "; After or Until ends at ", s->due_ms, out);
  if (s->in_flight_id != 0)
    buf_append_format(out, "; command %" PRId64 " is in flight",
                      s->in_flight_id);
  if (s->waiting_id != 0)
    buf_append_format(out, "; command %" PRId64 " waits", s->waiting_id);
  if (s->owes)
    buf_append_text(out, "; it owes its state, since a command was dropped");
}

static void say_slot(const struct explanation *x, const struct fate *fate) {
  struct buf line;
  if (x->rehearsal == NULL)
    return;
  if (!fate->before.is_known) {
    say(4, "slot: nothing is recorded of it");
    return;
  }
  buf_init(&line, LINE_MAX_BYTES);
  append_slot(x, &fate->before, &line);
  write_line(&line, 4);
  buf_free(&line);
}

/* ---- requests ---- */

static void say_headers(const struct command *c) {
  const struct endpoint *e = c->device->endpoint;
  say(6, "%s", explanation_credential_header(e));
  say(6, "Content-Type: %s", request_content_type(c));
  for (char **own = e->headers; own != NULL && *own != NULL; own++)
    say(6, "%.*s: ***", (int)strcspn(*own, ":"), *own);
}

/* Shows a text as it is, and other bytes in hex. */
static void say_body(const void *data, size_t size) {
  bool is_text = buf_is_utf8(data, size);
  struct buf line;
  buf_init(&line, LINE_MAX_BYTES);
  if (is_text)
    buf_append(&line, data, size);
  else
    explanation_append_hex(data, size, &line);
  say(6, "body, %zu bytes%s:", size, is_text ? "" : ", in hex");
  write_line(&line, 6);
  buf_free(&line);
}

static void say_request(const struct explanation *x, const struct command *c) {
  struct request r;
  struct verdict unsent;
  const void *data;
  size_t size;
  request_init(&r, c->device->endpoint);
  if (request_build(&r, c, x->now.ms, &unsent) < 0) {
    say(4, "request: can not be made: %s", unsent.error);
  } else {
    request_body(&r, c->body, &data, &size);
    say(4, "request: POST %s", buf_text(&r.url));
    say_headers(c);
    say_body(data, size);
  }
  request_free(&r);
}

/* ---- rules ---- */

static void say_device(const struct device *d) {
  say(2, "device \"%s\" (%s) at endpoint \"%s\"", d->name, d->device_id,
      d->endpoint->name);
}

/* Says so where the slot asks for the body of another series than the event's,
 * since that one is in a worse state. */
static void say_other_body(const struct fate *fate) {
  if (fate->command == NULL || fate->command->body == NULL ||
      fate->sample == NULL ||
      body_equals(fate->command->body, fate->sample->body))
    return;
  say(4,
      "what is sent is the body of the slot's state, %s, and not that of "
      "this event",
      event_severity_name(fate->command->severity));
}

static void say_firing(const struct explanation *x, const struct fate *fate) {
  const struct command *shown = explanation_shown(fate);
  struct buf line;
  buf_init(&line, LINE_MAX_BYTES);
  say_device(fate->device);
  say_slot(x, fate);
  explanation_append_fate(x, fate, &line);
  write_line(&line, 4);
  buf_free(&line);
  say_other_body(fate);
  if (shown != NULL)
    say_request(x, shown);
}

static void say_ignored(const struct finding *f) {
  struct buf line;
  buf_init(&line, LINE_MAX_BYTES);
  explanation_append_reason(f->reason, &line);
  if (f->detail != NULL)
    buf_append_format(&line, ": %s", f->detail);
  if (f->device != NULL)
    say_device(f->device);
  write_line(&line, f->device != NULL ? 4 : 2);
  buf_free(&line);
}

static void say_gap(const struct answer *a) {
  if (a->gap.has == NULL)
    say(0, "rule \"%s\": does not fire: it has no %s", rule_name(a->rule),
        a->gap.option);
  else
    say(0, "rule \"%s\": does not fire: %s must be %s, and is \"%s\"",
        rule_name(a->rule), a->gap.option, a->wanted, a->gap.has);
}

static void say_head(const struct explanation *x, const struct answer *a) {
  const char *name = rule_name(a->rule);
  if (a->gap.option == NULL)
    say(0, "rule \"%s\": %s", name,
        explanation_fires(a) ? "fires" : "matches, and ignores it");
  else
    say(0,
        "rule \"%s\": fires, whatever the DataSource of an OKAY, %s a state of "
        "its series",
        name, x->rehearsal != NULL ? "since it has" : "if it has");
}

static void say_answer(const struct explanation *x, const struct answer *a) {
  if (a->findings == NULL) {
    say_gap(a);
    return;
  }
  say_head(x, a);
  for (const struct finding *f = a->findings; f != NULL; f = f->next) {
    if (f->is_firing)
      say_firing(x, &f->fate);
    else
      say_ignored(f);
  }
}

int explain_words_write(const struct explanation *x) {
  say_event(x);
  if (x->is_own) {
    say(0, "no rule sees it: it is an event of the plugin's own");
    return 0;
  }
  if (x->is_truncated) {
    say(0, "no rule sees it: its message has exactly 255 bytes, so that "
           "threshold may have overwritten where it comes from");
    return 0;
  }
  say_ground(x);
  for (size_t i = 0; i < rule_book_count(x->options->rules); i++)
    say_answer(x, &x->answers[i]);
  return fflush(stdout) == 0 ? 0 : -errno;
}
