/* SPDX-License-Identifier: MIT
 *
 * What a rule makes of an event that it matches.
 */
#include "config/rule.h"

#include "event_fixture.h"
#include "rule_fixture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the book ---- */

static void a_new_rule_has_the_documented_defaults(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "overheat", EVENT_NOTIFICATION);
  const struct policy *p = rule_policy(r);
  assert_string_equal(p->rule, "overheat");
  assert_int_equal(p->index, 0);
  assert_string_equal(p->content_type, "text/plain; charset=utf-8");
  assert_false(p->per_series);
  assert_true(p->supersede);
  assert_false(p->track);
  assert_false(p->retry_offline);
  assert_false(p->retry_unknown);
  assert_int_equal(p->first_okay, FIRST_OKAY_DEFAULT);
  assert_int_equal(p->forget_after_s, 0);
  assert_int_equal(p->cooldown_s, 0);
  assert_int_equal(p->timeout_s, POLICY_DEFAULT);
  assert_int_equal(p->expire_s, POLICY_DEFAULT);
  assert_int_equal(p->repeat_s, POLICY_DEFAULT);
  assert_true(p->deadband == 0);
  assert_int_equal(rule_source(r), EVENT_NOTIFICATION);
}

static void a_value_rule_has_a_slot_for_each_series(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "setpoint", EVENT_VALUE);
  assert_true(rule_policy(r)->per_series);
  assert_int_equal(rule_source(r), EVENT_VALUE);
}

static void rules_are_found_by_name_and_by_index(void **state) {
  (void)state;
  struct rule *a = add_rule("Alpha");
  struct rule *b = add_rule("beta");
  assert_int_equal(rule_book_count(book), 2);
  assert_ptr_equal(rule_book_rule(book, 0), a);
  assert_ptr_equal(rule_book_rule(book, 1), b);
  assert_int_equal(rule_policy(b)->index, 1);
  assert_ptr_equal(rule_book_find(book, "ALPHA"), a);
  assert_null(rule_book_find(book, "gamma"));
  assert_string_equal(rule_name(a), "Alpha");
}

static void a_body_can_be_replaced(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  assert_true(rule_has_body(r, RULE_ON_FAILURE));
  assert_false(rule_has_body(r, RULE_ON_WARNING));
  set_body(r, RULE_ON_FAILURE, "full speed");
  struct event e = an_event();
  fire_first(&e);
  assert_body(told_firing(0, "overheat")->body, "full speed");
}

static void the_content_type_is_copied_and_can_be_replaced(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  char type[] = "application/json";
  assert_int_equal(rule_set_content_type(r, "x/y"), 0);
  assert_int_equal(rule_set_content_type(r, type), 0);
  type[0] = 'X';
  assert_string_equal(rule_policy(r)->content_type, "application/json");
}

static void a_broken_regular_expression_is_refused_with_a_reason(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  char why[WHY_BYTES] = "";
  assert_int_equal(rule_add_pattern(r, RULE_HOST, "/(/", why, sizeof(why)),
                   -EINVAL);
  assert_true(strlen(why) > 0);
  assert_int_equal(rule_add_pattern(r, RULE_HOST, "//", why, sizeof(why)),
                   -EINVAL);
  assert_string_equal(why, "an empty regular expression");
}

/* ---- firing ---- */

static void an_event_becomes_a_firing(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  set_body(r, RULE_ON_FAILURE,
           "%{rule} %{device} %{device_id} %{severity} %{value}");
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 1);
  const struct firing *f = told_firing(0, "overheat");
  assert_ptr_equal(f->policy, rule_policy(r));
  assert_ptr_equal(f->device, directory_find_device(directory, "fan"));
  assert_int_equal(f->severity, SEVERITY_FAILURE);
  assert_body(f->body, "overheat fan id-fan failure 91.5");
  assert_null(f->okay_body);
  assert_false(f->has_unsendable);
  assert_true(f->has_value);
  assert_true(f->value == 91.5);
  assert_int_equal(f->wall_event_ms, e.wall_time_ms);
  assert_int_equal(f->arrived.ms, arrived.ms);
  assert_int_equal(f->arrived.wall_ms, arrived.wall_ms);
  assert_string_equal(f->series, "rack1/sensors-cpu/temperature-core0");
}

static void failure_and_warning_without_a_body_fire_nothing(void **state) {
  (void)state;
  add_rule("overheat");
  struct event e = an_event();
  e.severity = SEVERITY_WARNING;
  fire_first(&e);
  assert_int_equal(told_count, 0);
}

