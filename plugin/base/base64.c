/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <errno.h>
#include <string.h>

/* Returns the value of a digit, 0..63, or -1 if it is none. */
static int value_of(char digit) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"
                               "0123456789+/";
  const char *found = memchr(digits, digit, 64);
  return found == NULL ? -1 : (int)(found - digits);
}

int base64_take(struct base64 *b, char character, char ret_bytes[static 3]) {
  int value = b->padding == 0 ? value_of(character) : -1;
  if (character == '=' && b->digits >= 2)
    b->padding++;
  else if (value < 0)
    return -EINVAL;
  b->group = b->group << 6 | (value < 0 ? 0 : (unsigned int)value);
  if (++b->digits < 4)
    return 0;
  for (int byte = 0; byte < 3; byte++)
    ret_bytes[byte] = (char)(b->group >> (16 - 8 * byte) & 0xFF);
  b->group = 0;
  b->digits = 0;
  return 3 - b->padding;
}

bool base64_may_end(const struct base64 *b) { return b->digits == 0; }

int base64_append(struct buf *out, const char *text, size_t size) {
  struct base64 b = {0};
  char bytes[3];
  for (size_t i = 0; i < size; i++) {
    int count = base64_take(&b, text[i], bytes);
    if (count < 0)
      return count;
    buf_append(out, bytes, (size_t)count);
  }
  return base64_may_end(&b) ? out->error : -EINVAL;
}
