/* SPDX-License-Identifier: MIT
 *
 * strict_json owns a second opinion on JSON: a reader after RFC 8259 that has
 * nothing in common with that of the plugin, for the fuzz targets alone.
 */
#ifndef ONENET_TESTS_STRICT_JSON_H
#define ONENET_TESTS_STRICT_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* What a text comes to. */
struct strict_json {
  bool is_valid;  /* one whole JSON text in valid UTF-8, and nothing else */
  bool is_object; /* and that is an object */
  int depth;      /* levels of objects and arrays, one within another */
  int members;    /* members of the top level that bear the name */
  bool is_zero;   /* the last of them is the number 0, written so */
};

/* Reads the text, and looks for members of that name. */
struct strict_json strict_json_read(const char *text, size_t size,
                                    const char *name);

#endif
