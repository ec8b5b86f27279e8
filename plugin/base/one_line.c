/* SPDX-License-Identifier: MIT */
#include "base/one_line.h"

#include <stdbool.h>

#define FOLLOWING_MAX 3 /* bytes behind the first of a character */

static bool is_following(char byte) {
  return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t one_line_cut(const char *text, size_t size, size_t max_bytes) {
  if (size <= max_bytes)
    return size;
  size_t kept = max_bytes;
  while (kept > 0 && max_bytes - kept < FOLLOWING_MAX &&
         is_following(text[kept]))
    kept--;
  return kept;
}

/* Returns whether the character breaks a line (U+2028, U+2029), or turns the
 * direction of what follows (U+202A..202E, U+2066..2069). */
static bool is_format(const unsigned char *c) {
  if (c[0] != 0xe2)
    return false;
  return (c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
         (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

/* Returns the size in bytes of the character at `at` that is to become a blank;
 * 0 if it is to stay. */
static size_t blank_size(const char *at) {
  const unsigned char *c = (const unsigned char *)at;
  if (is_format(c))
    return 3;
  if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
    return 2;
  return c[0] < 0x20 || c[0] == 0x7f ? 1 : 0;
}

void one_line_blank(char *text, size_t size) {
  char *to = text;
  for (const char *from = text, *end = text + size; from < end; to++) {
    const size_t blank = blank_size(from);
    *to = blank > 0 ? ' ' : *from;
    from += blank > 0 ? blank : 1;
  }
  *to = '\0';
}
