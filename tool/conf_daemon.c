/* SPDX-License-Identifier: MIT */
#include "conf_daemon.h"

#include <string.h>
#include <strings.h>

bool conf_daemon_is(const oconfig_item_t *item, const char *key) {
  return strcasecmp(item->key, key) == 0;
}

const char *conf_daemon_text(const oconfig_item_t *item) {
  if (item->values_num < 1 || item->values[0].type != OCONFIG_TYPE_STRING)
    return NULL;
  return item->values[0].value.string;
}

static bool is_of_plugin(const oconfig_item_t *item, const char *key,
                         const char *plugin) {
  const char *text = conf_daemon_text(item);
  return conf_daemon_is(item, key) && text != NULL &&
         strcasecmp(text, plugin) == 0;
}

/* Returns the truth of a global option, which may be in quotes. */
static bool is_true(const oconfig_item_t *item) {
  const char *text = conf_daemon_text(item);
  if (text == NULL)
    return item->values_num == 1 &&
           item->values[0].type == OCONFIG_TYPE_BOOLEAN &&
           item->values[0].value.boolean;
  return strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
         strcasecmp(text, "on") == 0;
}

/* Notes what the item says, for the items behind it. */
static void note_item(struct conf_daemon *d, const oconfig_item_t *item) {
  if (is_of_plugin(item, "LoadPlugin", "onenet"))
    d->is_loaded = true;
  else if (conf_daemon_is(item, "AutoLoadPlugin"))
    d->loads_all = is_true(item);
  else if (conf_daemon_is(item, "BaseDir") && conf_daemon_text(item) != NULL)
    d->base_dir = conf_daemon_text(item);
}

const oconfig_item_t *conf_daemon_next(struct conf_daemon *d) {
  while (d->at < d->root->children_num) {
    const oconfig_item_t *item = &d->root->children[d->at++];
    note_item(d, item);
    if (is_of_plugin(item, "Plugin", "onenet")) {
      d->is_loaded |= d->loads_all;
      return item;
    }
  }
  return NULL;
}

const char *conf_daemon_base_dir(const struct conf_daemon *d) {
  return d->base_dir != NULL ? d->base_dir : COLLECTD_BASE_DIR;
}

const oconfig_item_t *conf_daemon_loads(const oconfig_item_t *root,
                                        const char *plugin) {
  struct conf_daemon d = {.root = root};
  for (int i = 0; i < root->children_num; i++) {
    const oconfig_item_t *item = &root->children[i];
    note_item(&d, item);
    if (is_of_plugin(item, "LoadPlugin", plugin) ||
        (d.loads_all && is_of_plugin(item, "Plugin", plugin)))
      return item;
  }
  return NULL;
}
