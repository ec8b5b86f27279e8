/* SPDX-License-Identifier: MIT
 *
 * tide owns the decision when memory that was freed goes back to the system:
 * once many things have gone that had gathered. The C library keeps freed
 * memory for later; after a burst that is more than is ever needed again. It
 * has no clock, no thread and no I/O. One thread.
 */
#ifndef ONENET_TIDE_H
#define ONENET_TIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fewer things are not worth the time, which is some ms. */
#define TIDE_LEAST 4096
/* The least time between two returns. */
#define TIDE_PAUSE_MS 500

enum tide_place { TIDE_INBOX, TIDE_LANES, TIDE_PLACES };

/* All zero: nothing was there yet. */
struct tide {
  size_t high[TIDE_PLACES]; /* the most that was there since the last return */
  int64_t next_ms;
};

/* Notes how many things are in each place now. */
void tide_note(struct tide *t, const size_t now[static TIDE_PLACES]);

/* Returns whether in any place three of four have gone, and TIDE_LEAST at
 * least, since memory was returned: the caller returns it now. */
bool tide_is_out(struct tide *t, const size_t now[static TIDE_PLACES],
                 int64_t now_ms);

#endif
