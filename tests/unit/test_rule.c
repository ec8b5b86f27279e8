/* SPDX-License-Identifier: MIT */
#include "config/rule.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WHY_BYTES 256
#define TOLD_MAX 64

static const struct moment arrived = {.ms = 5000, .wall_ms = 1795402550000};

/* What the callbacks was told, in order: a firing or a reason. */
struct told {
  struct firing *firing;
  enum ignored reason;
  const struct device *device;
  char detail[64];
};

static struct directory *directory;
static struct rule_book *book;
static struct told told[TOLD_MAX];
static size_t told_count;
static bool is_unmatched;

/* What was said besides, as text. */
static char said[512];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...) {
  size_t length = strlen(said);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(said + length, sizeof(said) - length, format, arguments);
  va_end(arguments);
}

static struct device *add_device(const char *name) {
  struct device *d;
  assert_int_equal(directory_add_device(directory, name, &d), 0);
  snprintf(d->device_id, sizeof(d->device_id), "id-%s", name);
  return d;
}

static int set_up(void **state) {
  (void)state;
  directory = directory_new();
  assert_non_null(directory);
  book = rule_book_new(directory);
  assert_non_null(book);
  add_device("fan");
  add_device("display");
  told_count = 0;
  return 0;
}

static void forget_told(void) {
  while (told_count > 0)
    firing_free(told[--told_count].firing);
}

static int tear_down(void **state) {
  (void)state;
  forget_told();
  rule_book_free(book);
  directory_free(directory);
  return 0;
}

static struct told *tell(const struct device *device) {
  assert_true(told_count < TOLD_MAX);
  told[told_count] = (struct told){.device = device};
  return &told[told_count++];
}

static void take_firing(void *context, struct firing *firing) {
  assert_ptr_equal(context, told);
  tell(firing->device)->firing = firing;
}

static void take_ignored(void *context, enum ignored reason,
                         const struct device *device, const char *detail) {
  assert_ptr_equal(context, told);
  if (reason == IGNORED_UNMATCHED) {
    assert_null(device);
    assert_string_equal(detail, "");
    assert_false(is_unmatched);
    is_unmatched = true;
    return;
  }
  struct told *t = tell(device);
  t->reason = reason;
  snprintf(t->detail, sizeof(t->detail), "%s", detail);
}

static void take_match(void *context, const struct policy *policy) {
  assert_ptr_equal(context, told);
  say("match %s;", policy->rule);
}

static void take_lack(void *context, const struct rule_lack *lack) {
  assert_ptr_equal(context, told);
  say("%s %s lacks %s%s;", lack->policy->rule, lack->option, lack->field,
      lack->is_for_silence ? " for silence" : "");
}

static const struct rule_callbacks callbacks = {.match = take_match,
                                                .fire = take_firing,
                                                .ignore = take_ignored,
                                                .lack = take_lack,
                                                .context = told};

static struct template *parse(const char *text, enum template_format format) {
  struct template *t = NULL;
  char why[WHY_BYTES];
  assert_int_equal(
      template_parse(text, strlen(text), format, &t, why, sizeof(why)), 0);
  return t;
}

static void set_body(struct rule *r, enum rule_body which, const char *text) {
  rule_set_body(r, which, parse(text, TEMPLATE_TEXT));
}

static void add_lookup(struct rule *r, const char *text) {
  assert_int_equal(rule_add_device_template(r, parse(text, TEMPLATE_DEVICE)),
                   0);
}

static void add_pattern(struct rule *r, enum rule_field field,
                        const char *text) {
  char why[WHY_BYTES] = "";
  if (rule_add_pattern(r, field, text, why, sizeof(why)) != 0)
    fail_msg("%s: %s", text, why);
}

/* A rule for all notifications, for the fan. */
static struct rule *add_rule(const char *name) {
  struct rule *r = rule_book_add(book, name, EVENT_NOTIFICATION);
  assert_non_null(r);
  assert_int_equal(rule_add_device(r, directory_find_device(directory, "fan")),
                   0);
  set_body(r, RULE_ON_FAILURE, "on");
  set_body(r, RULE_ON_OKAY, "off");
  return r;
}

static struct event an_event(void) {
  return (struct event){.source = EVENT_NOTIFICATION,
                        .severity = SEVERITY_FAILURE,
                        .host = "rack1",
                        .plugin = "sensors",
                        .plugin_instance = "cpu",
                        .type = "temperature",
                        .type_instance = "core0",
                        .data_source = "value",
                        .message = "too hot",
                        .has_value = true,
                        .value = 91.5,
                        .wall_time_ms = 1795402549250};
}

