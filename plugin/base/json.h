/* SPDX-License-Identifier: MIT
 *
 * json owns the reading of JSON texts that come from outside: one value, whole,
 * in valid UTF-8, with nothing behind it, of bounded depth. It keeps no state:
 * any thread may call it. No other module includes yajl.
 */
#ifndef ONENET_JSON_H
#define ONENET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_KEY_BYTES 32 /* a longer key is no key that anybody asks for */

enum json_type {
  JSON_NULL,
  JSON_BOOLEAN,
  JSON_NUMBER,
  JSON_STRING,
  JSON_OBJECT,
  JSON_ARRAY
};

struct json_key {
  char text[JSON_KEY_BYTES]; /* its first bytes; not NUL-terminated */
  size_t size;               /* of the whole key */
};

/* A member of the top-level object, or of an object that is such a member. */
struct json_member {
  bool is_nested;         /* it has a parent */
  struct json_key parent; /* the key of the object that it is in */
  struct json_key key;
  enum json_type type;
  const char *text; /* a number as it was written, a string without its escapes;
                       not NUL-terminated; else NULL */
  size_t size;      /* of the text */
};

/* Returns whether the member has that key, within the object of that key;
 * parent NULL: in the top-level object. */
bool json_member_is(const struct json_member *m, const char *parent,
                    const char *key);

/* Writes the member's value to ret_value if it is an integer of 32 bits,
 * written without fraction and exponent, and not -0. Returns whether it is. */
bool json_member_int32(const struct json_member *m, int32_t *ret_value);

/* Takes a member, which is borrowed for the call. An object or array is shown
 * when it begins. */
typedef void json_visit_fn(void *context, const struct json_member *member);

/* Reads size bytes of text as one JSON value, at most max_depth levels deep,
 * and shows its members to visit (NULL: to nobody) in their order, those of a
 * text that turns out to be no JSON further on included. Returns 0; or -EINVAL
 * or -ENOMEM, and writes one line that says where it stops being JSON. Its
 * memory is bounded by 8 times the size and 16 KiB. */
int json_read(const char *text, size_t size, int max_depth,
              json_visit_fn *visit, void *context, char *ret_why,
              size_t why_bytes);

#endif
