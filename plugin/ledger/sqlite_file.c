/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_file.h"

#include "base/copy_file.h"
#include "base/log.h"
#include "ledger/ledger_schema.h"
#include "ledger/sqlite_wal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILE_MODE 0640
#define SMALL_DISK_BYTES ((int64_t)32 * 1024 * 1024)
/* Pages of the -wal before they are moved into the file: 4 MiB, as SQLite has
 * it. With fewer the disk is waited for more often. */
#define WAL_PAGES 1000
#define WAL_PAGES_MIN 16
#define SUFFIX_BYTES 64 /* for the suffix of a file that is set aside */

/* Suffixes of the files that make one database, in the order in which they are
 * renamed. The database itself is first: if its -wal or -shm stays behind,
 * SQLite discards it when it opens the fresh file. */
static const char *const companions[] = {"", "-wal", "-shm"};

/* ---- errors ---- */

int sqlite_file_explain(struct sqlite_file *f, int status, const char *reason) {
  snprintf(f->why, sizeof f->why, "ledger \"%s\": %s", f->path, reason);
  return status;
}

static int explain_errno(struct sqlite_file *f, const char *doing, int error) {
  char text[128], reason[256];
  if (strerror_r(error, text, sizeof text) != 0)
    snprintf(text, sizeof text, "error %d", error);
  snprintf(reason, sizeof reason, "%s: %s", doing, text);
  return sqlite_file_explain(f, -error, reason);
}

static int condemn(struct sqlite_file *f, const char *as, const char *reason) {
  f->condemned_as = as;
  sqlite_file_explain(f, -EILSEQ, reason);
  memcpy(f->condemned_why, f->why, sizeof f->condemned_why);
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
    return -EBUSY;
  case SQLITE_NOMEM:
    return -ENOMEM;
  case SQLITE_READONLY:
    return -EROFS;
  case SQLITE_PERM:
    return -EACCES;
  case SQLITE_CANTOPEN:
    return -ENOENT;
  default:
    return -EIO;
  }
}

int sqlite_file_result(struct sqlite_file *f, int code) {
  int status = errno_of(code);
  if (status == 0)
    return 0;
  if (status == -EILSEQ)
    return condemn(f, "corrupt", sqlite3_errmsg(f->db));
  return sqlite_file_explain(f, status, sqlite3_errmsg(f->db));
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
  sqlite3_stmt *statement;
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
  *f = (struct sqlite_file){.path = strdup(path),
                            .syncs_every_commit = syncs_every_commit,
                            .lock_fd = -1,
                            .guard_fd = -1};
  return f->path != NULL ? 0 : -ENOMEM;
}

void sqlite_file_close(struct sqlite_file *f) {
  sqlite3_stmt *statement;
  while (f->db != NULL && (statement = sqlite3_next_stmt(f->db, NULL)) != NULL)
    sqlite3_finalize(statement);
  /* A condemned file stays as it was found: no checkpoint changes it. */
  if (f->db != NULL && f->condemned_as != NULL)
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_close(f->db);
  f->db = NULL;
}

static void close_if_open(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

void sqlite_file_release(struct sqlite_file *f) {
  sqlite_file_close(f);
  close_if_open(&f->lock_fd);
  close_if_open(&f->guard_fd);
  free(f->real_path);
  free(f->path);
}

/* ---- the place and its lock ---- */

/* Returns what is wrong with a file that we are about to write to: whoever may
 * make files in the directory must not choose what we write to. NULL if
 * nothing is. */
static const char *find_trap(const struct stat *about) {
  if (S_ISLNK(about->st_mode))
    return "a symbolic link, which is not followed";
  if (S_ISDIR(about->st_mode))
    return NULL; /* opening it says so */
  if (!S_ISREG(about->st_mode))
    return "not a regular file";
  if (about->st_nlink > 1)
    return "a file with another name besides this one";
  if (about->st_uid != geteuid())
    return "the file of another user";
  return NULL;
}

/* `name` is how the line calls the file: "it", "its -wal". */
static int explain_trap(struct sqlite_file *f, const char *name,
                        const struct stat *about) {
  char reason[128];
  const char *trap = find_trap(about);
  if (trap == NULL)
    return 0;
  snprintf(reason, sizeof reason, "%s is %s", name, trap);
  return sqlite_file_explain(f, -EPERM, reason);
}

/* A file that is missing is no trap. */
static int check_trap(struct sqlite_file *f, const char *name,
                      const char *path) {
  struct stat about;
  return lstat(path, &about) == 0 ? explain_trap(f, name, &about) : 0;
}

/* Creates the file if it is missing. To be called only while SQLite does not
 * have the file open: closing a file gives back all POSIX locks that the
 * process holds on it. */
static int touch(struct sqlite_file *f, const char *path) {
  int status = check_trap(f, "it", path);
  if (status < 0)
    return status;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
                FILE_MODE);
  if (fd < 0)
    return explain_errno(f, "can not be opened", errno);
  close(fd);
  return 0;
}

