/* SPDX-License-Identifier: MIT
 *
 * Endpoints of OneNET's current platform: what is right, and the exact lines
 * that say what is wrong. In all texts ' stands for ".
 */
#include "options_cases.h"

#include "cloud/api.h"

#include <string.h>

#define PROPERTY_URL "URL 'https://h.test/thingmodel/set-device-property'\n"
#define SERVICE_URL "URL 'https://h.test/thingmodel/call-service'\n"
#define SYNC_URL "URL 'https://h.test/datapoint/synccmds'\n"
#define TOKEN "AccessKeyFile 'access'\nResource 'products/AbC12345xy'\n"
#define PRODUCT "ProductID 'AbC12345xy'\n"

#define PROPERTY(lines)                                                        \
  BARE_ENDPOINT("API 'set-device-property'\n" PROPERTY_URL TOKEN PRODUCT lines)
#define SERVICE(lines)                                                         \
  BARE_ENDPOINT("API 'call-service'\n" SERVICE_URL TOKEN PRODUCT lines)
#define SYNC(lines)                                                            \
  BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL TOKEN PRODUCT lines)
#define OLD                                                                    \
  "<Endpoint old>\nURL 'https://old.test/cmds'\nAPIKey 'k'\n</Endpoint>\n"
#define VENT                                                                   \
  "<Device vent>\nDeviceID 'vent-1'\nEndpoint cloud\nTimeout 60\n</Device>\n"
#define LAMP "<Device lamp>\nDeviceID '8'\nEndpoint old\n</Device>\n"
#define RULE_OF(device, lines)                                                 \
  "<Rule heat>\nDevice '" device "'\n" lines "\n</Rule>\n"

#define IS_PROPERTY "endpoint 'cloud' has API 'set-device-property'"
#define NO_OBJECT "must be a JSON object, {...}"

/* ---- what is right ---- */

static void the_least_endpoint_of_each_has_its_defaults(void **state) {
  struct options_fixture *f = *state;
  static const struct {
    const char *lines;
    const struct api *api;
  } cases[] = {{PROPERTY(""), &property_api},
               {SERVICE(""), &service_api},
               {SYNC(""), &sync_api}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct options *o = read_lines(f, cases[i].lines);
    const struct endpoint *e = directory_endpoint(o->directory, 0);
    assert_ptr_equal(e->api, cases[i].api);
    assert_false(e->keeps_commands);
    assert_string_equal(e->product_id, "AbC12345xy");
    assert_int_equal(e->request_timeout_s, 20);
    assert_int_equal(e->device_wait_s, 10);
    assert_int_equal(e->credential.version, TOKEN_2022_05_01);
  }
}

static void cmds_is_the_default_and_as_it_was(void **state) {
  struct options_fixture *f = *state;
  const char *const lines[] = {CLOUD, ENDPOINT("API CMDS")};
  for (size_t i = 0; i < COUNT(lines); i++) {
    const struct options *o = read_lines(f, lines[i]);
    const struct endpoint *e = directory_endpoint(o->directory, 0);
    assert_ptr_equal(e->api, &cmds_api);
    assert_true(e->keeps_commands);
    assert_null(e->product_id);
    assert_int_equal(e->request_timeout_s, 10);
    assert_int_equal(e->credential.version, TOKEN_2018_10_31);
  }
}

static void every_option_is_read_wherever_the_api_stands(void **state) {
  struct options_fixture *f = *state;
  const struct options *o =
      read_lines(f, BARE_ENDPOINT(SYNC_URL TOKEN PRODUCT
                                  "RequestTimeout 31\nDeviceWait 30\n"
                                  "TokenVersion '2020-05-29'\nAPI SyncCmds\n"));
  const struct endpoint *e = directory_endpoint(o->directory, 0);
  assert_ptr_equal(e->api, &sync_api);
  assert_int_equal(e->device_wait_s, 30);
  assert_int_equal(e->request_timeout_s, 31);
  assert_int_equal(e->credential.version, TOKEN_2020_05_29);
  o = read_lines(f, ENDPOINT("API cmds\n"));
  o = read_lines(f, KEYLESS(TOKEN "TokenVersion '2022-05-01'\n"));
  e = directory_endpoint(o->directory, 0);
  assert_int_equal(e->credential.version, TOKEN_2022_05_01);
}