static struct event a_value(void) {
  struct event e = an_event();
  e.source = EVENT_VALUE;
  e.severity = SEVERITY_VALUE;
  e.message = "";
  return e;
}

/* An event is unmatched if, and only if, nothing else comes of it. */
static void fire(const struct event *event) {
  forget_told();
  is_unmatched = false;
  said[0] = '\0';
  assert_int_equal(rule_book_fire(book, event, arrived, &callbacks), 0);
  if (strcmp(event->plugin, "onenet") != 0)
    assert_int_equal(is_unmatched, told_count == 0);
}

static void fire_first(const struct event *event) {
  assert_int_equal(rule_book_seal(book), 0);
  fire(event);
}

static void assert_body(const struct body *body, const char *expected) {
  assert_non_null(body);
  assert_int_equal(body->size, strlen(expected));
  assert_memory_equal(body->data, expected, body->size);
}

static const struct firing *told_firing(size_t index, const char *rule) {
  assert_true(index < told_count);
  assert_non_null(told[index].firing);
  assert_string_equal(told[index].firing->policy->rule, rule);
  return told[index].firing;
}

static void assert_ignored(size_t index, enum ignored reason,
                           const char *device, const char *detail) {
  assert_true(index < told_count);
  assert_null(told[index].firing);
  assert_int_equal(told[index].reason, reason);
  assert_string_equal(told[index].detail, detail);
  assert_ptr_equal(told[index].device,
                   device == NULL ? NULL
                                  : directory_find_device(directory, device));
}

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
  fire(&e);
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

static int find_meta(const void *meta, const char *name, struct buf *out) {
  (void)name;
  return buf_append_text(out, meta);
}

/* Fires an event with meta data of that size. */
static void fire_with_meta(size_t size) {
  char *meta = malloc(size + 1);
  assert_non_null(meta);
  memset(meta, 'x', size);
  meta[size] = '\0';
  struct event e = an_event();
  e.find_meta = find_meta;
  e.meta = meta;
  fire(&e);
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
  fire(&e);
  assert_body(told_firing(0, "overheat")->body, "okay rack1");
  assert_null(told_firing(0, "overheat")->okay_body);
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
  e.severity = SEVERITY_OKAY;
  e.value = NAN;
  fire_first(&e);
  assert_int_equal(told_count, 2);
  assert_ignored(0, IGNORED_NAN, "fan", "overheat");
  assert_ignored(1, IGNORED_NAN, "display", "overheat");
}

static void a_nan_value_that_would_fire_nothing_is_not_counted(void **state) {
  (void)state;
  add_pattern(add_rule("overheat"), RULE_HOST, "rack2");
  struct event e = an_event();
  e.value = NAN;
  fire_first(&e);
  e.host = "rack2";
  e.severity = SEVERITY_WARNING;
  fire(&e);
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

static struct event a_missing_value(void) {
  struct event e = an_event();
  e.has_value = false;
  e.data_source = "";
  e.message = "x has not been updated for 20 seconds.";
  return e;
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
  fire(&e);
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
  fire(&e);
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
  struct event e = an_event();
  e.find_meta = find_meta;
  e.meta = meta;
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
    fire(&e);
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

/* ---- matching ---- */

static void assert_matches(const struct event *e, bool matches) {
  fire(e);
  assert_int_equal(told_count, matches ? 1 : 0);
}

static void each_field_must_match(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  add_pattern(r, RULE_HOST, "rack1");
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_PLUGIN_INSTANCE, "cpu");
  add_pattern(r, RULE_TYPE, "temperature");
  add_pattern(r, RULE_TYPE_INSTANCE, "core0");
  add_pattern(r, RULE_DATA_SOURCE, "value");
  add_pattern(r, RULE_MESSAGE, "too hot");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  assert_matches(&e, true);
  const char **const fields[] = {
      &e.host,          &e.plugin,      &e.plugin_instance, &e.type,
      &e.type_instance, &e.data_source, &e.message};
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    e = an_event();
    *fields[i] = "other";
    assert_matches(&e, false);
  }
}

static void one_of_several_alternatives_is_enough(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  add_pattern(r, RULE_HOST, "rack2");
  add_pattern(r, RULE_HOST, "rack1");
  add_pattern(r, RULE_HOST, "rack1");
  add_pattern(r, RULE_PLUGIN, "/^never$/");
  add_pattern(r, RULE_PLUGIN, "sensors");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  assert_matches(&e, true);
  e.host = "rack3";
  assert_matches(&e, false);
}