/* Finds out where the file really is, if it is there. */
static int find_real_path(struct sqlite_file *f) {
  struct stat about;
  if (f->real_path != NULL)
    return 0;
  if (lstat(f->path, &about) == 0 && S_ISLNK(about.st_mode))
    return explain_trap(f, "it", &about);
  char *real_path = realpath(f->path, NULL);
  if (real_path == NULL)
    return explain_errno(f, "has no path", errno);
  if (strlen(real_path) + SUFFIX_BYTES >= PATH_MAX) {
    free(real_path);
    return explain_errno(f, "leaves no room for names", ENAMETOOLONG);
  }
  f->real_path = real_path;
  return 0;
}

static int find_place(struct sqlite_file *f) {
  int status = f->real_path == NULL ? touch(f, f->path) : 0;
  return status == 0 ? find_real_path(f) : status;
}

/* Writes the path of the file with that suffix; "" is the file itself. */
static void format_beside(const struct sqlite_file *f, const char *suffix,
                          char ret_path[static PATH_MAX]) {
  snprintf(ret_path, PATH_MAX, "%s%s", f->real_path, suffix);
}

static int64_t size_of(const struct sqlite_file *f, const char *suffix) {
  char path[PATH_MAX];
  struct stat about;
  format_beside(f, suffix, path);
  return stat(path, &about) == 0 ? about.st_size : 0;
}

/* SQLite itself follows no link in their place, but would write to a file of
 * others. */
static int check_companions(struct sqlite_file *f) {
  static const struct {
    const char *suffix, *name;
  } checked[] = {{"-wal", "its -wal"}, {"-shm", "its -shm"}};
  char path[PATH_MAX];
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof checked / sizeof checked[0];
       i++) {
    format_beside(f, checked[i].suffix, path);
    status = check_trap(f, checked[i].name, path);
  }
  return status;
}

static int explain_holder(struct sqlite_file *f, int fd) {
  char reason[64] = "in use by another process", pid[24] = "";
  if (pread(fd, pid, sizeof pid - 1, 0) > 0 && atol(pid) > 0)
    snprintf(reason, sizeof reason, "in use by process %ld", atol(pid));
  return sqlite_file_explain(f, -EBUSY, reason);
}

/* Writes the process id, with which the next process that wants the lock
 * explains who holds it. It may be missing if the disk is full. */
static void write_holder(int fd) {
  if (ftruncate(fd, 0) == 0)
    dprintf(fd, "%ld\n", (long)getpid());
}

/* Opens the lock file, which is about to be overwritten. */
static int open_lock(struct sqlite_file *f, int *ret_fd) {
  char path[PATH_MAX];
  struct stat about;
  format_beside(f, ".lock", path);
  int status = check_trap(f, "its .lock", path);
  if (status < 0)
    return status;
  int fd = open(
      path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
      FILE_MODE);
  if (fd < 0)
    return explain_errno(f, "its .lock can not be opened", errno);
  /* Checked again: the path may lead to another file by now. */
  status = fstat(fd, &about) == 0
               ? explain_trap(f, "its .lock", &about)
               : explain_errno(f, "its .lock can not be looked at", errno);
  if (status < 0)
    close(fd);
  else
    *ret_fd = fd;
  return status;
}

static int take_lock(struct sqlite_file *f, int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return 0;
  return errno == EWOULDBLOCK
             ? explain_holder(f, fd)
             : explain_errno(f, "its .lock can not be taken", errno);
}

