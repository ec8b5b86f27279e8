/* SPDX-License-Identifier: MIT
 *
 * explain_json writes what rules make of an event as a JSON array. A part of
 * `explanation`.
 */
#include "explanation.h"

#include "cloud/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JSON_MAX_BYTES (256 << 20)

/* ---- members ---- */

/* Appends a comma, unless the member is the first of its object. */
static void append_comma(struct buf *out) {
  char last = out->size > 0 ? out->data[out->size - 1] : '[';
  if (last != '{' && last != '[')
    buf_append_byte(out, ',');
}

static void append_name(struct buf *out, const char *name) {
  append_comma(out);
  buf_append_format(out, "\"%s\":", name);
}

static void append_bytes(struct buf *out, const void *data, size_t size) {
  buf_append_byte(out, '"');
  buf_append_json(out, data, size);
  buf_append_byte(out, '"');
}

static void add_text(struct buf *out, const char *name, const char *text) {
  append_name(out, name);
  if (text == NULL)
    buf_append_text(out, "null");
  else
    append_bytes(out, text, strlen(text));
}

static void add_bool(struct buf *out, const char *name, bool is) {
  append_name(out, name);
  buf_append_text(out, is ? "true" : "false");
}

/* Adds an id; 0: none. */
static void add_id(struct buf *out, const char *name, int64_t id) {
  append_name(out, name);
  if (id == 0)
    buf_append_text(out, "null");
  else
    buf_append_format(out, "%lld", (long long)id);
}

/* Adds a time in seconds since 1970. */
static void add_time(const struct explanation *x, struct buf *out,
                     const char *name, bool is_known, int64_t ms) {
  int64_t wall_ms = x->now.wall_ms + (ms - x->now.ms);
  append_name(out, name);
  if (is_known)
    buf_append_format(out, "%lld.%03d", (long long)(wall_ms / 1000),
                      (int)(wall_ms % 1000));
  else
    buf_append_text(out, "null");
}

/* Adds a body, whose name tells whether it is text or in hex. */
static void add_body(struct buf *out, const char *text_name,
                     const char *hex_name, const void *data, size_t size) {
  bool is_text = buf_is_utf8(data, size);
  append_name(out, is_text ? text_name : hex_name);
  buf_append_byte(out, '"');
  if (is_text)
    buf_append_json(out, data, size);
  else
    explanation_append_hex(data, size, out);
  buf_append_byte(out, '"');
}

/* ---- slots ---- */

static void add_accepted(const struct explanation *x, struct buf *out,
                         const struct slot_sight *s) {
  bool is_known = s->accepted != NULL;
  add_time(x, out, "accepted_at", is_known, s->accepted_ms);
  if (!is_known)
    return;
  add_body(out, "accepted_body", "accepted_body_hex", s->accepted->data,
           s->accepted->size);
  add_bool(out, "accepted_is_void", s->is_void);
}

static void add_slot(const struct explanation *x, struct buf *out,
                     const struct slot_sight *s) {
  append_name(out, "slot");
  if (!s->is_known) {
    buf_append_text(out, "null");
    return;
  }
  buf_append_byte(out, '{');
  add_text(out, "severity", event_severity_name(s->severity));
  add_text(out, "series", s->speaker);
  add_time(x, out, "since_at", true, s->since_ms);
  for (int i = 0; i < SEVERITY_COUNT; i++) {
    append_name(out, event_severity_name((enum severity)i));
    buf_append_format(out, "%zu", s->series[i]);
  }
  add_accepted(x, out, s);
  add_time(x, out, "cooldown_until", s->cooldown_until_ms > x->now.ms,
           s->cooldown_until_ms);
  add_id(out, "in_flight", s->in_flight_id);
  add_id(out, "waiting", s->waiting_id);
  buf_append_byte(out, '}');
}

/* ---- requests ---- */

/* Appends a header whose value is masked. */
static void append_masked(struct buf *out, const char *header) {
  append_comma(out);
  buf_append_byte(out, '"');
  buf_append_json(out, header, strcspn(header, ":"));
  buf_append_text(out, ": ***\"");
}

