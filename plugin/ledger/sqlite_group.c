/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH */
#include "ledger/sqlite_group.h"

#include "base/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 64

/* Writes a name that leads to the very file: a descriptor of a path alone has
 * no right to change the file. */
static void format_name(int fd, char ret_name[static NAME_BYTES]) {
  snprintf(ret_name, NAME_BYTES, "/proc/self/fd/%d", fd);
}

static int change_group(int fd, gid_t group) {
  char name[NAME_BYTES];
  format_name(fd, name);
  return chown(name, (uid_t)-1, group);
}

static int change_mode(int fd, mode_t mode) {
  char name[NAME_BYTES];
  format_name(fd, name);
  return chmod(name, mode);
}

/* Changes nothing where all is right already: an agent that is neither root nor
 * a member could not. */
static int give(const struct sqlite_place *p, int fd,
                const struct stat *about) {
  mode_t mode = about->st_mode & 07777;
  mode_t wanted =
      p->has_group ? mode | SQLITE_PLACE_GROUP_MODE : mode & ~(mode_t)S_IWGRP;
  if (p->has_group && about->st_gid != p->group &&
      change_group(fd, p->group) != 0)
    return -1;
  return wanted != mode ? change_mode(fd, wanted) : 0;
}

/* Opens the path alone: closing the file itself would give back the locks that
 * SQLite holds. */
static int share_one(struct sqlite_place *p, const char *suffix) {
  char path[PATH_MAX];
  struct stat about;
  sqlite_place_format(p, suffix, path);
  int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT ? 0 : -1;
  int status = fstat(fd, &about) == 0 && own_file_find_trap(&about) == NULL
                   ? give(p, fd, &about)
                   : 0;
  int error = errno;
  close(fd);
  errno = error;
  return status;
}

int sqlite_group_share(struct sqlite_place *p) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    if (share_one(p, suffixes[i]) != 0)
      return sqlite_place_explain_errno(
          p,
          p->has_group ? "can not be given to the group of LedgerGroup"
                       : "can not be taken from its group",
          errno);
  return 0;
}