static void okay_without_a_body_fires_with_none(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "overheat", EVENT_NOTIFICATION);
  assert_int_equal(rule_add_device(r, directory_find_device(directory, "fan")),
                   0);
  set_body(r, RULE_ON_FAILURE, "on");
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_null(told_firing(0, "overheat")->body);
  assert_false(told_firing(0, "overheat")->has_unsendable);
}

static void values_fire_value_rules_only(void **state) {
  (void)state;
  add_rule("overheat");
  struct rule *r = rule_book_add(book, "setpoint", EVENT_VALUE);
  assert_int_equal(
      rule_add_device(r, directory_find_device(directory, "display")), 0);
  set_body(r, RULE_ON_VALUE, "show %{value}");
  struct event e = a_value();
  fire_first(&e);
  assert_int_equal(told_count, 1);
  const struct firing *f = told_firing(0, "setpoint");
  assert_body(f->body, "show 91.5");
  assert_int_equal(f->severity, SEVERITY_VALUE);
  assert_string_equal(f->series, "rack1/sensors-cpu/temperature-core0/value");

  e = an_event();
  e.severity = SEVERITY_OKAY;
  fire_event(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "overheat");
}

static void the_plugin_s_own_events_are_passed_over(void **state) {
  (void)state;
  add_rule("overheat");
  struct event e = an_event();
  e.plugin = "onenet";
  fire_first(&e);
  assert_int_equal(told_count, 0);
  assert_false(is_unmatched);
  assert_string_equal(said, "");
}

static void each_device_of_a_rule_is_commanded_in_order(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  assert_int_equal(
      rule_add_device(r, directory_find_device(directory, "display")), 0);
  set_body(r, RULE_ON_FAILURE, "%{device} on");
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_body(told_firing(0, "overheat")->body, "fan on");
  assert_body(told_firing(1, "overheat")->body, "display on");
}

static void a_template_finds_the_device_for_each_event(void **state) {
  (void)state;
  const struct device *rack1 = add_device("unit-rack1");
  struct rule *r = rule_book_add(book, "fleet", EVENT_NOTIFICATION);
  add_lookup(r, "unit-%{host}");
  set_body(r, RULE_ON_FAILURE, "on");
  struct event e = an_event();
  e.host = "RACK1";
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ptr_equal(told_firing(0, "fleet")->device, rack1);
}

static void a_device_that_a_rule_names_twice_is_commanded_once(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  add_lookup(r, "%{host}");
  add_lookup(r, "FA%{meta:none|}N");
  struct event e = an_event();
  e.host = "fan";
  fire_first(&e);
  assert_int_equal(told_count, 1);
}

/* ---- bodies that can not be sent ---- */

static void an_empty_body_can_not_be_sent(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  set_body(r, RULE_ON_FAILURE, "%{type_instance}");
  struct event e = an_event();
  e.type_instance = "";
  fire_first(&e);
  const struct firing *f = told_firing(0, "overheat");
  assert_null(f->body);
  assert_true(f->has_unsendable);
  assert_int_equal(f->unsendable_bytes, 0);
}

/* Fires an event with meta data of that size. */
static void fire_with_meta(size_t size) {
  char *meta = malloc(size + 1);
  assert_non_null(meta);
  memset(meta, 'x', size);
  meta[size] = '\0';
  struct event e = an_event_with_meta(meta);
  fire_event(&e);
  free(meta);
}

static const struct firing *fire_with_body_of(size_t size) {
  fire_with_meta(size);
  assert_int_equal(told_count, 1);
  return told_firing(0, "overheat");
}

static void a_body_of_65536_bytes_can_not_be_sent(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  set_body(r, RULE_ON_FAILURE, "%{meta:long}");
  assert_int_equal(rule_book_seal(book), 0);
  const struct firing *f = fire_with_body_of(65535);
  assert_false(f->has_unsendable);
  assert_int_equal(f->body->size, 65535);

  f = fire_with_body_of(65536);
  assert_true(f->has_unsendable);
  assert_null(f->body);
  assert_int_equal(f->unsendable_bytes, 65536);

  f = fire_with_body_of(70000);
  assert_int_equal(f->unsendable_bytes, 70000);

  f = fire_with_body_of(5000000);
  assert_true(f->has_unsendable);
  assert_true(f->unsendable_bytes >= 65536);
}

/* ---- ForgetAfter ---- */

