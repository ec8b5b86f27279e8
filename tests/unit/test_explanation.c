/* SPDX-License-Identifier: MIT
 *
 * What would become of an event, told by real lanes on what a real ledger
 * holds: an agent with a pretended clock is its own writer.
 */
#include "explanation.h"

#include "delivery/lanes.h"
#include "ledger/ledger.h"
#include "options_fixture.h"

#include <stdio.h>
#include <string.h>

#define SITUATION(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define WALL_MS INT64_C(1700000000000)
#define NOBODY 0
#define AGENT 4711

#define RULE(name, more)                                                       \
  "<Rule " name ">\nPlugin sensors\nDevice fan\nOnFailure 'on %{host}'\n"      \
  "OnOkay 'off'\n" more "</Rule>\n"
#define ONE_RULE CLOUD FAN RULE("heat", "")

static struct {
  struct options_fixture *fixture;
  const struct options *options;
  struct moment now;
  struct journal journal;
  struct lanes *lanes;
  struct ledger *ledger;
  struct command *in_flight; /* the last one that has begun */
  struct explanation x;
} t;

/* ---- an agent ---- */

static int set_up(void **state) {
  int status = options_fixture_set_up(state);
  memset(&t, 0, sizeof t);
  t.fixture = *state;
  t.now = (struct moment){.ms = 1000000, .wall_ms = WALL_MS};
  return status;
}

static void end_agent(void) {
  journal_clear(&t.journal);
  lanes_free(t.lanes);
  ledger_close(t.ledger);
  t.lanes = NULL;
  t.ledger = NULL;
}

static int tear_down(void **state) {
  if (t.x.answers != NULL)
    explanation_free(&t.x);
  if (t.lanes != NULL)
    end_agent();
  return options_fixture_tear_down(state);
}

static uint64_t longest(void *context, uint64_t max_inclusive) {
  (void)context;
  return max_inclusive;
}

static const struct policy *no_policy(void *context, const char *rule,
                                      const char *content_type,
                                      const char *service) {
  (void)context;
  (void)rule;
  (void)content_type;
  (void)service;
  return NULL;
}

/* Nothing is in the ledger yet, but next_id has to be read. */
static void begin_agent(const char *lines) {
  char why[1024];
  int64_t next_id;
  t.options = read_lines(t.fixture, lines);
  const struct lanes_options lanes = {.directory = t.options->directory,
                                      .journal = &t.journal,
                                      .queue_limit = 1000,
                                      .queue_bytes = 1000000,
                                      .series_max = 1000,
                                      .random = longest};
  const struct ledger_options ledger = {.path = t.options->ledger_path,
                                        .sync = LEDGER_SYNC_NORMAL,
                                        .history_days = 30,
                                        .history_max = 1000};
  const struct ledger_callbacks none = {.find_policy = no_policy};
  journal_init(&t.journal);
  t.lanes = lanes_new(&lanes);
  assert_int_equal(ledger_open(&ledger, t.now, &t.ledger, why, sizeof why), 0);
  assert_int_equal(
      ledger_load(t.ledger, t.options->directory, &none, t.now, &next_id), 0);
}

static void record(void) {
  struct ledger_batch batch;
  ledger_batch_init(&batch);
  for (struct change *c = t.journal.first; c != NULL; c = c->next)
    ledger_batch_add(&batch, c, t.now);
  assert_int_equal(ledger_begin(t.ledger, t.now), 0);
  ledger_put_batch(t.ledger, &batch);
  assert_int_equal(ledger_commit(t.ledger), 0);
  ledger_batch_free(&batch);
  journal_clear(&t.journal);
}

static void match(void *context, const struct policy *policy) {
  (void)context;
  (void)policy;
}

static void take(void *context, struct firing *f) {
  enum ignored ignored;
  (void)context;
  assert_int_equal(lanes_take(t.lanes, f, t.now, &ignored), 0);
}

static void ignore(void *context, enum ignored reason,
                   const struct device *device, const char *detail) {
  (void)context;
  (void)reason;
  (void)device;
  (void)detail;
}

static struct event event_of(enum severity severity, const char *host) {
  return (struct event){.severity = severity,
                        .host = host,
                        .plugin = "sensors",
                        .plugin_instance = "",
                        .type = "temperature",
                        .type_instance = "",
                        .data_source = "",
                        .message = "",
                        .wall_time_ms = t.now.wall_ms};
}

static void passes(int64_t ms) {
  t.now.ms += ms;
  t.now.wall_ms += ms;
}

