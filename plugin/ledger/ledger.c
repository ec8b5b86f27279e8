/* SPDX-License-Identifier: MIT */
#include "ledger/ledger.h"

#include "base/log.h"
#include "ledger/ledger_copy.h"
#include "ledger/ledger_entry.h"
#include "ledger/ledger_restore.h"
#include "ledger/ledger_row.h"
#include "ledger/ledger_store.h"
#include "ledger/store_none.h"
#include "ledger/store_sqlite.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_S (24 * 3600)
/* Wait of a start for another process that writes: longer, since a command that
 * is not restored never reaches its device. */
#define LOAD_BUSY_TIMEOUT_MS 5000
/* Ids that may have been given in commits that are lost: more than fit into a
 * -wal of 16 GiB. */
#define LOST_IDS_MAX INT64_C(1000000000)
/* Ids of a time: of an earlier one the clock is not set. Then chance decides,
 * up to an id that a clock that is set leaves behind. */
#define TIME_IDS_MIN INT64_C(1000000000000)
#define CHANCE_IDS_MAX INT64_C(1600000000000)

struct ledger {
  struct ledger_store *store;
  char *path; /* as configured */
  int history_days;
  int64_t history_max;
  int64_t finished;          /* rows of history in the file; -1: not counted */
  int64_t finished_by_turn;  /* change of `finished` by the turn, once it is
                                committed */
  int64_t wall_sure_ms;      /* latest time that had surely passed when the file
                                was opened */
  int64_t sure_ms;           /* when the file was opened */
  uint64_t set_aside_taken;  /* set-aside files already returned */
  struct ledger_store *copy; /* NULL, or the rows that were read from a ledger
                                that could not be written, and that are still to
                                be put */
  bool may_fail;    /* a rule and device may fail by what is in the file */
  int64_t ids_base; /* of the table `ids` */
  struct ledger_settled settled; /* what was found in the copy: `finished` grows
                                    by what ended there once it is put */
  uint64_t unreadable;      /* records that can not be read, not yet returned */
  uint64_t partly_restored; /* pending commands of a file of which a part was
                               read, and that is still to be set aside */
  struct ledger_loss loss_taken; /* losses of the store already returned */
  bool is_unread;                /* see ledger_is_unread */
  bool is_known;                 /* all that came before has been read */
  bool is_rested;                /* nothing was committed since it rested */
  int64_t rest_ms;               /* when it may rest */
  int batch_status; /* 0, or the error of an incomplete batch of the turn */
  int owed_status;  /* 0, or the error of the commit at the load. The next
                       ledger_begin returns it: a failure makes the caller put
                       its whole state */
  int failure;      /* 0, or the error since which it is failing */
};

/* Says so when it begins to fail, or if it is another agent's by now. */
static void fail(struct ledger *l, int status) {
  if (l->failure == 0 || (status == -EALREADY && l->failure != status))
    log_error("%s: commands go on from memory",
              l->store->type->error(l->store));
  l->failure = status;
}

static void works_again(struct ledger *l) {
  if (l->failure < 0)
    log_info("ledger \"%s\": works again", l->path);
  l->failure = 0;
}

/* ---- opening and closing ---- */

static struct ledger_store *new_store(const struct ledger_options *options) {
  if (strcmp(options->path, LEDGER_IN_MEMORY) == 0)
    return store_none_new();
  return store_sqlite_new(options->path, options->sync == LEDGER_SYNC_FULL,
                          options->group);
}

static struct ledger *new_ledger(const struct ledger_options *options) {
  struct ledger *l = calloc(1, sizeof *l);
  if (l == NULL)
    return NULL;
  l->history_days = options->history_days;
  l->history_max = options->history_max;
  l->path = strdup(options->path);
  l->store = l->path != NULL ? new_store(options) : NULL;
  if (l->store != NULL)
    return l;
  ledger_close(l);
  return NULL;
}

