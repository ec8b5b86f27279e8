/* SPDX-License-Identifier: MIT
 *
 * key_file owns how a file with a key is opened. What is read from it is sent
 * to the cloud, so that nobody but root and our own user may choose which file
 * it is.
 *
 * Links are followed, since secrets are handed over by links (Kubernetes), but
 * only those that root or our own user has made, and none in a directory in
 * which everybody may replace it: one that is writable for all and not sticky.
 * The last part of the path is looked at, and that of each path that a link
 * leads to, but not the directories on the way.
 *
 * The file itself must be a regular one that belongs to root or our own user,
 * with one name, so that it is not a file of root's that somebody has linked to
 * this place; and not every user may write to it. Who can read it does not
 * matter here.
 */
#ifndef ONENET_KEY_FILE_H
#define ONENET_KEY_FILE_H

/* Opens the file for reading, without waiting for the writer of a pipe. Returns
 * a descriptor that the caller closes; -EPERM if others could have chosen or
 * changed the file, -EINVAL if it is not a regular one, or another negative
 * errno. Then ret_reason is set to a text that says more than the errno, if
 * there is one. */
int key_file_open(const char *path, const char **ret_reason);

#endif
