/* SPDX-License-Identifier: MIT */
#include "basics.h"

#include "words/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *repeat(const char *prefix, const char *piece, size_t count,
             const char *suffix) {
  const size_t piece_size = strlen(piece);
  char *text = malloc(strlen(prefix) + count * piece_size + strlen(suffix) + 1);
  assert_non_null(text);
  char *end = stpcpy(text, prefix);
  for (size_t i = 0; i < count; i++, end += piece_size)
    memcpy(end, piece, piece_size);
  stpcpy(end, suffix);
  return text;
}

void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

void assert_body(const struct body *body, const char *expected) {
  assert_non_null(body);
  assert_int_equal(body->size, strlen(expected));
  assert_memory_equal(body->data, expected, body->size);
}
