/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_aside.h"

#include "base/copy_file.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* Suffixes of the files that make one database, in the order in which they are
 * renamed. The database itself is first: if its -wal or -shm stays behind,
 * SQLite discards it when it opens the fresh file. */
static const char *const companions[] = {"", "-wal", "-shm"};
#define COMPANIONS (sizeof companions / sizeof companions[0])

/* Writes a suffix that no file has yet: two files may be set aside in one
 * second. */
static void format_suffix(const struct sqlite_place *p, const char *as,
                          int64_t wall_s,
                          char ret_suffix[static SQLITE_PLACE_SUFFIX_BYTES]) {
  char path[PATH_MAX];
  do {
    snprintf(ret_suffix, SQLITE_PLACE_SUFFIX_BYTES, ".%s-%lld", as,
             (long long)wall_s++);
    sqlite_place_format(p, ret_suffix, path);
  } while (access(path, F_OK) == 0);
}

static void format_paths(const struct sqlite_place *p, const char *suffix,
                         const char *companion, char ret_from[static PATH_MAX],
                         char ret_to[static PATH_MAX]) {
  char both[SQLITE_PLACE_SUFFIX_BYTES + 8];
  snprintf(both, sizeof both, "%s%s", suffix, companion);
  sqlite_place_format(p, companion, ret_from);
  sqlite_place_format(p, both, ret_to);
}

int sqlite_aside_move(struct sqlite_place *p, const char *as, int64_t wall_s,
                      char ret_suffix[static SQLITE_PLACE_SUFFIX_BYTES]) {
  char from[PATH_MAX], to[PATH_MAX];
  format_suffix(p, as, wall_s, ret_suffix);
  for (size_t i = 0; i < COMPANIONS; i++) {
    format_paths(p, ret_suffix, companions[i], from, to);
    if (rename(from, to) < 0 && errno != ENOENT)
      return sqlite_place_explain_errno(p, "can not be set aside", errno);
  }
  return 0;
}

bool sqlite_aside_copy(const struct sqlite_place *p, const char *as,
                       int64_t wall_s,
                       char ret_suffix[static SQLITE_PLACE_SUFFIX_BYTES]) {
  char from[PATH_MAX], to[PATH_MAX];
  bool all = true;
  format_suffix(p, as, wall_s, ret_suffix);
  for (size_t i = 0; i < COMPANIONS; i++) {
    format_paths(p, ret_suffix, companions[i], from, to);
    int status = copy_file(from, to, SQLITE_PLACE_MODE);
    all = all && (status == 0 || status == -ENOENT);
  }
  return all;
}
