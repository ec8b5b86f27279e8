/* SPDX-License-Identifier: MIT
 *
 * base64 owns the reading of base64 (RFC 4648, section 4): the standard
 * alphabet, with its padding. No state: any thread.
 */
#ifndef ONENET_BASE64_H
#define ONENET_BASE64_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A text that is read character by character; all zero at first. */
struct base64 {
  unsigned int group; /* of four characters, of which */
  int digits;         /* so many have come, padding included */
  int padding;
};

/* Takes the next character. Returns how many bytes it completes, 0 to 3, and
 * writes them; or -EINVAL if it can not stand there. */
int base64_take(struct base64 *b, char character, char ret_bytes[static 3]);

/* Returns whether the text may end here. */
bool base64_may_end(const struct base64 *b);

/* Appends the bytes that the text stands for. Returns 0; -EINVAL if it is not
 * base64, and nothing else; then the first bytes may have been appended;
 * otherwise as buf_append. */
int base64_append(struct buf *out, const char *text, size_t size);

#endif
