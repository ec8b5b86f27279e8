/* SPDX-License-Identifier: MIT */
#include "book.h"

#include "base/one_line.h"
#include "base/systime.h"
#include "ledger/ledger.h"
#include "ledger/ledger_schema.h"
#include "ledger/sqlite_holder.h"
#include "ledger/sqlite_place.h"
#include "right.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_MS 50 /* between two looks at an order */

struct book {
  struct sqlite_place place;
  enum book_purpose purpose;
  sqlite3 *db;
};

/* ---- words ---- */

/* Writes "ledger "PATH": why" to stderr. Returns status. */
static int explain(const struct book *b, int status, const char *why) {
  tool_fail(TOOL_WRONG, "ledger \"%s\": %s", b->place.path, why);
  return status;
}

struct meaning {
  int code;
  int status;
  const char *what; /* SQLite's own words follow */
};

static const struct meaning meanings[] = {
    {SQLITE_BUSY, -EBUSY,
     "it is locked by another process: try again, or find that with fuser"},
    {SQLITE_LOCKED, -EBUSY,
     "it is locked by another process: try again, or find that with fuser"},
    {SQLITE_CORRUPT, -EILSEQ,
     "it is damaged: restart collectd, and the agent sets it aside and begins "
     "a fresh one"},
    {SQLITE_NOTADB, -EILSEQ,
     "it is damaged, or no ledger: look whether Ledger in <Plugin onenet> "
     "names the right file; a damaged one is set aside when collectd starts"},
    {SQLITE_ERROR, -EILSEQ,
     "it is damaged, or was changed by hand: restart collectd, and the agent "
     "sets it aside and begins a fresh one"},
    {SQLITE_FULL, -ENOSPC,
     "its disk is full: no order can be given before there is room"},
    {SQLITE_IOERR, -EIO,
     "its disk can not be read or written: see the kernel's log"},
    {SQLITE_NOMEM, -ENOMEM, "out of memory"}};

static const struct meaning *find_meaning(int code) {
  static const struct meaning other = {
      0, -EACCES, "it can not be opened by this user: use sudo"};
  for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
    if (meanings[i].code == (code & 0xff))
      return &meanings[i];
  return &other;
}

/* Makes a text from the ledger, which may be damaged, one line of UTF-8. */
static void clean(char *text, size_t bytes) {
  struct buf whole;
  buf_init(&whole, 3 * bytes);
  buf_append_utf8(&whole, text, strlen(text));
  snprintf(text, bytes, "%s", buf_text(&whole));
  text[one_line_cut(text, strlen(text), bytes - 4)] = '\0';
  one_line_blank(text, strlen(text));
  buf_free(&whole);
}

int book_judge(struct book *b, int code) {
  char words[256], why[512];
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
    return 0;
  const struct meaning *m = find_meaning(code);
  snprintf(words, sizeof words, "%s",
           b->db != NULL ? sqlite3_errmsg(b->db) : sqlite3_errstr(code));
  clean(words, sizeof words);
  snprintf(why, sizeof why, "%s (%s)", m->what, words);
  return explain(b, m->status, why);
}

/* ---- what lies there ---- */

static int check_right(struct book *b, const char *suffix, const char *name) {
  char path[PATH_MAX], why[RIGHT_WHY_BYTES];
  sqlite_place_format(&b->place, suffix, path);
  int status = right_check(path, name, b->purpose == BOOK_TO_ORDER, why);
  return status < 0 ? explain(b, status, why) : 0;
}

/* Explains a path at which there is nothing to be read. */
static int explain_missing(struct book *b, int status) {
  char why[RIGHT_WHY_BYTES];
  if (status == -EACCES && right_check(b->place.path, "it", false, why) < 0)
    return explain(b, status, why);
  if (status == -ENOENT)
    return explain(b, status,
                   "there is none: the agent makes it when collectd starts; "
                   "look whether -C names the configuration of that collectd");
  tool_fail(TOOL_WRONG, "%s", b->place.why);
  return status;
}

static int64_t companion_bytes(const struct book *b, const char *suffix) {
  char path[PATH_MAX];
  struct stat about;
  sqlite_place_format(&b->place, suffix, path);
  return lstat(path, &about) == 0 ? about.st_size : -1;
}

/* Decides whether SQLite may open the file as it usually does. That makes -wal
 * and -shm where they are missing. */
static bool is_open_to_all(const struct book *b) {
  return (companion_bytes(b, "-wal") >= 0 && companion_bytes(b, "-shm") >= 0) ||
         right_to_add(b->place.real_path);
}

/* Returns whether all commits are in the file itself, and nobody adds any. */
static bool is_at_rest(const struct book *b) {
  return companion_bytes(b, "-wal") <= 0 && book_agent(b->place.path) == 0;
}

/* ---- opening ---- */