int sqlite_file_lock(struct sqlite_file *f) {
  int fd = -1;
  if (f->lock_fd >= 0)
    return 0;
  int status = find_place(f);
  if (status == 0)
    status = open_lock(f, &fd);
  if (status < 0)
    return status;
  close_if_open(&f->guard_fd); /* it would keep us out as well */
  status = take_lock(f, fd);
  if (status < 0) {
    close(fd);
    return status;
  }
  write_holder(fd);
  f->lock_fd = fd;
  return 0;
}

bool sqlite_file_is_held(struct sqlite_file *f) {
  char path[PATH_MAX];
  struct stat about;
  if (find_real_path(f) < 0)
    return false;
  format_beside(f, ".lock", path);
  int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  bool is_lock = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  int status = is_lock ? take_lock(f, fd) : -EINVAL;
  if (status == 0)
    f->guard_fd = fd;
  else
    close(fd);
  return status == -EBUSY;
}

/* ---- setting aside ---- */

/* Writes a suffix that no file has yet: two files may be set aside in one
 * second. */
static void format_aside(const struct sqlite_file *f, const char *as,
                         int64_t wall_s, char ret_suffix[static SUFFIX_BYTES]) {
  char path[PATH_MAX];
  do {
    snprintf(ret_suffix, SUFFIX_BYTES, ".%s-%lld", as, (long long)wall_s++);
    format_beside(f, ret_suffix, path);
  } while (access(path, F_OK) == 0);
}

static int rename_aside(struct sqlite_file *f, const char *suffix) {
  char from[PATH_MAX], to[PATH_MAX], with_companion[SUFFIX_BYTES + 8];
  for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
    format_beside(f, companions[i], from);
    snprintf(with_companion, sizeof with_companion, "%s%s", suffix,
             companions[i]);
    format_beside(f, with_companion, to);
    if (rename(from, to) < 0 && errno != ENOENT)
      return explain_errno(f, "can not be set aside", errno);
  }
  return 0;
}

static int set_aside(struct sqlite_file *f, struct moment now) {
  char suffix[SUFFIX_BYTES];
  format_aside(f, f->condemned_as, now.wall_ms / 1000, suffix);
  int status = rename_aside(f, suffix);
  if (status < 0)
    return status;
  log_error("%s: it is set aside as \"%s%s\", and a fresh one is begun",
            f->condemned_why, f->real_path, suffix);
  f->set_aside_count++;
  f->condemned_as = NULL;
  return 0;
}

/* ---- a -wal that is damaged ---- */

/* Copies the files that there are. Returns whether all were copied. */
static bool copy_aside(const struct sqlite_file *f, const char *suffix) {
  char from[PATH_MAX], to[PATH_MAX], with_companion[SUFFIX_BYTES + 8];
  bool all = true;
  for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
    format_beside(f, companions[i], from);
    snprintf(with_companion, sizeof with_companion, "%s%s", suffix,
             companions[i]);
    format_beside(f, with_companion, to);
    int status = copy_file(from, to, FILE_MODE);
    all = all && (status == 0 || status == -ENOENT);
  }
  return all;
}

/* SQLite says nothing of frames that it does not recover. Returns whether some
 * are lost. */
static bool look_for_damage(struct sqlite_file *f, struct moment now) {
  char wal[PATH_MAX], shm[PATH_MAX], suffix[SUFFIX_BYTES];
  struct sqlite_wal_frames frames;
  format_beside(f, "-wal", wal);
  format_beside(f, "-shm", shm);
  if (sqlite_wal_look(wal, shm, &frames) < 0 || frames.lost == 0)
    return false;
  format_aside(f, "damaged", now.wall_ms / 1000, suffix);
  bool is_copied = copy_aside(f, suffix);
  log_error("ledger \"%s\": its -wal is damaged: %lu of %lu pages of the last "
            "commits are lost, what is before them is restored; %s \"%s%s\"",
            f->path, (unsigned long)frames.lost,
            (unsigned long)frames.lost + frames.recovered,
            is_copied ? "the files are copied to"
                      : "the files could not all be copied to",
            f->real_path, suffix);
  f->damage_count++;
  return true;
}

