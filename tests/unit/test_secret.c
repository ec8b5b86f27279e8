/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include "base/buf.h"
#include "basics.h"
#include "memory_walk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE 32

/* Bytes that stand nowhere else. */
static unsigned char *make_secret(void) {
  unsigned char *bytes = secret_alloc(SIZE);
  assert_non_null(bytes);
  assert_int_equal(getentropy(bytes, SIZE), 0);
  return bytes;
}

static void it_is_zeroed_aligned_and_whole(void **state) {
  (void)state;
  unsigned char *memory = secret_alloc(100000);
  assert_non_null(memory);
  assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
  for (size_t i = 0; i < 100000; i++)
    assert_int_equal(memory[i], 0);
  memset(memory, 0xA5, 100000);
  secret_free(memory);
  secret_free(NULL);
}

static void a_size_beyond_reason_gives_no_memory(void **state) {
  (void)state;
  assert_null(secret_alloc(SIZE_MAX));
  assert_null(secret_alloc(SIZE_MAX / 2));
}

static void a_copy_is_the_text(void **state) {
  (void)state;
  char *copy = secret_copy("l2aH=BRtAo=");
  assert_string_equal(copy, "l2aH=BRtAo=");
  secret_free(copy);
}

static void what_stands_there_is_in_no_core_dump(void **state) {
  memory_walk_skip_if_sanitized();
  (void)state;
  unsigned char *bytes = make_secret();
  assert_false(memory_walk_finds(bytes, SIZE));
  void *ordinary = malloc(SIZE);
  memcpy(ordinary, bytes, SIZE);
  assert_true(memory_walk_finds(bytes, SIZE));
  explicit_bzero(ordinary, SIZE);
  free(ordinary);
  secret_free(bytes);
}

static void a_secret_buffer_is_in_no_core_dump_however_it_grows(void **state) {
  memory_walk_skip_if_sanitized();
  (void)state;
  unsigned char *bytes = make_secret();
  struct buf b;
  buf_init_secret(&b, 100000);
  buf_append(&b, bytes, SIZE);
  for (int i = 0; i < 1000; i++)
    buf_append_text(&b, "more than a page of it, and so on; ");
  assert_int_equal(b.error, 0);
  assert_memory_equal(b.data, bytes, SIZE);
  assert_false(memory_walk_finds(bytes, SIZE));
  buf_free(&b);
  assert_true(b.is_secret);
  assert_string_equal(buf_text(&b), "");
  secret_free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_zeroed_aligned_and_whole),
      cmocka_unit_test(a_size_beyond_reason_gives_no_memory),
      cmocka_unit_test(a_copy_is_the_text),
      cmocka_unit_test(what_stands_there_is_in_no_core_dump),
      cmocka_unit_test(a_secret_buffer_is_in_no_core_dump_however_it_grows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
