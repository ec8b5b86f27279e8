/* SPDX-License-Identifier: MIT
 *
 * credential owns the header line with which an endpoint's requests prove who
 * sends them: an API key given inline or in a file, or a token made from an
 * access key file and renewed before it ends.
 *
 * The I/O thread calls everything. Files are read here and nowhere else; a file
 * is read again when its identity, size or time of change differs. Secrets are
 * wiped when they are replaced or freed.
 */
#ifndef ONENET_CREDENTIAL_H
#define ONENET_CREDENTIAL_H

#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credential;

/* Returns a credential that the caller owns; options (borrowed) must live as
 * long. NULL without memory. Reads nothing yet. */
struct credential *credential_new(const struct credential_options *options);
void credential_free(struct credential *c);

/* Writes the header line, "api-key: KEY" or "Authorization: TOKEN", valid at
 * wall_now_s. Borrowed, until the next call for the same credential. Returns 0,
 * or a negative errno and in ret_why one line that names the file and what is
 * wrong with it, never its content. A trailing newline (LF or CRLF) of a key
 * file is not part of the key; control characters elsewhere and
 * blanks give -EINVAL. */
int credential_header(struct credential *c, int64_t wall_now_s,
                      const char **ret_header, char *ret_why, size_t why_bytes);

/* Returns how often the header line was made: it differs after a change. */
unsigned long credential_generation(const struct credential *c);

/* Returns whether the file has changed since credential_header read it last;
 * false where there is no file. One stat. */
bool credential_has_changed(const struct credential *c);

/* Appends nothing, sends nothing: checks at configuration time that the file
 * can be read and holds a usable key. Returns 0, or a negative errno and
 * ret_why; ret_is_open tells whether others may read the file. */
int credential_check(const struct credential_options *options,
                     bool *ret_is_open, char *ret_why, size_t why_bytes);

#endif
