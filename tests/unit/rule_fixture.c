/* SPDX-License-Identifier: MIT */
#include "rule_fixture.h"

#include <stdio.h>
#include <string.h>

const struct moment arrived = {.ms = 5000, .wall_ms = 1795402550000};

struct directory *directory;
struct rule_book *book;
struct told told[TOLD_MAX];
size_t told_count;
bool is_unmatched;

char said[512];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...) {
  size_t length = strlen(said);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(said + length, sizeof(said) - length, format, arguments);
  va_end(arguments);
}

struct device *add_device(const char *name) {
  struct device *d;
  assert_int_equal(directory_add_device(directory, name, &d), 0);
  char id[DEVICE_ID_BYTES];
  snprintf(id, sizeof id, "id-%s", name);
  assert_int_equal(device_set_id(d, id), 0);
  return d;
}

int book_set_up(void **state) {
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

int book_tear_down(void **state) {
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

static void lose_nothing(void *context, const struct policy *policy,
                         const struct device *device) {
  (void)context;
  (void)device;
  fail_msg("rule %s lost a command", policy->rule);
}

static const struct rule_callbacks sink = {.match = take_match,
                                           .fire = take_firing,
                                           .ignore = take_ignored,
                                           .lack = take_lack,
                                           .lose = lose_nothing,
                                           .context = told};

static struct template *parse(const char *text, enum template_format format) {
  struct template *t = NULL;
  char why[WHY_BYTES];
  assert_int_equal(
      template_parse(text, strlen(text), format, &t, why, sizeof(why)), 0);
  return t;
}

void set_body(struct rule *r, enum rule_body which, const char *text) {
  rule_set_body(r, which, parse(text, TEMPLATE_TEXT));
}

void add_lookup(struct rule *r, const char *text) {
  assert_int_equal(rule_add_device_template(r, parse(text, TEMPLATE_DEVICE)),
                   0);
}

void add_pattern(struct rule *r, enum rule_field field, const char *text) {
  char why[WHY_BYTES] = "";
  if (rule_add_pattern(r, field, text, why, sizeof(why)) != 0)
    fail_msg("%s: %s", text, why);
}

struct rule *add_rule(const char *name) {
  struct rule *r = rule_book_add(book, name, EVENT_NOTIFICATION);
  assert_non_null(r);
  assert_int_equal(rule_add_device(r, directory_find_device(directory, "fan")),
                   0);
  set_body(r, RULE_ON_FAILURE, "on");
  set_body(r, RULE_ON_OKAY, "off");
  return r;
}

void fire_event(const struct event *event) {
  forget_told();
  is_unmatched = false;
  said[0] = '\0';
  assert_int_equal(rule_book_fire(book, event, arrived, &sink), 0);
  /* An event is unmatched if, and only if, nothing else comes of it. */
  if (strcmp(event->plugin, "onenet") != 0)
    assert_int_equal(is_unmatched, told_count == 0);
}

void fire_first(const struct event *event) {
  assert_int_equal(rule_book_seal(book), 0);
  fire_event(event);
}

const struct firing *told_firing(size_t index, const char *rule) {
  assert_true(index < told_count);
  assert_non_null(told[index].firing);
  assert_string_equal(told[index].firing->policy->rule, rule);
  return told[index].firing;
}

void assert_ignored(size_t index, enum ignored reason, const char *device,
                    const char *detail) {
  assert_true(index < told_count);
  assert_null(told[index].firing);
  assert_int_equal(told[index].reason, reason);
  assert_string_equal(told[index].detail, detail);
  assert_ptr_equal(told[index].device,
                   device == NULL ? NULL
                                  : directory_find_device(directory, device));
}
