/* SPDX-License-Identifier: MIT
 *
 * heap owns a priority queue: a binary heap that keeps items in the order of a
 * key. Each item stores its own index in the heap, so that any item can be
 * removed or moved. The heap borrows the items. One thread.
 */
#ifndef ONENET_HEAP_H
#define ONENET_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_OUTSIDE UINT32_MAX /* the index of an item that is in no heap */

/* Returns whether a comes before b. */
typedef bool heap_before_fn(const void *a, const void *b);
/* Returns the address at which the item stores its index. The index is
 * HEAP_OUTSIDE before the item is first pushed. */
typedef uint32_t *heap_index_fn(void *item);

/* The order of a heap, for all heaps that have it. */
struct heap_order {
  heap_before_fn *before;
  heap_index_fn *index;
};

struct heap {
  void **items;
  uint32_t count;
  uint32_t capacity;
  const struct heap_order *order;
};

/* Makes an empty heap. Allocates nothing. The order must live as long as the
 * heap. */
void heap_init(struct heap *h, const struct heap_order *order);
void heap_free(struct heap *h);

/* Makes room for `count` items in all, so that pushing up to that number can
 * not fail. Returns 0 or -ENOMEM. */
int heap_reserve(struct heap *h, size_t count);

/* Gives memory back if room for `count` items, which are at least those in the
 * heap, is a quarter of the room there is, or less. */
void heap_shrink(struct heap *h, size_t count);

/* Adds an item that is in no heap; there must be room for it. */
void heap_push(struct heap *h, void *item);

/* Returns the first item, or NULL if the heap is empty. */
void *heap_first(const struct heap *h);

/* Removes an item; does nothing if the item is in no heap. */
void heap_remove(struct heap *h, void *item);

/* Moves an item of the heap to its right place after its key has changed. */
void heap_update(struct heap *h, void *item);

#endif
