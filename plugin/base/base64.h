/* SPDX-License-Identifier: MIT
 *
 * base64 owns the reading of base64 (RFC 4648, section 4). No state: any
 * thread.
 */
#ifndef ONENET_BASE64_H
#define ONENET_BASE64_H

#include "base/buf.h"

#include <stddef.h>

/* Returns the value of a digit, 0..63, or -1 if it is none. */
int base64_digit(char digit);

/* Appends the bytes that the text stands for. Returns 0; -EINVAL if it is not
 * base64 with its padding, and nothing else; then the first bytes may have been
 * appended; otherwise as buf_append. */
int base64_append(struct buf *out, const char *text, size_t size);

#endif