/* ---- opening ---- */

static int connect_file(struct sqlite_file *f, const char *path, int flags) {
  int code = sqlite3_open_v2(
      path, &f->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
      NULL);
  if (f->db == NULL)
    return sqlite_file_explain(f, -ENOMEM, "out of memory");
  if (code == SQLITE_OK)
    code = sqlite3_busy_timeout(f->db, SQLITE_FILE_WAIT_MS);
  return sqlite_file_result(f, code);
}

/* A page that the disk does not give is told in a line like damage, with the
 * result code behind its words. */
static int judge_finding(struct sqlite_file *f, const char *found) {
  static const char words[] = "error code=";
  const char *code = strstr(found, words);
  int status = code != NULL ? errno_of(atoi(code + strlen(words))) : -EILSEQ;
  return status == 0 || status == -EILSEQ
             ? condemn(f, "corrupt", found)
             : sqlite_file_explain(f, status, found);
}

static int check_by(struct sqlite_file *f, const char *pragma) {
  sqlite3_stmt *statement;
  int status = query_row(f, pragma, &statement);
  if (status < 0)
    return status;
  const char *found = (const char *)sqlite3_column_text(statement, 0);
  if (found == NULL || strcmp(found, "ok") != 0)
    status = judge_finding(f, found != NULL ? found : "");
  sqlite3_finalize(statement);
  return status;
}

/* Uses integrity_check, since quick_check does not see an index that lacks a
 * pending command. The second check is for the list of free pages: SQLite 3.40
 * leaves it out of the first if it happens to look at a view before any table,
 * which depends on their names, but never out of a check of sqlite_schema
 * alone. */
static int check_integrity(struct sqlite_file *f) {
  int status = check_by(f, "PRAGMA integrity_check(1)");
  return status == 0 ? check_by(f, "PRAGMA integrity_check(sqlite_schema)")
                     : status;
}

static int read_version(struct sqlite_file *f, int64_t *ret_application,
                        int64_t *ret_version) {
  int status = sqlite_file_query(f, "PRAGMA application_id", ret_application);
  return status == 0 ? sqlite_file_query(f, "PRAGMA user_version", ret_version)
                     : status;
}

static bool is_known(const struct sqlite_file *f) {
  struct stat about;
  return f->is_known && stat(f->real_path, &about) == 0 &&
         about.st_dev == f->known_device && about.st_ino == f->known_inode;
}