static void a_request_may_take_longer_than_its_device(void **state) {
  struct options_fixture *f = *state;
  const struct options *o = read_lines(f, SYNC("DeviceWait 30\n"));
  assert_int_equal(directory_endpoint(o->directory, 0)->request_timeout_s, 40);
  o = read_lines(f, SYNC("DeviceWait 5\n"));
  assert_int_equal(directory_endpoint(o->directory, 0)->request_timeout_s, 20);
}

static void a_service_is_that_of_its_rule(void **state) {
  struct options_fixture *f = *state;
  const struct options *o = read_lines(
      f, SERVICE("") VENT RULE_OF("vent", "OnFailure '{}'\nService 'reboot'"));
  assert_string_equal(rule_policy(rule_book_rule(o->rules, 0))->service,
                      "reboot");
}

static void one_rule_commands_devices_of_both_generations(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, SERVICE("") OLD VENT LAMP
             "<Rule heat>\nDevice vent\nDevice lamp\nService 'open'\n"
             "Format json\nOnFailure '{\\'a\\':%{value}}'\n</Rule>\n");
}

static void a_template_that_may_find_others_is_not_judged(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, PROPERTY("") OLD VENT LAMP RULE_OF(
                    "%{host}", "OnFailure 'on'\nTrack true\nService 's'\n"
                               "ContentType 'x/y'"));
}

static void
a_text_body_with_fields_is_known_only_once_it_is_rendered(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, PROPERTY("") VENT RULE_OF("vent", "OnFailure '%{message}'"));
  read_lines(f, PROPERTY("") VENT RULE_OF(
                    "vent", "OnFailure '{\\'a\\':\\'%{host}\\'}'"));
}

/* ---- what is wrong ---- */

static void an_api_that_is_not_known_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {ENDPOINT("API 'cmd'"),
       "Endpoint 'cloud': API 'cmd': must be cmds, set-device-property, "
       "call-service or synccmds"},
      {ENDPOINT("API 1"), "Endpoint 'cloud': API 1: must be cmds, "
                          "set-device-property, call-service or synccmds"},
      {ENDPOINT("API 'set' 'device-property'"),
       "Endpoint 'cloud': API 'set' 'device-property': must be one word in "
       "quotes, as in API 'set-device-property'"},
  };
  CHECK_CASES(state, cases);
}

static void what_follows_from_a_wrong_api_is_not_told(void **state) {
  static const struct fault_case cases[] = {
      {BARE_ENDPOINT("API 'set-device-propertys'\n" PROPERTY_URL TOKEN PRODUCT
                     "DeviceWait 10\n")
           VENT RULE_OF("vent", "Service 's'\nOnFailure 'on'\nTrack true"),
       "Endpoint 'cloud': API 'set-device-propertys': must be cmds, "
       "set-device-property, call-service or synccmds"},
      {BARE_ENDPOINT("API 'service'\nAPIKeyFile 'key'\n" SERVICE_URL)
           VENT RULE_OF("%{host}", "OnFailure 'on'"),
       "Endpoint 'cloud': API 'service': must be cmds, set-device-property, "
       "call-service or synccmds"},
      {BARE_ENDPOINT(SERVICE_URL TOKEN PRODUCT)
           VENT RULE_OF("vent", "Service 's'\nOnFailure '{}'"),
       "Endpoint 'cloud': URL 'https://h.test/thingmodel/call-service': its "
       "path goes with API 'call-service', which is written in quotes; that of "
       "API 'cmds' must end in /cmds"},
      {BARE_ENDPOINT(
           "API 'synccmds'\nURL 'https://h.test/cmds'\n" TOKEN PRODUCT),
       "Endpoint 'cloud': URL 'https://h.test/cmds': its path goes with API "
       "'cmds', which is written in quotes; that of API 'synccmds' must end in "
       "/datapoint/synccmds"},
  };
  CHECK_CASES(state, cases);
}