/* Takes the time of the newest command as the one that has surely passed. A
 * file without history has none that is too young to be trimmed. */
static void take_newest(struct ledger *l, double wall_newest_s,
                        struct moment now) {
  double wall_newest_ms = wall_newest_s * 1000;
  l->finished = -1;
  l->sure_ms = now.ms;
  l->wall_sure_ms =
      isfinite(wall_newest_s) && wall_newest_ms < (double)now.wall_ms
          ? (int64_t)fmax(wall_newest_ms, 0)
          : now.wall_ms;
}

int ledger_open(const struct ledger_options *options, struct moment now,
                struct ledger **ret_ledger, char *ret_why, size_t why_bytes) {
  struct ledger *l = new_ledger(options);
  if (l == NULL)
    return -ENOMEM;
  double wall_newest_s = -INFINITY;
  int status = l->store->type->open(l->store, now, &wall_newest_s);
  take_newest(l, wall_newest_s, now);
  if (status == -EALREADY) {
    snprintf(ret_why, why_bytes, "%s", l->store->type->error(l->store));
    ledger_close(l);
    return -EBUSY;
  }
  if (status < 0)
    fail(l, status);
  *ret_ledger = l;
  return 0;
}

static void drop_copy(struct ledger *l) {
  if (l->copy != NULL)
    l->copy->type->close(l->copy);
  l->copy = NULL;
}

void ledger_close(struct ledger *l) {
  if (l == NULL)
    return;
  drop_copy(l);
  if (l->store != NULL)
    l->store->type->close(l->store);
  free(l->path);
  free(l);
}

/* ---- turns ---- */

static int begin(struct ledger *l, struct moment now, int wait_ms) {
  double wall_newest_s = NAN;
  int status = l->store->type->begin(l->store, now, wait_ms, &wall_newest_s);
  l->finished_by_turn = 0;
  l->batch_status = 0;
  if (!isnan(wall_newest_s))
    take_newest(l, wall_newest_s, now);
  return status;
}

/* Puts the rows that could only be read at the start, as they were decided
 * then. */
static void put_copy(struct ledger *l, struct moment now) {
  if (l->copy == NULL)
    return;
  l->batch_status = ledger_copy_put(l->copy, now, l->store);
  l->finished_by_turn += l->settled.ended;
}

static int take_owed_status(struct ledger *l) {
  int status = l->owed_status;
  l->owed_status = 0;
  return status;
}

int ledger_begin(struct ledger *l, struct moment now) {
  if (l->is_unread)
    return l->failure;
  int status = take_owed_status(l);
  l->is_rested = false;
  l->rest_ms = now.ms + LEDGER_REST_MS;
  if (l->failure == -ENOSPC) /* the -wal may be what fills the disk */
    l->store->type->rest(l->store);
  if (status == 0)
    status = begin(l, now, LEDGER_BUSY_TIMEOUT_MS);
  if (status == 0)
    put_copy(l, now);
  else if (status != -EBUSY)
    fail(l, status);
  return status;
}

/* Keeps which rules and devices failed last. */
static void note_end(struct ledger *l, const struct ledger_row *command) {
  struct ledger_row failing;
  if (!ledger_row_of_failing(command, &failing))
    return;
  bool fails = failing.columns == ledger_table_all(LEDGER_TABLE_FAILING);
  if (fails)
    l->store->type->put(l->store, &failing);
  else if (l->may_fail)
    l->store->type->remove(l->store, &failing);
  l->may_fail = l->may_fail || fails;
}

static void put_entry(struct ledger *l, const struct ledger_entry *e) {
  struct ledger_row row;
  ledger_entry_row(e, &row);
  if (e->kind == LEDGER_ENTRY_REMOVE)
    l->store->type->remove(l->store, &row);
  else if (e->kind == LEDGER_ENTRY_SHIFT)
    l->store->type->shift(l->store, ledger_row_integer(&row, commands_id));
  else
    l->store->type->put(l->store, &row);
  if (e->kind != LEDGER_ENTRY_FINISHED)
    return;
  l->finished_by_turn++;
  note_end(l, &row);
}

