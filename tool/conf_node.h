/* SPDX-License-Identifier: MIT
 *
 * conf_node owns the items of a configuration while it is read: each knows
 * where it begins, and one can be replaced by several, as an Include is.
 *
 * Any thread; a tree is used by one at a time.
 */
#ifndef ONENET_CONF_NODE_H
#define ONENET_CONF_NODE_H

#include "liboconfig/oconfig.h"

#include <stdbool.h>

struct conf_node {
  struct conf_node *parent, *next, *first, *last;
  char *key; /* NULL: the root */
  oconfig_value_t *values;
  int values_num;
  int children_num;
  const char *path; /* borrowed */
  int line;
};

/* Returns an item without a parent, which takes the key; or NULL without
 * memory, and the key is freed. */
struct conf_node *conf_node_new(const char *path, int line, char *key);

/* Appends a value, whose text is taken. Returns false, and frees the text,
 * without memory. */
bool conf_node_add_value(struct conf_node *n, oconfig_value_t value);

/* Takes the child as the parent's last one. */
void conf_node_append(struct conf_node *parent, struct conf_node *child);

/* Moves all children of `source`, which is freed, behind those of the parent.
 */
void conf_node_take_all(struct conf_node *parent, struct conf_node *source);

/* Puts the children of `source`, which is freed, where the child is, and frees
 * the child. Returns the item behind them; NULL if there is none. */
struct conf_node *conf_node_replace(struct conf_node *child,
                                    struct conf_node *source);

/* Frees the item with its children, but does not take it from its parent; NULL
 * is allowed. */
void conf_node_free(struct conf_node *n);

#endif