static void a_text_that_can_never_fit_is_refused(void **state) {
  static const struct fault_case cases[] = {
      {PROPERTY("") VENT RULE_OF("vent", "OnFailure 'fan %{value}'"),
       "Rule 'heat': OnFailure 'fan %{value}': " IS_PROPERTY ": " NO_OBJECT},
      {SERVICE("") VENT RULE_OF("vent", "Service 's'\nOnFailure ' [%{value}]'"),
       "Rule 'heat': OnFailure ' [%{value}]': endpoint 'cloud' has API "
       "'call-service': " NO_OBJECT},
  };
  CHECK_CASES(state, cases);
}

static void the_url_must_be_that_of_the_api(void **state) {
  static const struct fault_case cases[] = {
      {BARE_ENDPOINT("API 'synccmds'\n" TOKEN PRODUCT),
       "Endpoint 'cloud': URL: missing, must be "
       "http://HOST[:PORT]/datapoint/synccmds or "
       "https://HOST[:PORT]/datapoint/synccmds"},
      {BARE_ENDPOINT("API 'call-service'\n" TOKEN PRODUCT
                     "URL 'https://h.test'"),
       "Endpoint 'cloud': URL 'https://h.test': its path must end in "
       "/thingmodel/call-service, as in https://h.test/thingmodel/"
       "call-service"},
      {BARE_ENDPOINT("API 'call-service'\n" TOKEN PRODUCT PROPERTY_URL),
       "Endpoint 'cloud': URL "
       "'https://h.test/thingmodel/set-device-property': its path goes with "
       "API 'set-device-property', which is written in quotes; that of API "
       "'call-service' must end in /thingmodel/call-service"},
      {BARE_ENDPOINT("API 'synccmds'\n" TOKEN PRODUCT
                     "URL 'https://h.test/datapoint/synccmds?a=b&timeout=5'"),
       "Endpoint 'cloud': URL "
       "'https://h.test/datapoint/synccmds?a=b&timeout=5': must not hold "
       "timeout, which the plugin adds to it for each command; take it out"},
  };
  CHECK_CASES(state, cases);
}

static void the_platform_needs_a_product_and_a_token(void **state) {
  static const struct fault_case cases[] = {
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL TOKEN),
       "Endpoint 'cloud': ProductID: missing, must be 1 to 64 characters of "
       "[A-Za-z0-9]"},
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL TOKEN "ProductID 'a-b'"),
       "Endpoint 'cloud': ProductID 'a-b': must be 1 to 64 characters of "
       "[A-Za-z0-9]"},
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL TOKEN "ProductID '" C64 "0'"),
       "Endpoint 'cloud': ProductID '" C64 "0': must be 1 to 64 characters of "
       "[A-Za-z0-9]"},
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT),
       "Endpoint 'cloud': AccessKeyFile: missing, must be given, with "
       "Resource, where API is not cmds"},
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT
                     "AccessKeyFile 'access'"),
       "Endpoint 'cloud': Resource: missing, must be given with "
       "AccessKeyFile"},
      {BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT "APIKeyFile 'key'"),
       "Endpoint 'cloud': APIKeyFile 'key': does not go with API 'synccmds': "
       "must be AccessKeyFile and Resource"},
      {ENDPOINT(PRODUCT),
       "Endpoint 'cloud': ProductID 'AbC12345xy': does not go with API 'cmds'"},
  };
  CHECK_CASES(state, cases);
}

static void too_much_text_around_fields_is_refused(void **state) {
  struct options_fixture *f = *state;
  static const char field[] = "%{value}";
  char body[20481 + sizeof(field)];
  memset(body, 'x', 20481);
  strcpy(body + 20481, field);
  options_fixture_write(f, "long", body + 1, strlen(body + 1), 0600);
  read_lines(f, SYNC("") VENT RULE_OF("vent", "OnFailureFile 'long'"));
  options_fixture_write(f, "long", body, strlen(body), 0600);
  static const struct fault_case cases[] = {
      {SYNC("") VENT RULE_OF("vent", "OnFailureFile 'long'"),
       "Rule 'heat': OnFailureFile 'long': endpoint 'cloud' has API "
       "'synccmds': must be 1..20480 bytes, and is 20481 without its fields"}};
  CHECK_CASES(state, cases);
}

