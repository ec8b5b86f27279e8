/* SPDX-License-Identifier: MIT
 *
 * config_text owns the reading of collectd's configuration syntax for tests,
 * since the parser itself lives in the daemon: blocks, options, quoted texts,
 * numbers, booleans, words, comments. No lines that are continued, no Include.
 */
#ifndef ONENET_CONFIG_TEXT_H
#define ONENET_CONFIG_TEXT_H

#include "liboconfig/oconfig.h"

/* Returns an item whose children are what the text holds; the caller owns it.
 * The test fails if the text is not of that syntax. */
oconfig_item_t *config_text_parse(const char *text);

/* Frees the whole tree; NULL is allowed. */
void config_text_free(oconfig_item_t *root);

#endif
