/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_place.h"

#include "base/own_file.h"
#include "ledger/sqlite_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- errors ---- */

int sqlite_place_explain(struct sqlite_place *p, int status,
                         const char *reason) {
  snprintf(p->why, sizeof p->why, "ledger \"%s\": %s", p->path, reason);
  return status;
}

int sqlite_place_explain_errno(struct sqlite_place *p, const char *what,
                               int error) {
  char text[128], reason[256];
  if (strerror_r(error, text, sizeof text) != 0)
    snprintf(text, sizeof text, "error %d", error);
  snprintf(reason, sizeof reason, "%s: %s", what, text);
  return sqlite_place_explain(p, -error, reason);
}

/* ---- life ---- */

int sqlite_place_init(struct sqlite_place *p, const char *path) {
  *p = (struct sqlite_place){
      .path = strdup(path), .lock_fd = -1, .guard_fd = -1};
  return p->path != NULL ? 0 : -ENOMEM;
}

void sqlite_place_set_group(struct sqlite_place *p, const gid_t *group) {
  p->has_group = group != NULL;
  p->group = group != NULL ? *group : 0;
}

static void close_if_open(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

void sqlite_place_release(struct sqlite_place *p) {
  close_if_open(&p->lock_fd);
  close_if_open(&p->guard_fd);
  free(p->real_path);
  free(p->path);
}

/* ---- the path ---- */

void sqlite_place_format(const struct sqlite_place *p, const char *suffix,
                         char ret_path[static PATH_MAX]) {
  snprintf(ret_path, PATH_MAX, "%s%s", p->real_path, suffix);
}

/* ---- traps ---- */

/* `name` is how the line calls the file: "it", "its -wal". */
static int explain_trap(struct sqlite_place *p, const char *name,
                        const struct stat *about) {
  char reason[128];
  const char *trap = own_file_find_trap(about);
  if (trap == NULL)
    return 0;
  snprintf(reason, sizeof reason, "%s is %s", name, trap);
  return sqlite_place_explain(p, -EPERM, reason);
}

/* A file that is missing is no trap. */
static int check_trap(struct sqlite_place *p, const char *name,
                      const char *path) {
  struct stat about;
  return lstat(path, &about) == 0 ? explain_trap(p, name, &about) : 0;
}

/* SQLite itself follows no link in their place, but would write to a file of
 * others. */
static int check_companions(struct sqlite_place *p) {
  static const struct {
    const char *suffix, *name;
  } checked[] = {{"-wal", "its -wal"}, {"-shm", "its -shm"}};
  char path[PATH_MAX];
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof checked / sizeof checked[0];
       i++) {
    sqlite_place_format(p, checked[i].suffix, path);
    status = check_trap(p, checked[i].name, path);
  }
  return status;
}

/* ---- where the file really is ---- */

/* Creates the file if it is missing. */
static int touch(struct sqlite_place *p, const char *path) {
  int status = check_trap(p, "it", path);
  if (status < 0)
    return status;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
                SQLITE_PLACE_MODE);
  if (fd < 0)
    return sqlite_place_explain_errno(p, "can not be opened", errno);
  close(fd);
  return 0;
}

/* Finds out where the file really is, if it is there. */
static int find_real_path(struct sqlite_place *p) {
  struct stat about;
  if (p->real_path != NULL)
    return 0;
  if (lstat(p->path, &about) == 0 && S_ISLNK(about.st_mode))
    return explain_trap(p, "it", &about);
  char *real_path = realpath(p->path, NULL);
  if (real_path == NULL)
    return sqlite_place_explain_errno(p, "has no path", errno);
  if (strlen(real_path) + SQLITE_PLACE_SUFFIX_BYTES >= PATH_MAX) {
    free(real_path);
    return sqlite_place_explain_errno(p, "leaves no room for names",
                                      ENAMETOOLONG);
  }
  p->real_path = real_path;
  return 0;
}

static int find_place(struct sqlite_place *p) {
  int status = p->real_path == NULL ? touch(p, p->path) : 0;
  return status == 0 ? find_real_path(p) : status;
}

/* ---- the lock ---- */

static int explain_holder(struct sqlite_place *p) {
  char reason[64] = "in use by another process", path[PATH_MAX];
  sqlite_place_format(p, ".lock", path);
  pid_t holder = sqlite_holder_find(path);
  if (holder > 0)
    snprintf(reason, sizeof reason, "in use by process %ld", (long)holder);
  return sqlite_place_explain(p, -EALREADY, reason);
}

/* Writes the process id, with which the next process that wants the lock
 * explains who holds it. It may be missing if the disk is full. */
