/* SPDX-License-Identifier: MIT */
#include "body_text.h"

#include "base/base64.h"
#include "base/json.h"
#include "cloud/api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  const char *content_type;
} formats[] = {[BODY_TEXT] = {"text", "text/plain; charset=utf-8"},
               [BODY_JSON] = {"json", "application/json"},
               [BODY_HEX] = {"hex", "application/octet-stream"},
               [BODY_BASE64] = {"base64", "application/octet-stream"}};

int body_format_parse(const char *name, enum body_format *ret_format) {
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    if (strcmp(formats[i].name, name) != 0)
      continue;
    *ret_format = (enum body_format)i;
    return 0;
  }
  return -EINVAL;
}

const char *body_format_content_type(enum body_format format) {
  return formats[format].content_type;
}

static int read_text(const char *text, size_t size, struct buf *out,
                     char ret_why[static BODY_TEXT_WHY_BYTES]) {
  if (buf_is_utf8(text, size))
    return buf_append(out, text, size);
  snprintf(ret_why, BODY_TEXT_WHY_BYTES,
           "it is no valid UTF-8: give bytes with --format hex or base64");
  return -EINVAL;
}

static int read_json(const char *text, size_t size, struct buf *out,
                     char ret_why[static BODY_TEXT_WHY_BYTES]) {
  char fault[BODY_TEXT_WHY_BYTES - 32];
  int status = json_read(text, size, API_BODY_MAX_DEPTH, NULL, NULL, fault,
                         sizeof fault);
  if (status == 0)
    return buf_append(out, text, size);
  snprintf(ret_why, BODY_TEXT_WHY_BYTES, "it is no JSON: %s", fault);
  return status;
}

/* Returns the value of a digit, or -1. */
static int digit(char character) {
  static const char digits[] = "0123456789abcdef";
  const char *found = character != '\0'
                          ? strchr(digits, tolower((unsigned char)character))
                          : NULL;
  return found != NULL ? (int)(found - digits) : -1;
}

static int append_hex(const char *text, size_t size, struct buf *out) {
  if (size % 2 != 0)
    return -EINVAL;
  for (size_t i = 0; i < size; i += 2) {
    int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0)
      return -EINVAL;
    int status = buf_append_byte(out, (char)(16 * high + low));
    if (status < 0)
      return status;
  }
  return 0;
}

/* Decodes what is left of the text without its blanks. */
static int decode(enum body_format format, const char *text, size_t size,
                  struct buf *out, char ret_why[static BODY_TEXT_WHY_BYTES]) {
  struct buf dense;
  buf_init(&dense, BODY_TEXT_MAX_BYTES);
  for (size_t i = 0; i < size; i++)
    if (!isspace((unsigned char)text[i]))
      buf_append_byte(&dense, text[i]);
  int status = dense.error;
  if (status == 0)
    status = format == BODY_HEX
                 ? append_hex(buf_text(&dense), dense.size, out)
                 : base64_append(out, buf_text(&dense), dense.size);
  if (status == -EINVAL)
    snprintf(ret_why, BODY_TEXT_WHY_BYTES, "it is no %s",
             format == BODY_HEX ? "hex: two digits of 0..9, a..f for each byte"
                                : "base64 with its padding");
  buf_free(&dense);
  return status;
}

int body_text_read(enum body_format format, const char *text, size_t size,
                   struct buf *out, char ret_why[static BODY_TEXT_WHY_BYTES]) {
  switch (format) {
  case BODY_TEXT:
    return read_text(text, size, out, ret_why);
  case BODY_JSON:
    return read_json(text, size, out, ret_why);
  default:
    return decode(format, text, size, out, ret_why);
  }
}
