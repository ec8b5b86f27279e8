/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_file.h"

#include "base/buf.h"
#include "base/log.h"
#include "ledger/ledger_schema.h"
#include "ledger/sqlite_aside.h"
#include "ledger/sqlite_check.h"
#include "ledger/sqlite_group.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_DISK_BYTES ((int64_t)32 * 1024 * 1024)
/* Pages of the -wal before they are moved into the file: 4 MiB, as SQLite has
 * it. With fewer the disk is waited for more often. */
#define WAL_PAGES 1000
#define WAL_PAGES_MIN 16
#define CHECK_WHY_BYTES 512
#define URI_MAX_BYTES (3 * PATH_MAX + 32)

/* ---- errors ---- */

static int condemn(struct sqlite_file *f, const char *as, const char *reason) {
  f->condemned_as = as;
  sqlite_place_explain(&f->place, -EILSEQ, reason);
  memcpy(f->condemned_why, f->place.why, sizeof f->condemned_why);
  return -EILSEQ;
}

static int errno_of(int code) {
  switch (code & 0xff) {
  case SQLITE_OK:
  case SQLITE_ROW:
  case SQLITE_DONE:
    return 0;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return -EILSEQ;
  case SQLITE_FULL:
    return -ENOSPC;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL: /* others take and leave the lock all the time */
    return -EBUSY;
  case SQLITE_NOMEM:
    return -ENOMEM;
  case SQLITE_READONLY:
    return -EROFS;
  case SQLITE_PERM:
    return -EACCES;
  case SQLITE_CANTOPEN:
    return -ENOENT;
  case SQLITE_IOERR:
    return -EIO;
  default:
    return -EPROTO;
  }
}

int sqlite_file_result(struct sqlite_file *f, int code) {
  int status = errno_of(code);
  if (status == 0)
    return 0;
  if (status == -EILSEQ)
    return condemn(f, "corrupt", sqlite3_errmsg(f->db));
  return sqlite_place_explain(&f->place, status, sqlite3_errmsg(f->db));
}

int sqlite_file_judge(struct sqlite_file *f, int code) {
  if ((code & 0xff) == SQLITE_ERROR)
    return condemn(f, "corrupt", sqlite3_errmsg(f->db));
  return sqlite_file_result(f, code);
}

/* ---- SQL ---- */

int sqlite_file_run(struct sqlite_file *f, const char *sql) {
  return sqlite_file_result(f, sqlite3_exec(f->db, sql, NULL, NULL, NULL));
}

/* Runs the SQL up to its first row. The caller finalizes the statement. */
static int query_row(struct sqlite_file *f, const char *sql,
                     sqlite3_stmt **ret_statement) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(f->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(statement);
  int status = sqlite_file_judge(f, code);
  if (status == 0)
    *ret_statement = statement;
  else
    sqlite3_finalize(statement);
  return status;
}

int sqlite_file_query(struct sqlite_file *f, const char *sql,
                      int64_t *ret_number) {
  sqlite3_stmt *statement = NULL;
  int status = query_row(f, sql, &statement);
  if (status < 0)
    return status;
  *ret_number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  return 0;
}

/* ---- life ---- */

int sqlite_file_init(struct sqlite_file *f, const char *path,
                     bool syncs_every_commit) {
  *f = (struct sqlite_file){.syncs_every_commit = syncs_every_commit};
  return sqlite_place_init(&f->place, path);
}

#define PENDING_IN_ALL                                                         \
  "(SELECT count(*) FROM commands NOT INDEXED WHERE state <> 'finished')"
#define PENDING_IN_INDEX                                                       \
  "(SELECT count(*) FROM commands INDEXED BY commands_pending"                 \
  " WHERE finished_at IS NULL)"

/* Returns a number that the file gives; -1 if it can not be read. Unlike
 * sqlite_file_query it judges nothing: the file is condemned already. */
static int64_t count(sqlite3 *db, const char *sql) {
  sqlite3_stmt *row = NULL;
  int64_t number = -1;
  if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK &&
      sqlite3_step(row) == SQLITE_ROW)
    number = sqlite3_column_int64(row, 0);
  sqlite3_finalize(row);
  return number;
}

/* Counts what is lost with a file that will be set aside: of one that the agent
 * has restored from and writes, the pending commands that the index had not
 * named. */
static void count_loss(struct sqlite_file *f) {
  if (sqlite_place_is_known(&f->place))
    return;
  int64_t lost =
      count(f->db, f->is_ours ? "SELECT " PENDING_IN_ALL " - " PENDING_IN_INDEX
                              : "SELECT " PENDING_IN_ALL);
  if (lost > 0)
    f->loss.commands += (uint64_t)lost;
  else if (lost < 0 && !f->is_ours)
    f->loss.uncounted++;
}

