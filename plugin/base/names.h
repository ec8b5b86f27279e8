/* SPDX-License-Identifier: MIT
 *
 * names owns a list of items that are found by name without regard to case.
 *
 * Each item begins with a const char *, which points to its name: the list
 * keeps that behind the item. One thread fills the list; after that any thread
 * may search it.
 */
#ifndef ONENET_NAMES_H
#define ONENET_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_NAME_BYTES 64 /* with the NUL */

/* A list of items. All zero is an empty list. */
struct names {
  void **items; /* in the order in which they were added */
  size_t count;
  size_t capacity;
  uint32_t *places; /* hash table of twice the capacity: which item, from 1 */
};

typedef void names_free_fn(void *item);

/* Appends an item of item_bytes that has the name, cut to NAMES_NAME_BYTES, and
 * else zeros. The name must not be in the list yet. Returns the item, which the
 * list owns and never moves, or NULL without memory. */
void *names_add(struct names *n, const char *name, size_t item_bytes);

/* Returns the item of that name, or NULL. */
void *names_find(const struct names *n, const char *name);

/* Gives each item to free_item, which takes it, and leaves an empty list. */
void names_free(struct names *n, names_free_fn *free_item);

#endif