static void a_rule_that_forgets_brings_the_body_for_okay_along(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  rule_policy(r)->forget_after_s = 60;
  set_body(r, RULE_ON_OKAY, "%{severity} %{host}");
  struct event e = an_event();
  fire_first(&e);
  assert_body(told_firing(0, "overheat")->body, "on");
  assert_body(told_firing(0, "overheat")->okay_body, "okay rack1");

  e.severity = SEVERITY_OKAY;
  fire_event(&e);
  assert_body(told_firing(0, "overheat")->body, "okay rack1");
  assert_null(told_firing(0, "overheat")->okay_body);
}

static void a_rule_with_until_brings_the_body_for_okay_along(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  rule_policy(r)->until_s = 60;
  set_body(r, RULE_ON_OKAY, "%{severity} %{host}");
  struct event e = an_event();
  fire_first(&e);
  assert_body(told_firing(0, "overheat")->okay_body, "okay rack1");
}

static void without_a_body_for_okay_there_is_none_to_bring_along(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  rule_policy(r)->forget_after_s = 60;
  rule_set_body(r, RULE_ON_OKAY, NULL);
  struct event e = an_event();
  fire_first(&e);
  assert_null(told_firing(0, "overheat")->okay_body);
}

/* ---- ignored ---- */

static void a_nan_value_is_ignored_for_each_device(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  assert_int_equal(
      rule_add_device(r, directory_find_device(directory, "display")), 0);
  struct event e = an_event();
  e.value = NAN;
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_ignored(0, IGNORED_NAN, "fan", "overheat");
  assert_ignored(1, IGNORED_NAN, "display", "overheat");
}

static void an_okay_with_a_nan_value_ends_what_a_failure_began(void **state) {
  (void)state;
  add_rule("overheat");
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  e.value = NAN;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_int_equal(told_firing(0, "overheat")->severity, SEVERITY_OKAY);
  assert_body(told[0].firing->body, "off");
}

static void an_okay_with_a_nan_value_has_none_for_its_body(void **state) {
  (void)state;
  set_body(add_rule("lacking"), RULE_ON_OKAY, "off at %{value}");
  set_body(add_rule("provided"), RULE_ON_OKAY, "off at %{value|?}");
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  e.value = NAN;
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_ignored(0, IGNORED_NO_VALUE, "fan", "lacking");
  assert_body(told_firing(1, "provided")->body, "off at ?");
}

static void a_nan_of_a_value_rule_is_ignored(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "show", EVENT_VALUE);
  rule_add_device(r, directory_find_device(directory, "display"));
  set_body(r, RULE_ON_VALUE, "fixed");
  struct event e = a_value();
  e.value = NAN;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ignored(0, IGNORED_NAN, "display", "show");
}

static void a_nan_value_that_would_fire_nothing_is_not_counted(void **state) {
  (void)state;
  add_pattern(add_rule("overheat"), RULE_HOST, "rack2");
  struct event e = an_event();
  e.value = NAN;
  fire_first(&e);
  e.host = "rack2";
  e.severity = SEVERITY_WARNING;
  fire_event(&e);
  assert_int_equal(told_count, 0);
}

static void
a_truncated_event_is_ignored_once_and_matched_with_nothing(void **state) {
  (void)state;
  add_rule("one");
  add_rule("two");
  char message[256];
  memset(message, 'm', sizeof(message) - 1);
  message[255] = '\0';
  struct event e = an_event();
  e.message = message;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ignored(0, IGNORED_TRUNCATED, NULL, "");
}

static void
a_missing_value_is_ignored_by_a_rule_without_a_body_for_it(void **state) {
  (void)state;
  set_body(add_rule("for missing values"), RULE_ON_MISSING, "full speed");
  add_rule("for failures");
  struct rule *r = add_rule("for warnings");
  rule_set_body(r, RULE_ON_FAILURE, NULL);
  set_body(r, RULE_ON_WARNING, "slow");
  struct event e = a_missing_value();
  fire_first(&e);
  assert_int_equal(told_count, 3);
  assert_body(told_firing(0, "for missing values")->body, "full speed");
  assert_ignored(1, IGNORED_MISSING, "fan", "for failures");
  assert_ignored(2, IGNORED_MISSING, "fan", "for warnings");
  e = an_event();
  fire_event(&e);
  assert_int_equal(told_count, 2);
  assert_body(told_firing(0, "for missing values")->body, "on");
  told_firing(1, "for failures");
}