static void write_holder(int fd) {
  if (ftruncate(fd, 0) == 0)
    dprintf(fd, "%ld\n", (long)getpid());
}

/* Opens the lock file, which is about to be overwritten. */
static int open_lock(struct sqlite_place *p, int *ret_fd) {
  char path[PATH_MAX];
  struct stat about;
  sqlite_place_format(p, ".lock", path);
  int status = check_trap(p, "its .lock", path);
  if (status < 0)
    return status;
  int fd = open(
      path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
      SQLITE_PLACE_MODE);
  if (fd < 0)
    return sqlite_place_explain_errno(p, "its .lock can not be opened", errno);
  /* Checked again: the path may lead to another file by now. */
  status = fstat(fd, &about) == 0
               ? explain_trap(p, "its .lock", &about)
               : sqlite_place_explain_errno(p, "its .lock can not be looked at",
                                            errno);
  if (status < 0)
    close(fd);
  else
    *ret_fd = fd;
  return status;
}

static int take_lock(struct sqlite_place *p, int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return 0;
  return errno == EWOULDBLOCK ? explain_holder(p)
                              : sqlite_place_explain_errno(
                                    p, "its .lock can not be taken", errno);
}

/* Takes the lock for good. */
static int lock_to_write(struct sqlite_place *p) {
  int fd = -1;
  int status = find_place(p);
  if (status == 0)
    status = open_lock(p, &fd);
  if (status < 0)
    return status;
  close_if_open(&p->guard_fd); /* it would keep us out as well */
  status = take_lock(p, fd);
  if (status < 0) {
    close(fd);
    return status;
  }
  write_holder(fd);
  p->lock_fd = fd;
  return 0;
}

/* Holds the lock by the right to read alone, if it is free. Returns whether
 * another process holds it. */
static bool is_held(struct sqlite_place *p) {
  char path[PATH_MAX];
  struct stat about;
  if (p->guard_fd >= 0 || find_real_path(p) < 0)
    return false;
  sqlite_place_format(p, ".lock", path);
  int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  bool is_lock = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  int status = is_lock ? take_lock(p, fd) : -EINVAL;
  if (status == 0)
    p->guard_fd = fd;
  else
    close(fd);
  return status == -EALREADY;
}

int sqlite_place_lock(struct sqlite_place *p) {
  char why[SQLITE_PLACE_WHY_BYTES];
  if (p->lock_fd >= 0)
    return 0;
  int status = lock_to_write(p);
  if (status == 0 || status == -EALREADY)
    return status;
  memcpy(why, p->why, sizeof why);
  if (is_held(p))
    return -EALREADY;
  memcpy(p->why, why, sizeof why);
  return status;
}

/* ---- what lies there ---- */

int sqlite_place_ready_to_write(struct sqlite_place *p) {
  int status = touch(p, p->real_path);
  return status == 0 ? check_companions(p) : status;
}

/* Rejects an empty file, since SQLite would remove its -wal. */
int sqlite_place_ready_to_read(struct sqlite_place *p) {
  struct stat about;
  int status = find_real_path(p);
  if (status < 0)
    return status;
  if (lstat(p->real_path, &about) != 0)
    return sqlite_place_explain_errno(p, "can not be read", errno);
  if (!S_ISREG(about.st_mode) || about.st_size == 0)
    return sqlite_place_explain(p, -ENOENT, "there is no ledger to be read");
  return 0;
}

void sqlite_place_note_known(struct sqlite_place *p) {
  struct stat about;
  p->is_known = stat(p->real_path, &about) == 0;
  p->known_device = p->is_known ? about.st_dev : 0;
  p->known_inode = p->is_known ? about.st_ino : 0;
}

bool sqlite_place_is_known(const struct sqlite_place *p) {
  struct stat about;
  return p->is_known && stat(p->real_path, &about) == 0 &&
         about.st_dev == p->known_device && about.st_ino == p->known_inode;
}

static int64_t size_of(const struct sqlite_place *p, const char *suffix) {
  char path[PATH_MAX];
  struct stat about;
  sqlite_place_format(p, suffix, path);
  return stat(path, &about) == 0 ? about.st_size : 0;
}

int64_t sqlite_place_bytes(const struct sqlite_place *p) {
  if (p->real_path == NULL)
    return 0;
  return size_of(p, "") + size_of(p, "-wal");
}

int64_t sqlite_place_disk_bytes(const struct sqlite_place *p) {
  struct statvfs about;
  return statvfs(p->real_path, &about) == 0
             ? (int64_t)about.f_blocks * (int64_t)about.f_frsize
             : 0;
}
