/* SPDX-License-Identifier: MIT */
#include "agent/roster.h"

#include <stdlib.h>

/* Links of one device in a list. */
struct link {
  uint32_t before;
  uint32_t after;
};

/* Lists of devices by device.index. Each is a ring: its head is the link behind
 * the last device. */
enum list {
  LIST_ACTIVE, /* the longest silent first, which leaves next */
  LIST_PLACE,  /* reported, or waiting for a place */
  LIST_COUNT
};

struct entry {
  int64_t last_ms;
  struct link links[LIST_COUNT];
  bool is_active;
  bool is_reported;
};

struct roster {
  const struct directory *directory;
  size_t max;
  size_t reported;
  size_t unreported;
  uint32_t active; /* heads of the lists: entries behind those of the devices */
  uint32_t places;
  uint32_t waiting;
  struct entry *entries; /* by device.index, and three heads */
};

#define HEADS 3

/* ---- lists ---- */

static struct link *link_of(const struct roster *r, enum list list,
                            uint32_t index) {
  return &r->entries[index].links[list];
}

static void make_empty(struct roster *r, enum list list, uint32_t head) {
  *link_of(r, list, head) = (struct link){head, head};
}

static void append(struct roster *r, enum list list, uint32_t head,
                   uint32_t index) {
  uint32_t last = link_of(r, list, head)->before;
  *link_of(r, list, index) = (struct link){last, head};
  link_of(r, list, last)->after = index;
  link_of(r, list, head)->before = index;
}

static void take_out(struct roster *r, enum list list, uint32_t index) {
  struct link *link = link_of(r, list, index);
  link_of(r, list, link->before)->after = link->after;
  link_of(r, list, link->after)->before = link->before;
}

/* ---- life ---- */

static void report_device(struct roster *r, uint32_t index) {
  append(r, LIST_PLACE, r->places, index);
  r->entries[index].is_reported = true;
  r->reported++;
}

static void report_declared(struct roster *r) {
  for (size_t i = 0; i < directory_device_count(r->directory); i++)
    if (directory_device(r->directory, i)->declared && r->reported < r->max)
      report_device(r, (uint32_t)i);
}

struct roster *roster_new(const struct directory *directory, size_t max) {
  struct roster *r = calloc(1, sizeof *r);
  size_t count = directory_device_count(directory);
  if (r == NULL)
    return NULL;
  r->entries = calloc(count + HEADS, sizeof *r->entries);
  if (r->entries == NULL) {
    free(r);
    return NULL;
  }
  r->directory = directory;
  r->max = max;
  r->active = (uint32_t)count;
  r->places = r->active + 1;
  r->waiting = r->active + 2;
  make_empty(r, LIST_ACTIVE, r->active);
  make_empty(r, LIST_PLACE, r->places);
  make_empty(r, LIST_PLACE, r->waiting);
  report_declared(r);
  return r;
}

void roster_free(struct roster *r) {
  if (r == NULL)
    return;
  free(r->entries);
  free(r);
}

/* ---- activity ---- */

static void begin_activity(struct roster *r, uint32_t index) {
  struct entry *e = &r->entries[index];
  e->is_active = true;
  if (e->is_reported)
    return;
  if (r->reported < r->max) {
    report_device(r, index);
    return;
  }
  append(r, LIST_PLACE, r->waiting, index);
  r->unreported++;
}

void roster_note_active(struct roster *r, const struct device *d,
                        int64_t now_ms) {
  uint32_t index = (uint32_t)d->index;
  struct entry *e = &r->entries[index];
  if (e->is_active)
    take_out(r, LIST_ACTIVE, index);
  else
    begin_activity(r, index);
  e->last_ms = now_ms;
  append(r, LIST_ACTIVE, r->active, index);
}

static void end_activity(struct roster *r, uint32_t index) {
  struct entry *e = &r->entries[index];
  take_out(r, LIST_ACTIVE, index);
  e->is_active = false;
  if (e->is_reported && directory_device(r->directory, index)->declared)
    return;
  take_out(r, LIST_PLACE, index);
  if (e->is_reported)
    r->reported--;
  else
    r->unreported--;
  e->is_reported = false;
}

void roster_turn(struct roster *r, int64_t now_ms) {
  uint32_t index;
  while ((index = link_of(r, LIST_ACTIVE, r->active)->after) != r->active &&
         now_ms - r->entries[index].last_ms > ROSTER_ACTIVE_MS)
    end_activity(r, index);
  while (r->reported < r->max &&
         (index = link_of(r, LIST_PLACE, r->waiting)->after) != r->waiting) {
    take_out(r, LIST_PLACE, index);
    r->unreported--;
    report_device(r, index);
  }
}

/* ---- reading ---- */

bool roster_has(const struct roster *r, const struct device *d) {
  return r->entries[d->index].is_reported;
}

static const struct device *after(const struct roster *r, uint32_t index) {
  uint32_t next = link_of(r, LIST_PLACE, index)->after;
  return next == r->places ? NULL : directory_device(r->directory, next);
}

const struct device *roster_first(const struct roster *r) {
  return after(r, r->places);
}

const struct device *roster_next(const struct roster *r,
                                 const struct device *d) {
  return after(r, (uint32_t)d->index);
}

size_t roster_reported(const struct roster *r) { return r->reported; }

size_t roster_unreported(const struct roster *r) { return r->unreported; }
