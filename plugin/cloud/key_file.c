/* SPDX-License-Identifier: MIT */
#include "cloud/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 8 /* from one to the next */

/* Writes the directory of the path, with a slash behind it; "" for the working
 * directory. */
static void format_directory(const char *path, char ret_path[static PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  int size = slash != NULL ? (int)(slash - path) + 1 : 0;
  snprintf(ret_path, PATH_MAX, "%.*s", size, path);
}

static bool is_ours(uid_t owner) { return owner == 0 || owner == geteuid(); }

static bool is_open_to_all(mode_t directory) {
  return (directory & S_IWOTH) != 0 && (directory & S_ISVTX) == 0;
}

/* Returns why the link must not be followed; NULL if it may. */
static const char *find_trap(const char *path, const char *directory) {
  struct stat link, around;
  if (lstat(path, &link) != 0 ||
      stat(directory[0] != '\0' ? directory : ".", &around) != 0)
    return "a symbolic link that can not be looked at";
  if (!is_ours(link.st_uid))
    return "a symbolic link of another user, which is not followed";
  if (is_open_to_all(around.st_mode))
    return "a symbolic link, which is not followed in a directory where "
           "everybody may replace it";
  return NULL;
}

/* Replaces the path of a link by the path that it leads to. Returns 0 or a
 * negative errno.
 */
static int follow(char path[static PATH_MAX], const char **ret_reason) {
  char directory[PATH_MAX], target[PATH_MAX];
  format_directory(path, directory);
  const char *trap = find_trap(path, directory);
  if (trap != NULL) {
    *ret_reason = trap;
    return -EPERM;
  }
  ssize_t size = readlink(path, target, sizeof(target) - 1);
  if (size < 0)
    return -errno;
  target[size] = '\0';
  int written = snprintf(path, PATH_MAX, "%s%s",
                         target[0] == '/' ? "" : directory, target);
  return written < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Returns why the key in the file is not to be used; NULL if it is. */
static const char *find_fault(const struct stat *file) {
  if (!is_ours(file->st_uid))
    return "it belongs to another user: chown it to the user that collectd "
           "runs as";
  if (file->st_nlink > 1)
    return "it has a second name, a hard link: put a copy of it in its place";
  if ((file->st_mode & S_IWOTH) != 0)
    return "every user may write to it: chmod o-w";
  return NULL;
}

static int check(int fd, const char **ret_reason) {
  struct stat file;
  if (fstat(fd, &file) != 0)
    return -errno;
  if (!S_ISREG(file.st_mode)) {
    *ret_reason = "not a regular file";
    return -EINVAL;
  }
  const char *fault = find_fault(&file);
  if (fault == NULL)
    return 0;
  *ret_reason = fault;
  return -EPERM;
}

static int open_no_link(const char *path) {
  int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
  return fd >= 0 ? fd : -errno;
}

static int find_and_open(const char *path, const char **ret_reason) {
  char at[PATH_MAX];
  if (snprintf(at, sizeof(at), "%s", path) >= PATH_MAX)
    return -ENAMETOOLONG;
  for (int links = 0; links <= LINKS_MAX; links++) {
    int fd = open_no_link(at);
    if (fd != -ELOOP)
      return fd;
    int status = follow(at, ret_reason);
    if (status < 0)
      return status;
  }
  return -ELOOP;
}

int key_file_open(const char *path, const char **ret_reason) {
  int fd = find_and_open(path, ret_reason);
  int status = fd >= 0 ? check(fd, ret_reason) : fd;
  if (status == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return status;
}
