/* SPDX-License-Identifier: MIT
 *
 * The calls without effect: their URLs, and what the answers mean.
 */
#include "cloud/api.h"

#include "basics.h"

#include <string.h>

static struct endpoint cloud;

static int set_up(void **state) {
  static char product[] = "AbC12345xy";
  (void)state;
  cloud = (struct endpoint){.api = &cmds_api, .product_id = product};
  return 0;
}

#define SITUATION(name) cmocka_unit_test_setup(name, set_up)

static void assert_url(const struct api *api, const struct api_probe *probe,
                       char *url, const char *device_id, const char *expected) {
  struct buf out;
  buf_init(&out, 1024);
  cloud.api = api;
  cloud.url = url;
  assert_int_equal(probe->append_url(&out, &cloud, device_id), 0);
  assert_string_equal(buf_text(&out), expected);
  buf_free(&out);
}

static struct api_finding judge(const struct api_probe *probe, int http_code,
                                const char *answer) {
  const struct http_reply reply = {.sent = true,
                                   .http_code = http_code,
                                   .answer = answer,
                                   .answer_size = strlen(answer)};
  struct api_finding f;
  memset(&f, 0x55, sizeof f); /* all of it must be written */
  probe->judge(&reply, &f);
  return f;
}

static void finds(const struct api_probe *probe, int http_code,
                  const char *answer, bool is_right, enum api_device device) {
  const struct api_finding f = judge(probe, http_code, answer);
  assert_int_equal(f.is_right, is_right);
  assert_int_equal(f.device, device);
}

/* ---- URLs ---- */

static void cmds_is_asked_for_a_command_that_is_none(void **state) {
  (void)state;
  static char url[] = "https://h/a/cmds?k=1", plain[] = "https://h/cmds";
  assert_url(&cmds_api, cmds_api.probe, url, "7",
             "https://h/a/cmds/00000000-0000-0000-0000-000000000000?k=1");
  assert_url(&cmds_api, cmds_api.device_probe, url, "fan 1/..",
             "https://h/a/devices/fan%201%2F..?k=1");
  assert_url(&cmds_api, cmds_api.device_probe, plain, "7",
             "https://h/devices/7");
}

static void the_platform_is_asked_for_the_device_s_detail(void **state) {
  (void)state;
  static char property[] = "https://h/thingmodel/set-device-property",
              service[] = "https://h/thingmodel/call-service?k=1",
              sync[] = "https://h/datapoint/synccmds";
  assert_url(&property_api, property_api.probe, property, "fan 1",
             "https://h/device/detail?product_id=AbC12345xy&device_name="
             "fan%201");
  assert_url(&service_api, service_api.probe, service, "fan",
             "https://h/device/detail?k=1&product_id=AbC12345xy&device_name="
             "fan");
  assert_url(&sync_api, sync_api.probe, sync, NULL,
             "https://h/device/detail?product_id=AbC12345xy&device_name="
             "onenetctl");
}

static void each_interface_has_both(void **state) {
  (void)state;
  for (size_t i = 0; api_at(i) != NULL; i++) {
    assert_non_null(api_at(i)->probe);
    assert_non_null(api_at(i)->device_probe);
  }
}

/* ---- /cmds ---- */

static void onenet_s_own_no_shows_that_the_key_is_good(void **state) {
  (void)state;
  const struct api_probe *p = cmds_api.probe;
  finds(p, 200, "{\"errno\":8,\"error\":\"not found\"}", true,
        API_DEVICE_UNTOLD);
  finds(p, 404, "{\"errno\":8}", true, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":6}", true, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":0,\"data\":{\"status\":1}}", true,
        API_DEVICE_UNTOLD);
}

