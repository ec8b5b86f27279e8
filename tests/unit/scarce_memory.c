/* SPDX-License-Identifier: MIT */
#include "scarce_memory.h"

#include <stdbool.h>
#include <stddef.h>

#define ALL (-1)

static long left = ALL;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void scarce_memory_begin(long pieces) { left = pieces; }

void scarce_memory_end(void) { left = ALL; }

static bool can_be_had(void) {
  if (left == 0)
    return false;
  if (left != ALL)
    left--;
  return true;
}

void *__wrap_malloc(size_t size) {
  return can_be_had() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
  return can_be_had() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size) {
  return can_be_had() ? __real_realloc(old, size) : NULL;
}