/* The agent takes the event, and a minute passes. */
static void hear(const struct event *event) {
  const struct rule_callbacks callbacks = {
      .match = match, .fire = take, .ignore = ignore};
  struct command *c;
  rule_book_fire(t.options->rules, event, t.now, &callbacks);
  while ((c = lanes_begin(t.lanes, t.now)) != NULL)
    t.in_flight = c;
  record();
  passes(60000);
}

static void hear_of(enum severity severity, const char *host) {
  const struct event event = event_of(severity, host);
  hear(&event);
}

/* The attempt ends so, and a minute passes. */
static void ends(enum verdict_class class, int64_t retry_after_ms) {
  const struct verdict v = {.class = class, .retry_after_ms = retry_after_ms};
  lanes_end(t.lanes, t.in_flight, &v, t.now);
  record();
  passes(60000);
}

/* ---- what is told ---- */

static void explain(const struct event *event, long agent) {
  if (t.x.answers != NULL)
    explanation_free(&t.x);
  assert_int_equal(explanation_make(t.options, event, agent, t.now, &t.x), 0);
}

static void assert_told(const struct fate *fate, const char *word,
                        const char *part) {
  struct buf out;
  buf_init(&out, 4096);
  assert_string_equal(explanation_append_fate(&t.x, fate, &out), word);
  if (strstr(buf_text(&out), part) == NULL)
    fail_msg("\"%s\" is not in: %s", part, buf_text(&out));
  buf_free(&out);
}

/* Returns what the rule of that place makes of the event first. */
static const struct finding *finding_of(size_t rule) {
  assert_non_null(t.x.answers[rule].findings);
  return t.x.answers[rule].findings;
}

/* An event would come to that; the first rule is meant. Returns its fate. */
static const struct fate *becomes(enum severity severity, const char *host,
                                  const char *word, const char *part) {
  const struct event event = event_of(severity, host);
  explain(&event, AGENT);
  const struct fate *fate = &finding_of(0)->fate;
  assert_told(fate, word, part);
  return fate;
}

static void assert_shows(const struct fate *fate, const char *body) {
  const struct command *c = explanation_shown(fate);
  assert_non_null(c);
  assert_int_equal(c->body->size, strlen(body));
  assert_memory_equal(c->body->data, body, strlen(body));
}

/* ---- without a record ---- */

static void where_nothing_is_recorded_a_failure_is_sent(void **state) {
  (void)state;
  t.options = read_lines(t.fixture, ONE_RULE);
  const struct event event = event_of(SEVERITY_FAILURE, "rack1");
  explain(&event, NOBODY);
  assert_int_equal(t.x.ground, GROUND_NOTHING);
  assert_false(finding_of(0)->fate.before.is_known);
  assert_told(&finding_of(0)->fate, "sent", "a command is sent at once");
  assert_shows(&finding_of(0)->fate, "on rack1");
}

static void the_first_okay_is_ignored_and_its_body_is_shown(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  assert_shows(becomes(SEVERITY_OKAY, "rack1", "ignored", "FirstOkay"), "off");
}

static void of_a_ledger_in_memory_no_states_are_known(void **state) {
  (void)state;
  t.options = read_lines(t.fixture, "Ledger ':memory:'\n" ONE_RULE);
  const struct fate *fate =
      becomes(SEVERITY_FAILURE, "rack1", "unknown", "can not be read");
  assert_int_equal(t.x.ground, GROUND_UNKNOWN);
  assert_non_null(strstr(t.x.why, "in memory"));
  assert_shows(fate, "on rack1");
}

static void a_ledger_that_is_none_is_told(void **state) {
  (void)state;
  t.options = read_lines(t.fixture, "Ledger '$DIR/none.db'\n" ONE_RULE);
  options_fixture_write(t.fixture, "none.db", "This is no ledger at all.", 25,
                        0600);
  becomes(SEVERITY_FAILURE, "rack1", "unknown", "can not be read");
  assert_non_null(strstr(t.x.why, "none.db"));
}

static void
an_agent_whose_file_is_gone_has_states_that_are_not_known(void **state) {
  (void)state;
  t.options = read_lines(t.fixture, ONE_RULE);
  becomes(SEVERITY_FAILURE, "rack1", "unknown", "can not be read");
  assert_non_null(strstr(t.x.why, "No such file"));
}

/* ---- with a record ---- */

static void what_the_device_has_accepted_is_unchanged(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_ACCEPTED, 0);
  const struct fate *fate =
      becomes(SEVERITY_FAILURE, "rack1", "unchanged", "exactly this at 20");
  assert_true(fate->before.is_known);
  assert_int_equal(fate->before.severity, SEVERITY_FAILURE);
  assert_int_equal(fate->before.series[SEVERITY_FAILURE], 1);
  assert_string_equal(fate->before.speaker, "rack1/sensors/temperature");
  assert_int_equal(fate->before.accepted_ms, t.now.ms - 60000);
  becomes(SEVERITY_OKAY, "rack1", "sent", "sent at once");
}

