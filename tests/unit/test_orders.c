/* SPDX-License-Identifier: MIT
 *
 * Which orders reach lanes, and with what. lanes itself is not asked: it obeys
 * all that come.
 */
#include "agent/orders.h"

#include "cloud/api.h"
#include "rule_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct options options;
static struct orders *orders;
static struct journal journal;
static struct order *taken; /* the last one that came to lanes */
static size_t taken_count;

void __wrap_lanes_obey(struct lanes *l, struct order *o, struct moment now);
void __wrap_lanes_obey(struct lanes *l, struct order *o, struct moment now) {
  (void)l;
  taken = o;
  taken_count++;
  order_obey(o, now);
  journal_note_last(&journal, &o->change);
}

static int set_up(void **state) {
  if (book_set_up(state) != 0)
    return -1;
  struct endpoint *cloud;
  assert_int_equal(directory_add_endpoint(directory, "cloud", &cloud), 0);
  cloud->api = &cmds_api;
  for (size_t i = 0; i < directory_device_count(directory); i++)
    directory_device(directory, i)->endpoint = cloud;
  add_rule("overheat");
  assert_int_equal(rule_book_seal(book), 0);
  options = (struct options){.directory = directory, .rules = book};
  orders = orders_new(&options);
  journal_init(&journal);
  taken = NULL;
  taken_count = 0;
  return orders != NULL ? 0 : -1;
}

static int tear_down(void **state) {
  journal_clear(&journal);
  orders_free(orders);
  return book_tear_down(state);
}

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct order *new_order(enum order_verb verb, const char *device,
                               const char *rule) {
  struct order *o = order_new();
  assert_non_null(o);
  o->verb = verb;
  o->device_name = device != NULL ? strdup(device) : NULL;
  o->rule_name = rule != NULL ? strdup(rule) : NULL;
  return o;
}

static struct order *new_send(const char *device, const char *body) {
  struct order *o = new_order(ORDER_SEND, device, NULL);
  o->body = body != NULL ? body_new(body, strlen(body)) : NULL;
  return o;
}

static void give(struct order *o) {
  orders_obey(orders, o, NULL, &journal, arrived);
}

static void is_refused(struct order *o, const char *why) {
  give(o);
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_string_equal(o->why, why);
  assert_true(o->change.is_last);
  assert_int_equal(taken_count, 0);
}

static void is_obeyed(struct order *o) {
  size_t before = taken_count;
  give(o);
  assert_string_equal(o->why, "");
  assert_int_equal(taken_count, before + 1);
  assert_ptr_equal(taken, o);
}

/* ---- what names stand for ---- */

static void names_are_looked_up_without_regard_to_case(void **state) {
  (void)state;
  struct order *o = new_order(ORDER_SILENCE, "FAN", NULL);
  is_obeyed(o);
  assert_string_equal(o->device->name, "fan");
  assert_null(o->policy);
  o = new_order(ORDER_SILENCE, NULL, "OverHeat");
  is_obeyed(o);
  assert_ptr_equal(o->policy, rule_policy(rule_book_find(book, "overheat")));
  assert_null(o->device);
}

static void a_list_of_orders_is_obeyed_in_its_order(void **state) {
  (void)state;
  struct order *first = new_order(ORDER_CANCEL, "fan", NULL);
  first->next = new_order(ORDER_CANCEL, "lamp", NULL);
  first->next->next = new_order(ORDER_CANCEL, "display", NULL);
  give(first);
  assert_int_equal(taken_count, 2);
  assert_string_equal(taken->device_name, "display");
  assert_int_equal(first->next->state, ORDER_REFUSED);
  assert_ptr_equal(journal.first, first);
  assert_ptr_equal(journal.first->next, first->next);
}

static void what_is_not_configured_is_refused(void **state) {
  (void)state;
  is_refused(new_send("lamp", "on"),
             "no device has the name \"lamp\": see onenetctl status");
  is_refused(new_order(ORDER_SILENCE, NULL, "leak"),
             "no rule has the name \"leak\": see the configuration");
}

