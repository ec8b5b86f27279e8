/* SPDX-License-Identifier: MIT */
#include "words/tracked.h"

#include "base/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *text;
  bool is_final;
  enum tracked_end end;
} statuses[TRACKED_STATUSES] = {
    [TRACKED_NOT_ONLINE] = {"device not online", true, TRACKED_END_UNDELIVERED},
    [TRACKED_CREATED] = {"command created", false, TRACKED_END_UNDELIVERED},
    [TRACKED_SENT] = {"command sent", false, TRACKED_END_UNANSWERED},
    [TRACKED_FAILED] = {"send command failed", true, TRACKED_END_UNDELIVERED},
    [TRACKED_ANSWERED] = {"command response received", true,
                          TRACKED_END_ANSWERED},
    [TRACKED_NOT_ANSWERED] = {"command response timeout", true,
                              TRACKED_END_UNANSWERED},
    [TRACKED_TOO_LARGE] = {"command response too large", true,
                           TRACKED_END_UNANSWERED},
};

struct tracked *tracked_new(const char *slot_key) {
  struct tracked *t = calloc(1, sizeof *t);
  char *own_key = strdup(slot_key);
  if (t == NULL || own_key == NULL) {
    free(t);
    free(own_key);
    return NULL;
  }
  t->change.kind = CHANGE_TRACKED;
  t->slot_key = own_key;
  t->status = TRACKED_CREATED;
  t->next_index = HEAP_OUTSIDE;
  t->age_index = HEAP_OUTSIDE;
  return t;
}

struct tracked *tracked_new_of(const struct command *c) {
  struct tracked *t = tracked_new(c->slot_key);
  if (t == NULL)
    return NULL;
  t->id = c->id;
  t->policy = c->policy;
  t->device = c->device;
  snprintf(t->cmd_uuid, sizeof t->cmd_uuid, "%s", command_verdict(c)->cmd_uuid);
  t->created = c->created;
  t->until_ms = c->finished.ms + TRACKED_GRACE_MS +
                (int64_t)command_remaining_timeout_s(c, c->finished.ms) * 1000;
  t->status_ms = c->finished.ms;
  return t;
}

void tracked_free(struct tracked *t) {
  if (t == NULL)
    return;
  body_unref(t->answer);
  free(t->slot_key);
  free(t);
}

const char *tracked_status_text(enum tracked_status status) {
  return statuses[status].text;
}

bool tracked_status_is_final(enum tracked_status status) {
  return statuses[status].is_final;
}

enum tracked_end tracked_end_of(const struct tracked *one) {
  bool is_known = one->cause[0] == '\0' || statuses[one->status].is_final;
  return is_known ? statuses[one->status].end : TRACKED_END_NOT_KNOWN;
}

const char *tracked_end_name(enum tracked_end end) {
  static const char *const names[TRACKED_ENDS] = {
      [TRACKED_END_ANSWERED] = "answered",
      [TRACKED_END_UNANSWERED] = "unanswered",
      [TRACKED_END_UNDELIVERED] = "undelivered",
      [TRACKED_END_NOT_KNOWN] = "not known"};
  return names[end];
}
