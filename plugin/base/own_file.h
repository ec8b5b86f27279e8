/* SPDX-License-Identifier: MIT
 *
 * own_file owns the look at a file that we write, or trust since we have
 * written it: whoever may make files in its directory must not choose which
 * file it is. No state: any thread.
 */
#ifndef ONENET_OWN_FILE_H
#define ONENET_OWN_FILE_H

#include <sys/stat.h>

/* Returns what is wrong with a file of which lstat or fstat told that; NULL if
 * it is a regular file of our own user, with one name. A directory is no trap:
 * opening or reading it says so. The text goes on a sentence: "it is ...". */
const char *own_file_find_trap(const struct stat *about);

#endif
