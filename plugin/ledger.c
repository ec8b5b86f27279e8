/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include "ledger_file.h"
#include "ledger_restore.h"
#include "ledger_row.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S (24 * 3600)
/* What is not restored is lost to the devices: worth a longer wait for somebody
 * who writes to the file. */
#define LOAD_BUSY_TIMEOUT_MS 5000

enum statement {
  PUT_COMMAND,
  PUT_SLOT,
  PUT_SERIES,
  PUT_ACCOUNT,
  PUT_TRACKED,
  REMOVE_COMMAND,
  REMOVE_SERIES,
  REMOVE_SLOT,
  TRIM_OLD,
  TRIM_SURPLUS,
  STATEMENTS
};

static const char *const statement_sql[STATEMENTS] = {
    [PUT_COMMAND] = ledger_row_put_command,
    [PUT_SLOT] = ledger_row_put_slot,
    [PUT_SERIES] = ledger_row_put_series,
    [PUT_ACCOUNT] = ledger_row_put_account,
    [PUT_TRACKED] = ledger_row_put_tracked,
    [REMOVE_COMMAND] = "DELETE FROM commands WHERE id = ?",
    [REMOVE_SERIES] = "DELETE FROM series WHERE slot = ?",
    [REMOVE_SLOT] = "DELETE FROM slots WHERE key = ?",
    [TRIM_OLD] = "DELETE FROM commands WHERE id IN (SELECT id FROM commands"
                 " WHERE state = 'finished' AND finished_at < ?2"
                 " ORDER BY finished_at LIMIT ?1)",
    [TRIM_SURPLUS] =
        "DELETE FROM commands WHERE id IN (SELECT id FROM commands"
        " WHERE state = 'finished' ORDER BY finished_at, id LIMIT ?1)",
};

struct ledger {
  struct ledger_file file;
  int history_days;
  int64_t history_max;
  sqlite3_stmt *statements[STATEMENTS];
  int64_t finished;         /* rows of history */
  int64_t finished_by_turn; /* more of them, once the turn is committed */
  int turn_status;          /* 0, or the first error of the turn */
  int owed_status; /* an error outside of any turn, which the next turn is to
                      fail with: only so the whole state is put again */
  bool failing;
};

static void fail(struct ledger *l, int status) {
  l->turn_status = status;
  if (!l->failing)
    log_error("%s: commands go on from memory", l->file.why);
  l->failing = true;
}

/* ---- opening and closing ---- */

static void disconnect(struct ledger *l) {
  ledger_file_close(&l->file);
  memset(l->statements, 0, sizeof l->statements);
}

static int prepare(struct ledger *l) {
  int status = 0;
  for (int i = 0; i < STATEMENTS && status == 0; i++) {
    int code =
        sqlite3_prepare_v3(l->file.db, statement_sql[i], -1,
                           SQLITE_PREPARE_PERSISTENT, &l->statements[i], NULL);
    status = ledger_file_judge(&l->file, code);
  }
  return status;
}

static int count_finished(struct ledger *l) {
  return ledger_file_query(
      &l->file, "SELECT count(*) FROM commands WHERE state = 'finished'",
      &l->finished);
}

static int try_to_connect(struct ledger *l, struct moment now) {
  int status = ledger_file_open(&l->file, now);
  if (status == 0)
    status = prepare(l);
  if (status == 0)
    status = count_finished(l);
  if (status < 0)
    disconnect(l);
  return status;
}

/* A file that turns out to be no good is set aside by the second try. */
static int connect(struct ledger *l, struct moment now) {
  int status = try_to_connect(l, now);
  return status == -EILSEQ ? try_to_connect(l, now) : status;
}

int ledger_open(const struct ledger_options *options, struct moment now,
                struct ledger **ret_ledger, bool *ret_was_set_aside,
                char *ret_why, size_t why_bytes) {
  struct ledger *l = calloc(1, sizeof *l);
  if (l == NULL)
    return -ENOMEM;
  l->history_days = options->history_days;
  l->history_max = options->history_max;
  int status = ledger_file_init(&l->file, options->path, options->sync);
  if (status == 0 && ledger_file_lock(&l->file) == -EBUSY) {
    snprintf(ret_why, why_bytes, "%s", l->file.why);
    status = -EBUSY;
  }
  if (status < 0) {
    ledger_close(l);
    return status;
  }
  status = connect(l, now);
  if (status < 0)
    fail(l, status);
  *ret_was_set_aside = l->file.was_set_aside;
  *ret_ledger = l;
  return 0;
}