static void what_is_not_onenet_s_no_is_wrong(void **state) {
  (void)state;
  const struct api_probe *p = cmds_api.probe;
  finds(p, 404, "<html>", false, API_DEVICE_UNTOLD);
  finds(p, 200, "<html>", false, API_DEVICE_UNTOLD);
  finds(p, 302, "", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":3}", false, API_DEVICE_UNTOLD);
  finds(p, 401, "", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":15}", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":1}", false, API_DEVICE_UNTOLD);
  finds(p, 502, "", false, API_DEVICE_UNTOLD);
  assert_int_equal(judge(p, 429, "").verdict.class, VERDICT_NOT_EXECUTED);
}

static void a_device_of_cmds_is_online_or_offline_or_unknown(void **state) {
  (void)state;
  const struct api_probe *p = cmds_api.device_probe;
  finds(p, 200, "{\"errno\":0,\"data\":{\"online\":true}}", true,
        API_DEVICE_ONLINE);
  finds(p, 200, "{\"errno\":0,\"data\":{\"online\":false}}", true,
        API_DEVICE_OFFLINE);
  finds(p, 200, "{\"errno\":0,\"data\":{\"online\":\"true\"}}", true,
        API_DEVICE_KNOWN);
  finds(p, 200, "{\"errno\":0}", true, API_DEVICE_KNOWN);
  finds(p, 200, "{\"errno\":10}", true, API_DEVICE_OFFLINE);
  finds(p, 200, "{\"errno\":8}", true, API_DEVICE_UNKNOWN);
  finds(p, 200, "{\"errno\":3}", true, API_DEVICE_UNKNOWN);
}

static void a_cloud_without_that_call_tells_nothing_of_devices(void **state) {
  (void)state;
  const struct api_probe *p = cmds_api.device_probe;
  finds(p, 404, "<html>", false, API_DEVICE_UNTOLD);
  finds(p, 401, "<html>", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":15}", false, API_DEVICE_UNTOLD);
}

/* ---- the current platform ---- */

static void
a_device_of_the_platform_is_online_or_offline_or_unknown(void **state) {
  (void)state;
  const struct api_probe *p = property_api.probe;
  finds(p, 200, "{\"code\":0,\"data\":{\"status\":1}}", true,
        API_DEVICE_ONLINE);
  finds(p, 200, "{\"code\":0,\"data\":{\"status\":0}}", true,
        API_DEVICE_OFFLINE);
  finds(p, 200, "{\"code\":0,\"data\":{\"status\":2}}", true,
        API_DEVICE_OFFLINE);
  finds(p, 200, "{\"code\":0,\"data\":{\"status\":3}}", true, API_DEVICE_KNOWN);
  finds(p, 200, "{\"code\":0,\"status\":1}", true, API_DEVICE_KNOWN);
  finds(p, 200, "{\"code\":10421}", true, API_DEVICE_OFFLINE);
  finds(p, 200, "{\"code\":10410}", true, API_DEVICE_UNKNOWN);
}

static void what_the_platform_refuses_is_wrong(void **state) {
  (void)state;
  const struct api_probe *p = sync_api.probe;
  finds(p, 200, "{\"code\":10403}", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"code\":10408}", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"code\":10001}", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"code\":500}", false, API_DEVICE_UNTOLD);
  finds(p, 404, "", false, API_DEVICE_UNTOLD);
  finds(p, 200, "{\"errno\":0}", false, API_DEVICE_UNTOLD);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(cmds_is_asked_for_a_command_that_is_none),
      SITUATION(the_platform_is_asked_for_the_device_s_detail),
      SITUATION(each_interface_has_both),
      SITUATION(onenet_s_own_no_shows_that_the_key_is_good),
      SITUATION(what_is_not_onenet_s_no_is_wrong),
      SITUATION(a_device_of_cmds_is_online_or_offline_or_unknown),
      SITUATION(a_cloud_without_that_call_tells_nothing_of_devices),
      SITUATION(a_device_of_the_platform_is_online_or_offline_or_unknown),
      SITUATION(what_the_platform_refuses_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
