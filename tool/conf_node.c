/* SPDX-License-Identifier: MIT */
#include "conf_node.h"

#include <stdlib.h>

struct conf_node *conf_node_new(const char *path, int line, char *key) {
  struct conf_node *n = calloc(1, sizeof(*n));
  if (n == NULL) {
    free(key);
    return NULL;
  }
  n->path = path;
  n->line = line;
  n->key = key;
  return n;
}

static void free_value(oconfig_value_t *value) {
  if (value->type == OCONFIG_TYPE_STRING)
    free(value->value.string);
}

bool conf_node_add_value(struct conf_node *n, oconfig_value_t value) {
  size_t count = (size_t)n->values_num + 1;
  oconfig_value_t *grown = n->values;
  if ((count & (count - 1)) == 0) /* room for twice as many each time */
    grown = realloc(n->values, 2 * count * sizeof(*grown));
  if (grown == NULL) {
    free_value(&value);
    return false;
  }
  n->values = grown;
  n->values[n->values_num++] = value;
  return true;
}

void conf_node_append(struct conf_node *parent, struct conf_node *child) {
  child->parent = parent;
  if (parent->last == NULL)
    parent->first = child;
  else
    parent->last->next = child;
  parent->last = child;
  parent->children_num++;
}

static struct conf_node *find_before(const struct conf_node *child) {
  struct conf_node *before = NULL;
  for (struct conf_node *n = child->parent->first; n != child; n = n->next)
    before = n;
  return before;
}

static void adopt(struct conf_node *parent, struct conf_node *source) {
  for (struct conf_node *n = source->first; n != NULL; n = n->next)
    n->parent = parent;
  parent->children_num += source->children_num;
  source->first = source->last = NULL;
}

void conf_node_take_all(struct conf_node *parent, struct conf_node *source) {
  if (source->first != NULL && parent->last != NULL)
    parent->last->next = source->first;
  else if (source->first != NULL)
    parent->first = source->first;
  if (source->first != NULL)
    parent->last = source->last;
  adopt(parent, source);
  conf_node_free(source);
}

struct conf_node *conf_node_replace(struct conf_node *child,
                                    struct conf_node *source) {
  struct conf_node *parent = child->parent, *next = child->next;
  struct conf_node *before = find_before(child);
  struct conf_node *first = source->first != NULL ? source->first : next;
  struct conf_node *last = source->last != NULL ? source->last : before;
  if (source->last != NULL)
    source->last->next = next;
  if (before == NULL)
    parent->first = first;
  else
    before->next = first;
  if (next == NULL)
    parent->last = last;
  parent->children_num--;
  adopt(parent, source);
  conf_node_free(source);
  conf_node_free(child);
  return next;
}

void conf_node_free(struct conf_node *n) {
  if (n == NULL)
    return;
  for (struct conf_node *c = n->first, *next; c != NULL; c = next) {
    next = c->next;
    conf_node_free(c);
  }
  for (int i = 0; i < n->values_num; i++)
    free_value(&n->values[i]);
  free(n->values);
  free(n->key);
  free(n);
}