static void of_a_long_name_whole_characters_are_told(void **state) {
  char name[200], why[256];
  (void)state;
  snprintf(name, sizeof name, "%062d\xc3\xbc%0100d", 0, 0);
  snprintf(why, sizeof why,
           "no device has the name \"%062d\": see onenetctl status", 0);
  is_refused(new_send(name, "on"), why);
}

static void what_was_refused_before_stays_refused(void **state) {
  (void)state;
  struct order *o = new_order(ORDER_SEND, "lamp", NULL);
  order_refuse(o, arrived, "unreadable");
  is_refused(o, "unreadable");
}

/* ---- send ---- */

static void what_is_sent_by_hand_gets_a_policy_of_its_own(void **state) {
  (void)state;
  struct order *o = new_send("fan", "on");
  o->content_type = strdup("text/plain");
  is_obeyed(o);
  const struct policy *p = o->policy;
  assert_string_equal(p->rule, ORDER_RULE);
  assert_string_equal(p->content_type, "text/plain");
  assert_null(p->service);
  assert_false(p->supersede);
  assert_int_equal(p->repeat_s, 0);
  assert_int_equal(p->cooldown_s, 0);
  assert_int_equal(p->expire_s, POLICY_DEFAULT);
  assert_int_equal(p->timeout_s, POLICY_DEFAULT);
  assert_int_equal(p->index, rule_book_count(book));
}

static void
there_is_one_policy_for_each_content_type_and_service(void **state) {
  (void)state;
  const struct policy *a = orders_find_policy(orders, ORDER_RULE, "a", "");
  const struct policy *b = orders_find_policy(orders, "ONENETCTL", "b", "");
  const struct policy *served =
      orders_find_policy(orders, ORDER_RULE, "a", "s");
  assert_true(a != b && a != served && b != served);
  assert_string_equal(served->service, "s");
  assert_ptr_equal(orders_find_policy(orders, ORDER_RULE, "a", ""), a);
  assert_ptr_equal(orders_find_policy(orders, ORDER_RULE, "a", "s"), served);
  assert_string_equal(
      orders_find_policy(orders, ORDER_RULE, "", "")->content_type,
      "application/octet-stream");
  assert_null(orders_find_policy(orders, "leak", "a", ""));
}

static void too_many_policies_are_not_made(void **state) {
  (void)state;
  char service[16];
  for (int i = 0; i < ORDERS_POLICIES_MAX; i++) {
    snprintf(service, sizeof service, "s%d", i);
    assert_non_null(orders_find_policy(orders, ORDER_RULE, "a", service));
  }
  assert_null(orders_find_policy(orders, ORDER_RULE, "a", "one more"));
  assert_non_null(orders_find_policy(orders, ORDER_RULE, "a", "s0"));
  is_refused(new_send("fan", "on"), "too many services and Content-Types by "
                                    "hand: restart collectd");
}

/* Nothing of a rule comes from the row of one. */
static void a_rule_that_an_order_to_send_names_is_nothing_to_it(void **state) {
  (void)state;
  struct order *o = new_send("fan", "on");
  o->rule_name = strdup("overheat");
  is_obeyed(o);
  assert_string_equal(o->policy->rule, ORDER_RULE);
}

static void what_can_not_be_sent_is_refused(void **state) {
  (void)state;
  is_refused(new_send(NULL, "on"), "it names no device");
  is_refused(new_send("fan", NULL), "it has no body");
  struct order *o = new_send("fan", "on");
  o->content_type = strdup("a\r\nb: c");
  is_refused(o, "Content-Type or service: must be one line of ASCII");
  o = new_send("fan", "on");
  o->content_type = repeat("", "x", 128, "");
  is_refused(o, "Content-Type or service: must be one line of ASCII");
  o = new_send("fan", "on");
  o->expire_s = -2;
  is_refused(o, "expire: must be 0 or more seconds");
  o = new_send("fan", NULL);
  char *large = repeat("", "x", COMMAND_BODY_MAX_BYTES + 1, "");
  o->body = body_new(large, strlen(large));
  free(large);
  give(o);
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_memory_equal(o->why, "body: ", 6);
}

