/* SPDX-License-Identifier: MIT
 *
 * The requests of OneNET's interfaces, and which bodies they take.
 */
#include "cloud/api.h"

#include "basics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  struct endpoint cloud;
  struct device fan;
  struct policy policy;
  struct command command;
} t;

static int set_up(void **state) {
  (void)state;
  static char url[] = "https://h/call", product[] = "AbC12345xy";
  memset(&t, 0, sizeof(t));
  t.cloud =
      (struct endpoint){.url = url, .product_id = product, .device_wait_s = 7};
  t.fan = (struct device){.device_id = "fan 1\"&", .endpoint = &t.cloud};
  t.policy = (struct policy){.service = "re\"boot"};
  t.command = (struct command){.device = &t.fan,
                               .policy = &t.policy,
                               .body = body_new("{\"on\":true}", 11)};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  body_unref(t.command.body);
  return 0;
}

static void assert_url(const struct api *api, const char *expected) {
  struct buf out;
  buf_init(&out, 1024);
  assert_int_equal(api->append_url(&out, &t.command, 1000), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static void assert_sends(const struct api *api, const char *expected) {
  struct buf out;
  buf_init(&out, 1024);
  assert_int_equal(api->append_body(&out, &t.command), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static void the_thing_model_names_all_in_the_body(void **state) {
  (void)state;
  assert_url(&property_api, "https://h/call");
  assert_sends(&property_api, "{\"product_id\":\"AbC12345xy\","
                              "\"device_name\":\"fan 1\\\"&\","
                              "\"params\":{\"on\":true}}");
  assert_url(&service_api, "https://h/call");
  assert_sends(&service_api, "{\"product_id\":\"AbC12345xy\","
                             "\"device_name\":\"fan 1\\\"&\","
                             "\"identifier\":\"re\\\"boot\","
                             "\"params\":{\"on\":true}}");
}

static void a_data_stream_names_all_in_the_query(void **state) {
  (void)state;
  static char with_query[] = "https://h/call?a=b";
  assert_url(&sync_api, "https://h/call?product_id=AbC12345xy"
                        "&device_name=fan%201%22%26&timeout=7");
  t.cloud.url = with_query;
  assert_url(&sync_api, "https://h/call?a=b&product_id=AbC12345xy"
                        "&device_name=fan%201%22%26&timeout=7");
  assert_null(sync_api.append_body);
}

static void a_body_that_does_not_fit_is_an_error(void **state) {
  (void)state;
  const struct api *const apis[] = {&property_api, &service_api};
  for (size_t i = 0; i < COUNT(apis); i++) {
    struct buf whole;
    buf_init(&whole, 1024);
    assert_int_equal(apis[i]->append_body(&whole, &t.command), 0);
    for (size_t max = 0; max < whole.size; max++) {
      struct buf out;
      buf_init(&out, max);
      assert_int_equal(apis[i]->append_body(&out, &t.command), -E2BIG);
      buf_free(&out);
    }
    buf_free(&whole);
  }
}

static bool takes(const struct api *api, const char *body, size_t size) {
  char why[128] = "";
  bool is_taken = api_check_body(api, body, size, why, sizeof(why)) == 0;
  assert_true(is_taken == (why[0] == '\0'));
  return is_taken;
}

static void params_are_a_json_object_and_nothing_else(void **state) {
  (void)state;
  const char *good[] = {"{}", " \t\r\n{\"a\":[1]} "};
  const char *bad[] = {
      "",    " ",   "on",  "1",    "\"{}\"",          "[{}]", "null", "{",
      "{}}", "{a}", "{}x", "true", "{\"a\":\"\xff\"}"};
  for (size_t i = 0; i < COUNT(good); i++) {
    assert_true(takes(&property_api, good[i], strlen(good[i])));
    assert_true(takes(&service_api, good[i], strlen(good[i])));
  }
  for (size_t i = 0; i < COUNT(bad); i++) {
    assert_false(takes(&property_api, bad[i], strlen(bad[i])));
    assert_false(takes(&service_api, bad[i], strlen(bad[i])));
  }
  assert_true(takes(&sync_api, "on", 2));
  assert_true(takes(&cmds_api, "on", 2));
}

static void a_body_has_the_largest_size_of_its_interface(void **state) {
  (void)state;
  char *body = calloc(1, COMMAND_BODY_MAX_BYTES + 1);
  assert_non_null(body);
  memset(body, 'x', COMMAND_BODY_MAX_BYTES + 1);
  assert_true(takes(&sync_api, body, 20480));
  assert_false(takes(&sync_api, body, 20481));
  assert_false(takes(&sync_api, body, 0));
  assert_true(takes(&cmds_api, body, COMMAND_BODY_MAX_BYTES));
  assert_false(takes(&cmds_api, body, COMMAND_BODY_MAX_BYTES + 1));
  memset(body, ' ', COMMAND_BODY_MAX_BYTES + 1);
  memcpy(body, "{}", 2);
  assert_true(takes(&property_api, body, COMMAND_BODY_MAX_BYTES));
  assert_false(takes(&property_api, body, COMMAND_BODY_MAX_BYTES + 1));
  free(body);
}

static void each_interface_has_a_name_of_its_own(void **state) {
  (void)state;
  const struct {
    const struct api *api;
    const char *name, *path;
  } cases[] = {
      {&cmds_api, "cmds", "/cmds"},
      {&property_api, "set-device-property", "/thingmodel/set-device-property"},
      {&service_api, "call-service", "/thingmodel/call-service"},
      {&sync_api, "synccmds", "/datapoint/synccmds"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_ptr_equal(api_at(i), cases[i].api);
    assert_string_equal(cases[i].api->name, cases[i].name);
    assert_string_equal(cases[i].api->path, cases[i].path);
  }
  assert_null(api_at(COUNT(cases)));
}

int main(void) {
#define API_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      API_TEST(the_thing_model_names_all_in_the_body),
      API_TEST(a_data_stream_names_all_in_the_query),
      API_TEST(a_body_that_does_not_fit_is_an_error),
      cmocka_unit_test(params_are_a_json_object_and_nothing_else),
      cmocka_unit_test(a_body_has_the_largest_size_of_its_interface),
      cmocka_unit_test(each_interface_has_a_name_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
