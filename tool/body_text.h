/* SPDX-License-Identifier: MIT
 *
 * body_text owns the way from the word of the command line, or from stdin, to
 * the bytes that are sent: by the format in which they are written.
 */
#ifndef ONENET_BODY_TEXT_H
#define ONENET_BODY_TEXT_H

#include "base/buf.h"

#include <stddef.h>

enum body_format { BODY_TEXT, BODY_JSON, BODY_HEX, BODY_BASE64 };

#define BODY_TEXT_WHY_BYTES 256
#define BODY_TEXT_MAX_BYTES 262144 /* of a body as it is written */

/* Writes the format of that name: "text", "json", "hex", "base64". Returns 0 or
 * -EINVAL. */
int body_format_parse(const char *name, enum body_format *ret_format);

/* Returns the Content-Type of a body that was written so; constant. */
const char *body_format_content_type(enum body_format format);

/* Appends the bytes that the text stands for: itself, if it is valid UTF-8, or
 * JSON of one value; or what is decoded, blanks and newlines left out. Returns
 * 0; or -EINVAL, and writes why: the end of a sentence; or as buf_append. */
int body_text_read(enum body_format format, const char *text, size_t size,
                   struct buf *out, char ret_why[static BODY_TEXT_WHY_BYTES]);

#endif
