/* SPDX-License-Identifier: MIT
 *
 * conf_daemon owns what the top level of collectd's configuration says: which
 * plugins are loaded, where BaseDir is, and which <Plugin onenet> blocks there
 * are. All of it goes by order, as in collectd: what is said behind a block
 * does not hold for it.
 *
 * Any thread. All is borrowed from the tree.
 */
#ifndef ONENET_CONF_DAEMON_H
#define ONENET_CONF_DAEMON_H

#include "liboconfig/oconfig.h"

#include <stdbool.h>

/* A walk along the top level. Begins as the root and zeros. */
struct conf_daemon {
  const oconfig_item_t *root;
  int at;               /* index of the next item */
  bool loads_all;       /* AutoLoadPlugin true has been said */
  bool is_loaded;       /* LoadPlugin onenet, too */
  const char *base_dir; /* NULL: not said; see conf_daemon_base_dir */
};

/* Goes on to the next <Plugin onenet> block. Returns it, or NULL at the end. */
const oconfig_item_t *conf_daemon_next(struct conf_daemon *d);

/* Returns BaseDir as it is where the walk is. */
const char *conf_daemon_base_dir(const struct conf_daemon *d);

/* Returns the item that loads the plugin, whatever the case of its name; NULL
 * if none does. */
const oconfig_item_t *conf_daemon_loads(const oconfig_item_t *root,
                                        const char *plugin);

/* Returns whether the item is the option or block of that key. */
bool conf_daemon_is(const oconfig_item_t *item, const char *key);

/* Returns the item's first value if that is a text, else NULL. */
const char *conf_daemon_text(const oconfig_item_t *item);

#endif
