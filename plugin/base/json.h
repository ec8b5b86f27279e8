/* SPDX-License-Identifier: MIT
 *
 * json owns the reading of JSON texts that come from outside. A text must be
 * one complete value of bounded depth, in valid UTF-8, with nothing behind it.
 * The module keeps no state: any thread may call it. No other module includes
 * yajl.
 */
#ifndef ONENET_JSON_H
#define ONENET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_KEY_BYTES 32 /* nobody asks for a longer key */

enum json_type {
  JSON_NULL,
  JSON_BOOLEAN,
  JSON_NUMBER,
  JSON_STRING,
  JSON_OBJECT,
  JSON_ARRAY
};

struct json_key {
  char text[JSON_KEY_BYTES]; /* first bytes of the key; not NUL-terminated */
  size_t size;               /* bytes of the whole key */
};

/* A member of the top-level object, or of an object that is itself such a
 * member. */
struct json_member {
  bool is_nested;         /* the object around it is itself a member */
  struct json_key parent; /* key of that object */
  struct json_key key;
  enum json_type type;
  const char *text; /* a number or boolean as written, a string with its escapes
                       decoded, NULL for other types; not NUL-terminated */
  size_t size;      /* bytes of text */
};

/* Returns whether the member has that key, in the object that has the key
 * `parent`, or in the top-level object if parent is NULL. */
bool json_member_is(const struct json_member *m, const char *parent,
                    const char *key);

/* Writes the member's value to ret_value if it is an integer of 32 bits,
 * written without fraction and exponent, and not -0. Returns whether it is. */
bool json_member_int32(const struct json_member *m, int32_t *ret_value);

/* Receives a member, borrowed for the call. For an object or array the call
 * comes at its beginning. */
typedef void json_visit_fn(void *context, const struct json_member *member);

/* Reads size bytes of text as one JSON value, at most max_depth levels deep,
 * and calls visit (NULL: nobody) for each member, in order. Members before a
 * syntax error are visited as well. Returns 0; or -EINVAL or -ENOMEM, and
 * writes to ret_why one line that says what is wrong, and where. yajl gets at
 * most 8 times the size plus 16 KiB of memory. */
int json_read(const char *text, size_t size, int max_depth,
              json_visit_fn *visit, void *context, char *ret_why,
              size_t why_bytes);

/* Finds a top-level member by its key, and writes where its value stands, as it
 * is written, to ret_value and ret_size. The text must be an object that
 * json_read has found good; a key that is written with escapes is not found.
 * Returns whether there is one; of several the first. */
bool json_find_value(const char *text, size_t size, const char *key,
                     const char **ret_value, size_t *ret_size);

#endif