static int connect_file(struct book *b, const char *more, int flags) {
  struct buf uri;
  buf_init(&uri, 4 * PATH_MAX);
  buf_append_text(&uri, "file:");
  buf_append_percent(&uri, b->place.real_path);
  buf_append_text(&uri, more);
  int code = uri.error != 0 ? SQLITE_NOMEM
                            : sqlite3_open_v2(buf_text(&uri), &b->db,
                                              flags | SQLITE_OPEN_URI |
                                                  SQLITE_OPEN_NOMUTEX |
                                                  SQLITE_OPEN_PRIVATECACHE,
                                              NULL);
  buf_free(&uri);
  return book_judge(b, code);
}

static int explain_companions(struct book *b) {
  char why[RIGHT_WHY_BYTES];
  right_explain_add(b->place.real_path, "its -wal and -shm", why);
  return explain(b, -EACCES, why);
}

static int connect(struct book *b) {
  if (is_open_to_all(b))
    return connect_file(b, "",
                        b->purpose == BOOK_TO_READ ? SQLITE_OPEN_READONLY
                                                   : SQLITE_OPEN_READWRITE);
  return b->purpose == BOOK_TO_READ && is_at_rest(b)
             ? connect_file(b, "?immutable=1", SQLITE_OPEN_READONLY)
             : explain_companions(b);
}

/* The file may have been written by whoever may give orders: what it says of
 * itself is not trusted. -wal and -shm stay, as the agent wants it. */
