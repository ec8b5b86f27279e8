/* SPDX-License-Identifier: MIT */
#include "strict_json.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 1000 /* what is nested more deeply is not valid here */

struct reader {
  const char *at, *end;
  const char *name;
  int level;
  struct strict_json found;
};

static bool read_value(struct reader *r);

/* Returns whether the next byte is that one, and passes over it. */
static bool pass(struct reader *r, char byte) {
  bool is_there = r->at < r->end && *r->at == byte;
  r->at += is_there;
  return is_there;
}

static void skip_blanks(struct reader *r) {
  while (r->at < r->end && memchr(" \t\r\n", *r->at, 4) != NULL)
    r->at++;
}

static bool read_word(struct reader *r, const char *word) {
  size_t size = strlen(word);
  bool is_there =
      (size_t)(r->end - r->at) >= size && memcmp(r->at, word, size) == 0;
  r->at += is_there ? size : 0;
  return is_there;
}

static bool read_digits(struct reader *r) {
  const char *begin = r->at;
  while (r->at < r->end && isdigit((unsigned char)*r->at))
    r->at++;
  return r->at > begin;
}

static bool read_number(struct reader *r) {
  pass(r, '-');
  if (!pass(r, '0') && !read_digits(r))
    return false;
  if (pass(r, '.') && !read_digits(r))
    return false;
  if (!pass(r, 'e') && !pass(r, 'E'))
    return true;
  if (!pass(r, '+'))
    pass(r, '-');
  return read_digits(r);
}

/* Reads the four digits of \u. Returns their number; -1: no such digits. */
static long read_hex(struct reader *r) {
  long number = 0;
  for (int i = 0; i < 4; i++, r->at++) {
    static const char digits[] = "0123456789abcdef";
    const char *digit = r->at < r->end && *r->at != '\0'
                            ? strchr(digits, tolower((unsigned char)*r->at))
                            : NULL;
    if (digit == NULL)
      return -1;
    number = 16 * number + (digit - digits);
  }
  return number;
}

/* Reads what is behind a backslash. Returns the character; -1: none. */
static long read_escape(struct reader *r) {
  static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  if (pass(r, 'u'))
    return read_hex(r);
  const char *letter =
      r->at < r->end && *r->at != '\0' ? strchr(letters, *r->at) : NULL;
  if (letter == NULL)
    return -1;
  r->at++;
  return meant[letter - letters];
}

/* Reads a string. Writes whether it is the name. */
static bool read_string(struct reader *r, bool *ret_is_name) {
  const char *name = r->name;
  bool is_name = true;
  if (!pass(r, '"'))
    return false;
  while (r->at < r->end && *r->at != '"') {
    long character = (unsigned char)*r->at++;
    if (character < ' ')
      return false;
    if (character == '\\' && (character = read_escape(r)) < 0)
      return false;
    is_name = is_name && *name != '\0' && (unsigned char)*name++ == character;
  }
  *ret_is_name = is_name && *name == '\0';
  return pass(r, '"');
}

static bool read_member(struct reader *r) {
  bool is_name = false;
  skip_blanks(r);
  if (!read_string(r, &is_name))
    return false;
  skip_blanks(r);
  if (!pass(r, ':'))
    return false;
  skip_blanks(r);
  const char *begin = r->at;
  int level = r->level;
  if (!read_value(r))
    return false;
  if (is_name && level == 1) {
    r->found.members++;
    r->found.is_zero = r->at - begin == 1 && *begin == '0';
  }
  return true;
}

/* Reads the rest of an object or array. */
static bool read_all(struct reader *r, char close,
                     bool (*one)(struct reader *)) {
  if (++r->level > r->found.depth)
    r->found.depth = r->level;
  skip_blanks(r);
  bool is_good = r->level < DEPTH_MAX;
  bool is_over = is_good && pass(r, close);
  while (is_good && !is_over) {
    is_good = one(r);
    skip_blanks(r);
    is_over = is_good && pass(r, close);
    is_good = is_good && (is_over || pass(r, ','));
  }
  r->level--;
  return is_good;
}

static bool read_element(struct reader *r) {
  skip_blanks(r);
  return read_value(r);
}

static bool read_value(struct reader *r) {
  bool is_name;
  if (pass(r, '{'))
    return read_all(r, '}', read_member);
  if (pass(r, '['))
    return read_all(r, ']', read_element);
  if (r->at < r->end && *r->at == '"')
    return read_string(r, &is_name);
  if (r->at < r->end && (*r->at == '-' || isdigit((unsigned char)*r->at)))
    return read_number(r);
  return read_word(r, "true") || read_word(r, "false") || read_word(r, "null");
}

/* Returns how many bytes the character at `at` has; 0: it is not valid, by
 * table 3-7 of the Unicode standard. */
static size_t character_bytes(const unsigned char *at, size_t left) {
  static const struct {
    unsigned char first_min, first_max, second_min, second_max, bytes;
  } forms[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
               {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
               {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
               {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
               {0xf4, 0xf4, 0x80, 0x8f, 4}};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    size_t bytes = forms[i].bytes;
    if (at[0] < forms[i].first_min || at[0] > forms[i].first_max)
      continue;
    bool is_good =
        bytes <= left && (bytes < 2 || (at[1] >= forms[i].second_min &&
                                        at[1] <= forms[i].second_max));
    for (size_t b = 2; is_good && b < bytes; b++)
      is_good = at[b] >= 0x80 && at[b] <= 0xbf;
    return is_good ? bytes : 0;
  }
  return 0;
}

static bool is_utf8(const char *text, size_t size) {
  size_t at = 0, bytes = 1;
  while (at < size && bytes > 0) {
    bytes = character_bytes((const unsigned char *)text + at, size - at);
    at += bytes;
  }
  return at == size;
}

struct strict_json strict_json_read(const char *text, size_t size,
                                    const char *name) {
  struct reader r = {.at = text, .end = text + size, .name = name};
  skip_blanks(&r);
  r.found.is_object = r.at < r.end && *r.at == '{';
  bool is_good = read_value(&r);
  skip_blanks(&r);
  r.found.is_valid = is_good && r.at == r.end && is_utf8(text, size);
  return r.found;
}
