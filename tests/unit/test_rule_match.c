/* SPDX-License-Identifier: MIT
 *
 * Which rules an event matches, how they are found, and why none is.
 */
#include "config/rule.h"

#include "event_fixture.h"
#include "rule_fixture.h"

#include <stdio.h>

/* ---- matching ---- */

static void assert_matches(const struct event *e, bool matches) {
  fire_event(e);
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
  fire_event(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "expression");
  e.host = "rack";
  fire_event(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "text");
  e.host = "/";
  fire_event(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "slash");
  e.host = "/ack";
  fire_event(&e);
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
    fire_event(&e);
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
  fire_event(&e);
  assert_int_equal(told_count, 1);
  told_firing(0, "rule-7777");
  assert_ptr_equal(rule_book_find(book, "RULE-9999"),
                   rule_book_rule(book, 9999));
}

/* ---- an OKAY that names another data source ---- */

static struct rule *add_source_rule(const char *name, const char *source) {
  struct rule *r = add_rule(name);
  add_pattern(r, RULE_DATA_SOURCE, source);
  return r;
}

static struct event an_okay_of(const char *source) {
  struct event e = an_event();
  e.severity = SEVERITY_OKAY;
  e.data_source = source;
  return e;
}

static void an_okay_is_handed_over_whatever_its_data_source(void **state) {
  (void)state;
  add_source_rule("load", "midterm");
  struct event e = an_okay_of("shortterm");
  fire_first(&e);
  const struct firing *f = told_firing(0, "load");
  assert_true(f->is_other_source);
  assert_true(f->is_unmatched);
  assert_body(f->body, "off");
  assert_string_equal(said, ""); /* the rule has matched nothing */
  e = an_okay_of("");
  fire_event(&e);
  assert_true(told_firing(0, "load")->is_other_source);
  e = an_okay_of("midterm");
  fire_event(&e);
  assert_int_equal(told_count, 1);
  assert_false(told_firing(0, "load")->is_other_source);
  assert_false(told_firing(0, "load")->is_unmatched);
}

static void
an_okay_that_fires_one_rule_is_not_unmatched_for_another(void **state) {
  (void)state;
  add_source_rule("mid", "midterm");
  add_source_rule("long", "longterm");
  add_source_rule("short", "shortterm");
  struct event e = an_okay_of("shortterm");
  fire_first(&e);
  assert_int_equal(told_count, 3);
  assert_false(told_firing(0, "short")->is_other_source);
  assert_true(told_firing(1, "mid")->is_other_source);
  assert_false(told_firing(1, "mid")->is_unmatched);
  e = an_okay_of("other");
  fire_event(&e);
  assert_int_equal(told_count, 3);
  assert_true(told_firing(0, "mid")->is_unmatched); /* and counted once */
  assert_false(told_firing(1, "long")->is_unmatched);
}

static void a_failure_must_be_of_the_rule_s_data_source(void **state) {
  (void)state;
  add_source_rule("load", "midterm");
  struct event e = an_event();
  e.data_source = "shortterm";
  fire_first(&e);
  assert_int_equal(told_count, 0);
}

static void only_the_data_source_of_an_okay_may_differ(void **state) {
  (void)state;
  add_pattern(add_source_rule("load", "midterm"), RULE_HOST, "rack2");
  struct event e = an_okay_of("shortterm");
  fire_first(&e);
  assert_int_equal(told_count, 0);
}

static void nobody_is_told_of_a_device_that_another_source_lacks(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "load", EVENT_NOTIFICATION);
  add_pattern(r, RULE_DATA_SOURCE, "midterm");
  add_lookup(r, "%{host}");
  add_lookup(r, "%{meta:device}");
  set_body(r, RULE_ON_OKAY, "off");
  struct event e = an_okay_of("shortterm");
  fire_first(&e);
  assert_int_equal(told_count, 0);
  assert_string_equal(said, "");
}

static void a_value_must_be_of_the_rule_s_data_source(void **state) {
  (void)state;
  struct rule *r = rule_book_add(book, "show", EVENT_VALUE);
  rule_add_device(r, directory_find_device(directory, "display"));
  add_pattern(r, RULE_DATA_SOURCE, "midterm");
  set_body(r, RULE_ON_VALUE, "v");
  struct event e = a_value();
  fire_first(&e);
  assert_int_equal(told_count, 0);
  e.data_source = "midterm";
  fire_event(&e);
  assert_int_equal(told_count, 1);
}

