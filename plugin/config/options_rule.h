/* SPDX-License-Identifier: MIT
 *
 * options_rule owns the options of a <Rule> block. A part of `options`.
 */
#ifndef ONENET_OPTIONS_RULE_H
#define ONENET_OPTIONS_RULE_H

#include "config/options_block.h"

/* Reads a <Rule> block into the book of rules. All devices must be in the
 * directory. */
options_read_fn options_rule_read;

/* The table of the options of a <Rule> block. */
extern const struct options_option options_rule_table[];

#endif
