/* SPDX-License-Identifier: MIT
 *
 * fuzz owns what a fuzz target is: one function, in the form of libFuzzer. The
 * fuzzer calls it with whatever it makes up; replay calls it with the files of
 * the corpus, so that `make check` runs these with any compiler.
 */
#ifndef ONENET_TESTS_FUZZ_H
#define ONENET_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Tries the bytes, and aborts if something does not hold. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input, if something does not hold. */
static inline void must(bool holds) {
  if (!holds)
    abort();
}

/* Returns the bytes as a text, which ends with a NUL and may hold others, for
 * the caller to free; NULL without memory. */
static inline char *copy_as_text(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL)
    return NULL;
  memcpy(text, data, size);
  text[size] = '\0';
  return text;
}

#endif