void ledger_close(struct ledger *l) {
  if (l == NULL)
    return;
  ledger_file_release(&l->file);
  free(l);
}

/* ---- restoring ---- */

static int settle(struct ledger *l, const struct ledger_restore *r,
                  int64_t *ret_next_id) {
  if (l->file.db == NULL)
    return l->turn_status;
  sqlite3_busy_timeout(l->file.db, LOAD_BUSY_TIMEOUT_MS);
  int status = ledger_file_run(&l->file, "BEGIN IMMEDIATE");
  sqlite3_busy_timeout(l->file.db, LEDGER_BUSY_TIMEOUT_MS);
  return status == 0 ? ledger_restore_settle(r, ret_next_id) : status;
}

static void give_up(struct ledger *l, int status) {
  fail(l, status);
  disconnect(l);
}

int ledger_load(struct ledger *l, const struct directory *directory,
                const struct ledger_sink *sink, struct moment now,
                int64_t *ret_next_id) {
  const struct ledger_restore r = {
      .file = &l->file, .directory = directory, .sink = sink, .now = now};
  int64_t next_id = 1;
  l->file.must_be_fresh = true;
  int status = settle(l, &r, &next_id);
  if (status < 0) {
    give_up(l, status);
    if (status == -ENOMEM)
      return status;
    *ret_next_id = next_id;
    return 0;
  }
  status = ledger_restore_state(&r);
  if (status < 0) {
    give_up(l, status);
    return status;
  }
  status = ledger_commit(l);
  l->owed_status = status == 0 ? count_finished(l) : status;
  *ret_next_id = next_id;
  return 0;
}

/* ---- turns ---- */

static int owe(struct ledger *l) {
  int status = l->owed_status;
  l->owed_status = 0;
  return status;
}

static void roll_back(struct ledger *l) {
  /* SQLite has rolled back some of its errors by itself. */
  if (l->file.db != NULL && !sqlite3_get_autocommit(l->file.db))
    sqlite3_exec(l->file.db, "ROLLBACK", NULL, NULL, NULL);
}

/* The file is open, and the one of that name. */
static int be_ready(struct ledger *l, struct moment now) {
  if (l->owed_status < 0)
    return owe(l);
  if (l->file.db != NULL && ledger_file_has_moved(&l->file)) {
    disconnect(l);
    return ledger_file_explain(&l->file, -ENOENT, "it was removed");
  }
  if (l->file.condemned_as != NULL)
    disconnect(l);
  return l->file.db == NULL ? connect(l, now) : 0;
}

int ledger_begin(struct ledger *l, struct moment now) {
  l->turn_status = 0;
  l->finished_by_turn = 0;
  roll_back(l); /* where the last turn had no memory for that */
  int status = be_ready(l, now);
  if (status == 0)
    status = ledger_file_run(&l->file, "BEGIN IMMEDIATE");
  if (status < 0)
    fail(l, status);
  return status;
}

static void run(struct ledger *l, enum statement which, int bind_code) {
  sqlite3_stmt *statement = l->statements[which];
  int code = bind_code == SQLITE_OK ? sqlite3_step(statement) : bind_code;
  int status = ledger_file_result(&l->file, code);
  if (status < 0)
    fail(l, status);
  sqlite3_reset(statement);
}

static void run_for_key(struct ledger *l, enum statement which,
                        const char *key) {
  if (l->turn_status == 0)
    run(l, which,
        sqlite3_bind_text(l->statements[which], 1, key, -1, SQLITE_STATIC));
}

