/* SPDX-License-Identifier: MIT */
#include "agent/uuids.h"

#include <stdlib.h>
#include <string.h>

struct series {
  const struct device *device;
  char cmd_uuid[VERDICT_UUID_BYTES];
  enum tracked_status status;
  int64_t changed_ms;
};

struct uuids {
  struct series series[UUIDS_MAX]; /* a ring */
  size_t oldest;
  size_t count;
};

struct uuids *uuids_new(void) {
  return calloc(1, sizeof(struct uuids));
}

void uuids_free(struct uuids *u) { free(u); }

size_t uuids_count(const struct uuids *u) { return u->count; }

/* Returns the place of a series, by the order in which they began. */
static struct series *place(struct uuids *u, size_t i) {
  return &u->series[(u->oldest + i) % UUIDS_MAX];
}

static void drop_oldest(struct uuids *u) {
  u->oldest = (u->oldest + 1) % UUIDS_MAX;
  u->count--;
}

/* Looks at the newest first, since most changes are of these. */
static struct series *find(struct uuids *u, const char *cmd_uuid) {
  for (size_t i = u->count; i-- > 0;)
    if (strcmp(place(u, i)->cmd_uuid, cmd_uuid) == 0)
      return place(u, i);
  return NULL;
}

static struct series *add(struct uuids *u, const struct news *one) {
  if (u->count == UUIDS_MAX)
    drop_oldest(u);
  struct series *series = place(u, u->count++);
  series->device = one->device;
  memcpy(series->cmd_uuid, one->verdict.cmd_uuid, sizeof series->cmd_uuid);
  return series;
}

void uuids_note(struct uuids *u, const struct news *one, int64_t now_ms) {
  struct series *series = NULL;
  if (one->outcome != OUTCOME_ACCEPTED || one->verdict.cmd_uuid[0] == '\0')
    return;
  if (one->kind != NEWS_OUTCOME)
    series = find(u, one->verdict.cmd_uuid);
  if (series == NULL)
    series = add(u, one);
  series->status = one->status;
  series->changed_ms = now_ms;
}

static bool is_over(const struct series *series, int64_t now_ms) {
  return now_ms > series->changed_ms + UUIDS_KEPT_MS;
}

void uuids_each(struct uuids *u, int64_t now_ms, uuids_visit_fn *visit,
                void *context) {
  while (u->count > 0 && is_over(place(u, 0), now_ms))
    drop_oldest(u);
  for (size_t i = 0; i < u->count; i++) {
    const struct series *series = place(u, i);
    if (!is_over(series, now_ms))
      visit(context, series->device, series->cmd_uuid, series->status);
  }
}