void ledger_put_batch(struct ledger *l, const struct ledger_batch *batch) {
  if (batch->error < 0)
    l->batch_status = batch->error;
  for (const struct ledger_entry *e = batch->first; e != NULL; e = e->next)
    put_entry(l, e);
}

/* Puts what keeps ids from being given again. */
static void put_ids(struct ledger *l, int64_t base) {
  struct ledger_row row;
  ledger_row_of_ids(base, &row);
  l->store->type->put(l->store, &row);
}

/* The file may be a fresh one, without the totals of devices that are gone. */
void ledger_clear_state(struct ledger *l) {
  l->store->type->clear(l->store);
  put_ids(l, l->ids_base + l->settled.created_by_others);
}

/* Deletes at most `limit` rows of history that ended before that time. Returns
 * how many. */
static int64_t delete_history(struct ledger *l, double wall_before_s,
                              int64_t limit) {
  if (limit <= 0)
    return 0;
  int64_t deleted = l->store->type->trim(l->store, wall_before_s, limit);
  l->finished_by_turn -= deleted;
  return deleted;
}

/* Returns the time before which history is too old, as told at ledger_trim. */
static double oldest_wall_s(const struct ledger *l, struct moment now) {
  int64_t seen_ms = l->wall_sure_ms + (now.ms - l->sure_ms);
  int64_t sure_ms = seen_ms < now.wall_ms ? seen_ms : now.wall_ms;
  return (double)sure_ms / 1000 - (double)l->history_days * DAY_S;
}

/* Counts the history when it is first needed, which is not while all wait for
 * the start. */
static int64_t finished_with_turn(struct ledger *l) {
  int64_t count = 0;
  if (l->finished < 0)
    count = l->store->type->count_finished(l->store);
  if (count > 0)
    l->finished = count - l->finished_by_turn;
  return l->finished + l->finished_by_turn;
}

bool ledger_trim(struct ledger *l, struct moment now) {
  double oldest_s = oldest_wall_s(l, now);
  int64_t deleted = delete_history(l, oldest_s, LEDGER_TRIM_ROWS);
  int64_t surplus = finished_with_turn(l) - l->history_max;
  int64_t room = LEDGER_TRIM_ROWS - deleted;
  l->store->type->trim_orders(l->store, oldest_s, l->history_max);
  deleted += delete_history(l, INFINITY, surplus < room ? surplus : room);
  return deleted == LEDGER_TRIM_ROWS;
}

/* On a small disk history gives way to what is new; twice as much of it, so
 * that there is room again soon. */
static void make_room(struct ledger *l) {
  if (l->finished_by_turn > 0 && l->store->type->is_nearly_full(l->store))
    delete_history(l, INFINITY, 2 * l->finished_by_turn);
}

int ledger_commit(struct ledger *l) {
  make_room(l);
  int status = l->store->type->commit(l->store, l->batch_status);
  if (status < 0 && status != -EBUSY)
    fail(l, status);
  if (status < 0)
    return status;
  if (l->finished >= 0)
    l->finished += l->finished_by_turn;
  drop_copy(l);
  works_again(l);
  return 0;
}

/* ---- orders ---- */

bool ledger_was_touched(struct ledger *l) {
  return l->store->type->was_touched(l->store);
}

/* Orders that are read. */
struct reading {
  struct moment now;
  struct order *first;
  struct order **end;
};

static int add_order(void *context, const struct ledger_row *row) {
  struct reading *r = context;
  struct order *o = ledger_row_to_order(row, r->now);
  if (o == NULL)
    return -ENOMEM;
  *r->end = o;
  r->end = &o->next;
  return 0;
}