void ledger_put_command(struct ledger *l, const struct command *c,
                        struct moment now) {
  bool finished = c->state == COMMAND_FINISHED;
  if (l->turn_status < 0)
    return;
  if (finished && c->outcome == OUTCOME_UNCHANGED) {
    run(l, REMOVE_COMMAND,
        sqlite3_bind_int64(l->statements[REMOVE_COMMAND], 1, c->id));
    return;
  }
  l->finished_by_turn += finished ? 1 : 0;
  run(l, PUT_COMMAND,
      ledger_row_bind_command(l->statements[PUT_COMMAND], c, now));
}

void ledger_put_slot(struct ledger *l, const struct slot *s,
                     struct moment now) {
  if (l->turn_status == 0)
    run(l, PUT_SLOT, ledger_row_bind_slot(l->statements[PUT_SLOT], s, now));
}

void ledger_put_series(struct ledger *l, const struct series *s,
                       struct moment now) {
  if (l->turn_status == 0)
    run(l, PUT_SERIES,
        ledger_row_bind_series(l->statements[PUT_SERIES], s, now));
}

void ledger_put_account(struct ledger *l, const struct account *a) {
  if (l->turn_status == 0)
    run(l, PUT_ACCOUNT, ledger_row_bind_account(l->statements[PUT_ACCOUNT], a));
}

void ledger_put_tracked(struct ledger *l, const struct tracked *t,
                        struct moment now) {
  if (l->turn_status == 0)
    run(l, PUT_TRACKED,
        ledger_row_bind_tracked(l->statements[PUT_TRACKED], t, now));
}

void ledger_remove_slot(struct ledger *l, const char *slot_key) {
  run_for_key(l, REMOVE_SERIES, slot_key);
  run_for_key(l, REMOVE_SLOT, slot_key);
}

void ledger_clear_state(struct ledger *l) {
  if (l->turn_status < 0)
    return;
  int status = ledger_file_run(&l->file,
                               "DELETE FROM commands WHERE state <> 'finished';"
                               "DELETE FROM slots;"
                               "DELETE FROM series;");
  if (status < 0)
    fail(l, status);
}

/* Deletes at most `limit` rows of history. Returns how many. */
static int64_t delete_history(struct ledger *l, enum statement which,
                              int64_t limit) {
  if (l->turn_status < 0 || limit <= 0)
    return 0;
  run(l, which, sqlite3_bind_int64(l->statements[which], 1, limit));
  int64_t deleted = l->turn_status == 0 ? sqlite3_changes(l->file.db) : 0;
  l->finished_by_turn -= deleted;
  return deleted;
}

bool ledger_trim(struct ledger *l, struct moment now) {
  double oldest_s =
      (double)now.wall_ms / 1000 - (double)l->history_days * DAY_S;
  if (l->turn_status < 0)
    return false;
  sqlite3_bind_double(l->statements[TRIM_OLD], 2, oldest_s);
  int64_t deleted = delete_history(l, TRIM_OLD, LEDGER_TRIM_ROWS);
  int64_t surplus = l->finished + l->finished_by_turn - l->history_max;
  int64_t room = LEDGER_TRIM_ROWS - deleted;
  deleted += delete_history(l, TRIM_SURPLUS, surplus < room ? surplus : room);
  return deleted == LEDGER_TRIM_ROWS;
}

static void works_again(struct ledger *l) {
  if (l->failing)
    log_info("ledger \"%s\": works again", l->file.path);
  l->failing = false;
}

int ledger_commit(struct ledger *l) {
  if (l->turn_status == 0) {
    int status = ledger_file_run(&l->file, "COMMIT");
    if (status < 0)
      fail(l, status);
  }
  if (l->turn_status == 0) {
    l->finished += l->finished_by_turn;
    works_again(l);
    return 0;
  }
  roll_back(l);
  return l->turn_status;
}

/* ---- what is seen from outside ---- */

const char *ledger_error(const struct ledger *l) {
  return l->failing ? l->file.why : "";
}

bool ledger_was_set_aside(struct ledger *l) {
  bool was_set_aside = l->file.was_set_aside;
  l->file.was_set_aside = false;
  return was_set_aside;
}

int64_t ledger_file_bytes(const struct ledger *l) {
  return ledger_file_size(&l->file);
}
