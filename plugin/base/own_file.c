/* SPDX-License-Identifier: MIT */
#include "base/own_file.h"

#include <stddef.h>
#include <unistd.h>

const char *own_file_find_trap(const struct stat *about) {
  if (S_ISLNK(about->st_mode))
    return "a symbolic link, which is not followed";
  if (S_ISDIR(about->st_mode))
    return NULL;
  if (!S_ISREG(about->st_mode))
    return "not a regular file";
  if (about->st_nlink > 1)
    return "a file with another name besides this one";
  if (about->st_uid != geteuid())
    return "the file of another user";
  return NULL;
}
