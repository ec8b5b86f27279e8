/* SPDX-License-Identifier: MIT */
#include "memory_walk.h"

#include "base/secret.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CHUNK_BYTES (256 * 1024)
/* A larger region is not memory in use, but reserved by a sanitizer. */
#define REGION_MAX_BYTES ((uintptr_t)1024 * 1024 * 1024)

struct region {
  uintptr_t begin, end;
  bool is_readable;
};

static bool chunk_has(const char *chunk, size_t chunk_size, const char *bytes,
                      size_t size) {
  for (size_t i = 0; i + size <= chunk_size; i++)
    if (memcmp(chunk + i, bytes, size) == 0)
      return true;
  return false;
}

/* Chunks overlap, so that nothing is missed between two. */
static bool region_has(int memory, const struct region *r, char *chunk,
                       const char *bytes, size_t size) {
  for (uintptr_t at = r->begin; at + size <= r->end; at += CHUNK_BYTES - size) {
    size_t wanted = r->end - at < CHUNK_BYTES ? r->end - at : CHUNK_BYTES;
    ssize_t got = pread(memory, chunk, wanted, (off_t)at);
    if (got <= 0)
      return false;
    if (chunk_has(chunk, (size_t)got, bytes, size))
      return true;
  }
  return false;
}

static bool is_worth_a_look(const struct region *r) {
  return r->is_readable && r->end - r->begin <= REGION_MAX_BYTES;
}

/* Other lines may begin with what looks like a number. */
static void take_region(const char *line, struct region *r) {
  unsigned long begin, end;
  char right;
  if (sscanf(line, "%lx-%lx %c", &begin, &end, &right) == 3)
    *r = (struct region){begin, end, right == 'r'};
}

bool memory_walk_finds(const void *bytes, size_t size) {
  char line[512];
  bool found = false;
  struct region r = {0};
  char *chunk = secret_alloc(CHUNK_BYTES);
  FILE *maps = fopen("/proc/self/smaps", "r");
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  assert_true(chunk != NULL && maps != NULL && memory >= 0);
  while (!found && fgets(line, sizeof(line), maps) != NULL) {
    take_region(line, &r);
    if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd") == NULL)
      found = is_worth_a_look(&r) && region_has(memory, &r, chunk, bytes, size);
  }
  close(memory);
  fclose(maps);
  secret_free(chunk);
  return found;
}

void memory_walk_skip_if_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip();
#endif
}
