/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64
#define DISTANCE_MAX 2
#define BEGINNING_MIN 4 /* letters of a word that is only a beginning */

static bool same_letter(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Writes row i of the table of edit distances: those from the first i letters
 * of a to the first 0, 1, 2 ... letters of b. one_less and two_less are the
 * rows i - 1 and i - 2. */
static void fill_row(const char *a, size_t i, const char *b,
                     const size_t *two_less, const size_t *one_less,
                     size_t *ret_row) {
  ret_row[0] = i;
  for (size_t j = 1; b[j - 1] != '\0'; j++) {
    bool same = same_letter(a[i - 1], b[j - 1]);
    bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                   same_letter(a[i - 2], b[j - 1]);
    ret_row[j] = least(one_less[j], ret_row[j - 1]) + 1;
    ret_row[j] = least(ret_row[j], one_less[j - 1] + (same ? 0 : 1));
    if (swapped)
      ret_row[j] = least(ret_row[j], two_less[j - 2] + 1);
  }
}

/* Returns the edit distance: how many letters were added, left out, replaced,
 * or swapped with the next. Neither word may be longer than WORD_MAX. */
static size_t count_edits(const char *a, const char *b) {
  size_t rows[3][WORD_MAX + 1];
  const size_t a_length = strlen(a);
  const size_t b_length = strlen(b);
  for (size_t j = 0; j <= b_length; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= a_length; i++)
    fill_row(a, i, b, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
  return rows[a_length % 3][b_length];
}

static bool is_beginning(const char *word, const char *candidate) {
  const size_t length = strlen(word);
  return length >= BEGINNING_MIN && strncasecmp(word, candidate, length) == 0;
}

void nearest_try(struct nearest *n, const char *candidate) {
  const size_t length = strlen(n->word);
  if (length > WORD_MAX || strlen(candidate) > WORD_MAX)
    return;
  const size_t edits = count_edits(n->word, candidate);
  const bool is_near = edits <= DISTANCE_MAX && 2 * edits < length;
  const size_t distance = is_near ? edits : DISTANCE_MAX + 1;
  if ((!is_near && !is_beginning(n->word, candidate)) ||
      (n->best != NULL && distance >= n->distance))
    return;
  n->best = candidate;
  n->distance = distance;
}

void nearest_write_hint(const struct nearest *n,
                        char ret_hint[static NEAREST_HINT_BYTES]) {
  ret_hint[0] = '\0';
  if (n->best != NULL)
    snprintf(ret_hint, NEAREST_HINT_BYTES, ", did you mean %s?", n->best);
}
