/* SPDX-License-Identifier: MIT */
#include "scarce_memory.h"

#include "base/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>

#include <cmocka.h>

#define ALL (-1)

static atomic_long left = ALL; /* pieces until one can not be had */
static atomic_bool only_one;   /* and then all can be had again */
static atomic_long missed;
static atomic_uint one_in; /* 0: nothing goes by chance */
static atomic_uint_fast64_t chance;
static _Thread_local bool is_spared;
static long walk_stride = 1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_mmap(void *where, size_t size, int protection, int flags, int fd,
                  off_t offset);
void *__real_pool_take(struct pool *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
void *__wrap_mmap(void *where, size_t size, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_pool_take(struct pool *p);

static void begin(long pieces, bool one, unsigned int odds) {
  missed = 0;
  only_one = one;
  one_in = odds;
  left = pieces;
}

void scarce_memory_begin(long pieces) { begin(pieces, false, 0); }

void scarce_memory_miss_one(long pieces) { begin(pieces, true, 0); }

void scarce_memory_miss_by_chance(unsigned int odds, uint64_t seed) {
  chance = seed;
  begin(ALL, false, odds);
}

void scarce_memory_end(void) {
  left = ALL;
  one_in = 0;
}

void scarce_memory_spare_thread(void) { is_spared = true; }

long scarce_memory_missed(void) { return missed; }

/* The step of a counter, mixed: good enough for odds, and safe in threads. */
static bool is_bad_luck(void) {
  uint64_t x = chance += UINT64_C(0x9e3779b97f4a7c15);
  unsigned int odds = one_in;
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return odds > 0 && (x >> 32) % odds == 0;
}

/* Returns whether it is this piece that can not be had. */
static bool is_behind_the_others(void) {
  long now = left;
  while (now > 0 && !atomic_compare_exchange_weak(&left, &now, now - 1))
    ;
  return now == 0 &&
         (!only_one || atomic_compare_exchange_strong(&left, &now, ALL));
}

static bool can_be_had(void) {
  if (is_spared || (!is_behind_the_others() && !is_bad_luck()))
    return true;
  missed++;
  errno = ENOMEM;
  return false;
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

char *__wrap_strndup(const char *text, size_t max) {
  size_t size = strnlen(text, max);
  char *copy = __wrap_malloc(size + 1);
  if (copy == NULL)
    return NULL;
  memcpy(copy, text, size);
  copy[size] = '\0';
  return copy;
}

char *__wrap_strdup(const char *text) { return __wrap_strndup(text, SIZE_MAX); }

void *__wrap_mmap(void *where, size_t size, int protection, int flags, int fd,
                  off_t offset) {
  return can_be_had() ? __real_mmap(where, size, protection, flags, fd, offset)
                      : MAP_FAILED;
}

void *__wrap_pool_take(struct pool *p) {
  return can_be_had() ? __real_pool_take(p) : NULL;
}

/* ---- the walk ---- */

struct walk {
  void (*before)(void *context);
  void (*situation)(void *context);
  void *context;
};

/* Returns whether the situation asked for that piece. */
static bool step(const struct walk *w, long pieces, bool is_one) {
  if (w->before != NULL)
    w->before(w->context);
  begin(pieces, is_one, 0);
  w->situation(w->context);
  scarce_memory_end();
  return missed > 0;
}

void scarce_memory_stride(long stride) { walk_stride = stride; }

void scarce_memory_walk(void (*before)(void *context),
                        void (*situation)(void *context), void *context,
                        long at_least) {
  const struct walk w = {before, situation, context};
  long stride = getenv("ONENET_EVERY_PIECE") == NULL ? walk_stride : 1;
  long pieces = time(NULL) % stride;
  if (stride > 1)
    print_message("each %ldth piece from the %ldth on is missing\n", stride,
                  pieces);
  while (step(&w, pieces, true) | step(&w, pieces, false))
    pieces += stride;
  assert_true(pieces >= at_least);
}

/* ---- libraries ---- */

void *scarce_memory_malloc(size_t size) { return __wrap_malloc(size); }

void *scarce_memory_calloc(size_t count, size_t size) {
  return __wrap_calloc(count, size);
}

void *scarce_memory_realloc(void *old, size_t size) {
  return __wrap_realloc(old, size);
}

char *scarce_memory_strdup(const char *text) { return __wrap_strdup(text); }

/* SQLite asks for the size of a piece: it stands before it, with room for what
 * is aligned to 16 bytes. */
union head {
  int size;
  char room[16];
};

static void *sqlite_malloc(int size) {
  union head *h = __wrap_malloc(sizeof *h + (size_t)size);
  if (h == NULL)
    return NULL;
  h->size = size;
  return h + 1;
}

static void sqlite_free(void *piece) { free((union head *)piece - 1); }

static int sqlite_size(void *piece) {
  return piece == NULL ? 0 : ((union head *)piece - 1)->size;
}

static void *sqlite_realloc(void *piece, int size) {
  union head *h =
      __wrap_realloc((union head *)piece - 1, sizeof *h + (size_t)size);
  if (h == NULL)
    return NULL;
  h->size = size;
  return h + 1;
}

static int sqlite_round_up(int size) { return (size + 7) & ~7; }

static int sqlite_begin(void *context) {
  (void)context;
  return SQLITE_OK;
}

static void sqlite_end(void *context) { (void)context; }

void scarce_memory_serve_sqlite(void) {
  static const sqlite3_mem_methods methods = {
      .xMalloc = sqlite_malloc,
      .xFree = sqlite_free,
      .xRealloc = sqlite_realloc,
      .xSize = sqlite_size,
      .xRoundup = sqlite_round_up,
      .xInit = sqlite_begin,
      .xShutdown = sqlite_end,
  };
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
}
