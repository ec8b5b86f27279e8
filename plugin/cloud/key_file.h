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
 */
#ifndef ONENET_KEY_FILE_H
#define ONENET_KEY_FILE_H

/* Opens the file for reading, without waiting for the writer of a pipe. Returns
 * a descriptor that the caller closes, or a negative errno; then ret_reason is
 * set to a text that says more than the errno, if there is one. */
int key_file_open(const char *path, const char **ret_reason);

#endif
