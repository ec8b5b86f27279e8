/* SPDX-License-Identifier: MIT
 *
 * Words that the log and notifications share.
 */
#include "agent/lines.h"

#include "basics.h"

#include <string.h>

#define BEFORE "of the commands that were pending in the ledger, "
#define AFTER " can not be restored: check the states of the devices"

static void assert_loss(uint64_t commands, uint64_t uncounted,
                        const char *expected) {
  const struct ledger_loss loss = {commands, uncounted};
  char text[LINES_LOSS_BYTES];
  lines_format_loss(text, sizeof text, &loss);
  assert_string_equal(text, expected);
}

static void what_is_lost_is_told_with_its_number(void **state) {
  (void)state;
  assert_loss(3, 0, BEFORE "3" AFTER);
  assert_loss(0, 1, BEFORE "an unknown number" AFTER);
  assert_loss(3, 2, BEFORE "at least 3" AFTER);
}

static void the_largest_number_fits(void **state) {
  (void)state;
  assert_loss(UINT64_MAX, 1, BEFORE "at least 18446744073709551615" AFTER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_lost_is_told_with_its_number),
      cmocka_unit_test(the_largest_number_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