static void what_is_explained_is_not_done(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_ACCEPTED, 0);
  becomes(SEVERITY_OKAY, "rack1", "sent", "sent at once");
  becomes(SEVERITY_FAILURE, "rack1", "unchanged", "exactly this");
}

static void behind_a_command_in_flight_it_waits_for_its_turn(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  const struct fate *fate = becomes(SEVERITY_OKAY, "rack1", "waits",
                                    "its turn: command 1 of the same device");
  assert_int_equal(fate->before.in_flight_id, 1);
  assert_int_equal(fate->before.waiting_id, 0);
}

static void what_was_in_flight_when_no_agent_runs_is_doubtful(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  const struct event event = event_of(SEVERITY_OKAY, "rack1");
  explain(&event, NOBODY);
  assert_told(&finding_of(0)->fate, "sent", "sent at once");
  assert_int_equal(finding_of(0)->fate.before.in_flight_id, 0);
}

static void
it_takes_the_place_and_the_wait_of_what_is_to_be_retried(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_NOT_EXECUTED, 600000);
  const struct fate *fate =
      becomes(SEVERITY_OKAY, "rack1", "waits", "for a retry, as the command");
  assert_int_equal(fate->superseded_id, 1);
  assert_int_equal(fate->before.waiting_id, 1);
  assert_told(fate, "waits", "takes the place of command 1");
}

static void another_slot_of_the_device_waits_behind_the_retry(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "Host rack1\n")
                  RULE("smoke", "Host rack2\n"));
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_NOT_EXECUTED, 600000);
  const struct event event = event_of(SEVERITY_FAILURE, "rack2");
  explain(&event, AGENT);
  assert_null(t.x.answers[0].findings);
  assert_string_equal(t.x.answers[0].gap.option, "Host");
  assert_told(&finding_of(1)->fate, "waits",
              "command 1 of the same device is to be retried first");
}

/* As at the next start, which reads the configuration as it is then. */
static void a_rule_that_supersedes_now_leaves_one_command(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "Supersede false\nExpire 0\n"));
  for (int i = 0; i < 300; i++) { /* several slabs of them */
    hear_of(SEVERITY_OKAY, "rack1");
    hear_of(SEVERITY_FAILURE, "rack1");
  }
  end_agent();
  t.options = read_lines(t.fixture, ONE_RULE);
  const struct event event = event_of(SEVERITY_OKAY, "rack1");
  explain(&event, NOBODY);
  assert_int_equal(finding_of(0)->fate.before.waiting_id, 599);
  assert_int_equal(finding_of(0)->fate.superseded_id, 599);
}

/* The first rule's command has no id yet that could be looked for. */
static void of_two_rules_of_a_device_the_second_waits(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "") RULE("smoke", ""));
  const struct event event = event_of(SEVERITY_FAILURE, "rack1");
  explain(&event, AGENT);
  assert_told(&finding_of(0)->fate, "sent", "sent at once");
  assert_told(&finding_of(1)->fate, "waits",
              "for its turn: the command of rule \"heat\" goes first");
}

static void a_cooldown_holds_it_back(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "Cooldown 600\n"));
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_ACCEPTED, 0);
  becomes(SEVERITY_OKAY, "rack1", "waits", "for the end of the cooldown");
}

static void a_full_endpoint_holds_it_back(void **state) {
  (void)state;
  begin_agent("<Endpoint cloud>\nURL 'https://cloud.test/cmds'\nAPIKey 'k3y'\n"
              "MaxInFlight 1\n</Endpoint>\n" FAN
              "<Device pump>\nDeviceID 1\n</Device>\n" RULE(
                  "heat", "Host rack1\n") "<Rule smoke>\nHost rack2\nDevice "
                                          "pump\nOnFailure 'on'\n"
                                          "</Rule>\n");
  hear_of(SEVERITY_FAILURE, "rack1");
  const struct event event = event_of(SEVERITY_FAILURE, "rack2");
  explain(&event, AGENT);
  assert_told(&finding_of(1)->fate, "waits", "a place in flight");
}

static void the_body_of_the_worst_series_is_shown(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  hear_of(SEVERITY_FAILURE, "rack1");
  hear_of(SEVERITY_FAILURE, "rack2");
  ends(VERDICT_ACCEPTED, 0);
  const struct fate *fate =
      becomes(SEVERITY_OKAY, "rack2", "unchanged", "place of command 2");
  assert_int_equal(fate->before.series[SEVERITY_FAILURE], 2);
  assert_shows(fate, "on rack1");
  assert_memory_equal(fate->sample->body->data, "off", 3);
}