static void end_check(struct sqlite_file *f) {
  sqlite_check_end(f->check);
  f->check = NULL;
}

void sqlite_file_close(struct sqlite_file *f) {
  sqlite3_stmt *statement;
  end_check(f);
  f->is_looked_at = false;
  if (f->db != NULL && f->condemned_as != NULL)
    count_loss(f);
  while (f->db != NULL && (statement = sqlite3_next_stmt(f->db, NULL)) != NULL)
    sqlite3_finalize(statement);
  /* A condemned file stays as it was found: no checkpoint changes it. */
  if (f->db != NULL && f->condemned_as != NULL)
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_close(f->db);
  f->db = NULL;
}

void sqlite_file_release(struct sqlite_file *f) {
  sqlite_file_close(f);
  sqlite_place_release(&f->place);
}

/* ---- what is damaged ---- */

static int set_aside(struct sqlite_file *f, struct moment now) {
  char suffix[SQLITE_PLACE_SUFFIX_BYTES];
  int status =
      sqlite_aside_move(&f->place, f->condemned_as, now.wall_ms / 1000, suffix);
  if (status < 0)
    return status;
  log_error("%s: it is set aside as \"%s%s\", and a fresh one is begun",
            f->condemned_why, f->place.real_path, suffix);
  f->set_aside_count++;
  f->condemned_as = NULL;
  return 0;
}

static bool has_lost_frames(const struct sqlite_place *p,
                            struct sqlite_wal_frames *ret_frames) {
  char wal[PATH_MAX], shm[PATH_MAX];
  sqlite_place_format(p, "-wal", wal);
  sqlite_place_format(p, "-shm", shm);
  return sqlite_wal_look(wal, shm, ret_frames) == 0 && ret_frames->lost > 0;
}

/* Returns whether the damage to this -wal was told before: the file can not be
 * opened since. */
static bool is_told(const struct sqlite_file *f,
                    const struct sqlite_wal_frames *frames) {
  return f->told_wal.lost > 0 && f->told_wal.inode == frames->inode &&
         memcmp(f->told_wal.salt, frames->salt, sizeof frames->salt) == 0;
}

static void tell_damage(struct sqlite_file *f,
                        const struct sqlite_wal_frames *frames,
                        struct moment now) {
  char suffix[SQLITE_PLACE_SUFFIX_BYTES];
  bool is_copied =
      sqlite_aside_copy(&f->place, "damaged", now.wall_ms / 1000, suffix);
  log_error("ledger \"%s\": its -wal is damaged: %lu of %lu pages of the last "
            "commits are lost, what is before them is restored; %s \"%s%s\"",
            f->place.path, (unsigned long)frames->lost,
            (unsigned long)frames->lost + frames->recovered,
            is_copied ? "the files are copied to"
                      : "the files could not all be copied to",
            f->place.real_path, suffix);
  f->damage_count++;
  f->loss.uncounted++;
  f->told_wal = *frames;
}

/* SQLite says nothing of frames that it does not recover. Returns whether some
 * are lost. */
static bool look_for_damage(struct sqlite_file *f, struct moment now) {
  struct sqlite_wal_frames frames;
  if (!has_lost_frames(&f->place, &frames))
    return false;
  if (!is_told(f, &frames))
    tell_damage(f, &frames, now);
  return true;
}

/* ---- opening ---- */

static int connect_file(struct sqlite_file *f, const char *path, int flags) {
  int code = sqlite3_open_v2(
      path, &f->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
      NULL);
  if (f->db == NULL)
    return sqlite_place_explain(&f->place, -ENOMEM, "out of memory");
  if (code == SQLITE_OK)
    code = sqlite3_busy_timeout(f->db, SQLITE_FILE_WAIT_MS);
  return sqlite_file_result(f, code);
}

static int check_now(struct sqlite_file *f) {
  char why[CHECK_WHY_BYTES];
  int status = errno_of(sqlite_check_now(f->db, why, sizeof why));
  if (status == -EILSEQ)
    return condemn(f, "corrupt", why);
  return status < 0 ? sqlite_place_explain(&f->place, status, why) : 0;
}

static int read_version(struct sqlite_file *f, int64_t *ret_application,
                        int64_t *ret_version) {
  int status = sqlite_file_query(f, "PRAGMA application_id", ret_application);
  return status == 0 ? sqlite_file_query(f, "PRAGMA user_version", ret_version)
                     : status;
}