/* Gives the command to each order that is to retry it. */
static int add_command(void *context, const struct ledger_row *row) {
  const struct reading *r = context;
  int64_t id = ledger_row_integer(row, commands_id);
  int status = 0;
  for (struct order *o = r->first; o != NULL && status == 0; o = o->next)
    if (o->verb == ORDER_RETRY && o->command_id == id)
      status = ledger_row_to_retry(row, o);
  return status;
}

/* Without memory nothing is wrong with the ledger: they are read again. */
static int read_orders(struct ledger *l, struct reading *r) {
  const struct ledger_store_type *type = l->store->type;
  int status = type->read(l->store, LEDGER_GIVEN_ORDERS, add_order, r);
  if (status == 0 && r->first != NULL)
    status = type->read(l->store, LEDGER_ORDERED_COMMANDS, add_command, r);
  int ended = ledger_commit(l);
  return ended < 0 ? ended : status;
}

int ledger_read_orders(struct ledger *l, struct moment now,
                       struct order **ret_list) {
  struct reading r = {.now = now};
  r.end = &r.first;
  int status = ledger_begin(l, now);
  if (status == 0)
    status = read_orders(l, &r);
  if (status < 0)
    order_free_list(r.first);
  else
    *ret_list = r.first;
  return status;
}

void ledger_rest(struct ledger *l, struct moment now) {
  if (l->is_rested || l->failure < 0 || now.ms < l->rest_ms)
    return;
  l->is_rested = l->store->type->rest(l->store);
  l->rest_ms = now.ms + LEDGER_REST_MS;
}

/* ---- restoring ---- */

/* Does not try again to open a file that ledger_open could not open. */
static int begin_load(struct ledger *l, struct moment now) {
  return l->failure < 0 ? l->failure : begin(l, now, LOAD_BUSY_TIMEOUT_MS);
}

/* Settles the rows of the store in *r. */
static int settle_rows(struct ledger *l, struct ledger_restore *r) {
  r->forgets = !ledger_knows_all(l);
  return ledger_restore_settle(r, &l->settled);
}

static int settle(struct ledger *l, struct ledger_restore *r) {
  int status = begin_load(l, r->now);
  l->is_known = true; /* unless that fails */
  if (status == 0)
    status = settle_rows(l, r);
  if (status == -EILSEQ && l->failure == 0) { /* it is set aside now */
    status = begin(l, r->now, LOAD_BUSY_TIMEOUT_MS);
    if (status == 0)
      status = settle_rows(l, r);
  }
  l->is_known = status == 0;
  l->may_fail = status < 0 || l->settled.has_failing;
  return status;
}

/* Settles, in a copy, what can be read of the store's rows; the copy takes the
 * place of the store in *r. */
static int settle_copy(struct ledger *l, struct ledger_restore *r) {
  double none;
  int status = ledger_copy_take(l->store, r->now, &l->copy, &l->is_known);
  if (status < 0)
    return status;
  r->store = l->copy;
  status = l->copy->type->begin(l->copy, r->now, 0, &none);
  if (status == 0)
    status = settle_rows(l, r);
  l->partly_restored = l->is_known ? 0 : (uint64_t)l->settled.pending;
  return status;
}

/* why_copied: the error that kept the store itself from being used. */
static int load_copy(struct ledger *l, struct ledger_restore *r,
                     int why_copied) {
  fail(l, why_copied);
  int status = settle_copy(l, r);
  if (status < 0)
    return status;
  l->owed_status = why_copied;
  log_warning("ledger \"%s\": it can be read and not written: %s", l->path,
              l->is_known
                  ? "what is in it goes on, and is written once it can be"
                  : "what of it can be read goes on; the file is set aside "
                    "once a fresh one can be begun");
  return 0;
}

/* Restores nothing of the store, which may be read later unless it is damaged,
 * or the disk does not give it. */