static void a_missing_value_ranks_with_failure(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "lost", EVENT_NOTIFICATION);
  rule_add_device(r, directory_find_device(directory, "fan"));
  set_body(r, RULE_ON_MISSING, "%{severity}");
  struct event e = a_missing_value();
  fire_first(&e);
  assert_int_equal(told_firing(0, "lost")->severity, SEVERITY_FAILURE);
  assert_body(told_firing(0, "lost")->body, "failure");
  e = an_event();
  fire_event(&e);
  assert_true(is_unmatched);
}

static void a_missing_value_of_no_known_device_is_still_missing(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "fleet", EVENT_NOTIFICATION);
  add_lookup(r, "%{meta:rack}");
  set_body(r, RULE_ON_FAILURE, "on");
  struct event e = a_missing_value();
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ignored(0, IGNORED_MISSING, NULL, "fleet");
  assert_string_equal(said, "match fleet;");
}

/* ---- what an event lacks ---- */

static void an_event_that_lacks_what_a_body_needs_is_ignored(void **state) {
  (void)state;
  struct rule *r = add_rule("value");
  set_body(r, RULE_ON_FAILURE, "t=%{value}");
  rule_add_device(r, directory_find_device(directory, "display"));
  set_body(add_rule("meta"), RULE_ON_FAILURE, "r=%{meta:rack}");
  set_body(add_rule("default"), RULE_ON_FAILURE,
           "%{value|0} %{meta:rack|none}");
  struct event e = an_event();
  e.has_value = false;
  fire_first(&e);
  assert_int_equal(told_count, 4);
  assert_ignored(0, IGNORED_NO_VALUE, "fan", "value");
  assert_ignored(1, IGNORED_NO_VALUE, "display", "value");
  assert_ignored(2, IGNORED_NO_VALUE, "fan", "meta");
  assert_body(told_firing(3, "default")->body, "0 none");
  assert_string_equal(said, "match value;value OnFailure lacks value;"
                            "value OnFailure lacks value;"
                            "match meta;meta OnFailure lacks meta:rack;"
                            "match default;");
}

static void an_okay_that_lacks_what_its_body_needs_is_ignored(void **state) {
  (void)state;
  set_body(add_rule("value"), RULE_ON_OKAY, "t=%{value}");
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  e.has_value = false;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ignored(0, IGNORED_NO_VALUE, "fan", "value");
  assert_string_equal(said, "match value;value OnOkay lacks value;");
}

static void what_a_body_lacks_counts_before_its_size(void **state) {
  (void)state;
  set_body(add_rule("overheat"), RULE_ON_FAILURE, "%{meta:long}%{value}");
  char *meta = malloc(70001);
  assert_non_null(meta);
  memset(meta, 'x', 70000);
  meta[70000] = '\0';
  struct event e = an_event_with_meta(meta);
  e.has_value = false;
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_ignored(0, IGNORED_NO_VALUE, "fan", "overheat");
  free(meta);
}

static void a_device_can_not_be_found_by_what_an_event_lacks(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "fleet", EVENT_NOTIFICATION);
  add_lookup(r, "%{meta:rack}");
  add_lookup(r, "%{meta:rack|display}");
  set_body(r, RULE_ON_FAILURE, "on");
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_ignored(0, IGNORED_NO_VALUE, NULL, "fleet");
  assert_string_equal(told_firing(1, "fleet")->device->name, "display");
  assert_string_equal(said, "match fleet;fleet Device lacks meta:rack;");
}

static void
a_failure_fires_though_the_body_for_silence_can_not_be_had(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  rule_policy(r)->forget_after_s = 60;
  set_body(r, RULE_ON_OKAY, "%{meta:rack}");
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 1);
  assert_body(told_firing(0, "overheat")->body, "on");
  assert_null(told_firing(0, "overheat")->okay_body);
  assert_string_equal(said, "match overheat;overheat OnOkay lacks meta:rack "
                            "for silence;");
}

/* ---- devices by name ---- */

