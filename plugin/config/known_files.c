/* SPDX-License-Identifier: MIT */
#include "config/known_files.h"

#include "base/buf.h"
#include "base/own_file.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define LIST_SUFFIX ".devices"
#define NEW_SUFFIX ".devices-new"
#define LIST_MAX_BYTES (1 << 20)

static const char HEADING[] =
    "# Written by collectd's onenet plugin: these files of devices were read\n"
    "# without a fault, so that a line of them that is wrong at a restart is\n"
    "# skipped. Without this file it stops the start.\n";

/* Writes the path of the ledger's file with the suffix behind it. Returns 0;
 * -ENOENT if there is no such file; -EPERM if a link is in its place, which the
 * ledger does not follow; or another negative errno. */
static int find_place(const char *ledger_path, const char *suffix,
                      char ret_place[static PATH_MAX]) {
  if (strcmp(ledger_path, LEDGER_IN_MEMORY) == 0)
    return -ENOENT;
  struct stat about;
  if (lstat(ledger_path, &about) == 0 && S_ISLNK(about.st_mode))
    return -EPERM;
  char *real_path = realpath(ledger_path, NULL);
  if (real_path == NULL)
    return -errno;
  int size = snprintf(ret_place, PATH_MAX, "%s%s", real_path, suffix);
  free(real_path);
  return size < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- reading ---- */

/* Appends the rest of the file. Returns 0 or a negative errno. */
static int append_all(int fd, struct buf *out) {
  char chunk[4096];
  ssize_t size;
  while ((size = read(fd, chunk, sizeof(chunk))) > 0)
    if (buf_append(out, chunk, (size_t)size) != 0)
      return out->error;
  return size < 0 ? -errno : 0;
}

/* Opens without waiting and reads no file but one of ours: a FIFO in this place
 * must not stop the start, and a list of others must not make it less strict.
 */
static int read_list(const char *ledger_path, struct buf *out) {
  char place[PATH_MAX];
  struct stat about;
  int status = find_place(ledger_path, LIST_SUFFIX, place);
  if (status < 0)
    return status;
  int fd =
      open(place, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0)
    return -errno;
  if (fstat(fd, &about) != 0 || own_file_find_trap(&about) != NULL)
    status = -EPERM;
  else
    status = append_all(fd, out);
  close(fd);
  return status;
}

static bool has_line(const char *text, const char *line) {
  size_t size = strlen(line);
  for (; text != NULL && *text != '\0'; text = strchr(text, '\n')) {
    text += *text == '\n';
    if (strncmp(text, line, size) == 0 && text[size] == '\n')
      return true;
  }
  return false;
}

bool known_files_has(const char *ledger_path, const char *path) {
  struct buf list;
  buf_init(&list, LIST_MAX_BYTES);
  bool has =
      read_list(ledger_path, &list) == 0 && has_line(buf_text(&list), path);
  buf_free(&list);
  return has;
}

/* ---- writing ---- */

static int write_all(int fd, const struct buf *text) {
  size_t written = 0;
  while (written < text->size) {
    ssize_t size = write(fd, text->data + written, text->size - written);
    if (size < 0 && errno != EINTR)
      return -errno;
    written += size < 0 ? 0 : (size_t)size;
  }
  return fsync(fd) == 0 ? 0 : -errno;
}

/* Makes a file that was not there before. One that is left from a crash, or was
 * put there by somebody else, goes first. */
static int make(const char *place) {
  if (unlink(place) != 0 && errno != ENOENT)
    return -errno;
  int fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
  return fd >= 0 ? fd : -errno;
}

/* Writes a new file and renames it, so that nobody ever sees half a list, not
 * even after a crash. */
static int replace(const char *new_place, const char *place,
                   const struct buf *text) {
  int fd = make(new_place);
  if (fd < 0)
    return fd;
  int status = write_all(fd, text);
  close(fd);
  if (status == 0 && rename(new_place, place) != 0)
    status = -errno;
  if (status != 0)
    unlink(new_place);
  return status;
}

static int write_list(const char *ledger_path, const struct buf *text) {
  char place[PATH_MAX], new_place[PATH_MAX];
  int status = find_place(ledger_path, LIST_SUFFIX, place);
  if (status == 0)
    status = find_place(ledger_path, NEW_SUFFIX, new_place);
  return status == 0 ? replace(new_place, place, text) : status;
}

static int remove_list(const char *ledger_path) {
  char place[PATH_MAX];
  int status = find_place(ledger_path, LIST_SUFFIX, place);
  if (status == 0 && unlink(place) != 0 && errno != ENOENT)
    status = -errno;
  return status == -ENOENT ? 0 : status;
}

/* Writes the list only if it has changed, since the disk may be full. */
static int update_list(const char *ledger_path, const struct buf *text) {
  struct buf old;
  buf_init(&old, LIST_MAX_BYTES);
  bool is_right = read_list(ledger_path, &old) == 0 &&
                  strcmp(buf_text(&old), buf_text(text)) == 0;
  buf_free(&old);
  return is_right ? 0 : write_list(ledger_path, text);
}

int known_files_write(const char *ledger_path, char *const *paths) {
  if (strcmp(ledger_path, LEDGER_IN_MEMORY) == 0)
    return 0;
  if (paths == NULL || *paths == NULL)
    return remove_list(ledger_path);
  struct buf text;
  buf_init(&text, LIST_MAX_BYTES);
  buf_append_text(&text, HEADING);
  for (; *paths != NULL; paths++)
    buf_append_format(&text, "%s\n", *paths);
  int status = text.error == 0 ? update_list(ledger_path, &text) : text.error;
  buf_free(&text);
  return status;
}