static void options_of_another_api_are_refused(void **state) {
  static const struct fault_case cases[] = {
      {PROPERTY("DeviceWait 10"), "Endpoint 'cloud': DeviceWait 10: does not "
                                  "go with API 'set-device-property'"},
      {ENDPOINT("DeviceWait 10"),
       "Endpoint 'cloud': DeviceWait 10: does not go with API 'cmds'"},
      {SYNC("DeviceWait 4"), "Endpoint 'cloud': DeviceWait 4: must be 5..30"},
      {SYNC("DeviceWait 31"), "Endpoint 'cloud': DeviceWait 31: must be 5..30"},
      {SYNC("RequestTimeout 10"), "Endpoint 'cloud': RequestTimeout 10: must "
                                  "be above 10, the DeviceWait"},
      {SYNC("TokenVersion '2019-01-01'"),
       "Endpoint 'cloud': TokenVersion '2019-01-01': must be 2018-10-31, "
       "2020-05-29 or 2022-05-01"},
      {ENDPOINT("TokenVersion '2018-10-31'"),
       "Endpoint 'cloud': TokenVersion '2018-10-31': only goes with "
       "AccessKeyFile"},
      {PROPERTY("") "<Device fan>\nDeviceID 'f'\nQoS 1\n</Device>\n",
       "Device 'fan': QoS 1: does not go with API 'set-device-property' of "
       "endpoint 'cloud'"},
  };
  CHECK_CASES(state, cases);
}

static void a_rule_must_fit_the_endpoints_of_its_devices(void **state) {
  static const struct fault_case cases[] = {
      {PROPERTY("") VENT RULE_OF("vent", "OnFailure '{}'\nTrack true"),
       "Rule 'heat': Track true: must be false: " IS_PROPERTY
       ", whose answer comes from the device"},
      {PROPERTY("") VENT RULE_OF("vent", "ContentType 'a/b'\nOnFailure '{}'"),
       "Rule 'heat': ContentType 'a/b': must be left out: " IS_PROPERTY
       ", which sends application/json"},
      {PROPERTY("") VENT RULE_OF("vent", "Service 's'\nOnFailure '{}'"),
       "Rule 'heat': Service 's': only goes with a device whose endpoint has "
       "API 'call-service'"},
      {ENDPOINT("") VENT RULE_OF("vent", "Service 's'\nOnFailure '{}'"),
       "Rule 'heat': Service 's': only goes with a device whose endpoint has "
       "API 'call-service'"},
      {SERVICE("") VENT RULE_OF("vent", "OnFailure '{}'"),
       "Rule 'heat': Service: missing, must be the identifier of a service, "
       "for API 'call-service'"},
      {SERVICE("") VENT RULE_OF("%{host}", "OnFailure '{}'"),
       "Rule 'heat': Service: missing, must be the identifier of a service, "
       "for API 'call-service'"},
      {SERVICE("") VENT RULE_OF("vent", "Service 'a b'\nOnFailure '{}'"),
       "Rule 'heat': Service 'a b': must be 1 to 128 characters of "
       "[A-Za-z0-9_.-]"},
      {SERVICE("") VENT RULE_OF("vent", "Service ''\nOnFailure '{}'"),
       "Rule 'heat': Service '': must be 1 to 128 characters of "
       "[A-Za-z0-9_.-]"},
  };
  CHECK_CASES(state, cases);
}

static void params_that_are_no_object_are_refused(void **state) {
  static const struct fault_case cases[] = {
      {PROPERTY("") VENT RULE_OF("vent", "OnFailure '[]'"),
       "Rule 'heat': OnFailure '[]': " IS_PROPERTY ": " NO_OBJECT},
      {PROPERTY("") VENT RULE_OF("vent", "Format json\nOnFailure '%{value}'"),
       "Rule 'heat': OnFailure '%{value}': " IS_PROPERTY ": " NO_OBJECT},
      {PROPERTY("") VENT RULE_OF("vent", "OnFailure '{}'\nOnOkayFile 'body'"),
       "Rule 'heat': OnOkayFile 'body': " IS_PROPERTY ": " NO_OBJECT
       ": not JSON at byte 1: lexical error: invalid char in json text."},
      {SERVICE("") OLD VENT LAMP "<Rule heat>\nOnFailure '1'\nDevice lamp\n"
                                 "Device vent\nService 's'\n</Rule>\n",
       "Rule 'heat': OnFailure '1': endpoint 'cloud' has API 'call-service': "
       "" NO_OBJECT},
      {PROPERTY("") VENT RULE_OF("vent", "Format hex\nOnFailure '01'"),
       "Rule 'heat': OnFailure '01': " IS_PROPERTY ": " NO_OBJECT
       ": not JSON at byte 1: lexical error: invalid char in json text."},
  };
  CHECK_CASES(state, cases);
}

