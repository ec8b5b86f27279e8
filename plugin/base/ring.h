/* SPDX-License-Identifier: MIT
 *
 * ring owns an order of items that costs no memory: a ring of links, each a
 * member of its item, closed by a head of its own. It borrows the items. One
 * thread.
 */
#ifndef ONENET_RING_H
#define ONENET_RING_H

#include <stdbool.h>
#include <stddef.h>

/* A head, or the link of one item. All zero: of an item that is in no ring. */
struct ring {
  struct ring *before;
  struct ring *after;
};

/* Returns the item, of that type, whose member the link is. */
#define RING_ITEM(link, type, member)                                          \
  ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Makes an empty ring. */
void ring_init(struct ring *head);

/* Return the first link, or the one behind that link; NULL if there is none. */
struct ring *ring_first(const struct ring *head);
struct ring *ring_next(const struct ring *head, const struct ring *link);

/* Puts a link that is in no ring behind the last. */
void ring_append(struct ring *head, struct ring *link);

/* Takes a link out; one that is in no ring is left alone. */
void ring_remove(struct ring *link);

/* Returns whether the link is in a ring. */
bool ring_has(const struct ring *link);

#endif
