/* SPDX-License-Identifier: MIT
 *
 * Words that the log and notifications share.
 */
#include "agent/lines.h"

#include "base/log.h"
#include "basics.h"

#include <stdio.h>
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

/* ---- orders ---- */

static char line[1024]; /* the last one */

static void keep_line(enum log_level level, const char *text) {
  assert_int_equal(level, LOG_LEVEL_INFO);
  snprintf(line, sizeof line, "%s", text);
}

static void assert_line(const struct order *o, const char *expected) {
  log_install(keep_line, NULL);
  lines_write_order(o);
  log_install(NULL, NULL);
  assert_string_equal(line, expected);
}

static void
an_order_that_was_obeyed_is_told_with_what_came_of_it(void **state) {
  char fan[] = "fan", comment[] = "being\nmended", rule[] = "overheat";
  struct order o = {.id = 3,
                    .uid = 1000,
                    .verb = ORDER_SEND,
                    .device_name = fan,
                    .state = ORDER_OBEYED,
                    .result_id = 4711};
  (void)state;
  assert_line(&o, "order 3 of user 1000: send device \"fan\": obeyed, as "
                  "command 4711");
  o.verb = ORDER_CANCEL;
  o.result_id = 0;
  o.count = 2;
  assert_line(&o, "order 3 of user 1000: cancel device \"fan\": obeyed, 2 "
                  "cancelled");
  snprintf(o.why, sizeof o.why, "command 5 is in flight");
  assert_line(&o, "order 3 of user 1000: cancel device \"fan\": obeyed, 2 "
                  "cancelled: command 5 is in flight");
  o = (struct order){.id = 4,
                     .verb = ORDER_SILENCE,
                     .rule_name = rule,
                     .comment = comment,
                     .wall_until_ms = 1700000059001,
                     .ended.wall_ms = 1700000000000,
                     .state = ORDER_OBEYED};
  assert_line(&o, "order 4 of user 0: silence rule \"overheat\": obeyed, for "
                  "60 s, 0 cancelled, comment: being mended");
  o.wall_until_ms = 0;
  o.comment = NULL;
  assert_line(&o, "order 4 of user 0: silence rule \"overheat\": obeyed, it "
                  "ends now, 0 cancelled");
}

static void an_order_that_was_refused_is_told_with_why(void **state) {
  const struct order o = {.id = 5,
                          .uid = 1000,
                          .verb = ORDER_RETRY,
                          .command_id = 17,
                          .state = ORDER_REFUSED,
                          .why = "it was accepted"};
  (void)state;
  assert_line(&o, "order 5 of user 1000: retry command 17: refused: it was "
                  "accepted");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_lost_is_told_with_its_number),
      cmocka_unit_test(the_largest_number_fits),
      cmocka_unit_test(an_order_that_was_obeyed_is_told_with_what_came_of_it),
      cmocka_unit_test(an_order_that_was_refused_is_told_with_why),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
