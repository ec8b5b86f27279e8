/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* AddressSanitizer is told which items are free. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(item, bytes) ASAN_POISON_MEMORY_REGION(item, bytes)
#define SHOW(item, bytes) ASAN_UNPOISON_MEMORY_REGION(item, bytes)
#else
#define HIDE(item, bytes) ((void)0)
#define SHOW(item, bytes) ((void)0)
#endif

struct free_item {
  struct free_item *next;
};

/* The head of a slab, which begins at a multiple of its size. */
struct pool_slab {
  struct pool_slab *before; /* neighbours in the list of slabs with room */
  struct pool_slab *after;
  struct free_item *free; /* items that were used before */
  uint32_t fresh;         /* offset of those that never were */
  uint32_t used;
};

static struct pool_slab *slab_of(const void *item) {
  return (struct pool_slab *)((uintptr_t)item &
                              ~(uintptr_t)(POOL_SLAB_BYTES - 1));
}

/* ---- slabs ---- */

static void open_slab(struct pool *p, struct pool_slab *s) {
  s->before = NULL;
  s->after = p->open;
  if (p->open != NULL)
    p->open->before = s;
  p->open = s;
}

static void close_slab(struct pool *p, struct pool_slab *s) {
  if (s->after != NULL)
    s->after->before = s->before;
  if (s->before != NULL)
    s->before->after = s->after;
  else
    p->open = s->after;
}

/* Maps twice as much as is needed, of which one half begins where it should,
 * and gives the rest back. */
static void *map_aligned(void) {
  char *all = mmap(NULL, 2 * POOL_SLAB_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED)
    return NULL;
  size_t before = -(uintptr_t)all & (POOL_SLAB_BYTES - 1);
  if (before > 0)
    munmap(all, before);
  munmap(all + before + POOL_SLAB_BYTES, POOL_SLAB_BYTES - before);
  return all + before;
}

static void add_slab(struct pool *p) {
  struct pool_slab *s = map_aligned();
  if (s == NULL)
    return;
  s->fresh = sizeof *s;
  open_slab(p, s);
  p->slab_count++;
}

/* Keeps an empty slab if no other one has room: the next item will need it. */
static void remove_if_empty(struct pool *p, struct pool_slab *s) {
  if (s->used > 0 || (s->before == NULL && s->after == NULL))
    return;
  close_slab(p, s);
  SHOW(s, POOL_SLAB_BYTES);
  munmap(s, POOL_SLAB_BYTES);
  p->slab_count--;
}

/* ---- items ---- */

static bool has_room(const struct pool *p, const struct pool_slab *s) {
  return s->free != NULL || s->fresh + p->item_bytes <= POOL_SLAB_BYTES;
}

static void *take_from(struct pool *p, struct pool_slab *s) {
  void *item = s->free;
  if (item != NULL) {
    SHOW(item, p->item_bytes);
    s->free = s->free->next;
  } else {
    item = (char *)s + s->fresh;
    s->fresh += (uint32_t)p->item_bytes;
  }
  s->used++;
  if (!has_room(p, s))
    close_slab(p, s);
  return item;
}

void *pool_take(struct pool *p) {
  pthread_mutex_lock(&p->mutex);
  if (p->open == NULL)
    add_slab(p);
  void *item = p->open != NULL ? take_from(p, p->open) : NULL;
  pthread_mutex_unlock(&p->mutex);
  return item != NULL ? memset(item, 0, p->item_bytes) : NULL;
}

void pool_give(struct pool *p, void *item) {
  struct pool_slab *s = slab_of(item);
  struct free_item *free_item = item;
  pthread_mutex_lock(&p->mutex);
  if (!has_room(p, s))
    open_slab(p, s);
  free_item->next = s->free;
  s->free = free_item;
  HIDE(item, p->item_bytes);
  s->used--;
  remove_if_empty(p, s);
  pthread_mutex_unlock(&p->mutex);
}
