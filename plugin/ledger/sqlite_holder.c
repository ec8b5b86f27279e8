/* SPDX-License-Identifier: MIT */
#include "ledger/sqlite_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOCKS_PATH "/proc/locks"
#define LOOKS_MAX 10 /* into the list, for a lock that is said to be held */

/* A lock file: which one it is, and the id that is written in it. */
struct sought {
  unsigned int major, minor;
  unsigned long inode;
  pid_t written; /* 0: none, or it may not be read */
};

/* Returns the id that is written in the lock file, of a holder or of a former
 * one; 0 if there is none. */
static pid_t read_written(const char *path) {
  char text[24] = "";
  int fd =
      open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return 0;
  long pid = pread(fd, text, sizeof text - 1, 0) > 0 ? atol(text) : 0;
  close(fd);
  return pid > 0 ? (pid_t)pid : 0;
}

/* Returns the process of a line like "1: FLOCK  ADVISORY  WRITE 123
 * fe:00:11345974 0 EOF" if it is about the file; 0 if not. File systems that
 * lie on others show another device there than stat does: then the id in the
 * file decides. */
static pid_t take_line(const struct sought *s, const char *line) {
  unsigned int device_major, device_minor;
  unsigned long inode;
  int pid;
  if (sscanf(line, "%*s FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &device_major,
             &device_minor, &inode) != 4 ||
      inode != s->inode)
    return 0;
  bool is_device = device_major == s->major && device_minor == s->minor;
  return is_device || (pid_t)pid == s->written ? (pid_t)pid : 0;
}

static pid_t find_in_list(const struct sought *s, FILE *list) {
  char line[256];
  pid_t found = 0;
  while (found == 0 && fgets(line, sizeof line, list) != NULL)
    found = take_line(s, line);
  return found;
}

static bool lives(pid_t pid) {
  return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* Looks into the list once. Returns the holder; 0: it names none; -1: there is
 * no list. */
static pid_t look(const struct sought *s) {
  FILE *list = fopen(LOCKS_PATH, "re");
  if (list == NULL)
    return -1;
  pid_t found = find_in_list(s, list);
  fclose(list);
  return found;
}

/* The kernel gives the list piece by piece: where other locks come and go
 * meanwhile, one that is held may be passed over. */
static pid_t look_again(const struct sought *s) {
  pid_t found = 0;
  for (int i = 1; found == 0 && i < LOOKS_MAX && lives(s->written); i++)
    found = look(s);
  return found > 0 ? found : 0;
}

pid_t sqlite_holder_find(const char *lock_path) {
  struct stat about;
  if (lstat(lock_path, &about) != 0 || !S_ISREG(about.st_mode))
    return 0;
  struct sought s = {.major = major(about.st_dev),
                     .minor = minor(about.st_dev),
                     .inode = (unsigned long)about.st_ino,
                     .written = read_written(lock_path)};
  pid_t found = look(&s);
  if (found < 0)
    return lives(s.written) ? s.written : 0;
  return found > 0 ? found : look_again(&s);
}