static void
a_host_s_first_name_finds_a_device_if_the_whole_one_does_not(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "fleet", EVENT_NOTIFICATION);
  add_lookup(r, "%{host}");
  set_body(r, RULE_ON_FAILURE, "on");
  add_device("rack1");
  add_device("rack2.example.org");
  add_device("rack2");
  add_device("10");
  static const struct {
    const char *host;
    const char *device; /* NULL: none */
  } cases[] = {
      {"rack1.example.org", "rack1"},
      {"Rack1.example.org", "rack1"},
      {"rack1", "rack1"},
      {"rack2.example.org", "rack2.example.org"},
      {"rack2.example.com", "rack2"},
      {"rack3.example.org", NULL},
      {".rack1", NULL},
      {"10.0.0.1", NULL},
      {"10.example.org", "10"},
      {"2001:db8::1", NULL},
  };
  assert_int_equal(rule_book_seal(book), 0);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct event e = an_event();
    e.host = cases[i].host;
    fire_event(&e);
    assert_int_equal(told_count, 1);
    if (cases[i].device == NULL)
      assert_ignored(0, IGNORED_NO_DEVICE, NULL, cases[i].host);
    else
      assert_string_equal(told_firing(0, "fleet")->device->name,
                          cases[i].device);
  }
}

static void a_name_that_no_device_bears_is_ignored(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  add_lookup(r, "%{host}");
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_ignored(0, IGNORED_NO_DEVICE, NULL, "rack1");
  told_firing(1, "overheat");
}

static void a_name_too_long_for_any_device_finds_none(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "fleet", EVENT_NOTIFICATION);
  add_lookup(r, "fan%{meta:long}");
  set_body(r, RULE_ON_FAILURE, "on");
  assert_int_equal(rule_book_seal(book), 0);
  fire_with_meta(2000000);
  assert_int_equal(told_count, 1);
  assert_null(told[0].firing);
  assert_int_equal(told[0].reason, IGNORED_NO_DEVICE);
  assert_null(told[0].device);
}

static void freeing_no_book_is_allowed(void **state) {
  (void)state;
  rule_book_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_BOOK(a_new_rule_has_the_documented_defaults),
      WITH_BOOK(a_value_rule_has_a_slot_for_each_series),
      WITH_BOOK(rules_are_found_by_name_and_by_index),
      WITH_BOOK(a_body_can_be_replaced),
      WITH_BOOK(the_content_type_is_copied_and_can_be_replaced),
      WITH_BOOK(a_broken_regular_expression_is_refused_with_a_reason),
      WITH_BOOK(an_event_becomes_a_firing),
      WITH_BOOK(failure_and_warning_without_a_body_fire_nothing),
      WITH_BOOK(okay_without_a_body_fires_with_none),
      WITH_BOOK(values_fire_value_rules_only),
      WITH_BOOK(the_plugin_s_own_events_are_passed_over),
      WITH_BOOK(each_device_of_a_rule_is_commanded_in_order),
      WITH_BOOK(a_template_finds_the_device_for_each_event),
      WITH_BOOK(a_device_that_a_rule_names_twice_is_commanded_once),
      WITH_BOOK(an_empty_body_can_not_be_sent),
      WITH_BOOK(a_body_of_65536_bytes_can_not_be_sent),
      WITH_BOOK(a_rule_that_forgets_brings_the_body_for_okay_along),
      WITH_BOOK(a_rule_with_until_brings_the_body_for_okay_along),
      WITH_BOOK(without_a_body_for_okay_there_is_none_to_bring_along),
      WITH_BOOK(a_nan_value_is_ignored_for_each_device),
      WITH_BOOK(an_okay_with_a_nan_value_ends_what_a_failure_began),
      WITH_BOOK(an_okay_with_a_nan_value_has_none_for_its_body),
      WITH_BOOK(a_nan_of_a_value_rule_is_ignored),
      WITH_BOOK(a_nan_value_that_would_fire_nothing_is_not_counted),
      WITH_BOOK(a_truncated_event_is_ignored_once_and_matched_with_nothing),
      WITH_BOOK(a_missing_value_is_ignored_by_a_rule_without_a_body_for_it),
      WITH_BOOK(a_missing_value_ranks_with_failure),
      WITH_BOOK(a_missing_value_of_no_known_device_is_still_missing),
      WITH_BOOK(an_event_that_lacks_what_a_body_needs_is_ignored),
      WITH_BOOK(an_okay_that_lacks_what_its_body_needs_is_ignored),
      WITH_BOOK(what_a_body_lacks_counts_before_its_size),
      WITH_BOOK(a_device_can_not_be_found_by_what_an_event_lacks),
      WITH_BOOK(a_failure_fires_though_the_body_for_silence_can_not_be_had),
      WITH_BOOK(a_host_s_first_name_finds_a_device_if_the_whole_one_does_not),
      WITH_BOOK(a_name_that_no_device_bears_is_ignored),
      WITH_BOOK(a_name_too_long_for_any_device_finds_none),
      cmocka_unit_test(freeing_no_book_is_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
