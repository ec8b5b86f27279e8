/* SPDX-License-Identifier: MIT
 *
 * setup owns what collectd's configuration says of the plugin: the checked
 * <Plugin onenet> block, and what is around it.
 */
#ifndef ONENET_SETUP_H
#define ONENET_SETUP_H

#include "conf_file.h"
#include "config/options.h"
#include "tool.h"

struct setup {
  struct conf_file *conf;
  struct options *options; /* NULL: something is wrong with the block */
};

/* Reads the configuration that -C names. A command that is not `check` stops at
 * the first fault: writes it, and "onenetctl check" as what to do next. Returns
 * 0 and a setup for setup_free; or a negative errno after it has written what
 * is wrong. */
int setup_read(const struct tool *tool, struct setup *ret_setup);

void setup_free(struct setup *s);

#endif