static int identify(struct sqlite_file *f, int64_t *ret_version) {
  int64_t application = 0, version = 0, objects = 0;
  int status = read_version(f, &application, &version);
  if (status == 0)
    status =
        sqlite_file_query(f, "SELECT count(*) FROM sqlite_master", &objects);
  if (status < 0)
    return status;
  /* The file can be written (see sqlite_place): SQLite refuses since it does
   * not know the format. */
  if (sqlite3_db_readonly(f->db, "main") == 1)
    return condemn(f, "corrupt", "of a newer file format");
  *ret_version = 0;
  if (application == 0 && version == 0 && objects == 0)
    return 0;
  if (application != LEDGER_SCHEMA_APPLICATION_ID || version < 1)
    return condemn(f, "corrupt", "not a ledger of this plugin");
  if (version > LEDGER_SCHEMA_VERSION)
    return condemn(f, "corrupt", "of a newer version");
  if (f->must_be_fresh && !sqlite_place_is_known(&f->place))
    return condemn(f, "unread",
                   "was not read when the agent started: what was pending in "
                   "it is not sent");
  *ret_version = version;
  return 0;
}

/* Keeps -wal and -shm when the file is closed: on a full disk they could not be
 * created again, and nothing would be restored. */
static void keep_companions(struct sqlite_file *f) {
  int keep = 1;
  sqlite3_file_control(f->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
}

static int run_number(struct sqlite_file *f, const char *pragma,
                      int64_t number) {
  char sql[128];
  int64_t set;
  snprintf(sql, sizeof sql, "PRAGMA %s = %lld", pragma, (long long)number);
  return sqlite_file_query(f, sql, &set);
}

/* Writes one line, at the first time. */
static void tell_small(struct sqlite_file *f, int64_t bytes) {
  if (!f->is_told_small)
    log_warning("ledger \"%s\": its file system has only %lld KiB: the oldest "
                "history gives way as soon as it is full, whatever HistoryDays "
                "and HistoryMax say",
                f->place.path, (long long)(bytes / 1024));
  f->is_told_small = true;
}

/* Gives the -wal a small part of a small disk, and leaves it that room: without
 * room in the -wal nothing can be removed. */
static int set_sizes(struct sqlite_file *f) {
  int64_t page_bytes = 0, bytes = sqlite_place_disk_bytes(&f->place);
  int status = sqlite_file_query(f, "PRAGMA page_size", &page_bytes);
  if (status < 0)
    return status;
  int64_t disk_pages = bytes / page_bytes;
  bool is_small = bytes > 0 && bytes < SMALL_DISK_BYTES;
  int64_t wal_pages = is_small ? disk_pages / 32 : WAL_PAGES;
  if (wal_pages < WAL_PAGES_MIN)
    wal_pages = WAL_PAGES_MIN;
  status = run_number(f, "wal_autocheckpoint", wal_pages);
  if (status == 0)
    status = run_number(f, "journal_size_limit", 4 * wal_pages * page_bytes);
  f->pages_max = is_small ? disk_pages / 2 : 0;
  if (is_small)
    tell_small(f, bytes);
  return status == 0 && is_small ? run_number(f, "max_page_count", f->pages_max)
                                 : status;
}

static int set_modes(struct sqlite_file *f) {
  keep_companions(f);
  int status = sqlite_file_run(f, "PRAGMA journal_mode = WAL;"
                                  "PRAGMA temp_store = MEMORY;");
  if (status == 0)
    status = set_sizes(f);
  if (status < 0)
    return status;
  return sqlite_file_run(f, f->syncs_every_commit
                                ? "PRAGMA synchronous = FULL"
                                : "PRAGMA synchronous = NORMAL");
}

static int run_all(struct sqlite_file *f, const char *const *sql) {
  int status = 0;
  for (; status == 0 && *sql != NULL; sql++)
    status = sqlite_file_run(f, *sql);
  return status;
}

/* Brings the file to the present version; version 0 is an empty file. An older
 * one has no mark, and is looked at first. */
static int migrate(struct sqlite_file *f, int64_t version) {
  int status = version > 0 ? check_now(f) : 0;
  if (status == 0)
    status = sqlite_file_run(f, "BEGIN IMMEDIATE");
  if (status == 0 && version == 0)
    status = run_all(f, ledger_schema);
  for (; status == 0 && version > 0 && version < LEDGER_SCHEMA_VERSION;
       version++)
    status = run_all(f, ledger_schema_steps[version]);
  return status == 0 ? sqlite_file_run(f, "COMMIT") : status;
}

static int read_mark(struct sqlite_file *f) {
  int64_t marks = 0;
  int status = sqlite_file_query(f, "SELECT count(*) FROM clean_end", &marks);
  f->is_marked = status == 0 && marks > 0;
  return status;
}

static int open_present(struct sqlite_file *f, int64_t version) {
  f->is_marked = false;
  int status =
      version == LEDGER_SCHEMA_VERSION ? read_mark(f) : migrate(f, version);
  f->is_whole = f->is_marked || version != LEDGER_SCHEMA_VERSION;
  return status;
}

static int open_checked(struct sqlite_file *f) {
  int64_t version = 0;
  int status = connect_file(f, f->place.real_path, SQLITE_OPEN_READWRITE);
  if (status < 0)
    return status;
  status = identify(f, &version);
  if (status == 0)
    status = set_modes(f);
  return status == 0 ? open_present(f, version) : status;
}

bool sqlite_file_checkpoint(struct sqlite_file *f) {
  int64_t is_busy = 1;
  sqlite3_busy_timeout(f->db, 0);
  int status =
      sqlite_file_query(f, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy);
  return status == 0 && is_busy == 0;
}

/* Works without, if it must: delivery does not depend on who may look. */
static void share(struct sqlite_file *f) {
  if (sqlite_group_share(&f->place) == 0)
    return;
  if (!f->is_told_unshared)
    log_error("%s: run collectd as root, or as a member of the group",
              f->place.why);
  f->is_told_unshared = true;
}

int sqlite_file_open(struct sqlite_file *f, struct moment now) {
  bool is_damaged = false;
  f->is_ours = false;
  int status = sqlite_place_lock(&f->place);
  if (status == 0 && f->condemned_as != NULL)
    status = set_aside(f, now);
  if (status == 0)
    status = sqlite_place_ready_to_write(&f->place);
  if (status == 0) {
    is_damaged = look_for_damage(f, now);
    status = open_checked(f);
  }
  if (status < 0) {
    sqlite_file_close(f);
    return status;
  }
  share(f);
  if (is_damaged) /* what is lost is not to be found again */
    sqlite_file_checkpoint(f);
  return 0;
}

/* ---- turns ---- */

int sqlite_file_begin(struct sqlite_file *f) {
  int status = sqlite_file_run(f, "BEGIN IMMEDIATE");
  return status == 0 && f->is_marked
             ? sqlite_file_run(f, "DELETE FROM clean_end")
             : status;
}

int sqlite_file_commit(struct sqlite_file *f) {
  int status = sqlite_file_run(f, "COMMIT");
  if (status < 0)
    return status;
  f->is_marked = false;
  if (!f->is_whole && !f->is_looked_at)
    f->check = sqlite_check_begin(f->place.real_path);
  f->is_looked_at = f->check != NULL || f->is_looked_at;
  return 0;
}

/* Returns whether a page is damaged, or the disk does not give it. All else
 * that may end a look leaves the file as it is: the next start looks again. */
static bool is_damage(int code) {
  switch (code & 0xff) {
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return true;
  case SQLITE_IOERR:
    return code != SQLITE_IOERR_NOMEM;
  default:
    return false;
  }
}

int sqlite_file_see_check(struct sqlite_file *f) {
  char why[CHECK_WHY_BYTES];
  if (f->check == NULL)
    return 0;
  int code = sqlite_check_result(f->check, why, sizeof why);
  if (code == SQLITE_BUSY)
    return 0;
  end_check(f); /* its thread has ended, or is about to */
  f->is_whole = code == SQLITE_OK;
  return is_damage(code) ? condemn(f, "corrupt", why) : 0;
}

void sqlite_file_mark(struct sqlite_file *f) {
  static const char sql[] =
      "BEGIN IMMEDIATE; INSERT INTO clean_end VALUES (unixepoch()); COMMIT";
  if (f->db == NULL || f->condemned_as != NULL || f->is_marked ||
      sqlite_file_see_check(f) < 0 || !f->is_whole)
    return;
  sqlite3_busy_timeout(f->db, 0);
  if (sqlite3_exec(f->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening what can not be written ---- */

static int check_version(struct sqlite_file *f, int64_t *ret_version) {
  int64_t application = 0;
  int status = read_version(f, &application, ret_version);
  if (status < 0)
    return status;
  if (application != LEDGER_SCHEMA_APPLICATION_ID || *ret_version < 1 ||
      *ret_version > LEDGER_SCHEMA_VERSION)
    return sqlite_place_explain(
        &f->place, -EROFS,
        "it is not a ledger of this version or an earlier one, and can not be "
        "written");
  return 0;
}

static int copy_into_memory(struct sqlite_file *f, sqlite3 *from) {
  int status = connect_file(f, ":memory:", SQLITE_OPEN_READWRITE);
  if (status < 0)
    return status;
  sqlite3_backup *backup = sqlite3_backup_init(f->db, "main", from, "main");
  if (backup == NULL)
    return sqlite_file_result(f, sqlite3_errcode(f->db));
  sqlite3_backup_step(backup, -1);
  return sqlite_file_result(f, sqlite3_backup_finish(backup));
}

/* Puts a copy in memory in the place of the file, so that it can be brought to
 * the present version. */
static int migrate_in_memory(struct sqlite_file *f, int64_t version) {
  sqlite3 *file = f->db;
  int status = copy_into_memory(f, file);
  sqlite3_close(file);
  return status == 0 ? migrate(f, version) : status;
}

/* Returns how many bytes the file with that suffix has; -1 if there is none. */
static int64_t companion_bytes(const struct sqlite_file *f,
                               const char *suffix) {
  char path[PATH_MAX];
  struct stat about;
  sqlite_place_format(&f->place, suffix, path);
  return stat(path, &about) == 0 ? (int64_t)about.st_size : -1;
}

/* SQLite has one error for a file that is not there and one that may not be
 * read. */
static int check_right(struct sqlite_file *f, const char *suffix) {
  char path[PATH_MAX], what[64];
  sqlite_place_format(&f->place, suffix, path);
  if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 || errno == ENOENT)
    return 0;
  snprintf(what, sizeof what, "%s can not be read",
           suffix[0] == '\0' ? "it" : suffix);
  return sqlite_place_explain_errno(&f->place, what, errno);
}

static int check_rights(struct sqlite_file *f) {
  int status = check_right(f, "");
  if (status == 0)
    status = check_right(f, "-wal");
  return status == 0 ? check_right(f, "-shm") : status;
}

/* SQLite would make a -wal or -shm that is missing. Without one of them no
 * other process has the file open, and if nothing is in the -wal, all is in the
 * file itself. */
static int connect_as_guest(struct sqlite_file *f) {
  int64_t wal_bytes = companion_bytes(f, "-wal");
  bool has_shm = companion_bytes(f, "-shm") >= 0;
  struct buf uri;
  if (wal_bytes > 0 && !has_shm)
    return sqlite_place_explain(&f->place, -EROFS,
                                "it has a -wal without a -shm, so that only "
                                "the agent can read all of it");
  buf_init(&uri, URI_MAX_BYTES);
  buf_append_text(&uri, "file:");
  buf_append_percent(&uri, f->place.real_path);
  int status = buf_append_text(
      &uri, wal_bytes >= 0 && has_shm ? "?readonly_shm=1" : "?immutable=1");
  status = status < 0 ? sqlite_place_explain(&f->place, status, "no memory")
                      : connect_file(f, buf_text(&uri),
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  buf_free(&uri);
  return status;
}

static int connect_to_read(struct sqlite_file *f) {
  if (!f->is_guest)
    return connect_file(f, f->place.real_path, SQLITE_OPEN_READONLY);
  int status = check_rights(f);
  return status == 0 ? connect_as_guest(f) : status;
}

int sqlite_file_open_to_read(struct sqlite_file *f) {
  int64_t version = 0;
  int status = sqlite_place_ready_to_read(&f->place);
  if (status == 0)
    status = connect_to_read(f);
  if (status == 0)
    status = check_version(f, &version);
  if (status == 0 && version < LEDGER_SCHEMA_VERSION)
    status = migrate_in_memory(f, version);
  if (status < 0)
    sqlite_file_close(f);
  return status;
}

int sqlite_file_open_in_memory(struct sqlite_file *f) {
  f->is_whole = true;
  int status = connect_file(f, ":memory:", SQLITE_OPEN_READWRITE);
  return status == 0 ? run_all(f, ledger_schema) : status;
}

/* ---- what is seen ---- */

bool sqlite_file_has_moved(struct sqlite_file *f) {
  int moved = 0;
  sqlite3_file_control(f->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool sqlite_file_is_nearly_full(struct sqlite_file *f) {
  int64_t pages = 0, free_pages = 0;
  if (f->pages_max == 0 ||
      sqlite_file_query(f, "PRAGMA page_count", &pages) < 0 ||
      sqlite_file_query(f, "PRAGMA freelist_count", &free_pages) < 0)
    return false;
  return pages - free_pages > f->pages_max * 3 / 4;
}