static void a_service_is_for_endpoints_that_call_services(void **state) {
  (void)state;
  struct order *o = new_send("fan", "{}");
  o->service = strdup("blink");
  give(o);
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_non_null(strstr(o->why, "calls no services: leave --service"));
  directory_endpoint(directory, 0)->api = &service_api;
  o = new_send("fan", "{}");
  give(o);
  assert_non_null(strstr(o->why, "calls services: give --service"));
  o = new_send("fan", "{}");
  o->service = strdup("");
  give(o);
  assert_non_null(strstr(o->why, "calls services: give --service"));
  o = new_send("fan", "{}");
  o->service = strdup("blink");
  is_obeyed(o);
  assert_string_equal(o->policy->service, "blink");
}

/* ---- the others ---- */

static struct order *new_retry(const char *rule) {
  struct order *o = new_order(ORDER_RETRY, "fan", rule);
  o->command_id = 17;
  o->body = body_new("on", 2);
  o->content_type = strdup("text/plain");
  return o;
}

static void a_command_is_retried_by_the_policy_that_it_had(void **state) {
  (void)state;
  struct order *o = new_retry("overheat");
  is_obeyed(o);
  assert_string_equal(o->policy->rule, "overheat");
  o = new_retry(ORDER_RULE);
  is_obeyed(o);
  assert_string_equal(o->policy->content_type, "text/plain");
}

static void what_is_not_in_the_history_is_not_retried(void **state) {
  (void)state;
  struct order *o = new_order(ORDER_RETRY, NULL, NULL);
  is_refused(o, "it names no command");
  o = new_order(ORDER_RETRY, NULL, NULL);
  o->command_id = 17;
  is_refused(o, "there is no command 17 in the ledger: see onenetctl history");
  o = new_retry("overheat");
  body_unref(o->body);
  o->body = NULL;
  is_refused(o, "command 17 has no body that could be sent");
  is_refused(new_retry("leak"),
             "no rule has the name \"leak\": see the configuration");
}

static void what_is_cancelled_is_a_command_or_those_of_a_device(void **state) {
  (void)state;
  const char why[] = "it must name either a command or a device";
  is_refused(new_order(ORDER_CANCEL, NULL, NULL), why);
  struct order *o = new_order(ORDER_CANCEL, "fan", NULL);
  o->command_id = 17;
  is_refused(o, why);
  o = new_order(ORDER_CANCEL, NULL, NULL);
  o->command_id = 17;
  is_obeyed(o);
}

static void what_is_silenced_is_a_device_or_a_rule(void **state) {
  (void)state;
  const char why[] = "it must name either a device or a rule";
  is_refused(new_order(ORDER_SILENCE, NULL, NULL), why);
  is_refused(new_order(ORDER_SILENCE, "fan", "overheat"), why);
  is_refused(new_order(ORDER_SILENCE, NULL, ORDER_RULE),
             "what is sent by hand can not be silenced");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(names_are_looked_up_without_regard_to_case),
      SITUATION(a_list_of_orders_is_obeyed_in_its_order),
      SITUATION(what_is_not_configured_is_refused),
      SITUATION(of_a_long_name_whole_characters_are_told),
      SITUATION(what_was_refused_before_stays_refused),
      SITUATION(what_is_sent_by_hand_gets_a_policy_of_its_own),
      SITUATION(there_is_one_policy_for_each_content_type_and_service),
      SITUATION(too_many_policies_are_not_made),
      SITUATION(a_rule_that_an_order_to_send_names_is_nothing_to_it),
      SITUATION(what_can_not_be_sent_is_refused),
      SITUATION(a_service_is_for_endpoints_that_call_services),
      SITUATION(a_command_is_retried_by_the_policy_that_it_had),
      SITUATION(what_is_not_in_the_history_is_not_retried),
      SITUATION(what_is_cancelled_is_a_command_or_those_of_a_device),
      SITUATION(what_is_silenced_is_a_device_or_a_rule),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