static int prepare(struct book *b) {
  int keep = 1;
  sqlite3_db_config(b->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(b->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_file_control(b->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  return book_judge(b, sqlite3_busy_timeout(b->db, BOOK_WAIT_MS));
}

/* Reads one number. */
static int query(struct book *b, const char *sql, int64_t *ret_number) {
  sqlite3_stmt *row = NULL;
  int code = sqlite3_prepare_v2(b->db, sql, -1, &row, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(row);
  if (code == SQLITE_ROW)
    *ret_number = sqlite3_column_int64(row, 0);
  int status = book_judge(b, code);
  sqlite3_finalize(row);
  return status;
}

static int explain_version(struct book *b, int64_t version) {
  char why[256];
  if (version < LEDGER_SCHEMA_VERSION)
    snprintf(why, sizeof why,
             "it is of version %lld, and this onenetctl reads version %d: "
             "restart collectd with the plugin that came with onenetctl, which "
             "brings it up to date",
             (long long)version, LEDGER_SCHEMA_VERSION);
  else
    snprintf(why, sizeof why,
             "it is of version %lld, and this onenetctl reads version %d: use "
             "the onenetctl that came with the plugin",
             (long long)version, LEDGER_SCHEMA_VERSION);
  return explain(b, -EPROTO, why);
}

static int identify(struct book *b) {
  int64_t application = 0, version = 0;
  int status = query(b, "PRAGMA application_id", &application);
  if (status == 0)
    status = query(b, "PRAGMA user_version", &version);
  if (status < 0)
    return status;
  if (application != LEDGER_SCHEMA_APPLICATION_ID || version < 1)
    return explain(b, -EPROTO,
                   "it is no ledger of this plugin: look whether Ledger in "
                   "<Plugin onenet> names the right file");
  return version == LEDGER_SCHEMA_VERSION ? 0 : explain_version(b, version);
}

/* Checks the rights before SQLite tries: it does not say which one it lacks. */
static int find_file(struct book *b) {
  int status = sqlite_place_ready_to_read(&b->place);
  if (status < 0)
    return explain_missing(b, status);
  status = check_right(b, "", "the ledger");
  if (status == 0)
    status = check_right(b, "-wal", "its -wal");
  return status == 0 ? check_right(b, "-shm", "its -shm") : status;
}

static int open_all(struct book *b) {
  int status = find_file(b);
  if (status == 0)
    status = connect(b);
  if (status == 0)
    status = prepare(b);
  return status == 0 ? identify(b) : status;
}

int book_open(const char *path, enum book_purpose purpose,
              struct book **ret_book) {
  if (strcmp(path, LEDGER_IN_MEMORY) == 0) {
    tool_fail(TOOL_WRONG,
              "Ledger is \":memory:\": nobody but the agent can look into it, "
              "and it takes no orders; name a file, as in Ledger "
              "\"/var/lib/collectd/onenet.db\"");
    return -ENOTSUP;
  }
  struct book *b = calloc(1, sizeof *b);
  if (b == NULL || sqlite_place_init(&b->place, path) < 0) {
    free(b);
    tool_fail(TOOL_WRONG, "out of memory");
    return -ENOMEM;
  }
  b->purpose = purpose;
  int status = open_all(b);
  if (status < 0)
    book_close(b);
  else
    *ret_book = b;
  return status;
}

void book_close(struct book *b) {
  sqlite3_close(b->db);
  sqlite_place_release(&b->place);
  free(b);
}

struct sqlite3 *book_connection(struct book *b) {
  return b->db;
}

int64_t book_bytes(const struct book *b) {
  return sqlite_place_bytes(&b->place);
}

pid_t book_agent(const char *path) {
  char lock[PATH_MAX];
  int size = snprintf(lock, sizeof lock, "%s.lock", path);
  return size < (int)sizeof lock ? sqlite_holder_find(lock) : 0;
}

/* ---- orders ---- */

static void bind_text(sqlite3_stmt *s, int at, const char *text) {
  if (text != NULL)
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* Stores a body as the ledger does: as text if it is one. */
static void bind_body(sqlite3_stmt *s, int at, const struct body *body) {
  if (body == NULL)
    return;
  if (buf_is_utf8(body->data, body->size) &&
      memchr(body->data, 0, body->size) == NULL)
    sqlite3_bind_text(s, at, body->data, (int)body->size, SQLITE_STATIC);
  else
    sqlite3_bind_blob(s, at, body->data, (int)body->size, SQLITE_STATIC);
}

/* Binds what was asked for; what is not bound is NULL. */
static void bind_order(sqlite3_stmt *s, const struct order *o) {
  sqlite3_bind_double(s, 1, (double)systime_ms(CLOCK_REALTIME) / 1000);
  sqlite3_bind_text(s, 2, order_verb_name(o->verb), -1, SQLITE_STATIC);
  sqlite3_bind_int64(s, 3, getuid());
  bind_text(s, 4, o->device_name);
  bind_text(s, 5, o->rule_name);
  if (o->command_id != 0)
    sqlite3_bind_int64(s, 6, o->command_id);
  bind_body(s, 7, o->body);
  bind_text(s, 8, o->content_type);
  bind_text(s, 9, o->service);
  if (o->expire_s != ORDER_EXPIRE_DEFAULT)
    sqlite3_bind_int(s, 10, o->expire_s);
  sqlite3_bind_int(s, 11, o->is_forced);
  if (o->verb == ORDER_SILENCE)
    sqlite3_bind_double(s, 12, (double)o->wall_until_ms / 1000);
  bind_text(s, 13, o->comment);
}

static int insert(struct book *b, const struct order *o) {
  static const char sql[] =
      "INSERT INTO orders (given_at, verb, uid, device, rule, command_id, body,"
      " content_type, service, expire_s, forced, until_at, comment, state)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'given')";
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(b->db, sql, -1, &s, NULL);
  if (code == SQLITE_OK) {
    bind_order(s, o);
    code = sqlite3_step(s);
  }
  int status = book_judge(b, code);
  sqlite3_finalize(s);
  return status;
}

/* One statement is a transaction of its own, and is committed as a whole. */
int book_give(struct book *b, const struct order *order, int64_t *ret_id) {
  int status = insert(b, order);
  if (status == 0)
    *ret_id = sqlite3_last_insert_rowid(b->db);
  return status;
}

static struct order *take_order(sqlite3_stmt *s, int64_t id) {
  struct order *o = order_new();
  if (o == NULL)
    return NULL;
  o->id = id;
  order_state_parse((const char *)sqlite3_column_text(s, 0), &o->state);
  o->ended.wall_ms = (int64_t)(1000 * sqlite3_column_double(s, 1));
  const unsigned char *why = sqlite3_column_text(s, 2);
  snprintf(o->why, sizeof o->why, "%s", why != NULL ? (const char *)why : "");
  clean(o->why, sizeof o->why);
  o->result_id = sqlite3_column_int64(s, 3);
  o->count = (uint64_t)sqlite3_column_int64(s, 4);
  return o;
}

/* Looks at the order. Returns 0, and the order if it has ended; or as
 * book_await. */
static int look_at(struct book *b, int64_t id, struct order **ret_order) {
  static const char sql[] = "SELECT state, ended_at, why, result_id, count"
                            " FROM orders WHERE id = ? AND state <> 'given'";
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(b->db, sql, -1, &s, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_bind_int64(s, 1, id);
  if (code == SQLITE_OK)
    code = sqlite3_step(s);
  int status = book_judge(b, code);
  if (code == SQLITE_ROW) {
    *ret_order = take_order(s, id);
    status = *ret_order != NULL ? 0 : -ENOMEM;
  }
  sqlite3_finalize(s);
  return status;
}

int book_await(struct book *b, int64_t id, struct order **ret_order) {
  int64_t end_ms = systime_monotonic_ms() + BOOK_WAIT_MS;
  struct order *found = NULL;
  for (;;) {
    bool is_last =
        systime_monotonic_ms() >= end_ms || book_agent(b->place.path) == 0;
    int status = look_at(b, id, &found);
    if (status < 0)
      return status;
    if (found != NULL) {
      *ret_order = found;
      return 0;
    }
    if (is_last)
      return -ETIMEDOUT;
    poll(NULL, 0, POLL_MS);
  }
}
