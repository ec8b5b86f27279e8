/* SPDX-License-Identifier: MIT */
#include "right.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 64
#define ADVICE_BYTES 256

/* ---- names ---- */

static void name_user(uid_t uid, char ret_name[static NAME_BYTES]) {
  const struct passwd *user = getpwuid(uid);
  if (user != NULL)
    snprintf(ret_name, NAME_BYTES, "%s", user->pw_name);
  else
    snprintf(ret_name, NAME_BYTES, "%lu", (unsigned long)uid);
}

static void name_group(gid_t gid, char ret_name[static NAME_BYTES]) {
  const struct group *group = getgrgid(gid);
  if (group != NULL)
    snprintf(ret_name, NAME_BYTES, "%s", group->gr_name);
  else
    snprintf(ret_name, NAME_BYTES, "%lu", (unsigned long)gid);
}

static void write_folder(const char *path, char ret_folder[static PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL)
    snprintf(ret_folder, PATH_MAX, ".");
  else if (slash == path)
    snprintf(ret_folder, PATH_MAX, "/");
  else
    snprintf(ret_folder, PATH_MAX, "%.*s", (int)(slash - path), path);
}

/* ---- looks ---- */

static bool may(const char *path, int rights) {
  return faccessat(AT_FDCWD, path, rights, AT_EACCESS) == 0;
}

/* Finds the first folder of the path that may not be entered. Returns whether
 * there is one. */
static bool find_closed_folder(const char *path,
                               char ret_folder[static PATH_MAX]) {
  for (size_t i = 1; i < PATH_MAX && path[i] != '\0'; i++) {
    if (path[i] != '/')
      continue;
    snprintf(ret_folder, PATH_MAX, "%.*s", (int)i, path);
    if (!may(ret_folder, X_OK) && errno == EACCES)
      return true;
  }
  return false;
}

/* ---- words ---- */

/* Says what gives the right: a group that has it already, or LedgerGroup. */
static void advise(const struct stat *about, bool to_write,
                   char ret_advice[static ADVICE_BYTES]) {
  char group[NAME_BYTES], user[NAME_BYTES];
  mode_t needed = to_write ? S_IRGRP | S_IWGRP : S_IRGRP;
  name_group(about->st_gid, group);
  name_user(geteuid(), user);
  if ((about->st_mode & needed) == needed && about->st_gid != 0)
    snprintf(ret_advice, ADVICE_BYTES,
             "use sudo, or become a member of that group (usermod -aG %s %s, "
             "and log in again)",
             group, user);
  else
    snprintf(ret_advice, ADVICE_BYTES,
             "use sudo, or name a group of yours with LedgerGroup in "
             "<Plugin onenet>");
}

static void explain_file(const char *path, const char *name, bool to_write,
                         char ret_why[static RIGHT_WHY_BYTES]) {
  struct stat about;
  char user[NAME_BYTES], owner[NAME_BYTES], group[NAME_BYTES];
  char advice[ADVICE_BYTES];
  if (stat(path, &about) != 0)
    memset(&about, 0, sizeof about);
  name_user(geteuid(), user);
  name_user(about.st_uid, owner);
  name_group(about.st_gid, group);
  advise(&about, to_write, advice);
  snprintf(ret_why, RIGHT_WHY_BYTES,
           "user \"%s\" may not %s %s, which belongs to user \"%s\" and group "
           "\"%s\": %s",
           user,
           !to_write         ? "read"
           : may(path, R_OK) ? "write"
                             : "read and write",
           name, owner, group, advice);
}

static void explain_folder(const char *folder,
                           char ret_why[static RIGHT_WHY_BYTES]) {
  char user[NAME_BYTES];
  name_user(geteuid(), user);
  snprintf(ret_why, RIGHT_WHY_BYTES,
           "user \"%s\" may not enter the folder %.512s: use sudo, or have its "
           "owner allow it (chmod o+x, or a group of yours)",
           user, folder);
}

int right_check(const char *path, const char *name, bool to_write,
                char ret_why[static RIGHT_WHY_BYTES]) {
  char folder[PATH_MAX];
  if (may(path, to_write ? R_OK | W_OK : R_OK) || errno == ENOENT)
    return 0;
  if (errno == EROFS) {
    snprintf(ret_why, RIGHT_WHY_BYTES,
             "%s lies on a file system that is mounted to be read alone: no "
             "order can be given",
             name);
    return -EROFS;
  }
  if (find_closed_folder(path, folder))
    explain_folder(folder, ret_why);
  else
    explain_file(path, name, to_write, ret_why);
  return -EACCES;
}

bool right_to_add(const char *path) {
  char folder[PATH_MAX];
  struct stat about;
  write_folder(path, folder);
  bool is_usable =
      geteuid() == 0 || (stat(path, &about) == 0 && about.st_uid == geteuid());
  return is_usable && may(folder, W_OK | X_OK);
}

void right_explain_add(const char *path, const char *what,
                       char ret_why[static RIGHT_WHY_BYTES]) {
  char folder[PATH_MAX], user[NAME_BYTES];
  write_folder(path, folder);
  name_user(geteuid(), user);
  snprintf(ret_why, RIGHT_WHY_BYTES,
           "the agent has not made %s, and user \"%s\" may not make files of "
           "the ledger in %.512s: start collectd, or use sudo",
           what, user, folder);
}
