/* SPDX-License-Identifier: MIT
 *
 * nearest owns the guess which known word a misspelt one was meant to be. No
 * state: any thread.
 */
#ifndef ONENET_NEAREST_H
#define ONENET_NEAREST_H

#include <stddef.h>

/* Begin with the word (borrowed) and zeros. */
struct nearest {
  const char *word;
  const char *best; /* the nearest candidate so far; NULL: none is near */
  size_t distance;  /* how far it is away: mostly the edits between both */
};

/* Takes the candidate (borrowed) for the best if it is nearer than those tried
 * before, and at most two edits away, but less than half of the word. An edit
 * adds, leaves out or replaces a character, or swaps two; case does not count.
 * Behind these comes a candidate of which the word is the beginning, four
 * letters or more. */
void nearest_try(struct nearest *n, const char *candidate);

#define NEAREST_HINT_BYTES 96

/* Writes ", did you mean BEST?", or nothing. */
void nearest_write_hint(const struct nearest *n,
                        char ret_hint[static NEAREST_HINT_BYTES]);

#endif
