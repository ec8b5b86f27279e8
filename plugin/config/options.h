/* SPDX-License-Identifier: MIT
 *
 * options owns the <Plugin onenet> block as one checked struct, read-only once
 * read. Called on collectd's main thread, before it forks: files are read and
 * closed again, nothing is kept open.
 */
#ifndef ONENET_OPTIONS_H
#define ONENET_OPTIONS_H

#include "config/options_data.h"

#include "liboconfig/oconfig.h"

/* Reads a whole <Plugin onenet> block. Relative paths are looked up in
 * base_dir; relative names of key files first in the directory that the
 * environment's CREDENTIALS_DIRECTORY names. Calls tell for every fault and
 * warning, in the order of the block. Returns 0 and writes options that the
 * caller owns; -EINVAL after one fault or more, with nothing written; -ENOMEM.
 */
int options_read(const oconfig_item_t *block, const char *base_dir,
                 enum options_purpose purpose, options_tell_fn *tell,
                 void *context, struct options **ret_options);

/* Frees the options with their directory and rules; NULL is allowed. */
void options_free(struct options *o);

#endif