static void give_up(struct ledger *l, int status) {
  bool for_good = status == -EILSEQ || status == -EIO;
  fail(l, status);
  l->is_known = false;
  l->is_unread = !for_good;
  drop_copy(l);
  l->store->type->abandon(l->store, for_good);
}

/* Returns whether an error leaves the hope that reading goes better. */
static bool is_worth_reading(int status) {
  return status < 0 && status != -EILSEQ && status != -ENOMEM;
}

static void end_load(struct ledger *l) {
  l->unreadable += (uint64_t)l->settled.unreadable;
  if (l->copy != NULL) {
    l->copy->type->commit(l->copy, 0);
    return;
  }
  if (l->ids_base > l->settled.ids_base)
    put_ids(l, l->ids_base);
  l->finished_by_turn = l->settled.ended;
  l->owed_status = ledger_commit(l);
}

static int settle_any(struct ledger *l, struct ledger_restore *r) {
  int status = settle(l, r);
  return is_worth_reading(status) ? load_copy(l, r, status) : status;
}

static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

/* Returns an id of the present time. */
static int64_t time_id(struct moment now) {
  uint64_t chance = 0;
  if (now.wall_ms >= TIME_IDS_MIN)
    return now.wall_ms;
  if (getentropy(&chance, sizeof chance) < 0)
    chance = (uint64_t)now.ms;
  return TIME_IDS_MIN +
         (int64_t)(chance % (uint64_t)(CHANCE_IDS_MAX - TIME_IDS_MIN));
}

/* Returns an id that is greater than all that were given, as far as they are
 * known, and raises the base of ids to it. */
static int64_t choose_next_id(struct ledger *l, struct moment now) {
  int64_t id = l->settled.next_id;
  if (!ledger_knows_all(l))
    id = greater(id + LOST_IDS_MAX, time_id(now));
  l->ids_base = greater(l->ids_base, l->settled.ids_base);
  l->ids_base = greater(l->ids_base, id - 1 - l->settled.created);
  return id;
}

static struct ledger_restore
restore_of(struct ledger_store *from, const struct directory *directory,
           const struct ledger_callbacks *callbacks, struct moment now) {
  return (struct ledger_restore){.store = from,
                                 .directory = directory,
                                 .callbacks = callbacks,
                                 .now = now};
}

int ledger_load(struct ledger *l, const struct directory *directory,
                const struct ledger_callbacks *callbacks, struct moment now,
                int64_t *ret_next_id) {
  struct ledger_restore r = restore_of(l->store, directory, callbacks, now);
  l->settled = (struct ledger_settled){.next_id = 1};
  int settled = settle_any(l, &r);
  int status = settled == 0 ? ledger_restore_state(&r) : settled;
  if (status < 0)
    give_up(l, status);
  *ret_next_id = choose_next_id(l, now);
  if (status == 0)
    end_load(l);
  return settled == 0 || settled == -ENOMEM ? status : 0;
}

/* ---- restoring late ---- */

static int read_late(struct ledger *l, struct ledger_restore *r) {
  /* Begins a file where there is none, and sets a damaged one aside. What can
   * not be written may be read all the same, unless it is another agent's. */
  int status = begin(l, r->now, LEDGER_BUSY_TIMEOUT_MS);
  if (status != -EALREADY)
    status = settle_copy(l, r);
  if (status == 0)
    status = l->copy->type->commit(l->copy, 0);
  return status;
}

int ledger_read_late(struct ledger *l, const struct directory *directory,
                     const struct ledger_callbacks *callbacks,
                     struct moment now) {
  struct ledger_restore r = restore_of(l->store, directory, callbacks, now);
  uint64_t set_aside = l->store->type->set_aside_count(l->store);
  int status = read_late(l, &r);
  if (status < 0) {
    give_up(l, status);
    return status;
  }
  l->is_unread = false;
  l->unreadable += (uint64_t)l->settled.unreadable;
  if (l->store->type->set_aside_count(l->store) == set_aside)
    log_info("ledger \"%s\": it can be read at last: what is in it goes on",
             l->path);
  return 0;
}

