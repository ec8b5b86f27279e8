/* SPDX-License-Identifier: MIT */
#include "words/device.h"

#include "base/secret.h"
#include "basics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_directory(void **state) {
  *state = directory_new();
  return *state == NULL ? -1 : 0;
}

static int free_directory(void **state) {
  directory_free(*state);
  return 0;
}

static struct device *add_device(struct directory *d, const char *name) {
  struct device *device = NULL;
  assert_int_equal(directory_add_device(d, name, &device), 0);
  assert_non_null(device);
  return device;
}

static struct endpoint *add_endpoint(struct directory *d, const char *name) {
  struct endpoint *endpoint = NULL;
  assert_int_equal(directory_add_endpoint(d, name, &endpoint), 0);
  assert_non_null(endpoint);
  return endpoint;
}

static void a_new_directory_is_empty(void **state) {
  assert_int_equal(directory_device_count(*state), 0);
  assert_int_equal(directory_endpoint_count(*state), 0);
  assert_null(directory_find_device(*state, "fan"));
  assert_null(directory_find_endpoint(*state, "cloud"));
}

static void a_new_endpoint_has_the_documented_defaults(void **state) {
  const struct endpoint *e = add_endpoint(*state, "cloud");
  assert_string_equal(e->name, "cloud");
  assert_null(e->url);
  assert_int_equal(e->connect_timeout_s, 5);
  assert_int_equal(e->request_timeout_s, 10);
  assert_int_equal(e->max_in_flight, 16);
  assert_int_equal(e->rate.count, 250);
  assert_int_equal(e->rate.seconds, 1);
  assert_int_equal(e->breaker_threshold, 5);
  assert_int_equal(e->credential.method, TOKEN_SHA256);
  assert_int_equal(e->credential.token_lifetime_s, 3600);
  assert_true(e->tls.verify_peer);
  assert_true(e->tls.verify_host);
  assert_int_equal(e->tls.ssl_version, 0);
}

static void a_new_device_has_the_documented_defaults(void **state) {
  const struct device *d = add_device(*state, "fan");
  assert_string_equal(d->name, "fan");
  assert_string_equal(d->device_id, "");
  assert_null(d->endpoint);
  assert_int_equal(d->timeout_s, 0);
  assert_int_equal(d->qos, -1);
  assert_int_equal(d->rate.count, 0);
  assert_false(d->declared);
}

static void names_are_found_without_regard_to_case(void **state) {
  struct device *fan = add_device(*state, "Fan-1");
  struct endpoint *cloud = add_endpoint(*state, "Cloud");
  assert_ptr_equal(directory_find_device(*state, "fAN-1"), fan);
  assert_ptr_equal(directory_find_endpoint(*state, "CLOUD"), cloud);
  assert_null(directory_find_device(*state, "cloud"));
  assert_null(directory_find_endpoint(*state, "fan-1"));
  assert_null(directory_find_device(*state, "fan"));
}

static void a_name_that_is_taken_is_refused_in_any_case(void **state) {
  struct device *device = NULL;
  struct endpoint *endpoint = NULL;
  add_device(*state, "fan");
  add_endpoint(*state, "cloud");
  assert_int_equal(directory_add_device(*state, "FAN", &device), -EEXIST);
  assert_int_equal(directory_add_device(*state, "Cloud", &device), -EEXIST);
  assert_int_equal(directory_add_endpoint(*state, "FAN", &endpoint), -EEXIST);
  assert_int_equal(directory_add_endpoint(*state, "Cloud", &endpoint), -EEXIST);
  assert_null(device);
  assert_null(endpoint);
  assert_int_equal(directory_device_count(*state), 1);
  assert_int_equal(directory_endpoint_count(*state), 1);
}

static void the_name_agent_is_reserved(void **state) {
  struct device *device = NULL;
  struct endpoint *endpoint = NULL;
  assert_int_equal(directory_add_device(*state, "agent", &device), -EEXIST);
  assert_int_equal(directory_add_endpoint(*state, "Agent", &endpoint), -EEXIST);
}

static void ten_thousand_devices_keep_order_and_place(void **state) {
  struct device *first = add_device(*state, "device-0");
  char name[DEVICE_NAME_BYTES];
  for (int i = 1; i < 10000; i++) {
    snprintf(name, sizeof(name), "device-%d", i);
    add_device(*state, name);
  }
  assert_int_equal(directory_device_count(*state), 10000);
  assert_ptr_equal(directory_device(*state, 0), first);
  for (int i = 0; i < 10000; i++) {
    snprintf(name, sizeof(name), "DEVICE-%d", i);
    const struct device *d = directory_find_device(*state, name);
    assert_non_null(d);
    assert_int_equal(d->index, i);
    assert_ptr_equal(directory_device(*state, (size_t)i), d);
  }
}

static char *copy(const char *text) {
  char *c = strdup(text);
  assert_non_null(c);
  return c;
}

static void freeing_takes_along_all_that_an_endpoint_holds(void **state) {
  struct endpoint *e = add_endpoint(*state, "cloud");
  e->url = copy("https://api.heclouds.com/cmds");
  e->credential.text = secret_copy("secret");
  e->credential.resource = copy("products/1");
  e->tls.ca_cert = copy("ca");
  e->tls.ca_path = copy("path");
  e->tls.client_cert = copy("cert");
  e->tls.client_key = copy("key");
  e->tls.client_key_pass = copy("pass");
  e->proxy = copy("proxy");
  e->user_agent = copy("agent");
  e->headers = calloc(3, sizeof(*e->headers));
  assert_non_null(e->headers);
  e->headers[0] = copy("a: b");
  e->headers[1] = copy("c: d");
  assert_int_equal(e->index, 0); /* a leak checker sees the rest */
}

static void a_name_has_1_to_63_harmless_characters(void **state) {
  (void)state;
  char name[DEVICE_NAME_BYTES + 1];
  memset(name, 'n', sizeof(name));
  name[63] = '\0';
  assert_true(directory_name_is_valid(name));
  name[63] = 'n';
  name[64] = '\0';
  assert_false(directory_name_is_valid(name));
  assert_true(directory_name_is_valid("A.z_0-9"));
  assert_false(directory_name_is_valid(""));
  assert_false(directory_name_is_valid("a b"));
  assert_false(directory_name_is_valid("a/b"));
  assert_false(directory_name_is_valid("caf\xC3\xA9"));
}

#define WITH_DIRECTORY(test)                                                   \
  cmocka_unit_test_setup_teardown(test, make_directory, free_directory)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_DIRECTORY(a_new_directory_is_empty),
      WITH_DIRECTORY(a_new_endpoint_has_the_documented_defaults),
      WITH_DIRECTORY(a_new_device_has_the_documented_defaults),
      WITH_DIRECTORY(names_are_found_without_regard_to_case),
      WITH_DIRECTORY(a_name_that_is_taken_is_refused_in_any_case),
      WITH_DIRECTORY(the_name_agent_is_reserved),
      WITH_DIRECTORY(ten_thousand_devices_keep_order_and_place),
      WITH_DIRECTORY(freeing_takes_along_all_that_an_endpoint_holds),
      cmocka_unit_test(a_name_has_1_to_63_harmless_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