static void a_body_above_20_kib_is_not_for_synccmds(void **state) {
  struct options_fixture *f = *state;
  char body[20482];
  memset(body, 'x', sizeof(body));
  options_fixture_write(f, "long", body, 20480, 0600);
  read_lines(f, SYNC("") VENT RULE_OF("vent", "OnFailureFile 'long'"));
  options_fixture_write(f, "long", body, 20481, 0600);
  static const struct fault_case cases[] = {
      {SYNC("") VENT RULE_OF("vent", "OnFailureFile 'long'"),
       "Rule 'heat': OnFailureFile 'long': endpoint 'cloud' has API "
       "'synccmds': must be 1..20480 bytes, and is 20481"}};
  CHECK_CASES(state, cases);
}

static void
a_resource_that_is_too_much_or_too_little_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT
                              "AccessKeyFile 'access'\n"
                              "Resource 'userid/123456'\n"));
  assert_non_null(strstr(f->warnings, "good for the whole account"));
  read_lines(f, BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT
                              "AccessKeyFile 'access'\n"
                              "Resource 'products/other'\n"));
  assert_non_null(strstr(f->warnings, "of another product than ProductID"));
  read_lines(f, BARE_ENDPOINT("API 'synccmds'\n" SYNC_URL PRODUCT
                              "AccessKeyFile 'access'\n"
                              "Resource 'product/AbC12345xy'\n"));
  assert_non_null(strstr(f->warnings, "must begin with products/, userid/ or"));
  read_lines(f, SYNC(""));
  assert_null(strstr(f->warnings, "Resource"));
}

static void
a_request_that_ends_before_its_device_is_warned_about(void **state) {
  struct options_fixture *f = *state;
  read_lines(f, PROPERTY("RequestTimeout 14\n"));
  assert_non_null(strstr(f->warnings, "RequestTimeout 14: a device may take up "
                                      "to 15 s to reply"));
  read_lines(f, SERVICE("RequestTimeout 14\n"));
  assert_non_null(strstr(f->warnings, "RequestTimeout 14"));
  read_lines(f, PROPERTY("RequestTimeout 15\n"));
  assert_null(strstr(f->warnings, "RequestTimeout"));
  read_lines(f, ENDPOINT("RequestTimeout 14\n"));
  assert_null(strstr(f->warnings, "RequestTimeout"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_least_endpoint_of_each_has_its_defaults),
      TEST(cmds_is_the_default_and_as_it_was),
      TEST(every_option_is_read_wherever_the_api_stands),
      TEST(a_request_may_take_longer_than_its_device),
      TEST(a_service_is_that_of_its_rule),
      TEST(one_rule_commands_devices_of_both_generations),
      TEST(a_template_that_may_find_others_is_not_judged),
      TEST(a_text_body_with_fields_is_known_only_once_it_is_rendered),
      TEST(an_api_that_is_not_known_is_refused),
      TEST(the_url_must_be_that_of_the_api),
      TEST(the_platform_needs_a_product_and_a_token),
      TEST(what_follows_from_a_wrong_api_is_not_told),
      TEST(a_text_that_can_never_fit_is_refused),
      TEST(too_much_text_around_fields_is_refused),
      TEST(options_of_another_api_are_refused),
      TEST(a_rule_must_fit_the_endpoints_of_its_devices),
      TEST(params_that_are_no_object_are_refused),
      TEST(a_body_above_20_kib_is_not_for_synccmds),
      TEST(a_resource_that_is_too_much_or_too_little_is_warned_about),
      TEST(a_request_that_ends_before_its_device_is_warned_about),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
