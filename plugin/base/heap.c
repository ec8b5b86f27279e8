/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define HEAP_FIRST_CAPACITY 2 /* many heaps never have more */

void heap_init(struct heap *h, const struct heap_order *order) {
  *h = (struct heap){.order = order};
}

void heap_free(struct heap *h) {
  free(h->items);
  h->items = NULL;
  h->count = 0;
  h->capacity = 0;
}

static int set_capacity(struct heap *h, size_t capacity) {
  void **items = realloc(h->items, capacity * sizeof *items);
  if (items == NULL)
    return -ENOMEM;
  h->items = items;
  h->capacity = (uint32_t)capacity;
  return 0;
}

int heap_reserve(struct heap *h, size_t count) {
  if (count <= h->capacity)
    return 0;
  size_t capacity = h->capacity > 0 ? h->capacity : HEAP_FIRST_CAPACITY;
  while (capacity < count)
    capacity *= 2;
  return set_capacity(h, capacity);
}

/* Without memory to move to, the heap stays as it is. */
void heap_shrink(struct heap *h, size_t count) {
  if (count > h->capacity / 4)
    return;
  if (count == 0)
    heap_free(h);
  else
    set_capacity(h, h->capacity / 2);
}

static void put(struct heap *h, size_t index, void *item) {
  h->items[index] = item;
  *h->order->index(item) = (uint32_t)index;
}

static void sift_up(struct heap *h, size_t index) {
  void *item = h->items[index];
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (!h->order->before(item, h->items[parent]))
      break;
    put(h, index, h->items[parent]);
    index = parent;
  }
  put(h, index, item);
}

static void sift_down(struct heap *h, size_t index) {
  void *item = h->items[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= h->count)
      break;
    if (child + 1 < h->count &&
        h->order->before(h->items[child + 1], h->items[child]))
      child++;
    if (!h->order->before(h->items[child], item))
      break;
    put(h, index, h->items[child]);
    index = child;
  }
  put(h, index, item);
}

void heap_push(struct heap *h, void *item) {
  assert(h->count < h->capacity && *h->order->index(item) == HEAP_OUTSIDE);
  h->items[h->count] = item;
  sift_up(h, h->count++);
}

void *heap_first(const struct heap *h) {
  return h->count > 0 ? h->items[0] : NULL;
}

void heap_remove(struct heap *h, void *item) {
  uint32_t index = *h->order->index(item);
  if (index == HEAP_OUTSIDE)
    return;
  void *last = h->items[--h->count];
  *h->order->index(item) = HEAP_OUTSIDE;
  if (last == item)
    return;
  put(h, index, last);
  heap_update(h, last);
}

void heap_update(struct heap *h, void *item) {
  sift_up(h, *h->order->index(item));
  sift_down(h, *h->order->index(item));
}
