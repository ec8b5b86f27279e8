/* SPDX-License-Identifier: MIT
 *
 * table owns a search for items by a key of which a hash is known: a hash table
 * that grows and shrinks with the number of its items. It borrows the items,
 * each of which has a link as a member. One thread.
 */
#ifndef ONENET_TABLE_H
#define ONENET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The link of one item. */
struct table_link {
  struct table_link *next;
};

/* Returns the item, of that type, whose member the link is. */
#define TABLE_ITEM(link, type, member)                                         \
  ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Returns the hash of an item's key. */
typedef uint64_t table_hash_fn(const struct table_link *link);
/* Returns whether that is the item's key. */
typedef bool table_has_key_fn(const struct table_link *link, const void *key);

struct table {
  struct table_link **buckets;
  size_t bucket_count; /* 0, or a power of two */
  size_t count;        /* items */
  table_hash_fn *hash;
  table_has_key_fn *has_key;
};

/* Makes an empty table. Allocates nothing. */
void table_init(struct table *t, table_hash_fn *hash,
                table_has_key_fn *has_key);
/* Frees the table, but no item. */
void table_free(struct table *t);

/* Adds an item whose key is not in the table. Returns 0; or -ENOMEM, and then
 * it is not in the table. Without memory to grow, a table that has items gets
 * slower. */
int table_add(struct table *t, struct table_link *link);

/* Returns the link of the item with that key and its hash, or NULL. */
struct table_link *table_find(const struct table *t, uint64_t hash,
                              const void *key);

/* Takes out an item that is in the table. */
void table_remove(struct table *t, struct table_link *link);

/* Return the first item, or the one behind that link, in no certain order; NULL
 * if there is none. No item may be added or removed in between. */
struct table_link *table_first(const struct table *t);
struct table_link *table_next(const struct table *t,
                              const struct table_link *link);

#endif
