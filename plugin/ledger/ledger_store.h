/* SPDX-License-Identifier: MIT
 *
 * ledger_store is the interface between the ledger, which decides what is kept,
 * and the place where it is kept: rows go in and come out, in transactions. A
 * store knows the form of the tables, and nothing else of commands and devices.
 * Private to the ledger and its stores.
 *
 * One thread at a time uses a store. A turn is `begin`, any number of `put`,
 * `remove`, `shift`, `clear`, `trim` and `read`, then `commit`. After the first
 * error of a turn the rest of it does nothing, and `commit` returns that error.
 * Errors are negative errnos: -ENOSPC, -EROFS, -EBUSY (another process writes),
 * -EILSEQ (the stored rows are damaged), -ENOMEM, the system's error,
 * -EIO (the disk), or -EPROTO.
 */
#ifndef ONENET_LEDGER_STORE_H
#define ONENET_LEDGER_STORE_H

#include "ledger/ledger_loss.h"
#include "ledger/ledger_table.h"
#include "words/command.h"

#include <stdbool.h>
#include <stdint.h>

/* Selections of rows to be read. */
enum ledger_selection {
  LEDGER_PENDING_COMMANDS, /* in the order of their ids */
  LEDGER_TRACKED_COMMANDS, /* with a track_until; in the order of their ids */
  LEDGER_LAST_COMMAND,     /* the one with the greatest id up to 2^53: greater
                              ones are damage */
  LEDGER_ALL_COMMANDS,
  LEDGER_ALL_SLOTS,
  LEDGER_ALL_SERIES, /* in the order of arrival */
  LEDGER_ALL_TOTALS,
  LEDGER_ALL_FAILING,
  LEDGER_ALL_IDS, /* the one row, if there is one */
  LEDGER_ALL_ENDPOINTS,
  LEDGER_GIVEN_ORDERS,     /* the oldest that are given, a hundred at most */
  LEDGER_ORDERED_COMMANDS, /* those that these name */
  LEDGER_SILENCES, /* of each rule and device the last order to silence it that
                      was obeyed, unless its end had come when the agent last
                      told of itself; in the order of their ids */
  LEDGER_SELECTIONS
};

/* Function that sees one row. The row has a value for every column of its
 * table, and is borrowed until the function returns. The function may put and
 * remove rows; the same read does not visit again what it has changed. A
 * negative errno ends the read, which returns it. */
typedef int ledger_visit_fn(void *context, const struct ledger_row *row);

struct ledger_store {
  const struct ledger_store_type *type;
};

struct ledger_store_type {
  /* Opens the store, or creates it, and keeps other processes out until
   * `close`. Stored rows that are damaged or not those of a ledger are set
   * aside, and an empty store is created. Writes to ret_wall_newest_s when the
   * newest of the finished commands finished; -INFINITY if there is none.
   * Returns 0; -EALREADY if another process holds the store, and `error` then
   * says which; or another error, after which `begin` tries again. To be called
   * once. */
  int (*open)(struct ledger_store *s, struct moment now,
              double *ret_wall_newest_s);

  /* Closes and frees the store. */
  void (*close)(struct ledger_store *s);

  /* Closes what is open, since the stored rows could not be read. for_good: the
   * next `begin` sets them aside and creates an empty store; otherwise it opens
   * them. Ends the turn. */
  void (*abandon)(struct ledger_store *s, bool for_good);

  /* Begins a turn; waits up to wait_ms for another process that writes. Opens
   * the store if it is not open; rows that are in it then are not those that
   * the caller has read or written, and are set aside. Writes ret_wall_newest_s
   * as `open` does, but only if the store was opened since the last turn.
   * Returns 0, or an error that `commit` returns as well; -EALREADY while
   * another process holds the store. Fails at least once, with another error
   * than -EBUSY, before a turn goes to other rows than those of the last turn
   * that was committed. */
  int (*begin)(struct ledger_store *s, struct moment now, int wait_ms,
               double *ret_wall_newest_s);

  /* Begins a turn that only reads, where `open` or `begin` failed: nothing is
   * written, locked or set aside. To be ended by end_reading. Returns 0 or an
   * error. */
  int (*begin_reading)(struct ledger_store *s);

  /* Ends such a turn, and closes what is open. is_known: the caller has read
   * all of it, so that the next `begin` goes on with it, if it is still the
   * same. */
  void (*end_reading)(struct ledger_store *s, bool is_known);

  /* Puts a row, which is borrowed until the function returns. A row with all
   * columns is inserted, or replaces the one with the same key; then columns
   * that are the same there need not be written. A row with some
   * columns, the key among them, updates these columns of the stored row with
   * the same key, if there is one. Returns 0 or the first error of the turn, as
   * far as it is known yet. */
  int (*put)(struct ledger_store *s, const struct ledger_row *row);

  /* Removes all rows of the table that have the same values as `like` in the
   * columns of `like`. Returns as `put`. */
  int (*remove)(struct ledger_store *s, const struct ledger_row *like);

  /* Moves each MOMENT of the pending commands, the slots and the series by so
   * much, and those for tracking of the tracked commands. */
  void (*shift)(struct ledger_store *s, int64_t ms);

  /* Removes all pending commands, slots and series. */
  void (*clear)(struct ledger_store *s);

  /* Returns how many finished commands there are, by looking at all of them; 0
   * after an error. */
  int64_t (*count_finished)(struct ledger_store *s);

  /* Removes at most `limit` finished commands that ended before that time
   * (INFINITY: at any time), the earliest first. Returns how many; 0 after an
   * error. */
  int64_t (*trim)(struct ledger_store *s, double wall_before_s, int64_t limit);

  /* Removes orders that were obeyed or refused before that time, and those
   * beyond the newest `max`; but neither the newest of all, whose id keeps
   * those to come from being the same, nor one to silence whose end is not
   * before that time. */
  void (*trim_orders)(struct ledger_store *s, double wall_before_s,
                      int64_t max);

  /* Returns whether another process has committed to the store, or the store
   * was opened, since the last call; and also if that can not be told. To be
   * called between two turns. */
  bool (*was_touched)(struct ledger_store *s);

  /* Returns whether little room is left within the turn, so that some rows have
   * to go for those that come. */
  bool (*is_nearly_full)(struct ledger_store *s);

  /* Calls visit for each of the selected rows. Returns 0, an error, or what
   * visit returned. */
  int (*read)(struct ledger_store *s, enum ledger_selection selection,
              ledger_visit_fn *visit, void *context);

  /* Ends the turn. `status` is 0, or an error of the caller's own, which counts
   * as an error of the turn. Returns 0; or the first error of the turn, and
   * then nothing of the turn is kept. */
  int (*commit)(struct ledger_store *s, int status);

  /* Returns one line that says what went wrong last, and where. */
  const char *(*error)(const struct ledger_store *s);

  /* Moves what was committed to where damage to one place harms least. To be
   * called between two turns, when there is nothing else to do. Returns whether
   * all of it is there. */
  bool (*rest)(struct ledger_store *s);

  /* Returns how many times stored rows were set aside, in `open` and since. */
  uint64_t (*set_aside_count)(const struct ledger_store *s);

  /* Returns how many times some of the committed rows were found to be lost,
   * while the others could be read on. */
  uint64_t (*damage_count)(const struct ledger_store *s);

  /* Returns what was pending in these rows, in all, and the caller has never
   * seen: it has neither committed a turn to them nor read all of them. */
  struct ledger_loss (*loss)(const struct ledger_store *s);

  /* Returns the size of the stored rows in bytes. */
  int64_t (*bytes)(const struct ledger_store *s);
};

#endif