/* ---- what keeps one rule from firing ---- */

static void assert_gap(const struct rule *r, const struct event *e,
                       const char *option, const char *has,
                       const char *wanted) {
  struct buf out;
  buf_init(&out, 1024);
  const struct rule_gap gap = rule_find_gap(r, e, &out);
  assert_string_equal(gap.option != NULL ? gap.option : "", option);
  assert_string_equal(gap.has != NULL ? gap.has : "", has);
  assert_string_equal(buf_text(&out), wanted);
  buf_free(&out);
}

static void the_first_field_that_does_not_match_is_found(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  add_pattern(r, RULE_HOST, "/^rack/");
  add_pattern(r, RULE_TYPE, "humidity");
  add_pattern(r, RULE_TYPE, "pressure");
  add_pattern(r, RULE_TYPE_INSTANCE, "core1");
  struct event e = an_event();
  assert_gap(r, &e, "Type", "temperature", "\"humidity\" or \"pressure\"");
  e.type = "pressure";
  assert_gap(r, &e, "TypeInstance", "core0", "\"core1\"");
  e.type_instance = "core1";
  assert_gap(r, &e, "", "", "");
  e.host = "db1";
  assert_gap(r, &e, "Host", "db1", "\"/^rack/\"");
}

static void a_rule_for_values_does_not_hear_a_notification(void **state) {
  (void)state;
  struct event e = an_event(), v = a_value();
  assert_gap(rule_book_add(book, "setpoint", EVENT_VALUE), &e, "Source",
             "notification", "value");
  assert_gap(add_rule("overheat"), &v, "Source", "value", "notification");
}

static void a_rule_without_the_body_does_not_fire_but_for_okay(void **state) {
  (void)state;
  struct rule *r = add_rule("overheat");
  struct event e = an_event(), missing = a_missing_value();
  rule_set_body(r, RULE_ON_OKAY, NULL);
  e.severity = SEVERITY_WARNING;
  assert_gap(r, &e, "OnWarning", "", "");
  assert_gap(r, &missing, "OnMissing", "", "");
  e.severity = SEVERITY_OKAY;
  assert_gap(r, &e, "", "", "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_BOOK(what_matches_but_has_no_body_for_the_event_is_unmatched),
      WITH_BOOK(the_nearest_rule_is_the_one_with_the_most_that_matches),
      WITH_BOOK(of_rules_as_near_the_one_with_less_against_it_is_named),
      WITH_BOOK(of_many_alternatives_three_are_shown),
      WITH_BOOK(without_a_rule_for_its_source_an_event_has_no_nearest),
      WITH_BOOK(each_field_must_match),
      WITH_BOOK(one_of_several_alternatives_is_enough),
      WITH_BOOK(text_matches_as_a_whole_and_an_expression_anywhere),
      WITH_BOOK(an_empty_text_matches_an_empty_field),
      WITH_BOOK(rules_fire_in_the_order_of_the_configuration),
      WITH_BOOK(a_book_without_rules_fires_nothing),
      WITH_BOOK(a_field_s_text_elsewhere_does_not_match),
      WITH_BOOK(the_index_finds_what_asking_each_rule_finds),
      WITH_BOOK(one_of_ten_thousand_rules_is_found),
      WITH_BOOK(an_okay_is_handed_over_whatever_its_data_source),
      WITH_BOOK(an_okay_that_fires_one_rule_is_not_unmatched_for_another),
      WITH_BOOK(a_failure_must_be_of_the_rule_s_data_source),
      WITH_BOOK(only_the_data_source_of_an_okay_may_differ),
      WITH_BOOK(nobody_is_told_of_a_device_that_another_source_lacks),
      WITH_BOOK(a_value_must_be_of_the_rule_s_data_source),
      WITH_BOOK(the_first_field_that_does_not_match_is_found),
      WITH_BOOK(a_rule_for_values_does_not_hear_a_notification),
      WITH_BOOK(a_rule_without_the_body_does_not_fire_but_for_okay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
