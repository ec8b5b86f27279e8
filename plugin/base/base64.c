/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <errno.h>
#include <string.h>

int base64_digit(char digit) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"
                               "0123456789+/";
  const char *found = memchr(digits, digit, 64);
  return found == NULL ? -1 : (int)(found - digits);
}

/* Appends the bytes of `count` digits, 2 to 4 of them. */
static int append_group(struct buf *out, const char *digits, size_t count) {
  unsigned int group = 0;
  for (size_t i = 0; i < 4; i++) {
    int digit = i < count ? base64_digit(digits[i]) : 0;
    if (digit < 0)
      return -EINVAL;
    group = group << 6 | (unsigned int)digit;
  }
  for (size_t byte = 0; byte + 1 < count; byte++)
    buf_append_byte(out, (char)(group >> (16 - 8 * byte) & 0xFF));
  return out->error;
}

int base64_append(struct buf *out, const char *text, size_t size) {
  size_t digits = size;
  if (size % 4 != 0)
    return -EINVAL;
  while (digits > 0 && size - digits < 2 && text[digits - 1] == '=')
    digits--;
  int status = 0;
  for (size_t at = 0; at < digits && status == 0; at += 4)
    status = append_group(out, text + at, digits - at < 4 ? digits - at : 4);
  return status;
}