int ledger_restore_late(struct ledger *l, const struct directory *directory,
                        const struct ledger_callbacks *callbacks,
                        struct moment now, int64_t *ret_next_id) {
  const struct ledger_restore r =
      restore_of(l->copy, directory, callbacks, now);
  double none;
  int status = l->copy->type->begin(l->copy, now, 0, &none);
  if (status == 0)
    status = ledger_restore_state(&r);
  l->copy->type->commit(l->copy, 0);
  *ret_next_id = choose_next_id(l, now);
  return status;
}

/* ---- looking from outside ---- */

static int restore_copy(const struct ledger_restore *r, int64_t *ret_next_id) {
  double none;
  struct ledger_settled settled;
  int status = r->store->type->begin(r->store, r->now, 0, &none);
  if (status == 0)
    status = ledger_restore_settle(r, &settled);
  if (status == 0)
    status = ledger_restore_state(r);
  if (status == 0)
    *ret_next_id = settled.next_id;
  r->store->type->commit(r->store, status);
  return status;
}

int ledger_peek(const char *path, const struct directory *directory,
                const struct ledger_callbacks *callbacks, struct moment now,
                int64_t *ret_next_id, char *ret_why, size_t why_bytes) {
  struct ledger_store *copy = NULL, *file = store_sqlite_new_guest(path);
  if (file == NULL)
    return -ENOMEM;
  int status = ledger_copy_peek(file, now, &copy);
  snprintf(ret_why, why_bytes, "%s", file->type->error(file));
  file->type->close(file);
  if (status < 0)
    return status;
  const struct ledger_restore r = restore_of(copy, directory, callbacks, now);
  status = restore_copy(&r, ret_next_id);
  if (status < 0)
    snprintf(ret_why, why_bytes, "%s", copy->type->error(copy));
  copy->type->close(copy);
  return status;
}

/* ---- queries ---- */

const char *ledger_error(const struct ledger *l) {
  return l->failure < 0 ? l->store->type->error(l->store) : "";
}

bool ledger_was_set_aside(const struct ledger *l) {
  return l->store->type->set_aside_count(l->store) > 0;
}

bool ledger_is_unread(const struct ledger *l) { return l->is_unread; }

bool ledger_knows_all(const struct ledger *l) {
  return l->is_known && !ledger_was_set_aside(l) &&
         l->store->type->damage_count(l->store) == 0;
}

uint64_t ledger_take_set_aside_count(struct ledger *l) {
  uint64_t all = l->store->type->set_aside_count(l->store) +
                 l->store->type->damage_count(l->store);
  uint64_t untaken = all - l->set_aside_taken;
  l->set_aside_taken = all;
  return untaken;
}

/* Returns how many commands the store has lost since the last time, less those
 * that were restored before their file was set aside. */
static uint64_t take_lost_commands(struct ledger *l, uint64_t all) {
  uint64_t lost = all - l->loss_taken.commands;
  uint64_t restored = lost < l->partly_restored ? lost : l->partly_restored;
  l->loss_taken.commands = all;
  l->partly_restored -= restored;
  return lost - restored;
}

bool ledger_take_loss(struct ledger *l, struct ledger_loss *ret_loss) {
  struct ledger_loss all = l->store->type->loss(l->store);
  ret_loss->commands = take_lost_commands(l, all.commands) + l->unreadable;
  ret_loss->uncounted = all.uncounted - l->loss_taken.uncounted;
  l->loss_taken.uncounted = all.uncounted;
  l->unreadable = 0;
  return ret_loss->commands > 0 || ret_loss->uncounted > 0;
}

int64_t ledger_file_bytes(const struct ledger *l) {
  return l->store->type->bytes(l->store);
}
