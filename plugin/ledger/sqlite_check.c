/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_check.h"

#include "base/systime.h"
#include "base/thread.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define WHY_BYTES 512
#define LOWEST_PRIORITY 19
#define INTERRUPT_MS 5

struct sqlite_check {
  sqlite3 *db;
  pthread_t thread;
  pthread_mutex_t mutex; /* guards all below */
  pthread_cond_t changed;
  bool is_left_behind;
  int code; /* SQLITE_BUSY until the check has ended */
  char why[WHY_BYTES];
};

/* ---- looking ---- */

/* A page that the disk does not give is told in a line like damage, with the
 * result code behind its words. */
static int code_of(const char *found) {
  static const char words[] = "error code=";
  const char *code = strstr(found, words);
  int number = code != NULL ? atoi(code + strlen(words)) : SQLITE_OK;
  return number == SQLITE_OK ? SQLITE_CORRUPT : number;
}

static int judge_finding(const char *found, char *ret_why, size_t why_bytes) {
  if (strcmp(found, "ok") == 0)
    return SQLITE_OK;
  snprintf(ret_why, why_bytes, "%s", found);
  return code_of(found);
}

static int look_by(sqlite3 *db, const char *pragma, char *ret_why,
                   size_t why_bytes) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(db, pragma, -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(statement);
  const char *found = code == SQLITE_ROW
                          ? (const char *)sqlite3_column_text(statement, 0)
                          : NULL;
  if (found != NULL)
    code = judge_finding(found, ret_why, why_bytes);
  else
    snprintf(ret_why, why_bytes, "%s", sqlite3_errmsg(db));
  sqlite3_finalize(statement);
  return code;
}

/* Uses integrity_check, since quick_check does not see an index that lacks a
 * pending command. The second look is for the list of free pages: SQLite 3.40
 * leaves it out of the first if it happens to look at a view before any table,
 * which depends on their names, but never out of a look at sqlite_schema
 * alone. */
int sqlite_check_now(sqlite3 *db, char *ret_why, size_t why_bytes) {
  int code = look_by(db, "PRAGMA integrity_check(1)", ret_why, why_bytes);
  return code == SQLITE_OK
             ? look_by(db, "PRAGMA integrity_check(sqlite_schema)", ret_why,
                       why_bytes)
             : code;
}

/* ---- beside the work ---- */

static void free_all(struct sqlite_check *c) {
  sqlite3_close(c->db);
  pthread_cond_destroy(&c->changed);
  pthread_mutex_destroy(&c->mutex);
  free(c);
}

static void *run(void *context) {
  struct sqlite_check *c = context;
  char why[WHY_BYTES] = "";
  prctl(PR_SET_NAME, "onenet-check");
  setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY); /* of this thread */
  int code = sqlite_check_now(c->db, why, sizeof why);
  pthread_mutex_lock(&c->mutex);
  c->code = code == SQLITE_BUSY ? SQLITE_INTERRUPT : code;
  memcpy(c->why, why, sizeof c->why);
  bool is_left_behind = c->is_left_behind;
  pthread_cond_broadcast(&c->changed);
  pthread_mutex_unlock(&c->mutex);
  if (is_left_behind)
    free_all(c);
  return NULL;
}

static bool start(struct sqlite_check *c, const char *path) {
  return sqlite3_open_v2(path, &c->db,
                         SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_PRIVATECACHE,
                         NULL) == SQLITE_OK &&
         thread_start(&c->thread, run, c) == 0;
}

struct sqlite_check *sqlite_check_begin(const char *path) {
  struct sqlite_check *c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  c->code = SQLITE_BUSY;
  thread_init_locks(&c->mutex, &c->changed);
  if (start(c, path))
    return c;
  free_all(c);
  return NULL;
}

int sqlite_check_result(struct sqlite_check *c, char *ret_why,
                        size_t why_bytes) {
  pthread_mutex_lock(&c->mutex);
  int code = c->code;
  if (code != SQLITE_BUSY)
    snprintf(ret_why, why_bytes, "%s", c->why);
  pthread_mutex_unlock(&c->mutex);
  return code;
}

/* Interrupts again and again: SQLite forgets an interrupt that comes between
 * two statements. Returns whether the thread has ended, or is about to. */
static bool wait_for_end(struct sqlite_check *c) {
  int64_t end_ms = systime_monotonic_ms() + SQLITE_CHECK_WAIT_MS;
  pthread_mutex_lock(&c->mutex);
  while (c->code == SQLITE_BUSY && systime_monotonic_ms() < end_ms) {
    struct timespec at = systime_deadline(INTERRUPT_MS);
    sqlite3_interrupt(c->db);
    pthread_cond_timedwait(&c->changed, &c->mutex, &at);
  }
  bool has_ended = c->code != SQLITE_BUSY;
  c->is_left_behind = !has_ended;
  pthread_mutex_unlock(&c->mutex);
  return has_ended;
}

void sqlite_check_end(struct sqlite_check *c) {
  if (c == NULL)
    return;
  pthread_t thread = c->thread; /* what is left behind may be free at once */
  if (wait_for_end(c)) {
    pthread_join(thread, NULL);
    free_all(c);
  } else {
    pthread_detach(thread);
  }
}
