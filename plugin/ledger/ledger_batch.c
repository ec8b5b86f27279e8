/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_batch.h"

#include "ledger/ledger_entry.h"
#include "ledger/ledger_row.h"

#include <errno.h>
#include <stdlib.h>

void ledger_batch_init(struct ledger_batch *b) {
  *b = (struct ledger_batch){.end = &b->first};
}

static struct ledger_entry *take_first(struct ledger_batch *b) {
  struct ledger_entry *e = b->first;
  b->first = e->next;
  b->count--;
  b->bytes -= e->bytes;
  if (b->first == NULL)
    b->end = &b->first;
  return e;
}

void ledger_batch_free(struct ledger_batch *b) {
  while (b->first != NULL)
    free(take_first(b));
  ledger_batch_init(b);
}

static void append(struct ledger_batch *b, struct ledger_entry *e) {
  e->next = NULL;
  *b->end = e;
  b->end = &e->next;
  b->count++;
  b->bytes += e->bytes;
}

/* ---- adding ---- */

/* Returns whether there was memory for it. */
static bool add_row(struct ledger_batch *b, enum ledger_entry_kind kind,
                    const struct ledger_row *row) {
  struct ledger_entry *e = ledger_entry_new(kind, row);
  if (e != NULL)
    append(b, e);
  else
    b->error = -ENOMEM;
  return e != NULL;
}

static void add_command(struct ledger_batch *b, const struct command *c,
                        struct moment now) {
  struct ledger_row row;
  if (command_is_fleeting(c))
    return;
  if (c->state == COMMAND_FINISHED && c->outcome == OUTCOME_UNCHANGED &&
      !c->is_ordered) {
    ledger_row_init(&row, LEDGER_TABLE_COMMANDS);
    ledger_row_set_integer(&row, commands_id, c->id);
    add_row(b, LEDGER_ENTRY_REMOVE, &row);
    return;
  }
  ledger_row_of_command(c, now, &row);
  add_row(b,
          c->state == COMMAND_FINISHED ? LEDGER_ENTRY_FINISHED
                                       : LEDGER_ENTRY_PUT,
          &row);
}

static void add_removal(struct ledger_batch *b, enum ledger_table table,
                        int column, const char *key) {
  struct ledger_row row;
  ledger_row_init(&row, table);
  ledger_row_set_text(&row, column, key);
  add_row(b, LEDGER_ENTRY_REMOVE, &row);
}

static void add_slot(struct ledger_batch *b, const struct slot *s,
                     struct moment now) {
  struct ledger_row row;
  if (s->change.is_last) {
    add_removal(b, LEDGER_TABLE_SERIES, series_slot, s->key);
    add_removal(b, LEDGER_TABLE_SLOTS, slots_key, s->key);
    return;
  }
  ledger_row_of_slot(s, now, &row);
  add_row(b, LEDGER_ENTRY_PUT, &row);
}

static void add_series(struct ledger_batch *b, const struct series *s,
                       struct moment now) {
  struct ledger_row row;
  if (s->change.is_last) {
    ledger_row_init(&row, LEDGER_TABLE_SERIES);
    ledger_row_set_text(&row, series_slot, s->slot->key);
    ledger_row_set_text(&row, series_name, s->name);
    add_row(b, LEDGER_ENTRY_REMOVE, &row);
    return;
  }
  ledger_row_of_series(s, now, &row);
  add_row(b, LEDGER_ENTRY_PUT, &row);
}

static void add_account(struct ledger_batch *b, const struct account *a) {
  struct ledger_row row;
  ledger_row_of_account(a, &row);
  add_row(b, LEDGER_ENTRY_PUT, &row);
}

static void add_tracked(struct ledger_batch *b, const struct tracked *t,
                        struct moment now) {
  struct ledger_row row;
  ledger_row_of_tracked(t, now, &row);
  add_row(b, t->concluded ? LEDGER_ENTRY_CONCLUDED : LEDGER_ENTRY_PUT, &row);
}

/* Where there is no memory for all of the row, a body of 64 KiB in it, what
 * came of the order is put into the row that stands in the ledger. */
static void add_order(struct ledger_batch *b, const struct order *o,
                      struct moment now) {
  struct ledger_row row;
  ledger_row_of_order(o, now, &row);
  if (add_row(b, LEDGER_ENTRY_ORDER, &row))
    return;
  row.columns &= ~row.same | ledger_table_key(LEDGER_TABLE_ORDERS);
  add_row(b, LEDGER_ENTRY_ORDER, &row);
}

void ledger_batch_add(struct ledger_batch *b, struct change *change,
                      struct moment now) {
  if (b->error < 0 && change->kind != CHANGE_ORDER)
    return;
  switch (change->kind) {
  case CHANGE_COMMAND:
    add_command(b, journal_command(change), now);
    break;
  case CHANGE_SLOT:
    add_slot(b, journal_slot(change), now);
    break;
  case CHANGE_SERIES:
    add_series(b, journal_series(change), now);
    break;
  case CHANGE_ACCOUNT:
    add_account(b, journal_account(change));
    break;
  case CHANGE_TRACKED:
    add_tracked(b, journal_tracked(change), now);
    break;
  case CHANGE_ORDER:
    add_order(b, journal_order(change), now);
    break;
  }
}

void ledger_batch_add_agent(struct ledger_batch *b,
                            const struct ledger_agent *agent,
                            struct moment now) {
  struct ledger_row row;
  ledger_row_of_agent(agent, now, &row);
  add_row(b, LEDGER_ENTRY_PUT, &row);
}

void ledger_batch_add_endpoint(struct ledger_batch *b,
                               const struct ledger_endpoint *endpoint,
                               struct moment now) {
  struct ledger_row row;
  ledger_row_of_endpoint(endpoint, now, &row);
  add_row(b, LEDGER_ENTRY_PUT, &row);
}

void ledger_batch_add_jump(struct ledger_batch *b, int64_t jump_ms) {
  struct ledger_row row;
  ledger_row_init(&row, LEDGER_TABLE_COMMANDS);
  ledger_row_set_integer(&row, commands_id, jump_ms);
  add_row(b, LEDGER_ENTRY_SHIFT, &row);
}

void ledger_batch_move(struct ledger_batch *b, struct ledger_batch *from) {
  ledger_batch_init(b);
  ledger_batch_append(b, from);
}

void ledger_batch_append(struct ledger_batch *b, struct ledger_batch *from) {
  if (from->first != NULL) {
    *b->end = from->first;
    b->end = from->end;
  }
  b->count += from->count;
  b->bytes += from->bytes;
  if (b->error == 0)
    b->error = from->error;
  ledger_batch_init(from);
}

static bool is_history(const struct ledger_entry *e) {
  return e->kind == LEDGER_ENTRY_FINISHED ||
         e->kind == LEDGER_ENTRY_CONCLUDED || e->kind == LEDGER_ENTRY_ORDER;
}

/* Frees the first entry; but puts one of an order at the end. */
static void free_first(struct ledger_batch *b) {
  struct ledger_entry *e = take_first(b);
  if (e->kind == LEDGER_ENTRY_ORDER)
    append(b, e);
  else
    free(e);
}

void ledger_batch_keep_history(struct ledger_batch *b,
                               struct ledger_batch *from, size_t max,
                               size_t max_bytes) {
  while (from->first != NULL) {
    struct ledger_entry *e = take_first(from);
    if (is_history(e))
      append(b, e);
    else
      free(e);
  }
  for (size_t left = b->count;
       left > 0 && (b->count > max || b->bytes > max_bytes); left--)
    free_first(b);
  ledger_batch_init(from);
}
