/* SPDX-License-Identifier: MIT
 *
 * bucket owns one rate limit as a bucket of COUNT tokens, each of which comes
 * back SECONDS after it was taken: never more than COUNT are taken within any
 * SECONDS. No clock: the time is told. One thread.
 */
#ifndef ONENET_BUCKET_H
#define ONENET_BUCKET_H

#include "words/device.h"

#include <stddef.h>
#include <stdint.h>

struct bucket {
  int64_t *taken_ms; /* when each token was taken last: a ring, oldest at
                        `next`; NULL: no limit */
  size_t count;
  size_t next;
  int64_t period_ms;
};

/* Makes a full bucket; a limit with count 0 is none. Returns 0 or -ENOMEM. */
int bucket_init(struct bucket *b, struct rate_limit limit);
void bucket_free(struct bucket *b);

/* Returns in how many ms a token is there, 0 for now. */
int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms);

/* Takes a token, which must be there. */
void bucket_take(struct bucket *b, int64_t now_ms);

#endif
