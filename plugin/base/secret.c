/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* piece: stands before the memory that is given out, and keeps its alignment.
 */
struct piece {
  size_t bytes; /* this struct included */
  max_align_t memory[];
};

void *secret_alloc(size_t bytes) {
  if (bytes > SIZE_MAX - sizeof(struct piece))
    return NULL;
  size_t all = sizeof(struct piece) + bytes;
  struct piece *p = mmap(NULL, all, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return NULL;
  madvise(p, all, MADV_DONTDUMP);
  p->bytes = all;
  return p->memory;
}

char *secret_copy(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = secret_alloc(bytes);
  return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

void secret_free(void *memory) {
  if (memory == NULL)
    return;
  struct piece *p =
      (struct piece *)((char *)memory - offsetof(struct piece, memory));
  size_t bytes = p->bytes;
  explicit_bzero(p, bytes);
  munmap(p, bytes);
}
