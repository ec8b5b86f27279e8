/* SPDX-License-Identifier: MIT
 *
 * options_value owns the values of options: for each type one reader that
 * checks the range and writes to the block's target. A part of `options`.
 *
 * Words and booleans are read without regard to case.
 */
#ifndef ONENET_OPTIONS_VALUE_H
#define ONENET_OPTIONS_VALUE_H

#include "config/options_block.h"

#include <stdio.h>

/* Return the option's only value as options_block_text does, or NULL after a
 * fault. A line is a text that is not empty and has no control characters. */
const char *options_value_text(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item);
const char *options_value_line(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item);

/* Returns a line as an absolute path, owned by the caller; NULL after a fault.
 */
char *options_value_path(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item);

/* Opens the regular file that item names; the caller closes it and owns the
 * path. NULL after a fault. NULL and the path without one, where a look has no
 * right to read the file, or where it is a key, which is read by the agent. */
FILE *options_value_open(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, char **ret_path);

options_read_fn options_value_read_int;    /* int, min..max */
options_read_fn options_value_read_int64;  /* int64_t */
options_read_fn options_value_read_size;   /* size_t */
options_read_fn options_value_read_double; /* double of at least min */
options_read_fn options_value_read_bool;   /* bool */
options_read_fn options_value_read_word;   /* int: the value of the word */
options_read_fn options_value_read_choice; /* bool: a word's value is not 0 */
options_read_fn options_value_read_rate;   /* struct rate_limit */
options_read_fn options_value_read_line;   /* char *, owned by the target */
options_read_fn options_value_read_identifier; /* char *, max characters */
options_read_fn options_value_read_file;       /* char *: absolute, readable */
options_read_fn options_value_read_directory;  /* char *: absolute, readable */

#endif
