/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN_BYTES 64
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void buf_init(struct buf *b, size_t max_bytes) {
  *b = (struct buf){.max = max_bytes};
}

void buf_init_secret(struct buf *b, size_t max_bytes) {
  *b = (struct buf){.max = max_bytes, .is_secret = true};
}

static char *allocate(const struct buf *b, size_t capacity) {
  return b->is_secret ? secret_alloc(capacity) : malloc(capacity);
}

static void wipe_and_free(struct buf *b) {
  if (b->is_secret) {
    secret_free(b->data);
    return;
  }
  if (b->data != NULL)
    explicit_bzero(b->data, b->capacity);
  free(b->data);
}

void buf_free(struct buf *b) {
  wipe_and_free(b);
  *b = (struct buf){.max = b->max, .is_secret = b->is_secret};
}

void buf_clear(struct buf *b) {
  b->size = 0;
  b->error = 0;
  if (b->data != NULL)
    b->data[0] = '\0';
}

/* Copies by hand, since realloc may leave a copy of a secret behind. */
static int buf_move(struct buf *b, size_t capacity) {
  char *data = allocate(b, capacity);
  if (data == NULL)
    return -ENOMEM;
  if (b->data != NULL)
    memcpy(data, b->data, b->size);
  wipe_and_free(b);
  b->data = data;
  b->capacity = capacity;
  return 0;
}

/* Makes room for size more bytes and the NUL behind them. */
static int buf_reserve(struct buf *b, size_t size) {
  if (b->error != 0)
    return b->error;
  if (size > b->max - b->size)
    return b->error = -E2BIG;
  size_t needed = b->size + size + 1;
  if (needed <= b->capacity)
    return 0;
  size_t capacity = b->capacity < CAPACITY_MIN_BYTES / 2 ? CAPACITY_MIN_BYTES
                                                         : 2 * b->capacity;
  return b->error = buf_move(b, capacity < needed ? needed : capacity);
}

int buf_append(struct buf *b, const void *data, size_t size) {
  int error = buf_reserve(b, size);
  if (error != 0)
    return error;
  if (size > 0)
    memcpy(b->data + b->size, data, size);
  b->size += size;
  b->data[b->size] = '\0';
  return 0;
}

int buf_append_text(struct buf *b, const char *text) {
  return buf_append(b, text, strlen(text));
}

int buf_append_byte(struct buf *b, char byte) {
  return buf_append(b, &byte, 1);
}

int buf_append_format(struct buf *b, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  /* vsnprintf returns a negative size if the text exceeds INT_MAX. As a size_t
   * that exceeds any maximum. */
  int error = buf_reserve(b, (size_t)size);
  if (error != 0)
    return error;

  va_start(arguments, format);
  vsnprintf(b->data + b->size, (size_t)size + 1, format, arguments);
  va_end(arguments);
  b->size += (size_t)size;
  return 0;
}

int buf_append_percent(struct buf *b, const char *text) {
  static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789-._~";
  for (;;) {
    size_t plain = strspn(text, unreserved);
    int error = buf_append(b, text, plain);
    text += plain;
    if (error != 0 || *text == '\0')
      return error;
    buf_append_format(b, "%%%02X", (unsigned char)*text++);
  }
}

/* Returns the length of a UTF-8 sequence with that first byte; 0 if there is
 * none. */
static size_t utf8_length(unsigned char lead) {
  if (lead < 0x80)
    return 1;
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Returns whether the second byte may follow the first. Overlong forms,
 * surrogates and code points beyond U+10FFFF are recognised here (RFC 3629,
 * section 4). */
static bool utf8_second_is_valid(unsigned char lead, unsigned char second) {
  unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= least && second <= most;
}

/* Returns whether text begins with a well-formed UTF-8 sequence, and writes its
 * length. For a broken sequence writes how many bytes one U+FFFD replaces. The
 * length is never 0. */
static bool utf8_next(const unsigned char *text, size_t size,
                      size_t *ret_length) {
  size_t expected = utf8_length(text[0]);
  size_t length = 1;
  if (expected > 1 && size > 1 && utf8_second_is_valid(text[0], text[1]))
    length = 2;
  while (length >= 2 && length < expected && length < size &&
         (text[length] & 0xC0) == 0x80)
    length++;
  *ret_length = length;
  return length == expected;
}

static int buf_append_json_byte(struct buf *b, char byte) {
  static const char escaped[] = "\"\\\b\f\n\r\t";
  static const char letters[] = "\"\\bfnrt";
  const char *found = byte == '\0' ? NULL : strchr(escaped, byte);
  if (found != NULL)
    return buf_append_format(b, "\\%c", letters[found - escaped]);
  if ((unsigned char)byte < 0x20)
    return buf_append_format(b, "\\u%04x", (unsigned int)byte);
  return buf_append_byte(b, byte);
}

static int buf_append_characters(struct buf *b, const unsigned char *text,
                                 size_t size, bool is_json) {
  size_t length;
  for (size_t at = 0; at < size && b->error == 0; at += length) {
    if (!utf8_next(text + at, size - at, &length))
      buf_append_text(b, REPLACEMENT);
    else if (is_json && length == 1)
      buf_append_json_byte(b, (char)text[at]);
    else
      buf_append(b, text + at, length);
  }
  return b->error;
}

int buf_append_json(struct buf *b, const void *data, size_t size) {
  return buf_append_characters(b, data, size, true);
}

int buf_append_utf8(struct buf *b, const void *data, size_t size) {
  return buf_append_characters(b, data, size, false);
}

bool buf_is_utf8(const void *data, size_t size) {
  const unsigned char *text = data;
  size_t length;
  for (size_t at = 0; at < size; at += length)
    if (!utf8_next(text + at, size - at, &length))
      return false;
  return true;
}

const char *buf_text(const struct buf *b) {
  return b->data == NULL ? "" : b->data;
}