static void text_matches_as_a_whole_and_an_expression_anywhere(void **state) {
  (void)state;
  add_pattern(add_rule("text"), RULE_HOST, "rack");
  add_pattern(add_rule("expression"), RULE_HOST, "/ack[0-9]+$/");
  add_pattern(add_rule("slash"), RULE_HOST, "/");
  add_pattern(add_rule("path"), RULE_HOST, "/ack");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  fire(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "expression");
  e.host = "rack";
  fire(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "text");
  e.host = "/";
  fire(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "slash");
  e.host = "/ack";
  fire(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "path");
}

static void an_empty_text_matches_an_empty_field(void **state) {
  (void)state;
  add_pattern(add_rule("overheat"), RULE_PLUGIN_INSTANCE, "");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  assert_matches(&e, false);
  e.plugin_instance = "";
  assert_matches(&e, true);
}

/* ---- why nothing fires ---- */

static void explains(const struct event *event, const char *expected) {
  struct buf out;
  buf_init(&out, 1000);
  assert_int_equal(rule_book_explain(book, event, &out), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static void
what_matches_but_has_no_body_for_the_event_is_unmatched(void **state) {
  (void)state;
  add_rule("overheat");
  struct event e = an_event();
  e.severity = SEVERITY_WARNING;
  fire_first(&e);
  assert_true(is_unmatched);
  assert_string_equal(said, "match overheat;");
  explains(&e, "the nearest is rule \"overheat\": it has no OnWarning");
}

static void
the_nearest_rule_is_the_one_with_the_most_that_matches(void **state) {
  (void)state;
  add_pattern(add_rule("far"), RULE_MESSAGE, "other");
  struct rule *r = add_rule("near");
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_HOST, "rack2");
  add_pattern(r, RULE_HOST, "/^cellar/");
  add_pattern(r, RULE_TYPE, "temp");
  r = add_rule("also near, but later");
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_HOST, "x");
  add_pattern(r, RULE_TYPE, "x");
  r = rule_book_add(book, "for values", EVENT_VALUE);
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_TYPE, "temperature");
  struct event e = an_event();
  fire_first(&e);
  assert_true(is_unmatched);
  explains(&e, "the nearest is rule \"near\": Host must be \"rack2\" or "
               "\"/^cellar/\", and is \"rack1\"; Type must be \"temp\", and is "
               "\"temperature\"");
}

static void
of_rules_as_near_the_one_with_less_against_it_is_named(void **state) {
  (void)state;
  struct rule *r = add_rule("two against it");
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_HOST, "x");
  add_pattern(r, RULE_TYPE, "x");
  r = add_rule("one against it");
  add_pattern(r, RULE_PLUGIN, "sensors");
  add_pattern(r, RULE_TYPE_INSTANCE, "core1");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  explains(&e, "the nearest is rule \"one against it\": TypeInstance must be "
               "\"core1\", and is \"core0\"");
  e.severity = SEVERITY_OKAY;
  explains(&e, "the nearest is rule \"one against it\": TypeInstance must be "
               "\"core1\", and is \"core0\"");
}

static void of_many_alternatives_three_are_shown(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  static const char *const hosts[] = {"a", "b", "c", "d", "e"};
  for (size_t i = 0; i < 5; i++)
    add_pattern(r, RULE_HOST, hosts[i]);
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  explains(&e, "the nearest is rule \"overheat\": Host must be \"a\" or \"b\" "
               "or \"c\" or one of 2 more, and is \"rack1\"");
}

static void
without_a_rule_for_its_source_an_event_has_no_nearest(void **state) {
  (void)state;
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  explains(&e, "there is no rule with Source notification");
  e = a_value();
  explains(&e, "there is no rule with Source value");
}

/* ---- the index ---- */

static void rules_fire_in_the_order_of_the_configuration(void **state) {
  (void)state;
  add_rule("all");
  add_pattern(add_rule("by-host"), RULE_HOST, "rack1");
  add_pattern(add_rule("by-expression"), RULE_HOST, "/rack/");
  add_pattern(add_rule("by-type"), RULE_TYPE, "temperature");
  add_pattern(add_rule("elsewhere"), RULE_HOST, "rack2");
  add_pattern(add_rule("by-message"), RULE_MESSAGE, "too hot");
  add_pattern(add_rule("by-host-again"), RULE_HOST, "rack1");
  add_rule("all-again");
  struct event e = an_event();
  fire_first(&e);
  static const char *const expected[] = {
      "all",        "by-host",       "by-expression", "by-type",
      "by-message", "by-host-again", "all-again"};
  assert_int_equal(told_count, 7);
  for (size_t i = 0; i < 7; i++)
    told_firing(i, expected[i]);
}

