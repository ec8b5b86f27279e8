/* SPDX-License-Identifier: MIT */
#include "sim_json.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 64

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0')
    at++;
  return at;
}

static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\')
      at++;
  return at < end ? at + 1 : NULL;
}

static const char *skip_word(const char *at, const char *end,
                             const char *word) {
  const size_t length = strlen(word);
  if ((size_t)(end - at) < length || memcmp(at, word, length) != 0)
    return NULL;
  return at + length;
}

static const char *skip_digits(const char *at, const char *end) {
  const char *from = at;
  while (at < end && isdigit((unsigned char)*at))
    at++;
  return at > from ? at : NULL;
}

static const char *skip_number(const char *at, const char *end) {
  if (at < end && *at == '-')
    at++;
  at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
  if (at != NULL && at < end && *at == '.')
    at = skip_digits(at + 1, end);
  if (at == NULL || at == end || (*at != 'e' && *at != 'E'))
    return at;
  at++;
  if (at < end && (*at == '+' || *at == '-'))
    at++;
  return skip_digits(at, end);
}

static const char *skip_value(const char *at, const char *end, int depth);

/* Skips a name and the colon behind it. */
static const char *skip_name(const char *at, const char *end) {
  if (at == end || *at != '"' || (at = skip_string(at, end)) == NULL)
    return NULL;
  at = skip_blanks(at, end);
  return at < end && *at == ':' ? skip_blanks(at + 1, end) : NULL;
}

/* Skips an object or an array. */
static const char *skip_group(const char *at, const char *end, int depth) {
  const bool is_object = *at == '{';
  const char close = is_object ? '}' : ']';
  at = skip_blanks(at + 1, end);
  if (at < end && *at == close)
    return at + 1;
  while (at != NULL && at < end) {
    if (is_object && (at = skip_name(at, end)) == NULL)
      return NULL;
    if ((at = skip_value(at, end, depth + 1)) == NULL)
      return NULL;
    at = skip_blanks(at, end);
    if (at == end || *at != ',')
      return at < end && *at == close ? at + 1 : NULL;
    at = skip_blanks(at + 1, end);
  }
  return NULL;
}

/* Returns what is behind the value that begins at `at`, or NULL if there is
 * none. */
static const char *skip_value(const char *at, const char *end, int depth) {
  if (at == end || depth > DEPTH_MAX)
    return NULL;
  switch (*at) {
  case '{':
  case '[':
    return skip_group(at, end, depth);
  case '"':
    return skip_string(at, end);
  case 't':
    return skip_word(at, end, "true");
  case 'f':
    return skip_word(at, end, "false");
  case 'n':
    return skip_word(at, end, "null");
  default:
    return skip_number(at, end);
  }
}

bool sim_json_object(const char *text, size_t length,
                     struct sim_json *ret_object) {
  const char *end = text + length;
  const char *at = skip_blanks(text, end);
  if (at == end || *at != '{')
    return false;
  const char *behind = skip_value(at, end, 0);
  if (behind == NULL || skip_blanks(behind, end) != end)
    return false;
  *ret_object = (struct sim_json){at, (size_t)(behind - at)};
  return true;
}

bool sim_json_next(struct sim_json object, size_t *at,
                   struct sim_json *ret_name, struct sim_json *ret_value) {
  const char *end = object.at + object.length;
  const char *name = skip_blanks(object.at + (*at == 0 ? 1 : *at), end);
  if (*name == ',')
    name = skip_blanks(name + 1, end);
  if (name == end || *name != '"')
    return false;
  const char *value = skip_name(name, end);
  const char *behind = skip_value(value, end, 0);
  *ret_name = (struct sim_json){name, (size_t)(skip_string(name, end) - name)};
  *ret_value = (struct sim_json){value, (size_t)(behind - value)};
  *at = (size_t)(behind - object.at);
  return true;
}

bool sim_json_member(struct sim_json object, const char *name,
                     struct sim_json *ret_value) {
  struct sim_json found;
  const size_t length = strlen(name);
  for (size_t at = 0; sim_json_next(object, &at, &found, ret_value);)
    if (found.length == length + 2 && memcmp(found.at + 1, name, length) == 0)
      return true;
  return false;
}

bool sim_json_add_text(struct sim_json value, struct sim_buf *buf) {
  if (value.at[0] != '"')
    return false;
  for (size_t i = 1; i + 1 < value.length; i++) {
    if (value.at[i] == '\\' && strchr("\"\\/", value.at[++i]) == NULL)
      return false;
    sim_buf_add_bytes(buf, value.at + i, 1);
  }
  return true;
}
