/* SPDX-License-Identifier: MIT
 *
 * nearest owns the guess which known word was meant by a misspelt one. It keeps
 * no state: any thread may call it.
 */
#ifndef ONENET_NEAREST_H
#define ONENET_NEAREST_H

#include <stddef.h>

/* A search for the word that was meant. Begins as the misspelt word (borrowed)
 * and zeros. */
struct nearest {
  const char *word;
  const char *best; /* nearest candidate so far; NULL: none is near */
  size_t distance;  /* edits between word and best; 3 if word is only the
                       beginning of best */
};

/* Makes the candidate (borrowed) the best if it is nearer than all candidates
 * before it. A candidate is near if at most two edits lead to it, and fewer
 * than half the letters of the word. An edit adds, leaves out or replaces a
 * letter, or swaps two neighbours; case does not count. A candidate that begins
 * with the word is near as well if the word has four letters or more, but comes
 * behind those within two edits. */
void nearest_try(struct nearest *n, const char *candidate);

#define NEAREST_HINT_BYTES 96

/* Writes ", did you mean BEST?", or "" if no candidate is near. */
void nearest_write_hint(const struct nearest *n,
                        char ret_hint[static NEAREST_HINT_BYTES]);

#endif