static void add_headers(struct buf *out, const struct command *c) {
  const struct endpoint *e = c->device->endpoint;
  append_name(out, "headers");
  buf_append_byte(out, '[');
  append_masked(out, explanation_credential_header(e));
  for (char **own = e->headers; own != NULL && *own != NULL; own++)
    append_masked(out, *own);
  buf_append_byte(out, ']');
  add_text(out, "content_type", request_content_type(c));
}

static void add_built(struct buf *out, const struct request *r,
                      const struct command *c) {
  const void *data;
  size_t size;
  request_body(r, c->body, &data, &size);
  add_text(out, "method", "POST");
  add_text(out, "url", buf_text(&r->url));
  add_headers(out, c);
  add_body(out, "body", "body_hex", data, size);
}

static void add_request(const struct explanation *x, struct buf *out,
                        const struct command *c) {
  struct request r;
  struct verdict unsent;
  request_init(&r, c->device->endpoint);
  if (request_build(&r, c, x->now.ms, &unsent) < 0)
    add_text(out, "request_error", unsent.error);
  else
    add_built(out, &r, c);
  request_free(&r);
}

/* ---- rules ---- */

static void add_device(struct buf *out, const struct device *d) {
  add_text(out, "device", d != NULL ? d->name : NULL);
  add_text(out, "device_id", d != NULL ? d->device_id : NULL);
  add_text(out, "endpoint", d != NULL ? d->endpoint->name : NULL);
}

static void add_firing(const struct explanation *x, struct buf *out,
                       const struct fate *fate) {
  const struct command *shown = explanation_shown(fate);
  struct buf why;
  buf_init(&why, JSON_MAX_BYTES);
  const char *word = explanation_append_fate(x, fate, &why);
  add_device(out, fate->device);
  add_slot(x, out, &fate->before);
  add_text(out, "becomes", word);
  add_text(out, "ignored",
           fate->ignored < IGNORED_REASONS ? ignored_name(fate->ignored)
                                           : NULL);
  add_text(out, "why", buf_text(&why));
  add_id(out, "supersedes", fate->superseded_id);
  if (shown != NULL)
    add_request(x, out, shown);
  buf_free(&why);
}

static void add_ignored(struct buf *out, const struct finding *f) {
  struct buf why;
  buf_init(&why, JSON_MAX_BYTES);
  explanation_append_reason(f->reason, &why);
  if (f->detail != NULL)
    buf_append_format(&why, ": %s", f->detail);
  add_device(out, f->device);
  add_text(out, "becomes", "ignored");
  add_text(out, "ignored", ignored_name(f->reason));
  add_text(out, "why", buf_text(&why));
  buf_free(&why);
}

static void add_findings(const struct explanation *x, struct buf *out,
                         const struct answer *a) {
  append_name(out, "firings");
  buf_append_byte(out, '[');
  for (const struct finding *f = a->findings; f != NULL; f = f->next) {
    append_comma(out);
    buf_append_byte(out, '{');
    if (f->is_firing)
      add_firing(x, out, &f->fate);
    else
      add_ignored(out, f);
    buf_append_byte(out, '}');
  }
  buf_append_byte(out, ']');
}

static void append_answer(const struct explanation *x, struct buf *out,
                          const struct answer *a) {
  bool has_gap = a->gap.option != NULL && a->findings == NULL;
  append_comma(out);
  buf_append_byte(out, '{');
  add_text(out, "rule", rule_name(a->rule));
  add_bool(out, "fires", explanation_fires(a));
  add_text(out, "option", has_gap ? a->gap.option : NULL);
  add_text(out, "has", has_gap ? a->gap.has : NULL);
  add_text(out, "wants", has_gap && a->gap.has != NULL ? a->wanted : NULL);
  add_findings(x, out, a);
  buf_append_byte(out, '}');
}

int explain_json_write(const struct explanation *x) {
  struct buf out;
  buf_init(&out, JSON_MAX_BYTES);
  buf_append_byte(&out, '[');
  for (size_t i = 0; i < rule_book_count(x->options->rules); i++)
    append_answer(x, &out, &x->answers[i]);
  int status = buf_append_text(&out, "]\n");
  if (status == 0 &&
      (fwrite(out.data, 1, out.size, stdout) < out.size || fflush(stdout) != 0))
    status = -errno;
  buf_free(&out);
  return status;
}
