/* SPDX-License-Identifier: MIT */
#include "agent/troubles.h"

#include "basics.h"

#include <string.h>

static struct endpoint cloud = {.index = 0}, backup = {.index = 1};
static struct device fan = {.index = 0, .endpoint = &cloud};
static struct device lamp = {.index = 1, .endpoint = &cloud};
static struct device pump = {.index = 2, .endpoint = &backup};

static int begin(void **state) {
  *state = troubles_new(2, 3);
  return *state == NULL ? -1 : 0;
}

static int end(void **state) {
  troubles_free(*state);
  return 0;
}

static struct troubles_news take(void **state, const struct device *d,
                                 enum verdict_class class) {
  const struct verdict v = {.class = class, .cause = "curl_7"};
  return troubles_take(*state, d, &v);
}

static void begins(void **state, const struct device *d,
                   enum verdict_class class, enum verdict_trouble trouble) {
  struct troubles_news news = take(state, d, class);
  assert_int_equal(news.began, trouble);
  assert_false(news.endpoint_recovered);
  assert_false(news.device_recovered);
}

static void is_no_news(void **state, const struct device *d,
                       enum verdict_class class) {
  begins(state, d, class, TROUBLE_NONE);
}

static void the_first_failure_is_news_and_then_the_recovery(void **state) {
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  is_no_news(state, &fan, VERDICT_NOT_SENT);
  is_no_news(state, &lamp, VERDICT_DOUBTFUL);
  struct troubles_news news = take(state, &lamp, VERDICT_ACCEPTED);
  assert_int_equal(news.began, TROUBLE_NONE);
  assert_true(news.endpoint_recovered);
  assert_false(news.device_recovered);
  is_no_news(state, &fan, VERDICT_ACCEPTED);
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
}

static void each_trouble_of_an_endpoint_is_told_once(void **state) {
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  begins(state, &fan, VERDICT_CREDENTIALS, TROUBLE_CREDENTIALS);
  begins(state, &fan, VERDICT_NOT_EXECUTED, TROUBLE_BUSY);
  for (int i = 0; i < 3; i++) {
    is_no_news(state, &lamp, VERDICT_NOT_SENT);
    is_no_news(state, &lamp, VERDICT_CREDENTIALS);
    is_no_news(state, &lamp, VERDICT_NOT_EXECUTED);
  }
}

static void each_endpoint_has_its_own(void **state) {
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  begins(state, &pump, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  assert_true(take(state, &fan, VERDICT_ACCEPTED).endpoint_recovered);
  is_no_news(state, &pump, VERDICT_NOT_SENT);
}

static void a_device_that_is_offline_is_told_until_it_accepts(void **state) {
  begins(state, &fan, VERDICT_OFFLINE, TROUBLE_DEVICE);
  is_no_news(state, &fan, VERDICT_OFFLINE);
  begins(state, &lamp, VERDICT_REFUSED, TROUBLE_DEVICE);
  is_no_news(state, &fan, VERDICT_REFUSED);
  struct troubles_news news = take(state, &fan, VERDICT_ACCEPTED);
  assert_true(news.device_recovered);
  assert_false(news.endpoint_recovered);
  is_no_news(state, &lamp, VERDICT_REFUSED);
}

static void an_answer_about_a_device_is_the_endpoints_recovery(void **state) {
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  struct troubles_news news = take(state, &fan, VERDICT_OFFLINE);
  assert_true(news.endpoint_recovered);
  assert_int_equal(news.began, TROUBLE_DEVICE);
}

static void what_the_endpoint_fails_says_nothing_of_a_device(void **state) {
  begins(state, &fan, VERDICT_OFFLINE, TROUBLE_DEVICE);
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  struct troubles_news news = take(state, &fan, VERDICT_ACCEPTED);
  assert_true(news.device_recovered);
  assert_true(news.endpoint_recovered);
}

static void a_device_that_does_not_reply_is_in_trouble_itself(void **state) {
  const struct verdict v = {.class = VERDICT_DOUBTFUL, .is_of_device = true};
  assert_int_equal(troubles_take(*state, &fan, &v).began, TROUBLE_DEVICE);
}

static void an_errno_of_a_fault_of_onenet_is_the_endpoints(void **state) {
  const struct verdict v = {.class = VERDICT_DOUBTFUL,
                            .has_errno = true,
                            .errno_value = 17,
                            .cause = "errno_17"};
  assert_int_equal(troubles_take(*state, &fan, &v).began, TROUBLE_NO_ANSWER);
  assert_string_equal(troubles_last(*state, &cloud)->cause, "errno_17");
}

static void another_key_that_is_refused_is_news(void **state) {
  begins(state, &fan, VERDICT_CREDENTIALS, TROUBLE_CREDENTIALS);
  begins(state, &fan, VERDICT_NOT_SENT, TROUBLE_NO_ANSWER);
  troubles_forget_credentials(*state, &cloud);
  begins(state, &fan, VERDICT_CREDENTIALS, TROUBLE_CREDENTIALS);
  is_no_news(state, &fan, VERDICT_NOT_SENT);
}

static void a_key_that_is_right_at_last_is_a_recovery(void **state) {
  begins(state, &fan, VERDICT_CREDENTIALS, TROUBLE_CREDENTIALS);
  troubles_forget_credentials(*state, &cloud);
  assert_true(take(state, &fan, VERDICT_ACCEPTED).endpoint_recovered);
  is_no_news(state, &fan, VERDICT_ACCEPTED);
}

static void the_last_failure_of_an_endpoint_is_kept(void **state) {
  assert_string_equal(troubles_last(*state, &cloud)->cause, "");
  take(state, &fan, VERDICT_NOT_SENT);
  take(state, &fan, VERDICT_ACCEPTED);
  assert_string_equal(troubles_last(*state, &cloud)->cause, "curl_7");
  assert_string_equal(troubles_last(*state, &backup)->cause, "");
}

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(the_first_failure_is_news_and_then_the_recovery),
      SITUATION(each_trouble_of_an_endpoint_is_told_once),
      SITUATION(each_endpoint_has_its_own),
      SITUATION(a_device_that_is_offline_is_told_until_it_accepts),
      SITUATION(an_answer_about_a_device_is_the_endpoints_recovery),
      SITUATION(what_the_endpoint_fails_says_nothing_of_a_device),
      SITUATION(a_device_that_does_not_reply_is_in_trouble_itself),
      SITUATION(an_errno_of_a_fault_of_onenet_is_the_endpoints),
      SITUATION(another_key_that_is_refused_is_news),
      SITUATION(a_key_that_is_right_at_last_is_a_recovery),
      SITUATION(the_last_failure_of_an_endpoint_is_kept),
  };
  return cmocka_run_group_tests_name("troubles", tests, NULL, NULL);
}