static void a_book_without_rules_fires_nothing(void **state) {
  (void)state;
  struct event e = an_event();
  fire_first(&e);
  assert_int_equal(told_count, 0);
}

/* The same text in another field must not be taken for a rule's key. */
static void a_field_s_text_elsewhere_does_not_match(void **state) {
  (void)state;
  add_pattern(add_rule("overheat"), RULE_TYPE, "x");
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  e.host = "x";
  e.plugin_instance = "x";
  assert_matches(&e, false);
  e.type = "x";
  assert_matches(&e, true);
}

/* Compares the index with asking each rule, for small alphabets. */
static void the_index_finds_what_asking_each_rule_finds(void **state) {
  (void)state;
  enum { RULES = 40 };
  static const char *const texts[] = {"a", "b", "c"};
  unsigned int seed = 1;
  int wanted[RULES][3]; /* -1: any */
  for (int i = 0; i < RULES; i++) {
    char name[16];
    snprintf(name, sizeof(name), "r%d", i);
    struct rule *r = add_rule(name);
    for (int f = 0; f < 3; f++) {
      seed = seed * 1103515245 + 12345;
      wanted[i][f] = (int)(seed >> 16 & 3) - 1;
      if (wanted[i][f] >= 0)
        add_pattern(r,
                    f == 0   ? RULE_HOST
                    : f == 1 ? RULE_PLUGIN
                             : RULE_TYPE,
                    texts[wanted[i][f]]);
    }
  }
  assert_int_equal(rule_book_seal(book), 0);
  for (int n = 0; n < 27; n++) {
    const int is[3] = {n / 9, n / 3 % 3, n % 3};
    struct event e = an_event();
    e.host = texts[is[0]];
    e.plugin = texts[is[1]];
    e.type = texts[is[2]];
    fire(&e);
    size_t found = 0;
    for (int i = 0; i < RULES; i++) {
      bool matches = true;
      for (int f = 0; f < 3; f++)
        matches = matches && (wanted[i][f] < 0 || wanted[i][f] == is[f]);
      char name[16];
      snprintf(name, sizeof(name), "r%d", i);
      if (matches)
        told_firing(found++, name);
    }
    assert_int_equal(told_count, found);
  }
}

static void one_of_ten_thousand_rules_is_found(void **state) {
  (void)state;
  char text[32];
  for (int i = 0; i < 10000; i++) {
    snprintf(text, sizeof(text), "rule-%d", i);
    struct rule *r = add_rule(text);
    snprintf(text, sizeof(text), "rack%d", i);
    add_pattern(r, RULE_PLUGIN, "sensors");
    add_pattern(r, RULE_HOST, text);
    add_pattern(r, RULE_TYPE, "temperature");
  }
  assert_int_equal(rule_book_seal(book), 0);
  struct event e = an_event();
  e.host = "rack7777";
  fire(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "rule-7777");
  assert_ptr_equal(rule_book_find(book, "RULE-9999"),
                   rule_book_rule(book, 9999));
}

static void freeing_no_book_is_allowed(void **state) {
  (void)state;
  rule_book_free(NULL);
}

#define WITH_BOOK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
      WITH_BOOK(without_a_body_for_okay_there_is_none_to_bring_along),
      WITH_BOOK(a_nan_value_is_ignored_for_each_device),
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
      WITH_BOOK(what_matches_but_has_no_body_for_the_event_is_unmatched),
      WITH_BOOK(the_nearest_rule_is_the_one_with_the_most_that_matches),
      WITH_BOOK(of_rules_as_near_the_one_with_less_against_it_is_named),
      WITH_BOOK(of_many_alternatives_three_are_shown),
      WITH_BOOK(without_a_rule_for_its_source_an_event_has_no_nearest),
      WITH_BOOK(a_name_that_no_device_bears_is_ignored),
      WITH_BOOK(a_name_too_long_for_any_device_finds_none),
      WITH_BOOK(each_field_must_match),
      WITH_BOOK(one_of_several_alternatives_is_enough),
      WITH_BOOK(text_matches_as_a_whole_and_an_expression_anywhere),
      WITH_BOOK(an_empty_text_matches_an_empty_field),
      WITH_BOOK(rules_fire_in_the_order_of_the_configuration),
      WITH_BOOK(a_book_without_rules_fires_nothing),
      WITH_BOOK(a_field_s_text_elsewhere_does_not_match),
      WITH_BOOK(the_index_finds_what_asking_each_rule_finds),
      WITH_BOOK(one_of_ten_thousand_rules_is_found),
      cmocka_unit_test(freeing_no_book_is_allowed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
