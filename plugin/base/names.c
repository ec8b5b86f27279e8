/* SPDX-License-Identifier: MIT */
#include "base/names.h"

#include "base/hash.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CAPACITY_FIRST 16

static const char *name_of(const void *item) {
  return *(const char *const *)item;
}

/* Returns the hash of the name in lower case. */
static size_t hash_name(const char *name) {
  uint64_t hash = HASH_BEGIN;
  for (; *name != '\0'; name++)
    hash = hash_number(hash, (uint64_t)tolower((unsigned char)*name));
  return (size_t)(hash ^ hash >> 32);
}

/* Returns the place of the name, or the free one where it would be. */
static uint32_t *find_place(const struct names *n, const char *name) {
  size_t mask = 2 * n->capacity - 1;
  size_t at = hash_name(name) & mask;
  while (n->places[at] != 0 &&
         strcasecmp(name_of(n->items[n->places[at] - 1]), name) != 0)
    at = (at + 1) & mask;
  return &n->places[at];
}

static void enter(struct names *n, size_t index) {
  *find_place(n, name_of(n->items[index])) = (uint32_t)index + 1;
}

static bool set_capacity(struct names *n, size_t capacity) {
  void **items = realloc(n->items, capacity * sizeof(*items));
  uint32_t *places = calloc(2 * capacity, sizeof(*places));
  if (items != NULL)
    n->items = items;
  if (items == NULL || places == NULL) {
    free(places);
    return false;
  }
  free(n->places);
  n->places = places;
  n->capacity = capacity;
  for (size_t i = 0; i < n->count; i++)
    enter(n, i);
  return true;
}

/* Returns an item with its name behind it, or NULL without memory. */
static void *new_item(const char *name, size_t item_bytes) {
  size_t name_bytes = strnlen(name, NAMES_NAME_BYTES - 1);
  char *item = calloc(1, item_bytes + name_bytes + 1);
  if (item == NULL)
    return NULL;
  memcpy(item + item_bytes, name, name_bytes);
  *(const char **)(void *)item = item + item_bytes;
  return item;
}

void *names_add(struct names *n, const char *name, size_t item_bytes) {
  if (n->count == n->capacity &&
      !set_capacity(n, n->capacity == 0 ? CAPACITY_FIRST : 2 * n->capacity))
    return NULL;
  void *item = new_item(name, item_bytes);
  if (item == NULL)
    return NULL;
  n->items[n->count++] = item;
  enter(n, n->count - 1);
  return item;
}

void *names_find(const struct names *n, const char *name) {
  if (n->count == 0)
    return NULL;
  uint32_t place = *find_place(n, name);
  return place == 0 ? NULL : n->items[place - 1];
}

void names_free(struct names *n, names_free_fn *free_item) {
  for (size_t i = 0; i < n->count; i++)
    free_item(n->items[i]);
  free(n->items);
  free(n->places);
  *n = (struct names){.items = NULL};
}
