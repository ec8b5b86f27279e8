/* SPDX-License-Identifier: MIT
 *
 * copy_file owns the copy of a file as it lies on the disk. It may be called
 * from any thread.
 */
#ifndef ONENET_COPY_FILE_H
#define ONENET_COPY_FILE_H

#include <sys/types.h>

/* Copies a file to a path that no file has yet; follows no link. Returns 0, or
 * a negative errno: -ENOENT if there is no file to copy, -EEXIST if the path is
 * taken. A copy that is not whole is removed. */
int copy_file(const char *from_path, const char *to_path, mode_t mode);

#endif
