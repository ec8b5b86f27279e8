/* SPDX-License-Identifier: MIT */
#include "agent/unrecorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64
/* Bytes behind the last id: the number of those that follow. */
#define END_BYTES 32
#define WORD_BYTES 64

struct unrecorded_change {
  int64_t id;
  uint64_t batch;
  const char *fate; /* a literal */
};

/* ---- noting ---- */

static const char *fate_of(const struct command *c) {
  return c->state == COMMAND_FINISHED ? outcome_name(c->outcome)
                                      : command_state_name(c->state);
}

static void drop_first(struct unrecorded *u, size_t count) {
  u->count -= count;
  if (u->count > 0)
    memmove(u->changes, u->changes + count, u->count * sizeof *u->changes);
}

/* Forgets the earlier half, so that there is room for many. */
static void forget_half(struct unrecorded *u) {
  size_t half = u->count / 2;
  u->forgotten_upto = u->changes[half - 1].batch;
  drop_first(u, half);
}

static bool has_grown(struct unrecorded *u) {
  size_t room = u->room > 0 ? 2 * u->room : ROOM_MIN;
  if (room > UNRECORDED_MAX)
    room = UNRECORDED_MAX;
  void *grown = realloc(u->changes, room * sizeof *u->changes);
  if (grown == NULL)
    return false;
  u->changes = grown;
  u->room = room;
  return true;
}

static bool has_room(struct unrecorded *u) {
  if (u->count == UNRECORDED_MAX)
    forget_half(u);
  return u->count < u->room || has_grown(u);
}

void unrecorded_note(struct unrecorded *u, const struct command *c,
                     uint64_t batch) {
  if (has_room(u))
    u->changes[u->count++] = (struct unrecorded_change){
        .id = c->id, .batch = batch, .fate = fate_of(c)};
  else
    u->forgotten_upto = batch;
}

void unrecorded_settle(struct unrecorded *u, uint64_t upto) {
  size_t settled = 0;
  while (settled < u->count && u->changes[settled].batch <= upto)
    settled++;
  drop_first(u, settled);
  if (u->forgotten_upto <= upto)
    u->forgotten_upto = 0;
  if (u->count == 0)
    unrecorded_free(u);
}

void unrecorded_free(struct unrecorded *u) {
  free(u->changes);
  u->changes = NULL;
  u->count = u->room = 0;
}

/* ---- telling ---- */

/* Sorts by the id; changes of one command by their batch. */
static int compare(const void *left, const void *right) {
  const struct unrecorded_change *a = left, *b = right;
  if (a->id != b->id)
    return a->id < b->id ? -1 : 1;
  return a->batch < b->batch ? -1 : a->batch > b->batch;
}

/* Leaves the latest change of each command, sorted by the id. */
static void keep_latest(struct unrecorded *u) {
  size_t kept = 0;
  qsort(u->changes, u->count, sizeof *u->changes, compare);
  for (size_t i = 0; i < u->count; i++)
    if (i + 1 == u->count || u->changes[i].id != u->changes[i + 1].id)
      u->changes[kept++] = u->changes[i];
  u->count = kept;
}

/* Returns how many were appended. */
static size_t append_changes(const struct unrecorded *u, struct buf *out) {
  char word[WORD_BYTES];
  size_t i = 0;
  for (; i < u->count; i++) {
    int bytes = snprintf(word, sizeof word, "%s%lld %s", i == 0 ? "" : ", ",
                         (long long)u->changes[i].id, u->changes[i].fate);
    if (out->size + (size_t)bytes + END_BYTES > out->max)
      break;
    buf_append_text(out, word);
  }
  return i;
}

void unrecorded_append(struct unrecorded *u, struct buf *out) {
  if (u->count == 0)
    return;
  keep_latest(u);
  buf_append_format(out, "%s%zu command%s (",
                    u->forgotten_upto > 0 ? "at least " : "", u->count,
                    u->count == 1 ? "" : "s");
  size_t told = append_changes(u, out);
  if (told < u->count)
    buf_append_format(out, "%sand %zu more", told > 0 ? ", " : "",
                      u->count - told);
  buf_append_byte(out, ')');
}
