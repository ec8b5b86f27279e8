/* SPDX-License-Identifier: MIT
 *
 * heap owns the order of items by a key of theirs: a binary heap that knows
 * where each item is, so that any item can be removed or moved. It borrows the
 * items. One thread.
 */
#ifndef ONENET_HEAP_H
#define ONENET_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_OUTSIDE SIZE_MAX /* the index of an item that is in no heap */

/* Whether a comes before b. */
typedef bool heap_before_fn(const void *a, const void *b);
/* Where the item keeps its index; HEAP_OUTSIDE before it is first pushed. */
typedef size_t *heap_index_fn(void *item);

struct heap {
  void **items;
  size_t count;
  size_t capacity;
  heap_before_fn *before;
  heap_index_fn *index;
};

/* Makes an empty heap. Allocates nothing. */
void heap_init(struct heap *h, heap_before_fn *before, heap_index_fn *index);
void heap_free(struct heap *h);

/* Makes room for `count` items in all, so that pushing up to there can not
 * fail. Returns 0 or -ENOMEM. */
int heap_reserve(struct heap *h, size_t count);

/* Adds an item that is in no heap; there must be room for it. */
void heap_push(struct heap *h, void *item);

/* Returns the first item, or NULL. */
void *heap_first(const struct heap *h);

/* Takes an item out; one that is outside is left alone. */
void heap_remove(struct heap *h, void *item);

/* Puts an item of the heap in its place again after its key has changed. */
void heap_update(struct heap *h, void *item);

#endif