static void what_comes_twice_is_a_duplicate(void **state) {
  (void)state;
  begin_agent(ONE_RULE);
  struct event event = event_of(SEVERITY_FAILURE, "rack1");
  hear(&event);
  passes(-58000);
  explain(&event, AGENT);
  assert_int_equal(finding_of(0)->fate.ignored, IGNORED_DUPLICATE);
}

static void after_holds_a_state_back_and_ignores_its_okay(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "After 600\n"));
  becomes(SEVERITY_FAILURE, "rack1", "waits", "waits for After");
  assert_int_equal(finding_of(0)->fate.due_ms, t.now.ms + 600000);
  hear_of(SEVERITY_FAILURE, "rack1");
  const struct fate *fate =
      becomes(SEVERITY_OKAY, "rack1", "ignored", "(not_fired)");
  assert_int_equal(fate->before.due_ms, t.now.ms + 540000);
}

static void an_okay_without_a_body_sends_nothing(void **state) {
  (void)state;
  begin_agent(CLOUD FAN "<Rule heat>\nDevice fan\nOnFailure 'on'\n</Rule>\n");
  hear_of(SEVERITY_FAILURE, "rack1");
  ends(VERDICT_NOT_EXECUTED, 600000);
  const struct fate *fate =
      becomes(SEVERITY_OKAY, "rack1", "nothing", "nothing is sent");
  assert_null(explanation_shown(fate));
  assert_int_equal(fate->superseded_id, 1);
}

static void
an_okay_of_another_data_source_fires_where_it_is_known(void **state) {
  (void)state;
  begin_agent(CLOUD FAN RULE("heat", "DataSource core\n"));
  struct event event = event_of(SEVERITY_OKAY, "rack1");
  explain(&event, AGENT);
  assert_null(t.x.answers[0].findings);
  assert_string_equal(t.x.answers[0].gap.option, "DataSource");
  struct event failure = event_of(SEVERITY_FAILURE, "rack1");
  failure.data_source = "core";
  hear(&failure);
  ends(VERDICT_ACCEPTED, 0);
  becomes(SEVERITY_OKAY, "rack1", "sent", "sent at once");
}

/* ---- before it is a firing ---- */

static void what_an_event_lacks_is_named(void **state) {
  (void)state;
  t.options = read_lines(t.fixture, CLOUD FAN
                         "<Rule heat>\nDevice fan\nOnFailure '%{value}'\n"
                         "</Rule>\n<Rule all>\nDevice '%{host}'\n"
                         "OnFailure x\n</Rule>\n");
  const struct event event = event_of(SEVERITY_FAILURE, "rack1");
  explain(&event, NOBODY);
  assert_false(explanation_fires(&t.x.answers[0]));
  assert_int_equal(finding_of(0)->reason, IGNORED_NO_VALUE);
  assert_string_equal(finding_of(0)->detail, "OnFailure needs %{value}");
  assert_int_equal(finding_of(1)->reason, IGNORED_NO_DEVICE);
  assert_string_equal(finding_of(1)->detail, "rack1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(where_nothing_is_recorded_a_failure_is_sent),
      SITUATION(the_first_okay_is_ignored_and_its_body_is_shown),
      SITUATION(of_a_ledger_in_memory_no_states_are_known),
      SITUATION(a_ledger_that_is_none_is_told),
      SITUATION(an_agent_whose_file_is_gone_has_states_that_are_not_known),
      SITUATION(what_the_device_has_accepted_is_unchanged),
      SITUATION(what_is_explained_is_not_done),
      SITUATION(behind_a_command_in_flight_it_waits_for_its_turn),
      SITUATION(what_was_in_flight_when_no_agent_runs_is_doubtful),
      SITUATION(it_takes_the_place_and_the_wait_of_what_is_to_be_retried),
      SITUATION(another_slot_of_the_device_waits_behind_the_retry),
      SITUATION(a_rule_that_supersedes_now_leaves_one_command),
      SITUATION(of_two_rules_of_a_device_the_second_waits),
      SITUATION(a_cooldown_holds_it_back),
      SITUATION(a_full_endpoint_holds_it_back),
      SITUATION(the_body_of_the_worst_series_is_shown),
      SITUATION(what_comes_twice_is_a_duplicate),
      SITUATION(after_holds_a_state_back_and_ignores_its_okay),
      SITUATION(an_okay_without_a_body_sends_nothing),
      SITUATION(an_okay_of_another_data_source_fires_where_it_is_known),
      SITUATION(what_an_event_lacks_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
