/* SPDX-License-Identifier: MIT */
#include "base/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

/* Takes a write that is not whole for a full disk, and does not go on. */
static int copy_bytes(int from, int to) {
  char chunk[CHUNK_BYTES];
  ssize_t size;
  while ((size = read(from, chunk, sizeof chunk)) > 0) {
    ssize_t written = write(to, chunk, (size_t)size);
    if (written != size)
      return written < 0 ? -errno : -ENOSPC;
  }
  return size < 0 ? -errno : 0;
}

static int copy_from(int from, const char *to_path, mode_t mode) {
  int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (to < 0)
    return -errno;
  int status = copy_bytes(from, to);
  if (close(to) != 0 && status == 0)
    status = -errno;
  if (status < 0)
    unlink(to_path);
  return status;
}

int copy_file(const char *from_path, const char *to_path, mode_t mode) {
  int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (from < 0)
    return -errno;
  int status = copy_from(from, to_path, mode);
  close(from);
  return status;
}
