/* SPDX-License-Identifier: MIT
 *
 * options_endpoint owns the options of an <Endpoint> block. A part of
 * `options`.
 */
#ifndef ONENET_OPTIONS_ENDPOINT_H
#define ONENET_OPTIONS_ENDPOINT_H

#include "config/options_block.h"

/* Reads an <Endpoint> block into the directory. */
options_read_fn options_endpoint_read;

/* The table of the options of an <Endpoint> block. */
extern const struct options_option options_endpoint_table[];

#endif
