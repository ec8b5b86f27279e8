/* SPDX-License-Identifier: MIT
 *
 * An event for which there is not enough memory: whatever can not be had, each
 * command that it asks for is fired or counts as lost.
 */
#include "config/rule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scarce_memory.h"

/* ---- a rule for a device, and for one that the event names ---- */

static struct directory *directory;
static struct rule_book *book;
static const struct device *fan;
static const struct device *lamp;

static const struct device *add_device(const char *name) {
  struct device *d;
  assert_int_equal(directory_add_device(directory, name, &d), 0);
  return d;
}

static struct template *parse(const char *text, enum template_format format) {
  struct template *t = NULL;
  char why[256];
  assert_int_equal(
      template_parse(text, strlen(text), format, &t, why, sizeof why), 0);
  return t;
}

static int set_up(void **state) {
  (void)state;
  directory = directory_new();
  book = rule_book_new(directory);
  fan = add_device("fan");
  lamp = add_device("lamp");
  struct rule *r = rule_book_add(book, "heat", EVENT_NOTIFICATION);
  assert_int_equal(rule_add_device(r, fan), 0);
  assert_int_equal(
      rule_add_device_template(r, parse("%{host}", TEMPLATE_DEVICE)), 0);
  rule_policy(r)->forget_after_s = 1;
  rule_set_body(r, RULE_ON_FAILURE, parse("on %{message}", TEMPLATE_TEXT));
  rule_set_body(r, RULE_ON_OKAY, parse("off", TEMPLATE_TEXT));
  return rule_book_seal(book);
}

static int tear_down(void **state) {
  (void)state;
  rule_book_free(book);
  directory_free(directory);
  return 0;
}

/* ---- what comes of an event ---- */

struct counts {
  size_t fired;
  size_t lost_of_fan;
  size_t lost_of_lamp;
  size_t lost_of_unknown;
};

static void match(void *context, const struct policy *policy) {
  (void)context;
  (void)policy;
}

static void fire(void *context, struct firing *f) {
  struct counts *counts = context;
  counts->fired++;
  firing_free(f);
}

static void ignore(void *context, enum ignored reason,
                   const struct device *device, const char *detail) {
  (void)context;
  (void)device;
  fail_msg("%s is ignored: %s", detail, ignored_name(reason));
}

static void lack(void *context, const struct rule_lack *what) {
  (void)context;
  fail_msg("it lacks %s", what->field);
}

static void lose(void *context, const struct policy *policy,
                 const struct device *device) {
  struct counts *counts = context;
  assert_string_equal(policy->rule, "heat");
  counts->lost_of_fan += device == fan;
  counts->lost_of_lamp += device == lamp;
  counts->lost_of_unknown += device == NULL;
}

/* All but the first `has` pieces of memory can not be had. */
static int run(long has, struct counts *ret_counts) {
  const struct event event = {.severity = SEVERITY_FAILURE,
                              .host = "lamp",
                              .plugin = "sensors",
                              .plugin_instance = "",
                              .type = "temperature",
                              .type_instance = "",
                              .data_source = "",
                              .message = "too hot"};
  struct rule_callbacks callbacks = {.match = match,
                                     .fire = fire,
                                     .ignore = ignore,
                                     .lack = lack,
                                     .lose = lose,
                                     .context = ret_counts};
  *ret_counts = (struct counts){.fired = 0};
  scarce_memory_begin(has);
  int status = rule_book_fire(book, &event, (struct moment){1, 1}, &callbacks);
  scarce_memory_end();
  return status;
}

static void each_command_is_fired_or_lost(void **state) {
  (void)state;
  struct counts counts = {.fired = 0}, all = {.fired = 0};
  int status = -ENOMEM;
  for (long has = 0; status < 0; has++) {
    status = run(has, &counts);
    size_t lost =
        counts.lost_of_fan + counts.lost_of_lamp + counts.lost_of_unknown;
    assert_int_equal(counts.fired + lost, 2);
    assert_int_equal(status, lost > 0 ? -ENOMEM : 0);
    all.lost_of_fan += counts.lost_of_fan;
    all.lost_of_lamp += counts.lost_of_lamp;
    all.lost_of_unknown += counts.lost_of_unknown;
  }
  assert_int_equal(counts.fired, 2);
  assert_true(all.lost_of_fan > 0);
  assert_true(all.lost_of_lamp > 0);
  assert_true(all.lost_of_unknown > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_command_is_fired_or_lost, set_up,
                                      tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
