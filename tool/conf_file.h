/* SPDX-License-Identifier: MIT
 *
 * conf_file owns the reading of collectd's configuration language: blocks,
 * options, quoted texts, numbers, booleans, bare words, comments, continued
 * lines, and Include with its patterns and Filter, as collectd itself reads
 * them. The result is the tree that collectd hands to a plugin, with the file
 * and line of each item. It runs nothing and writes nothing.
 *
 * Any thread; a tree is used by one at a time.
 */
#ifndef ONENET_CONF_FILE_H
#define ONENET_CONF_FILE_H

#include "liboconfig/oconfig.h"

#include <stddef.h>

#define CONF_FILE_DEPTH_MAX 8 /* files that include each other, as collectd */

struct conf_file;

/* Receives one fault: the file and line, and what is wrong there. */
typedef void conf_fault_fn(void *context, const char *path, int line,
                           const char *text);

/* Reads the file and all that it includes. Calls fault for each thing that
 * collectd would not read. Returns 0 and what could be read, which the caller
 * owns, also after faults; -ENOMEM. */
int conf_file_read(const char *path, conf_fault_fn *fault, void *context,
                   struct conf_file **ret_conf);

/* Reads a text as if it stood in a file of that name; for tests and fuzzing. An
 * Include is read from the disk. */
int conf_text_read(const char *name, const char *text, size_t size,
                   conf_fault_fn *fault, void *context,
                   struct conf_file **ret_conf);

/* Returns the item whose children are all top-level items, Includes replaced by
 * what they include. Borrowed. */
const oconfig_item_t *conf_file_root(const struct conf_file *conf);

/* Writes where an item of the tree begins. Returns 0; -ENOENT if it is none of
 * the tree. The path is borrowed. */
int conf_file_place(const struct conf_file *conf, const oconfig_item_t *item,
                    const char **ret_path, int *ret_line);

void conf_file_free(struct conf_file *conf);

#endif
