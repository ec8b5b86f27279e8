/* SPDX-License-Identifier: MIT */
#include "ledger/ledger_copy.h"

#include "ledger/store_sqlite.h"

#include <errno.h>

#define NO_WAIT_MS 0 /* nobody else has a store in memory */

static const enum ledger_selection read_at_a_start[] = {
    LEDGER_ALL_TOTALS,       LEDGER_ALL_SLOTS,        LEDGER_ALL_SERIES,
    LEDGER_PENDING_COMMANDS, LEDGER_TRACKED_COMMANDS, LEDGER_ALL_FAILING,
    LEDGER_ALL_IDS,          LEDGER_LAST_COMMAND,     LEDGER_SILENCES};

static int put_row(void *context, const struct ledger_row *row) {
  struct ledger_store *to = context;
  return to->type->put(to, row);
}

/* Reads each selection in a turn of its own: where the disk does not give one,
 * it may give the next. */
static int copy_selection(struct ledger_store *from,
                          enum ledger_selection selection,
                          struct ledger_store *to) {
  int status = from->type->begin_reading(from);
  return status == 0 ? from->type->read(from, selection, put_row, to) : status;
}

static int copy_all(struct ledger_store *from, struct ledger_store *to,
                    bool *ret_is_whole) {
  const size_t count = sizeof read_at_a_start / sizeof read_at_a_start[0];
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    int status = copy_selection(from, read_at_a_start[i], to);
    if (status < 0 && status != -EIO)
      return status;
    failed += status < 0;
  }
  *ret_is_whole = failed == 0;
  return failed < count ? 0 : -EIO;
}

/* Returns a new store in memory within a turn, or NULL. */
static struct ledger_store *begin_copy(struct moment now) {
  double none;
  struct ledger_store *copy = store_sqlite_new_in_memory();
  if (copy == NULL || copy->type->begin(copy, now, NO_WAIT_MS, &none) == 0)
    return copy;
  copy->type->close(copy);
  return NULL;
}

/* Ends the turn. Hands the copy over if status is 0, otherwise closes it. */
static int end_copy(struct ledger_store *copy, int status,
                    struct ledger_store **ret_copy) {
  if (status == 0)
    status = copy->type->commit(copy, 0);
  if (status == 0)
    *ret_copy = copy;
  else
    copy->type->close(copy);
  return status;
}

int ledger_copy_take(struct ledger_store *from, struct moment now,
                     struct ledger_store **ret_copy, bool *ret_is_whole) {
  struct ledger_store *copy = begin_copy(now);
  if (copy == NULL)
    return -ENOMEM;
  int status = copy_all(from, copy, ret_is_whole);
  from->type->end_reading(from, status == 0 && *ret_is_whole);
  return end_copy(copy, status, ret_copy);
}

static int copy_at_once(struct ledger_store *from, struct ledger_store *to) {
  const size_t count = sizeof read_at_a_start / sizeof read_at_a_start[0];
  int status = from->type->begin_reading(from);
  for (size_t i = 0; status == 0 && i < count; i++)
    status = from->type->read(from, read_at_a_start[i], put_row, to);
  return status;
}

int ledger_copy_peek(struct ledger_store *from, struct moment now,
                     struct ledger_store **ret_copy) {
  struct ledger_store *copy = begin_copy(now);
  if (copy == NULL)
    return -ENOMEM;
  int status = copy_at_once(from, copy);
  from->type->end_reading(from, false);
  return end_copy(copy, status, ret_copy);
}

int ledger_copy_put(struct ledger_store *copy, struct moment now,
                    struct ledger_store *to) {
  static const enum ledger_selection kept[] = {
      LEDGER_ALL_COMMANDS, LEDGER_ALL_TOTALS, LEDGER_ALL_FAILING};
  double none;
  int status = copy->type->begin(copy, now, NO_WAIT_MS, &none);
  for (size_t i = 0; status == 0 && i < sizeof kept / sizeof kept[0]; i++)
    status = copy->type->read(copy, kept[i], put_row, to);
  copy->type->commit(copy, 0);
  return status;
}
