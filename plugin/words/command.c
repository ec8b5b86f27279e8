/* SPDX-License-Identifier: MIT */
#include "words/command.h"

#include "base/pool.h"
#include "base/shared_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_EXPIRE_S 3600

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_ACCEPTED] = "accepted",     [OUTCOME_REFUSED] = "refused",
    [OUTCOME_UNKNOWN] = "unknown",       [OUTCOME_EXPIRED] = "expired",
    [OUTCOME_SUPERSEDED] = "superseded", [OUTCOME_UNCHANGED] = "unchanged",
    [OUTCOME_DROPPED] = "dropped",       [OUTCOME_CANCELLED] = "cancelled",
};

static const char *const state_names[] = {
    [COMMAND_WAITING] = "waiting",
    [COMMAND_IN_FLIGHT] = "in_flight",
    [COMMAND_FINISHED] = "finished",
};

const char *command_state_name(enum command_state state) {
  return state_names[state];
}

const char *outcome_name(enum outcome outcome) {
  return outcome_names[outcome];
}

int outcome_parse(const char *name, enum outcome *ret_outcome) {
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    if (strcmp(name, outcome_names[i]) == 0) {
      *ret_outcome = (enum outcome)i;
      return 0;
    }
  }
  return -EINVAL;
}

struct body *body_new(const void *data, size_t size) {
  struct body *b = malloc(sizeof *b + size);
  if (b == NULL)
    return NULL;
  *b = (struct body){.references = 1, .size = (uint32_t)size};
  if (size > 0)
    memcpy(b->data, data, size);
  return b;
}

struct body *body_ref(struct body *b) {
  if (b != NULL)
    b->references++;
  return b;
}

void body_unref(struct body *b) {
  if (b != NULL && --b->references == 0)
    free(b);
}

bool body_equals(const struct body *a, const struct body *b) {
  if (a == NULL || b == NULL)
    return a == b;
  return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

void body_share(struct body **b, struct body *same) {
  if (!body_equals(*b, same))
    return;
  body_ref(same);
  body_unref(*b);
  *b = same;
}

int policy_timeout_s(const struct policy *p, const struct device *d) {
  return p->timeout_s != POLICY_DEFAULT ? p->timeout_s : d->timeout_s;
}

int policy_expire_s(const struct policy *p, const struct device *d) {
  int timeout_s = policy_timeout_s(p, d);
  if (p->expire_s == POLICY_DEFAULT)
    return timeout_s > 0 ? timeout_s : DEFAULT_EXPIRE_S;
  /* The configuration can not check the Timeout of a device that a template
   * finds. A command is not worth sending once OneNET would not keep it any
   * longer. */
  if (timeout_s > 0 && (p->expire_s == 0 || p->expire_s > timeout_s))
    return timeout_s;
  return p->expire_s;
}

int policy_repeat_s(const struct policy *p, const struct device *d) {
  int timeout_s = policy_timeout_s(p, d);
  if (p->repeat_s != POLICY_DEFAULT)
    return p->repeat_s;
  return timeout_s > 0 ? timeout_s : POLICY_DEFAULT;
}

bool policy_is_timed(const struct policy *p) {
  return p->after_s > 0 || p->until_s > 0;
}

static size_t body_bytes(struct firing_body b) {
  return b.data != NULL ? sizeof(struct body) + b.size : 0;
}

/* Writes the body to where it belongs, and returns it; NULL if there is none.
 */
static const struct body *write_body(void *place, struct firing_body b) {
  struct body *body = place;
  if (b.data == NULL)
    return NULL;
  *body = (struct body){.references = 1, .size = (uint32_t)b.size};
  memcpy(body->data, b.data, b.size);
  return body;
}

/* Rounds up to where a body may begin. */
static size_t align(size_t offset) {
  size_t alignment = _Alignof(struct body);
  return (offset + alignment - 1) / alignment * alignment;
}

struct firing *firing_new(const char *series, struct firing_body body,
                          struct firing_body okay_body) {
  size_t series_bytes = strlen(series) + 1;
  size_t body_at = align(sizeof(struct firing) + series_bytes);
  size_t okay_at = align(body_at + body_bytes(body));
  struct firing *f = malloc(okay_at + body_bytes(okay_body));
  if (f == NULL)
    return NULL;
  *f = (struct firing){.body = write_body((char *)f + body_at, body),
                       .okay_body = write_body((char *)f + okay_at, okay_body)};
  memcpy(f->series, series, series_bytes);
  return f;
}

void firing_free(struct firing *f) { free(f); }

/* Commands of all lanes: slots and series stay when a queue has emptied, and
 * would hold its pages if commands lay among them. */
static struct pool commands = POOL_OF(sizeof(struct command));

struct command *command_new(void) {
  return pool_take(&commands);
}

void command_free(struct command *c) {
  if (c == NULL)
    return;
  body_unref(c->body);
  if (c->attempt != NULL)
    body_unref(c->attempt->reply);
  free(c->attempt);
  shared_text_unref(c->slot_key);
  shared_text_unref(c->series);
  pool_give(&commands, c);
}

bool command_is_fleeting(const struct command *c) {
  return c->state == COMMAND_FINISHED && c->outcome == OUTCOME_SUPERSEDED &&
         !c->change.is_told && !c->is_ordered;
}

int command_make_attempt(struct command *c) {
  if (c->attempt == NULL)
    c->attempt = calloc(1, sizeof *c->attempt);
  return c->attempt != NULL ? 0 : -ENOMEM;
}

struct moment command_sent(const struct command *c) {
  return c->attempt != NULL ? c->attempt->sent : (struct moment){0};
}

const struct verdict *command_verdict(const struct command *c) {
  static const struct verdict none;
  return c->attempt != NULL ? &c->attempt->verdict : &none;
}

const struct body *command_reply(const struct command *c) {
  return c->attempt != NULL ? c->attempt->reply : NULL;
}

const char *command_why(const struct command *c) {
  const char *error = command_verdict(c)->error;
  return error[0] == '\0' && c->why != NULL ? c->why : error;
}

bool command_is_kept_here(const struct command *c) {
  return c->timeout_s > 0 && !c->device->endpoint->keeps_commands;
}

int command_remaining_timeout_s(const struct command *c, int64_t now_ms) {
  if (c->timeout_s == 0)
    return 0;
  int64_t passed_ms = now_ms > c->valid_from_ms ? now_ms - c->valid_from_ms : 0;
  int64_t remaining_ms = (int64_t)c->timeout_s * 1000 - passed_ms;
  return remaining_ms > 1000 ? (int)((remaining_ms + 999) / 1000) : 1;
}