static int identify(struct sqlite_file *f, int64_t *ret_version) {
  int64_t application = 0, version = 0, objects = 0;
  int status = read_version(f, &application, &version);
  if (status == 0)
    status =
        sqlite_file_query(f, "SELECT count(*) FROM sqlite_master", &objects);
  if (status < 0)
    return status;
  /* The file can be written (see touch): SQLite refuses since it does not know
   * the format. */
  if (sqlite3_db_readonly(f->db, "main") == 1)
    return condemn(f, "corrupt", "of a newer file format");
  *ret_version = 0;
  if (application == 0 && version == 0 && objects == 0)
    return 0;
  if (application != LEDGER_SCHEMA_APPLICATION_ID || version < 1)
    return condemn(f, "corrupt", "not a ledger of this plugin");
  if (version > LEDGER_SCHEMA_VERSION)
    return condemn(f, "corrupt", "of a newer version");
  if (f->must_be_fresh && !is_known(f))
    return condemn(f, "unread",
                   "was not read when the agent started: what was pending in "
                   "it is not sent");
  *ret_version = version;
  return check_integrity(f);
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

/* Returns 0 if the size can not be found out. */
static int64_t file_system_bytes(const struct sqlite_file *f) {
  struct statvfs about;
  return statvfs(f->real_path, &about) == 0
             ? (int64_t)about.f_blocks * (int64_t)about.f_frsize
             : 0;
}

/* Writes one line, at the first time. */
static void tell_small(struct sqlite_file *f, int64_t bytes) {
  if (!f->is_told_small)
    log_warning("ledger \"%s\": its file system has only %lld KiB: the oldest "
                "history gives way as soon as it is full, whatever HistoryDays "
                "and HistoryMax say",
                f->path, (long long)(bytes / 1024));
  f->is_told_small = true;
}

/* Gives the -wal a small part of a small disk, and leaves it that room: without
 * room in the -wal nothing can be removed. */
static int set_sizes(struct sqlite_file *f) {
  int64_t page_bytes = 0, bytes = file_system_bytes(f);
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

/* Brings the file to the present version; version 0 is an empty file. */
static int migrate(struct sqlite_file *f, int64_t version) {
  if (version == LEDGER_SCHEMA_VERSION)
    return 0;
  int status = sqlite_file_run(f, "BEGIN IMMEDIATE");
  if (status == 0 && version == 0)
    status = run_all(f, ledger_schema);
  for (; status == 0 && version > 0 && version < LEDGER_SCHEMA_VERSION;
       version++)
    status = run_all(f, ledger_schema_steps[version]);
  return status == 0 ? sqlite_file_run(f, "COMMIT") : status;
}

static int open_checked(struct sqlite_file *f) {
  int64_t version = 0;
  int status = connect_file(f, f->real_path, SQLITE_OPEN_READWRITE);
  if (status < 0)
    return status;
  status = identify(f, &version);
  if (status == 0)
    status = set_modes(f);
  return status == 0 ? migrate(f, version) : status;
}

bool sqlite_file_checkpoint(struct sqlite_file *f) {
  int64_t is_busy = 1;
  sqlite3_busy_timeout(f->db, 0);
  int status =
      sqlite_file_query(f, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy);
  return status == 0 && is_busy == 0;
}

int sqlite_file_open(struct sqlite_file *f, struct moment now) {
  bool is_damaged = false;
  int status = sqlite_file_lock(f);
  if (status == 0 && f->condemned_as != NULL)
    status = set_aside(f, now);
  if (status == 0)
    status = touch(f, f->real_path);
  if (status == 0)
    status = check_companions(f);
  if (status == 0) {
    is_damaged = look_for_damage(f, now);
    status = open_checked(f);
  }
  if (status < 0)
    sqlite_file_close(f);
  else if (is_damaged) /* what is lost is not to be found again */
    sqlite_file_checkpoint(f);
  return status;
}

/* ---- opening what can not be written ---- */

/* Checks that there is a ledger to be read. It may be the file of another user,
 * since nothing is written. SQLite would remove the -wal of an empty file. */
static int check_is_file(struct sqlite_file *f) {
  struct stat about;
  int status = find_real_path(f);
  if (status < 0)
    return status;
  if (lstat(f->real_path, &about) != 0)
    return explain_errno(f, "can not be read", errno);
  if (!S_ISREG(about.st_mode) || about.st_size == 0)
    return sqlite_file_explain(f, -ENOENT, "there is no ledger to be read");
  return 0;
}

static int check_version(struct sqlite_file *f) {
  int64_t application = 0, version = 0;
  int status = read_version(f, &application, &version);
  if (status < 0)
    return status;
  if (application != LEDGER_SCHEMA_APPLICATION_ID ||
      version != LEDGER_SCHEMA_VERSION)
    return sqlite_file_explain(f, -EROFS,
                               "it is not a ledger of the present version, and "
                               "can not be written");
  return 0;
}

int sqlite_file_open_to_read(struct sqlite_file *f) {
  int status = check_is_file(f);
  if (status == 0)
    status = connect_file(f, f->real_path, SQLITE_OPEN_READONLY);
  if (status == 0)
    status = check_version(f);
  if (status < 0)
    sqlite_file_close(f);
  return status;
}

int sqlite_file_open_in_memory(struct sqlite_file *f) {
  int status = connect_file(f, ":memory:", SQLITE_OPEN_READWRITE);
  return status == 0 ? run_all(f, ledger_schema) : status;
}

void sqlite_file_note_known(struct sqlite_file *f) {
  struct stat about;
  f->is_known = stat(f->real_path, &about) == 0;
  f->known_device = f->is_known ? about.st_dev : 0;
  f->known_inode = f->is_known ? about.st_ino : 0;
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

int64_t sqlite_file_size(const struct sqlite_file *f) {
  if (f->real_path == NULL)
    return 0;
  return size_of(f, "") + size_of(f, "-wal");
}
