/* SPDX-License-Identifier: MIT */
#include "words/journal.h"

#include <stddef.h>

/* A pointer to a change must also be a pointer to the thing that begins with
 * it. */
_Static_assert(offsetof(struct command, change) == 0, "first in a command");
_Static_assert(offsetof(struct slot, change) == 0, "first in a slot");
_Static_assert(offsetof(struct series, change) == 0, "first in a series");
_Static_assert(offsetof(struct account, change) == 0, "first in an account");
_Static_assert(offsetof(struct tracked, change) == 0, "first in a tracked");
_Static_assert(offsetof(struct order, change) == 0, "first in an order");

void journal_init(struct journal *j) {
  j->first = NULL;
  j->end = &j->first;
}

void journal_note(struct journal *j, struct change *change) {
  if (change->is_noted)
    return;
  change->is_noted = true;
  change->next = NULL;
  *j->end = change;
  j->end = &change->next;
}

void journal_note_last(struct journal *j, struct change *change) {
  change->is_last = true;
  journal_note(j, change);
}

static void free_thing(struct change *change) {
  switch (change->kind) {
  case CHANGE_COMMAND:
    command_free(journal_command(change));
    break;
  case CHANGE_SLOT:
    slot_free(journal_slot(change));
    break;
  case CHANGE_SERIES:
    slot_free_series(journal_series(change));
    break;
  case CHANGE_TRACKED:
    tracked_free(journal_tracked(change));
    break;
  case CHANGE_ORDER:
    order_free(journal_order(change));
    break;
  case CHANGE_ACCOUNT:
    break;
  }
}

static void release(struct change *change) {
  struct command *command = journal_command(change);
  struct tracked *tracked = journal_tracked(change);
  change->is_noted = false;
  change->is_told = true;
  if (command != NULL)
    command->has_ended_attempt = false;
  if (tracked != NULL)
    tracked->has_news = false;
  if (change->is_last)
    free_thing(change);
}

void journal_clear(struct journal *j) {
  for (struct change *change = j->first, *next; change != NULL; change = next) {
    next = change->next;
    release(change);
  }
  journal_init(j);
}

static void *thing_of(struct change *change, enum change_kind kind) {
  return change->kind == kind ? change : NULL;
}

struct command *journal_command(struct change *change) {
  return thing_of(change, CHANGE_COMMAND);
}

struct slot *journal_slot(struct change *change) {
  return thing_of(change, CHANGE_SLOT);
}

struct series *journal_series(struct change *change) {
  return thing_of(change, CHANGE_SERIES);
}

struct account *journal_account(struct change *change) {
  return thing_of(change, CHANGE_ACCOUNT);
}

struct tracked *journal_tracked(struct change *change) {
  return thing_of(change, CHANGE_TRACKED);
}

struct order *journal_order(struct change *change) {
  return thing_of(change, CHANGE_ORDER);
}
