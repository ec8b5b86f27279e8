/* SPDX-License-Identifier: MIT
 *
 * credential owns the header line with which an endpoint's requests prove who
 * sends them: an API key given inline or in a file, or a token made from an
 * access key file and renewed before it ends.
 *
 * The I/O thread calls everything. Key files are read here and nowhere else; a
 * file is read again when its identity, size or time of change differs, which
 * is looked at once a second at most, or where credential_has_changed asks;
 * key_file says which links to it are followed. Keys and what is made of them
 * are in memory of base/secret: wiped when they are replaced or freed, and in
 * no core dump.
 */
#ifndef ONENET_CREDENTIAL_H
#define ONENET_CREDENTIAL_H

#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credential;

/* Returns a credential that the caller owns; NULL without memory. The options
 * are borrowed until credential_free. Reads no file yet. */
struct credential *credential_new(const struct credential_options *options);
void credential_free(struct credential *c);

/* Writes the header line that is valid at wall_now_s, "api-key: KEY" or
 * "Authorization: TOKEN", to ret_header. The line is borrowed until the next
 * call for the same credential. Returns 0; or a negative errno, and writes one
 * line to ret_why that names the file and what is wrong with it, never its
 * content. A newline (LF or CRLF) at the end of a key file is not part of the
 * key. Any other control character, and any blank, gives -EINVAL. */
int credential_header(struct credential *c, int64_t wall_now_s,
                      const char **ret_header, char *ret_why, size_t why_bytes);

/* Returns how often the header line has been made: the number differs once the
 * line may have changed. */
unsigned long credential_generation(const struct credential *c);

/* Returns whether the key file has changed since credential_header read it
 * last, which then reads it at the next call; false for a key given inline.
 * Costs one stat. */
bool credential_has_changed(struct credential *c);

/* Checks that the key can be read and used, for the time of configuration.
 * Returns 0, and writes to ret_is_open whether everybody may access the file;
 * or a negative errno, and writes ret_why as credential_header. */
int credential_check(const struct credential_options *options,
                     bool *ret_is_open, char *ret_why, size_t why_bytes);

#endif
