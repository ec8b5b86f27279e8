/* SPDX-License-Identifier: MIT
 *
 * ledger_store is the seam between the ledger, which decides what is kept, and
 * where it is kept: rows go in and come out, in transactions. A store knows
 * nothing of commands and devices beyond the form of the tables. Private to the
 * ledger and its stores.
 *
 * One thread at a time. A turn is `begin`, any number of `put`, `remove`,
 * `clear`, `trim` and `read`, then `commit`. The first error of a turn makes
 * the rest of it do nothing, and `commit` returns it. Errors are negative
 * errnos: -ENOSPC, -EROFS, -EBUSY (another process writes), -EILSEQ (what is
 * stored is damaged), -ENOMEM, the system's error, or -EIO.
 */
#ifndef ONENET_LEDGER_STORE_H
#define ONENET_LEDGER_STORE_H

#include "ledger/ledger_table.h"
#include "words/command.h"

#include <stdbool.h>
#include <stdint.h>

/* Which rows are read. */
enum ledger_selection {
  LEDGER_PENDING_COMMANDS, /* in the order of their ids */
  LEDGER_TRACKED_COMMANDS, /* with a track_until; in the order of their ids */
  LEDGER_FAILING_COMMANDS, /* each pair of rule and device has a last command
                              that ended as accepted, refused, unknown, expired
                              or dropped: those of them that were not
                              accepted */
  LEDGER_LAST_COMMAND,     /* that with the greatest id */
  LEDGER_ALL_SLOTS,
  LEDGER_ALL_SERIES, /* in the order of arrival */
  LEDGER_ALL_TOTALS,
  LEDGER_SELECTIONS
};

/* Sees one row, which has a value for every column of its table and is borrowed
 * until the function returns. It may put and remove rows; what it changes is
 * not seen again by the same read. A negative errno ends the read, which
 * returns it. */
typedef int ledger_visit_fn(void *context, const struct ledger_row *row);

struct ledger_store {
  const struct ledger_store_type *type;
};

struct ledger_store_type {
  /* Opens what is there, or begins it, and keeps other processes out until
   * `close`. ret_finished: how many finished commands it holds. What is damaged
   * or not a ledger of ours is set aside, and begun anew. Returns 0; -EALREADY:
   * another process has it, and `error` says which; or another error, after
   * which `begin` tries again. To be called once. */
  int (*open)(struct ledger_store *s, struct moment now, int64_t *ret_finished);

  /* Ends it; frees the store. */
  void (*close)(struct ledger_store *s);

  /* Gives up what is there, since it could not be read: the next `begin` sets
   * it aside, and begins anew. Ends the turn. */
  void (*abandon)(struct ledger_store *s);

  /* Begins a turn; waits up to wait_ms for another process that writes. Opens
   * what is not open: whatever is there then is not what the caller has read or
   * written, so it is set aside. ret_is_fresh: the store was begun anew since
   * the last turn, and holds nothing. Returns 0 or an error, which `commit`
   * returns as well. */
  int (*begin)(struct ledger_store *s, struct moment now, int wait_ms,
               bool *ret_is_fresh);

  /* Puts a row, which is borrowed until the function returns. A row that has
   * all columns is inserted, or replaces the one with the same key; of one that
   * has some, among them the key, these columns are updated, if there is such a
   * row. Returns 0 or the first error of the turn, as far as it is known yet.
   */
  int (*put)(struct ledger_store *s, const struct ledger_row *row);

  /* Removes all rows of the table that have the same values in these columns.
   * Returns as `put`. */
  int (*remove)(struct ledger_store *s, const struct ledger_row *like);

  /* Removes all pending commands, slots and series. */
  void (*clear)(struct ledger_store *s);

  /* Removes, oldest end first, at most `limit` finished commands that ended
   * before that time, or INFINITY for any. Returns how many; 0 after an
   * error. */
  int64_t (*trim)(struct ledger_store *s, double wall_before_s, int64_t limit);

  /* Calls visit for each of these rows. Returns 0, an error, or what visit
   * returned. */
  int (*read)(struct ledger_store *s, enum ledger_selection selection,
              ledger_visit_fn *visit, void *context);

  /* Ends the turn. status is 0, or an error of the caller's own, which counts
   * as one of the turn. Returns 0; or the first error, and then nothing of the
   * turn is kept. */
  int (*commit)(struct ledger_store *s, int status);

  /* Returns one line that says what was wrong last, and where. */
  const char *(*error)(const struct ledger_store *s);

  /* Returns how many times something was set aside since `open`. */
  uint64_t (*set_aside_count)(const struct ledger_store *s);

  /* Returns the space that it takes. */
  int64_t (*bytes)(const struct ledger_store *s);
};

#endif
