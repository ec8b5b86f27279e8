/* SPDX-License-Identifier: MIT */
#include "delivery/bucket.h"

#include <errno.h>
#include <stdlib.h>

struct tokens {
  size_t count;
  size_t next;
  int64_t period_ms;
  int64_t taken_ms[]; /* when each token was taken last, a ring with the oldest
                         at `next` */
};

int bucket_init(struct bucket *b, struct rate_limit limit) {
  *b = (struct bucket){.tokens = NULL};
  if (limit.count == 0)
    return 0;
  struct tokens *t = malloc(sizeof *t + limit.count * sizeof t->taken_ms[0]);
  if (t == NULL)
    return -ENOMEM;
  *t = (struct tokens){.count = limit.count,
                       .period_ms = (int64_t)limit.seconds * 1000};
  for (size_t i = 0; i < t->count; i++)
    t->taken_ms[i] = INT64_MIN / 2;
  b->tokens = t;
  return 0;
}

void bucket_free(struct bucket *b) {
  free(b->tokens);
  b->tokens = NULL;
}

int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms) {
  const struct tokens *t = b->tokens;
  if (t == NULL)
    return 0;
  int64_t back_ms = t->taken_ms[t->next] + t->period_ms;
  return back_ms > now_ms ? back_ms - now_ms : 0;
}

void bucket_take(struct bucket *b, int64_t now_ms) {
  struct tokens *t = b->tokens;
  if (t == NULL)
    return;
  t->taken_ms[t->next] = now_ms;
  t->next = (t->next + 1) % t->count;
}
