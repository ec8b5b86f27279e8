/* SPDX-License-Identifier: MIT */
#include "sim_buf.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_buf_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("onenet-sim: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(EXIT_FAILURE);
}

void *sim_buf_alloc(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL)
    sim_buf_die("out of memory");
  return memory;
}

char *sim_buf_copy(const char *text) {
  if (text == NULL)
    return NULL;
  const size_t size = strlen(text) + 1;
  return memcpy(sim_buf_alloc(1, size), text, size);
}

/* Makes room for length more bytes and the NUL behind them. */
static char *reserve(struct sim_buf *buf, size_t length) {
  if (length > SIM_BUF_MAX - buf->length)
    sim_buf_die("a text of more than %zu bytes", SIM_BUF_MAX);
  const size_t wanted = buf->length + length + 1;
  if (wanted > buf->size) {
    size_t size = buf->size == 0 ? 64 : buf->size;
    while (size < wanted)
      size *= 2;
    buf->data = realloc(buf->data, size);
    if (buf->data == NULL)
      sim_buf_die("out of memory");
    buf->size = size;
  }
  return buf->data + buf->length;
}

void sim_buf_add_bytes(struct sim_buf *buf, const void *bytes, size_t length) {
  char *end = reserve(buf, length);
  if (length > 0)
    memcpy(end, bytes, length);
  end[length] = '\0';
  buf->length += length;
}

void sim_buf_add(struct sim_buf *buf, const char *text) {
  sim_buf_add_bytes(buf, text, strlen(text));
}

void sim_buf_addf(struct sim_buf *buf, const char *format, ...) {
  va_list args;
  va_list again;
  va_start(args, format);
  va_copy(again, args);
  const int length = vsnprintf(NULL, 0, format, args);
  if (length < 0)
    sim_buf_die("cannot format a text");
  char *end = reserve(buf, (size_t)length);
  vsnprintf(end, (size_t)length + 1, format, again);
  buf->length += (size_t)length;
  va_end(again);
  va_end(args);
}

static void add_json_char(struct sim_buf *buf, char c) {
  if (c == '"' || c == '\\')
    sim_buf_addf(buf, "\\%c", c);
  else if (c == '\n')
    sim_buf_add(buf, "\\n");
  else if ((unsigned char)c < 0x20 || c == 0x7f)
    sim_buf_addf(buf, "\\u%04x", (unsigned)c);
  else
    sim_buf_add_bytes(buf, &c, 1);
}

void sim_buf_add_json_bytes(struct sim_buf *buf, const char *bytes,
                            size_t length) {
  if (!sim_buf_is_utf8(bytes, length)) {
    sim_buf_add(buf, "null");
    return;
  }
  sim_buf_add(buf, "\"");
  for (size_t i = 0; i < length; i++)
    add_json_char(buf, bytes[i]);
  sim_buf_add(buf, "\"");
}

void sim_buf_add_json(struct sim_buf *buf, const char *text) {
  if (text == NULL)
    sim_buf_add(buf, "null");
  else
    sim_buf_add_json_bytes(buf, text, strlen(text));
}

void sim_buf_add_base64(struct sim_buf *buf, const char *bytes, size_t length) {
  if (length == 0)
    return;
  /* EVP_EncodeBlock writes 4 bytes for every 3 begun, and a NUL. */
  char *end = reserve(buf, (length + 2) / 3 * 4);
  const int written = EVP_EncodeBlock(
      (unsigned char *)end, (const unsigned char *)bytes, (int)length);
  buf->length += (size_t)written;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool sim_buf_add_unescaped(struct sim_buf *buf, const char *text,
                           size_t length) {
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (c == '%') {
      if (length - i < 3 || hex_digit(text[i + 1]) < 0 ||
          hex_digit(text[i + 2]) < 0)
        return false;
      c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    }
    sim_buf_add_bytes(buf, &c, 1);
  }
  return true;
}

/* Returns the length of the sequence that begins with this byte, 0 if none. */
static size_t utf8_sequence_length(unsigned char first) {
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return 2;
  if (first >= 0xe0 && first <= 0xef)
    return 3;
  if (first >= 0xf0 && first <= 0xf4)
    return 4;
  return 0;
}

/* The second byte decides over overlong forms, surrogates and > U+10FFFF. */
static bool utf8_second_fits(unsigned char first, unsigned char second) {
  const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

bool sim_buf_is_utf8(const char *bytes, size_t length) {
  const unsigned char *p = (const unsigned char *)bytes;
  for (size_t i = 0; i < length;) {
    const size_t sequence = utf8_sequence_length(p[i]);
    if (sequence == 0 || sequence > length - i)
      return false;
    if (sequence > 1 && !utf8_second_fits(p[i], p[i + 1]))
      return false;
    for (size_t k = 2; k < sequence; k++)
      if ((p[i + k] & 0xc0) != 0x80)
        return false;
    i += sequence;
  }
  return true;
}

const char *sim_buf_text(const struct sim_buf *buf) {
  return buf->data == NULL ? "" : buf->data;
}

void sim_buf_clear(struct sim_buf *buf) {
  buf->length = 0;
  if (buf->data != NULL)
    buf->data[0] = '\0';
}

void sim_buf_free(struct sim_buf *buf) {
  free(buf->data);
  *buf = (struct sim_buf){0};
}
