/* SPDX-License-Identifier: MIT
 *
 * buf owns one growing run of bytes with a compulsory maximum.
 *
 * A buffer belongs to one thread at a time. The first append that fails is
 * remembered: later appends do nothing and return the same error, so that a
 * caller may append many times and look once, at the end.
 */
#ifndef ONENET_BUF_H
#define ONENET_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
  char *data;      /* NUL-terminated after the first append, NULL before it */
  size_t size;     /* bytes in use, without the NUL */
  size_t capacity; /* bytes allocated */
  size_t max;      /* limit of size */
  int error;       /* why appending stopped: -E2BIG or -ENOMEM; else 0 */
  bool is_secret;  /* the bytes are in memory of base/secret */
};

/* Makes an empty buffer that will hold at most max_bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max_bytes);

/* Does the same for a buffer whose bytes are left out of core dumps. */
void buf_init_secret(struct buf *b, size_t max_bytes);

/* Overwrites the bytes, which may be a secret, frees them and leaves an empty
 * buffer of the same kind and with the same maximum. */
void buf_free(struct buf *b);

/* Empties the buffer and clears its error; keeps the allocation. */
void buf_clear(struct buf *b);

/* Appends size bytes of data (borrowed), a text, one byte, or a formatted text.
 * Returns 0; -E2BIG beyond the maximum; -ENOMEM. What was in the buffer before
 * a failing append stays. */
int buf_append(struct buf *b, const void *data, size_t size);
int buf_append_text(struct buf *b, const char *text);
int buf_append_byte(struct buf *b, char byte);
int buf_append_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends text and percent-encodes every byte that is not unreserved in RFC
 * 3986, section 2.3. Returns as buf_append. After an error this function and
 * the next two may have appended the beginning of the text. */
int buf_append_percent(struct buf *b, const char *text);

/* Appends bytes as the inside of a JSON string, without the quotes: escapes as
 * RFC 8259, section 7, requires, and replaces each invalid UTF-8 sequence by
 * U+FFFD. Returns as buf_append. */
int buf_append_json(struct buf *b, const void *data, size_t size);

/* Appends bytes and replaces each invalid UTF-8 sequence by U+FFFD. Returns as
 * buf_append. */
int buf_append_utf8(struct buf *b, const void *data, size_t size);

/* Returns whether the bytes are valid UTF-8 throughout. */
bool buf_is_utf8(const void *data, size_t size);

/* Returns the content as text, "" if there is none. Borrowed from the buffer
 * until the next append. */
const char *buf_text(const struct buf *b);

#endif
