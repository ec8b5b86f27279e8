/* SPDX-License-Identifier: MIT */
#include "words/template.h"

#include "basics.h"
#include "event_fixture.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_BYTES 512

static const struct template_names names = {
    .rule = "overheat", .device = "fan", .device_id = "8029377"};

static struct template *parse(const char *text, enum template_format format) {
  struct template *t = NULL;
  char why[WHY_BYTES] = "";
  int error = template_parse(text, strlen(text), format, &t, why, sizeof(why));
  if (error != 0)
    fail_msg("%s: %s", text, why);
  return t;
}

static void assert_renders_as(enum template_format format, const char *text,
                              const struct event *event, const char *expected) {
  struct template *t = parse(text, format);
  struct buf out;
  const char *lacking;
  buf_init(&out, 1 << 20);
  assert_int_equal(template_render(t, event, &names, &out, &lacking), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
  template_free(t);
}

/* The event lacks that field of the template. */
static void assert_lacks(enum template_format format, const char *text,
                         const struct event *event, const char *field) {
  struct template *t = parse(text, format);
  struct buf out;
  const char *lacking = NULL;
  buf_init(&out, 4);
  if (template_render(t, event, &names, &out, &lacking) != -ENODATA)
    fail_msg("%s: %s", text, buf_text(&out));
  assert_string_equal(lacking, field);
  buf_free(&out);
  template_free(t);
}

static void assert_refused(enum template_format format, const char *text,
                           const char *expected_why) {
  struct template *t = NULL;
  char why[WHY_BYTES] = "";
  assert_int_equal(
      template_parse(text, strlen(text), format, &t, why, sizeof(why)),
      -EINVAL);
  assert_null(t);
  assert_string_equal(why, expected_why);
}

/* ---- fields ---- */

static void each_field_is_filled_in(void **state) {
  (void)state;
  static const struct {
    const char *text;
    const char *expected;
  } cases[] = {
      {"%{host}", "rack1"},
      {"%{plugin}", "sensors"},
      {"%{plugin_instance}", "cpu"},
      {"%{type}", "temperature"},
      {"%{type_instance}", "core0"},
      {"%{data_source}", "value"},
      {"%{severity}", "failure"},
      {"%{message}", "too hot"},
      {"%{time}", "2026-11-23T02:55:49.250Z"},
      {"%{epoch}", "1795402549.25"},
      {"%{value}", "91.5"},
      {"%{rule}", "overheat"},
      {"%{device}", "fan"},
      {"%{device_id}", "8029377"},
      {"%{meta:FailureMax}", "17"},
      {"100%%", "100%"},
      {"%%{host}", "%{host}"},
      {"", ""},
      {"a%{host}%{value}b%{host}", "arack191.5brack1"},
  };
  struct event e = an_event_with_meta("17");
  for (size_t i = 0; i < COUNT(cases); i++)
    assert_renders_as(TEMPLATE_TEXT, cases[i].text, &e, cases[i].expected);
}

static void what_an_event_does_not_have_is_lacking(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  assert_lacks(TEMPLATE_TEXT, "[%{meta:absent}]", &e, "meta:absent");
  assert_lacks(TEMPLATE_JSON, "[\"%{meta:absent}\"]", &e, "meta:absent");
  assert_lacks(TEMPLATE_DEVICE, "fan-%{meta:absent}", &e, "meta:absent");
  e.find_meta = NULL;
  assert_lacks(TEMPLATE_TEXT, "%{host}: %{value}, %{meta:x}", &e, "meta:x");
  e.has_value = false;
  assert_lacks(TEMPLATE_TEXT, "%{host}: %{value}, %{meta:x}", &e, "value");
}

static void nan_is_no_value(void **state) {
  (void)state;
  struct event e = an_event();
  e.value = NAN;
  assert_lacks(TEMPLATE_TEXT, "%{value}", &e, "value");
  assert_lacks(TEMPLATE_JSON, "[\"%{value}\"]", &e, "value");
  assert_renders_as(TEMPLATE_TEXT, "%{value|none}", &e, "none");
}

static void assert_needs_a_value(const char *text, bool expected) {
  struct template *t = NULL;
  char why[WHY_BYTES];
  assert_int_equal(
      template_parse(text, strlen(text), TEMPLATE_TEXT, &t, why, sizeof(why)),
      0);
  assert_int_equal(template_needs(t, "value"), expected);
  template_free(t);
}

static void a_field_without_a_default_is_needed(void **state) {
  (void)state;
  assert_needs_a_value("off", false);
  assert_needs_a_value("value", false);
  assert_needs_a_value("%{host} %{meta:value}", false);
  assert_needs_a_value("%{value|0}", false);
  assert_needs_a_value("off at %{value}", true);
  assert_needs_a_value("%{value|0} %{value}", true);
}

static void what_is_lacking_is_found_behind_what_is_too_large(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  assert_lacks(TEMPLATE_TEXT, "longer than 4 bytes %{host} %{meta:absent}", &e,
               "meta:absent");
}

static void a_default_takes_the_place_of_what_is_lacking(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.has_value = false;
  assert_renders_as(TEMPLATE_TEXT, "%{value|0} %{meta:absent|no rack}", &e,
                    "0 no rack");
  assert_renders_as(TEMPLATE_TEXT, "[%{meta:absent|}]", &e, "[]");
  assert_renders_as(TEMPLATE_TEXT, "%{meta:absent|a|b}", &e, "a|b");
  assert_renders_as(TEMPLATE_DEVICE, "%{meta:absent|fan}", &e, "fan");
  assert_renders_as(TEMPLATE_JSON, "{\"%{meta:absent|\"}\":%{value|-1.5}}", &e,
                    "{\"\\\"\":-1.5}");
  assert_renders_as(TEMPLATE_JSON, "[%{value|true},%{value|false}]", &e,
                    "[true,false]");
  assert_renders_as(TEMPLATE_JSON, "[%{meta:x|null}]", &e, "[17]");
  e.meta = "ajar";
  assert_renders_as(TEMPLATE_JSON, "[%{meta:x|null}]", &e, "[null]");
}

static void a_default_is_not_used_where_there_is_something(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  assert_renders_as(TEMPLATE_TEXT, "%{value|0} %{meta:x|none} %{host|none}", &e,
                    "91.5 17 rack1");
}

static void an_empty_text_is_not_lacking_and_has_its_default(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.plugin_instance = "";
  e.meta = "";
  assert_renders_as(TEMPLATE_TEXT, "[%{plugin_instance}%{meta:x}]", &e, "[]");
  assert_renders_as(TEMPLATE_TEXT, "%{plugin_instance|no}, %{meta:x|none}", &e,
                    "no, none");
}

static void names_that_are_not_known_are_rendered_as_nothing(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  struct template *t = parse("%{rule}/%{device}", TEMPLATE_TEXT);
  struct template_names none = {.rule = NULL};
  const char *lacking;
  struct buf out;
  buf_init(&out, 100);
  assert_int_equal(template_render(t, &e, &none, &out, &lacking), 0);
  assert_string_equal(buf_text(&out), "/");
  buf_free(&out);
  template_free(t);
}

static void a_field_is_never_read_as_a_template_or_a_format(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.host = "%s%n%{plugin}%%";
  assert_renders_as(TEMPLATE_TEXT, "%{host}", &e, "%s%n%{plugin}%%");
}

static void invalid_utf8_in_a_field_is_replaced(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.message = "half \xE6\xB8";
  assert_renders_as(TEMPLATE_TEXT, "%{message}", &e, "half \xEF\xBF\xBD");
  assert_renders_as(TEMPLATE_JSON, "\"%{message}\"", &e,
                    "\"half \xEF\xBF\xBD\"");
}

static void literal_text_is_sent_as_it_is(void **state) {
  (void)state;
  struct template *t = NULL;
  char why[WHY_BYTES];
  struct event e = an_event_with_meta("17");
  assert_int_equal(
      template_parse("a\0\xFF", 3, TEMPLATE_TEXT, &t, why, sizeof(why)), 0);
  struct buf out;
  buf_init(&out, 100);
  assert_int_equal(template_render(t, &e, &names, &out, NULL), 0);
  assert_int_equal(out.size, 3);
  assert_memory_equal(out.data, "a\0\xFF", 3);
  buf_free(&out);
  template_free(t);
}

static void time_is_rfc_3339_whenever_it_is(void **state) {
  (void)state;
  static const struct {
    int64_t wall_ms;
    const char *time;
    const char *epoch;
  } cases[] = {
      {0, "1970-01-01T00:00:00Z", "0"},
      {10000, "1970-01-01T00:00:10Z", "10"},
      {1, "1970-01-01T00:00:00.001Z", "0.001"},
      {-1, "1969-12-31T23:59:59.999Z", "-0.001"},
      {-1000, "1969-12-31T23:59:59Z", "-1"},
      {-1500, "1969-12-31T23:59:58.500Z", "-1.5"},
      {INT64_C(1795402549000), "2026-11-23T02:55:49Z", "1795402549"},
      {INT64_C(1582934400120), "2020-02-29T00:00:00.120Z", "1582934400.12"},
      {INT64_C(17179869183999), "2514-05-30T01:53:03.999Z", "17179869183.999"},
      {INT64_C(-62135596800000), "0001-01-01T00:00:00Z", "-62135596800"},
  };
  struct event e = an_event_with_meta("17");
  for (size_t i = 0; i < COUNT(cases); i++) {
    e.wall_time_ms = cases[i].wall_ms;
    assert_renders_as(TEMPLATE_TEXT, "%{time}", &e, cases[i].time);
    assert_renders_as(TEMPLATE_TEXT, "%{epoch}", &e, cases[i].epoch);
  }
}

/* ---- numbers ---- */

static void assert_number(double value, const char *expected) {
  struct buf out;
  buf_init(&out, 1000);
  assert_int_equal(template_append_number(&out, value), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static void numbers_have_the_fewest_digits_and_no_exponent(void **state) {
  (void)state;
  assert_number(0, "0");
  assert_number(-0.0, "-0");
  assert_number(1, "1");
  assert_number(-17, "-17");
  assert_number(100, "100");
  assert_number(0.1, "0.1");
  assert_number(0.1 + 0.2, "0.30000000000000004");
  assert_number(21.5, "21.5");
  assert_number(1e-7, "0.0000001");
  assert_number(1.25e-5, "0.0000125");
  assert_number(123456789012345680.0, "123456789012345680");
  assert_number(1e21, "1000000000000000000000");
  assert_number(NAN, "nan");
  assert_number(-NAN, "nan");
  assert_number(INFINITY, "inf");
  assert_number(-INFINITY, "-inf");
}

static void assert_reads_back(double value) {
  struct buf out;
  buf_init(&out, 2000);
  assert_int_equal(template_append_number(&out, value), 0);
  assert_true(strtod(buf_text(&out), NULL) == value);
  assert_null(strpbrk(buf_text(&out), "eE"));
  buf_free(&out);
}

static void the_largest_and_smallest_numbers_read_back_exactly(void **state) {
  (void)state;
  static const double values[] = {1e300,        DBL_MAX, -DBL_MAX,  DBL_MIN,
                                  DBL_TRUE_MIN, 1.0 / 3, 2.0 / 3e20};
  for (size_t i = 0; i < COUNT(values); i++)
    assert_reads_back(values[i]);
}

static void any_bit_pattern_reads_back_exactly(void **state) {
  (void)state;
  uint64_t bits = 88172645463325252u; /* xorshift64 */
  for (int i = 0; i < 2000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    double value;
    memcpy(&value, &bits, sizeof(value));
    if (isfinite(value))
      assert_reads_back(value);
  }
}

/* Removes the zeros behind the decimal point, and a point with none. */
static void cut_zeros(char *text) {
  char *end = text + strlen(text);
  while (end[-1] == '0')
    *--end = '\0';
  if (end[-1] == '.')
    end[-1] = '\0';
}

static void a_decimal_number_comes_out_as_it_was_read(void **state) {
  (void)state;
  uint64_t bits = 88172645463325252u; /* xorshift64 */
  for (int i = 0; i < 20000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    int places = 1 + i % 11, digits = 15 - (int)(bits % 15);
    uint64_t number = bits / 15;
    while (number >= (uint64_t)pow(10, digits))
      number /= 10;
    char text[64];
    snprintf(text, sizeof(text), "%" PRIu64 ".%0*" PRIu64,
             number / (uint64_t)pow(10, places), places,
             number % (uint64_t)pow(10, places));
    double value = strtod(text, NULL);
    cut_zeros(text);
    assert_number(value, text);
  }
}

static void a_number_of_more_digits_than_a_double_keeps_is_exact(void **state) {
  (void)state;
  assert_number(999999999999999, "999999999999999");
  assert_number(1e15, "1000000000000000");
  assert_number(9007199254740993.0, "9007199254740992");
  assert_number(123456789012345.67, "123456789012345.67");
  assert_number(0.12345678912345678, "0.12345678912345678");
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
    skip(); /* it is not installed here */
  assert_string_equal(localeconv()->decimal_point, ",");
  assert_number(21.5, "21.5");
  assert_number(-1.25e-3, "-0.00125");
  assert_number(1234567, "1234567");
  setlocale(LC_ALL, "C");
}

static void a_number_beyond_the_maximum_is_an_error(void **state) {
  (void)state;
  static const double values[] = {1e300, 1e-300, 0.25, NAN, -5000};
  for (size_t i = 0; i < COUNT(values); i++) {
    struct buf out;
    buf_init(&out, 2);
    assert_int_equal(template_append_number(&out, values[i]), -E2BIG);
    buf_free(&out);
  }
}

/* ---- JSON ---- */

static void a_field_in_a_json_string_is_escaped(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.message = "\"quoted\"\n\\";
  assert_renders_as(TEMPLATE_JSON, "{\"m\":\"<%{message}>\"}", &e,
                    "{\"m\":\"<\\\"quoted\\\"\\n\\\\>\"}");
}

static void a_value_in_a_json_string_is_text(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.value = INFINITY;
  assert_renders_as(TEMPLATE_JSON, "[\"%{value} C\"]", &e, "[\"inf C\"]");
}

static void meta_data_outside_a_json_string_must_be_a_number(void **state) {
  (void)state;
  static const char *const numbers[] = {"0",   "-0",    "17",    "-1.50",
                                        "1e9", "2E+07", "1.5e-3"};
  static const char *const others[] = {
      "",   "-",    "01",  "+1",  "1.",   ".5",  "1e",    "1e+",  "1 ",
      " 1", "0x10", "nan", "inf", "true", "1,2", "\"x\"", "1],[2"};
  struct event e = an_event_with_meta("17");
  char expected[32];
  for (size_t i = 0; i < COUNT(numbers); i++) {
    e.meta = numbers[i];
    snprintf(expected, sizeof(expected), "[%s]", numbers[i]);
    assert_renders_as(TEMPLATE_JSON, "[%{meta:x}]", &e, expected);
  }
  for (size_t i = 0; i < COUNT(others); i++) {
    e.meta = others[i];
    assert_lacks(TEMPLATE_JSON, "[%{meta:x}]", &e, "meta:x");
    assert_renders_as(TEMPLATE_JSON, "[%{meta:x|7}]", &e, "[7]");
  }
  assert_lacks(TEMPLATE_JSON, "[%{meta:absent}]", &e, "meta:absent");
}

static void a_value_that_json_can_not_say_is_lacking(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.value = NAN;
  assert_lacks(TEMPLATE_JSON, "%{value}", &e, "value");
  assert_renders_as(TEMPLATE_JSON, "%{value|null}", &e, "null");
  e.value = -INFINITY;
  assert_lacks(TEMPLATE_JSON, "%{value}", &e, "value");
  e.has_value = false;
  assert_lacks(TEMPLATE_JSON, "%{value}", &e, "value");
}

static void a_text_outside_a_json_string_is_refused(void **state) {
  (void)state;
  static const char *const fields[] = {
      "host",          "plugin",      "plugin_instance", "type",
      "type_instance", "data_source", "severity",        "message",
      "time",          "rule",        "device",          "device_id"};
  char text[64], why[WHY_BYTES];
  for (size_t i = 0; i < COUNT(fields); i++) {
    snprintf(text, sizeof(text), "{\"x\":%%{%s}}", fields[i]);
    snprintf(why, sizeof(why),
             "%%{%s} is a text outside the quotes of JSON: must be \"%%{%s}\" "
             "(within the quotes of an option: \\\"%%{%s}\\\")",
             fields[i], fields[i], fields[i]);
    assert_refused(TEMPLATE_JSON, text, why);
  }
  assert_refused(TEMPLATE_JSON, "[%{host|7}]",
                 "%{host|7} is a text outside the quotes of JSON: must be "
                 "\"%{host|7}\" (within the quotes of an option: "
                 "\\\"%{host|7}\\\")");
}

static void a_default_outside_a_json_string_must_be_a_value(void **state) {
  (void)state;
  static const char *const defaults[] = {"",      "none", "True", "01",
                                         "\"a\"", "1 ",   "nan",  "[]"};
  char text[64], why[WHY_BYTES];
  for (size_t i = 0; i < COUNT(defaults); i++) {
    snprintf(text, sizeof(text), "[%%{value|%s}]", defaults[i]);
    snprintf(why, sizeof(why),
             "%%{value|%s}: a default outside the quotes of JSON must be a "
             "number, true, false or null",
             defaults[i]);
    assert_refused(TEMPLATE_JSON, text, why);
  }
}

static void where_a_json_string_ends_is_known(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  e.value = 5;
  assert_renders_as(TEMPLATE_JSON,
                    "{\"a\\\"\":%{value},\"%{value}\":[ %{value} ]}", &e,
                    "{\"a\\\"\":5,\"5\":[ 5 ]}");
  assert_renders_as(TEMPLATE_JSON, "[\"\\\\\",%{value}]", &e, "[\"\\\\\",5]");
  assert_renders_as(TEMPLATE_JSON, "[\"a%{host}\\\"%{host}\"]", &e,
                    "[\"arack1\\\"rack1\"]");
}

static void a_json_value_joined_to_something_is_refused(void **state) {
  (void)state;
  static const char why[] = "a field outside a JSON string must be a whole "
                            "value, with nothing joined to it";
  static const char *const texts[] = {
      "{\"a\":-%{value}}", "{\"a\":1%{value}}", "[%{value}0]",
      "[%{value}.5]",      "[%{value}e3]",      "[%{value}%{value}]",
      "[\"a\"%{value}]",   "[%{value}\"a\"]",   "[1.%{value}]",
      "[%{value}%%]",
  };
  for (size_t i = 0; i < COUNT(texts); i++)
    assert_refused(TEMPLATE_JSON, texts[i], why);
}

static void assert_sample(enum template_format format, const char *text,
                          const char *expected) {
  struct template *t = parse(text, format);
  struct buf out;
  buf_init(&out, 1000);
  assert_int_equal(template_render_sample(t, &out), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
  template_free(t);
}

static void a_sample_has_something_in_each_hole(void **state) {
  (void)state;
  assert_sample(TEMPLATE_JSON, "{\"%{host}\":%{value},\"p\":\"%%\"}",
                "{\"x\":0,\"p\":\"%\"}");
  assert_sample(TEMPLATE_TEXT, "%{host}: %{value}", "x: x");
  assert_sample(TEMPLATE_JSON, "[%{value|null},\"%{meta:x|none}\"]",
                "[0,\"x\"]");
}

static void a_sample_shows_a_backslash_before_a_hole(void **state) {
  (void)state;
  /* No JSON parser takes this for JSON, so that it stops the start. */
  assert_sample(TEMPLATE_JSON, "\"\\%{host}\"", "\"\\x\"");
}

/* ---- what is refused ---- */

static void an_unknown_field_is_refused_with_a_suggestion(void **state) {
  (void)state;
  assert_refused(TEMPLATE_TEXT, "%{valeu}",
                 "unknown field %{valeu}, did you mean %{value}?");
  assert_refused(TEMPLATE_TEXT, "%{valeu|0}",
                 "unknown field %{valeu}, did you mean %{value}?");
  assert_refused(TEMPLATE_TEXT, "%{Value}",
                 "unknown field %{Value}, did you mean %{value}?");
  assert_refused(TEMPLATE_TEXT, "%{deviceid}",
                 "unknown field %{deviceid}, did you mean %{device_id}?");
}

static void
an_unknown_field_like_no_other_is_refused_with_the_list(void **state) {
  (void)state;
  assert_refused(TEMPLATE_TEXT, "%{temperature}",
                 "unknown field %{temperature}: must be one of host plugin "
                 "plugin_instance type type_instance data_source severity "
                 "message time epoch value rule device device_id meta:NAME");
}

static void a_wrong_name_is_shown_as_far_as_it_can_be(void **state) {
  (void)state;
  struct template *t = NULL;
  char why[WHY_BYTES] = "";
  char text[] = "%{abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij}";
  assert_int_equal(
      template_parse(text, strlen(text), TEMPLATE_TEXT, &t, why, sizeof(why)),
      -EINVAL);
  assert_memory_equal(why,
                      "unknown field "
                      "%{abcdefghijabcdefghijabcdefghijabcdefghij}: ",
                      14 + 2 + 40 + 3);
  text[5] = '\n';
  assert_int_equal(
      template_parse(text, strlen(text), TEMPLATE_TEXT, &t, why, sizeof(why)),
      -EINVAL);
  assert_memory_equal(why, "unknown field %{abc}: ", 22);
}

static void a_percent_sign_that_begins_nothing_is_refused(void **state) {
  (void)state;
  static const char why[] = "a lone %: must be %% for a percent sign, or begin "
                            "a field such as %{host}";
  assert_refused(TEMPLATE_TEXT, "100%", why);
  assert_refused(TEMPLATE_TEXT, "50% of", why);
  assert_refused(TEMPLATE_TEXT, "%%%", why);
}

static void a_field_that_is_not_closed_is_refused(void **state) {
  (void)state;
  assert_refused(TEMPLATE_TEXT, "%{host", "%{ without its }");
  assert_refused(TEMPLATE_TEXT, "%{", "%{ without its }");
}

static void a_field_without_a_name_is_refused(void **state) {
  (void)state;
  assert_refused(TEMPLATE_TEXT, "%{}", "%{} without a name");
  assert_refused(TEMPLATE_TEXT, "%{meta:}", "%{meta:} without a name");
  assert_refused(TEMPLATE_TEXT, "%{|0}", "%{} without a name");
  assert_refused(TEMPLATE_TEXT, "%{meta:|0}", "%{meta:} without a name");
}

static void a_device_can_not_be_found_by_its_own_name(void **state) {
  (void)state;
  assert_refused(TEMPLATE_DEVICE, "x-%{device}",
                 "%{device} is not known while the device is looked for");
  assert_refused(TEMPLATE_DEVICE, "%{device_id}",
                 "%{device_id} is not known while the device is looked for");
  struct event e = an_event_with_meta("17");
  assert_renders_as(TEMPLATE_DEVICE, "%{host}-%{rule}", &e, "rack1-overheat");
}

/* ---- bytes written as hex and base64 ---- */

static void assert_decodes(enum template_format format, const char *text,
                           const char *bytes, size_t size) {
  struct event e = an_event_with_meta("17");
  struct template *t = parse(text, format);
  assert_true(template_is_fixed(t));
  struct buf out;
  buf_init(&out, 1000);
  assert_int_equal(template_render(t, &e, &names, &out, NULL), 0);
  assert_int_equal(out.size, size);
  assert_memory_equal(buf_text(&out), bytes, size);
  buf_free(&out);
  template_free(t);
}

static void hex_is_sent_as_the_bytes(void **state) {
  (void)state;
  assert_decodes(TEMPLATE_HEX, "00ff1aA0", "\x00\xFF\x1A\xA0", 4);
  assert_decodes(TEMPLATE_HEX, " 01\t02\r\n03 ", "\x01\x02\x03", 3);
  assert_decodes(TEMPLATE_HEX, "", "", 0);
}

static void what_is_not_hex_is_refused(void **state) {
  (void)state;
  assert_refused(TEMPLATE_HEX, "01 0",
                 "not hexadecimal at byte 4: must be pairs of 0-9 a-f");
  assert_refused(TEMPLATE_HEX, "0 1",
                 "not hexadecimal at byte 1: must be pairs of 0-9 a-f");
  assert_refused(TEMPLATE_HEX, "01g0",
                 "not hexadecimal at byte 3: must be pairs of 0-9 a-f");
  assert_refused(TEMPLATE_HEX, "%{host}",
                 "not hexadecimal at byte 1: must be pairs of 0-9 a-f");
}

static void base64_is_sent_as_the_bytes(void **state) {
  (void)state;
  assert_decodes(TEMPLATE_BASE64, "Zm9vYmFy", "foobar", 6);
  assert_decodes(TEMPLATE_BASE64, "Zm9vYmE=", "fooba", 5);
  assert_decodes(TEMPLATE_BASE64, "Zm9v Yg=\n=", "foob", 4);
  assert_decodes(TEMPLATE_BASE64, "+/8A", "\xFB\xFF\x00", 3);
  assert_decodes(TEMPLATE_BASE64, "", "", 0);
}

static void what_is_not_base64_is_refused(void **state) {
  (void)state;
  static const char early[] = "base64 ends too early: = is missing";
  assert_refused(TEMPLATE_BASE64, "Zm9vYg", early);
  assert_refused(TEMPLATE_BASE64, "Zm9vYg=", early);
  assert_refused(TEMPLATE_BASE64, "Z", early);
  static const char *const texts[] = {"Zm-v", "====",  "Zg==Zg==", "Zg=v",
                                      "Z===", "Zm9v=", "%{x}"};
  static const int bytes[] = {3, 1, 5, 4, 2, 5, 1};
  for (size_t i = 0; i < COUNT(texts); i++) {
    char why[100];
    snprintf(why, sizeof(why),
             "not base64 at byte %d: must be A-Z a-z 0-9 + / and = at the end",
             bytes[i]);
    assert_refused(TEMPLATE_BASE64, texts[i], why);
  }
}

/* ---- the rest ---- */

static void a_template_without_fields_is_fixed(void **state) {
  (void)state;
  struct template *t = parse("100%% fan", TEMPLATE_TEXT);
  assert_true(template_is_fixed(t));
  template_free(t);
  t = parse("fan %{value}", TEMPLATE_TEXT);
  assert_false(template_is_fixed(t));
  template_free(t);
  template_free(NULL);
}

static void a_rendering_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  static const char *const texts[] = {"literal text", "%{host}x", "%{time}"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct template *t = parse(texts[i], TEMPLATE_TEXT);
    struct buf out;
    buf_init(&out, 5);
    assert_int_equal(template_render(t, &e, &names, &out, NULL), -E2BIG);
    buf_free(&out);
    template_free(t);
  }
}

static void
meta_data_that_can_not_be_had_for_lack_of_memory_is_an_error(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  struct template *t = parse("%{meta:no memory}", TEMPLATE_TEXT);
  struct buf out;
  buf_init(&out, 100);
  assert_int_equal(template_render(t, &e, &names, &out, NULL), -ENOMEM);
  buf_free(&out);
  template_free(t);
}

static void rendering_appends_to_what_is_there(void **state) {
  (void)state;
  struct event e = an_event_with_meta("17");
  struct template *t = parse("%{host}", TEMPLATE_TEXT);
  struct buf out;
  buf_init(&out, 100);
  buf_append_text(&out, "at ");
  assert_int_equal(template_render(t, &e, &names, &out, NULL), 0);
  assert_string_equal(buf_text(&out), "at rack1");
  buf_free(&out);
  template_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_field_is_filled_in),
      cmocka_unit_test(what_an_event_does_not_have_is_lacking),
      cmocka_unit_test(nan_is_no_value),
      cmocka_unit_test(a_field_without_a_default_is_needed),
      cmocka_unit_test(what_is_lacking_is_found_behind_what_is_too_large),
      cmocka_unit_test(a_default_takes_the_place_of_what_is_lacking),
      cmocka_unit_test(a_default_is_not_used_where_there_is_something),
      cmocka_unit_test(an_empty_text_is_not_lacking_and_has_its_default),
      cmocka_unit_test(names_that_are_not_known_are_rendered_as_nothing),
      cmocka_unit_test(a_field_is_never_read_as_a_template_or_a_format),
      cmocka_unit_test(invalid_utf8_in_a_field_is_replaced),
      cmocka_unit_test(literal_text_is_sent_as_it_is),
      cmocka_unit_test(time_is_rfc_3339_whenever_it_is),
      cmocka_unit_test(numbers_have_the_fewest_digits_and_no_exponent),
      cmocka_unit_test(the_largest_and_smallest_numbers_read_back_exactly),
      cmocka_unit_test(any_bit_pattern_reads_back_exactly),
      cmocka_unit_test(a_decimal_number_comes_out_as_it_was_read),
      cmocka_unit_test(a_number_of_more_digits_than_a_double_keeps_is_exact),
      cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
      cmocka_unit_test(a_number_beyond_the_maximum_is_an_error),
      cmocka_unit_test(a_field_in_a_json_string_is_escaped),
      cmocka_unit_test(a_value_in_a_json_string_is_text),
      cmocka_unit_test(meta_data_outside_a_json_string_must_be_a_number),
      cmocka_unit_test(a_value_that_json_can_not_say_is_lacking),
      cmocka_unit_test(a_text_outside_a_json_string_is_refused),
      cmocka_unit_test(a_default_outside_a_json_string_must_be_a_value),
      cmocka_unit_test(where_a_json_string_ends_is_known),
      cmocka_unit_test(a_json_value_joined_to_something_is_refused),
      cmocka_unit_test(a_sample_has_something_in_each_hole),
      cmocka_unit_test(a_sample_shows_a_backslash_before_a_hole),
      cmocka_unit_test(an_unknown_field_is_refused_with_a_suggestion),
      cmocka_unit_test(an_unknown_field_like_no_other_is_refused_with_the_list),
      cmocka_unit_test(a_wrong_name_is_shown_as_far_as_it_can_be),
      cmocka_unit_test(a_percent_sign_that_begins_nothing_is_refused),
      cmocka_unit_test(a_field_that_is_not_closed_is_refused),
      cmocka_unit_test(a_field_without_a_name_is_refused),
      cmocka_unit_test(a_device_can_not_be_found_by_its_own_name),
      cmocka_unit_test(hex_is_sent_as_the_bytes),
      cmocka_unit_test(what_is_not_hex_is_refused),
      cmocka_unit_test(base64_is_sent_as_the_bytes),
      cmocka_unit_test(what_is_not_base64_is_refused),
      cmocka_unit_test(a_template_without_fields_is_fixed),
      cmocka_unit_test(a_rendering_that_does_not_fit_is_an_error),
      cmocka_unit_test(
          meta_data_that_can_not_be_had_for_lack_of_memory_is_an_error),
      cmocka_unit_test(rendering_appends_to_what_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
