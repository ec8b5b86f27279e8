/* SPDX-License-Identifier: MIT */
#include "delivery/bucket.h"

#include <errno.h>
#include <stdlib.h>

int bucket_init(struct bucket *b, struct rate_limit limit) {
  *b = (struct bucket){.count = limit.count,
                       .period_ms = (int64_t)limit.seconds * 1000};
  if (limit.count == 0)
    return 0;
  b->taken_ms = malloc(limit.count * sizeof *b->taken_ms);
  if (b->taken_ms == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < b->count; i++)
    b->taken_ms[i] = INT64_MIN / 2;
  return 0;
}

void bucket_free(struct bucket *b) {
  free(b->taken_ms);
  b->taken_ms = NULL;
}

int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms) {
  if (b->taken_ms == NULL)
    return 0;
  int64_t back_ms = b->taken_ms[b->next] + b->period_ms;
  return back_ms > now_ms ? back_ms - now_ms : 0;
}

void bucket_take(struct bucket *b, int64_t now_ms) {
  if (b->taken_ms == NULL)
    return;
  b->taken_ms[b->next] = now_ms;
  b->next = (b->next + 1) % b->count;
}
