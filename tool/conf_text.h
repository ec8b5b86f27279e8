/* SPDX-License-Identifier: MIT
 *
 * conf_text owns the grammar of collectd's configuration language: which words
 * make an option, and which a block. What collectd would not read is a fault;
 * what it would read otherwise than it looks is a warning. Reading goes on
 * behind a fault with the next line, so that all of them are found at once.
 *
 * Any thread.
 */
#ifndef ONENET_CONF_TEXT_H
#define ONENET_CONF_TEXT_H

#include "conf_node.h"

#include <stddef.h>

enum conf_level { CONF_FAULT, CONF_WARNING };

/* Receives one fault or warning, and its place. */
typedef void conf_note_fn(void *context, enum conf_level level,
                          const char *path, int line, const char *text);

#define CONF_DEPTH_MAX 1000 /* blocks within each other */

/* Reads a text, which must end with a NUL that is not counted, as if it stood
 * in a file of that path; the path must live as long as the tree. An Include is
 * an item like any other. Returns 0 and the root of what could be read, also
 * after faults; -ENOMEM. */
int conf_text_parse(const char *path, const char *text, size_t size,
                    conf_note_fn *note, void *context,
                    struct conf_node **ret_root);

#endif
