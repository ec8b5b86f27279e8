/* SPDX-License-Identifier: MIT
 *
 * setup owns what collectd's configuration says of the plugin, for the commands
 * that look and act: the checked <Plugin onenet> block. (`check` reads the
 * configuration itself, to find all that is wrong.)
 */
#ifndef ONENET_SETUP_H
#define ONENET_SETUP_H

#include "conf_file.h"
#include "config/options.h"
#include "tool.h"

struct setup {
  struct conf_file *conf;
  struct options *options;
};

/* Reads the configuration that -C names. A file that the user has no right to
 * read (a key, a DeviceFile) stops nothing: what is in it is not known then.
 * Returns 0 and a setup for setup_free; or a negative errno, after it has
 * written the first thing that is wrong to stderr, and what to do. */
int setup_read(const struct tool *tool, struct setup *ret_setup);

void setup_free(struct setup *s);

#endif
