/* SPDX-License-Identifier: MIT */
#include "base/names.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CAPACITY_FIRST 16

static int compare(const void *a, const void *b) { return strcasecmp(a, b); }

static int names_reserve(struct names *n) {
  if (n->count < n->capacity)
    return 0;
  size_t capacity = n->capacity == 0 ? CAPACITY_FIRST : 2 * n->capacity;
  void **items = realloc(n->items, capacity * sizeof(*items));
  if (items == NULL)
    return -ENOMEM;
  n->items = items;
  n->capacity = capacity;
  return 0;
}

void *names_add(struct names *n, const char *name, size_t item_bytes) {
  if (names_reserve(n) != 0)
    return NULL;
  char *item = calloc(1, item_bytes);
  if (item == NULL)
    return NULL;
  snprintf(item, NAMES_NAME_BYTES, "%s", name);
  if (tsearch(item, &n->tree, compare) == NULL) {
    free(item);
    return NULL;
  }
  n->items[n->count++] = item;
  return item;
}

void *names_find(const struct names *n, const char *name) {
  void *node = tfind(name, &n->tree, compare);
  return node == NULL ? NULL : *(void **)node;
}

void names_free(struct names *n, names_free_fn *free_item) {
  for (size_t i = 0; i < n->count; i++) {
    tdelete(n->items[i], &n->tree, compare);
    free_item(n->items[i]);
  }
  free(n->items);
  *n = (struct names){.items = NULL};
}
