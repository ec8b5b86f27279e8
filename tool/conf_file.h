/* SPDX-License-Identifier: MIT
 *
 * conf_file owns the reading of a whole configuration of collectd: its file,
 * what that includes (files, directories, patterns, Filter), and where each
 * item of the result stands. The tree is the one that collectd hands to a
 * plugin. It runs nothing and writes nothing.
 *
 * Any thread; a tree is used by one at a time.
 */
#ifndef ONENET_CONF_FILE_H
#define ONENET_CONF_FILE_H

#include "conf_text.h"

#include <stddef.h>

#define CONF_FILE_DEPTH_MAX 8 /* files that include each other, as collectd */
#define CONF_FILE_COUNT_MAX 10000
#define CONF_FILE_BYTES_MAX (16 << 20)

struct conf_file;

/* Reads the file and all that it includes. Calls note for each thing that
 * collectd would not read, or otherwise than it looks. Returns 0 and what could
 * be read, which the caller owns, also after faults; -ENOMEM. */
int conf_file_read(const char *path, conf_note_fn *note, void *context,
                   struct conf_file **ret_conf);

/* Reads a text as conf_text_parse does, as if it were the whole configuration;
 * for tests and fuzzing. */
int conf_file_read_text(const char *path, const char *text, conf_note_fn *note,
                        void *context, struct conf_file **ret_conf);

/* Returns the item whose children are all top-level items, Includes replaced by
 * what they include. Borrowed. */
const oconfig_item_t *conf_file_root(const struct conf_file *conf);

/* Writes where an item of the tree begins. Returns 0; -ENOENT if it is none of
 * the tree. The path is borrowed. */
int conf_file_place(const struct conf_file *conf, const oconfig_item_t *item,
                    const char **ret_path, int *ret_line);

/* Frees the tree; NULL is allowed. */
void conf_file_free(struct conf_file *conf);

#endif
