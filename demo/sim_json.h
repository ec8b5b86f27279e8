/* SPDX-License-Identifier: MIT
 *
 * sim_json: reading the JSON objects that come as bodies of calls.
 *
 * Borrows the text; owns nothing and keeps nothing. No global state.
 */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include "sim_buf.h"

struct sim_json { /* a value as it is written, borrowed from the text */
  const char *at;
  size_t length;
};

/* Returns whether the text is one JSON object with nothing behind it, and fills
 * in *ret_object. Strings are not looked into, but for their end. */
bool sim_json_object(const char *text, size_t length,
                     struct sim_json *ret_object);

/* Finds a member of an object by its name, as it is written; of several the
 * first. */
bool sim_json_member(struct sim_json object, const char *name,
                     struct sim_json *ret_value);

/* Goes through the members of an object. *at is 0 at first. Returns false
 * behind the last one. The name comes with its quotes. */
bool sim_json_next(struct sim_json object, size_t *at,
                   struct sim_json *ret_name, struct sim_json *ret_value);

/* Adds a string without its quotes. Returns false if the value is no string, or
 * has an escape other than \" \\ and \/. */
bool sim_json_add_text(struct sim_json value, struct sim_buf *buf);

#endif
