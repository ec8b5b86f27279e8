/* SPDX-License-Identifier: MIT
 *
 * bucket owns one rate limit: COUNT tokens, each of which comes back SECONDS
 * after it was taken. So never more than COUNT are taken within any SECONDS (a
 * sliding window log). It has no clock: the caller tells the time. One thread.
 */
#ifndef ONENET_BUCKET_H
#define ONENET_BUCKET_H

#include "words/device.h"

#include <stdint.h>

struct tokens;

/* Few devices have a limit of their own: what it needs is apart. */
struct bucket {
  struct tokens *tokens; /* NULL: no limit */
};

/* Makes a full bucket. A limit whose count is 0 means no limit: a token is
 * always there. Returns 0 or -ENOMEM. */
int bucket_init(struct bucket *b, struct rate_limit limit);
void bucket_free(struct bucket *b);

/* Returns how many ms remain until a token is there, 0 if one is there now. */
int64_t bucket_wait_ms(const struct bucket *b, int64_t now_ms);

/* Takes a token; one must be there (bucket_wait_ms is 0). */
void bucket_take(struct bucket *b, int64_t now_ms);

#endif
