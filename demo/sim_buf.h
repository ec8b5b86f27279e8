/* SPDX-License-Identifier: MIT
 *
 * sim_buf: memory, growing bytes and the few text forms the simulator speaks.
 *
 * Owns nothing by itself: a buffer belongs to whoever declared it. A zeroed
 * `struct sim_buf` is an empty one. The simulator is a test tool: when memory
 * runs out, or a buffer passes SIM_BUF_MAX bytes, it says so on stderr and
 * ends with status 1, so that nothing here returns an out-of-memory error.
 * No global state; a buffer is used by one thread at a time.
 */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <stdbool.h>
#include <stddef.h>

#define SIM_BUF_MAX ((size_t)1 << 30)

struct sim_buf {
  char *data; /* NULL while nothing was ever added, else NUL-terminated */
  size_t length;
  size_t size;
};

/* Prints "onenet-sim: <text>" on stderr and ends the process with status 1. */
void sim_buf_die(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Returns zeroed memory for count items of size bytes; the caller frees it. */
void *sim_buf_alloc(size_t count, size_t size);

/* Returns a copy of text; the caller frees it. NULL gives NULL. */
char *sim_buf_copy(const char *text);

/* Adds bytes, a NUL-terminated text, or a formatted text. Borrows them. */
void sim_buf_add_bytes(struct sim_buf *buf, const void *bytes, size_t length);
void sim_buf_add(struct sim_buf *buf, const char *text);
void sim_buf_addf(struct sim_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds bytes as a JSON string with its quotes; bytes that are not UTF-8 as
 * `null`. The text form takes NULL too, as `null`. */
void sim_buf_add_json_bytes(struct sim_buf *buf, const char *bytes,
                            size_t length);
void sim_buf_add_json(struct sim_buf *buf, const char *text);

/* Adds bytes in base64, without quotes. */
void sim_buf_add_base64(struct sim_buf *buf, const char *bytes, size_t length);

/* Adds text with its %XX sequences decoded; '+' stays '+'.
 * Returns false at a broken sequence; what came before it was added. */
bool sim_buf_add_unescaped(struct sim_buf *buf, const char *text,
                           size_t length);

/* Returns whether the bytes are UTF-8: no overlong form, no surrogate. */
bool sim_buf_is_utf8(const char *bytes, size_t length);

/* Returns the content, borrowed, NUL-terminated; "" when empty. */
const char *sim_buf_text(const struct sim_buf *buf);

/* Makes it empty and keeps the memory. */
void sim_buf_clear(struct sim_buf *buf);

/* Frees the memory; the buffer is a fresh empty one then. */
void sim_buf_free(struct sim_buf *buf);

#endif
