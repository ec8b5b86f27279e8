/* SPDX-License-Identifier: MIT
 *
 * Orders that somebody else has written into the ledger, and what is told there
 * of the agent.
 */
#include "ledger_words.h"
#include "scarce_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* Gives an order, as onenetctl does. */
static void give(const struct fixture *f, const char *columns,
                 const char *values) {
  char sql[1024];
  snprintf(sql, sizeof sql,
           "INSERT INTO orders (given_at, uid, forced, state, %s)"
           " VALUES (1700000000, 1000, 0, 'given', %s)",
           columns, values);
  fixture_sql(f, sql);
}

/* Returns the orders that are given, for order_free_list. */
static struct order *read_given(struct fixture *f) {
  struct order *list = NULL;
  assert_int_equal(ledger_read_orders(f->ledger, FIXTURE_NOW, &list), 0);
  return list;
}

static void put(struct fixture *f, struct order *o, struct moment now) {
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  fixture_put_change(f, &o->change, now);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

/* ---- what can not be done ---- */

static int chown_errno; /* 0: it is done */

int __real_chown(const char *path, uid_t user, gid_t group);
int __wrap_chown(const char *path, uid_t user, gid_t group);

int __wrap_chown(const char *path, uid_t user, gid_t group) {
  if (chown_errno == 0)
    return __real_chown(path, user, group);
  errno = chown_errno;
  return -1;
}

/* ---- reading ---- */

static void an_order_comes_as_it_was_given(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  give(f, "verb, device, body, content_type, service, expire_s, comment",
       "'send', 'fan', x'00ff', 'text/plain', 'blink', 0, 'a test'");
  struct order *o = read_given(f);
  assert_non_null(o);
  assert_null(o->next);
  assert_int_equal(o->id, 1);
  assert_int_equal(o->verb, ORDER_SEND);
  assert_int_equal(o->state, ORDER_GIVEN);
  assert_int_equal(o->uid, 1000);
  assert_int_equal(o->wall_given_ms, INT64_C(1700000000000));
  assert_string_equal(o->device_name, "fan");
  assert_null(o->rule_name);
  assert_int_equal(o->body->size, 2);
  assert_memory_equal(o->body->data, "\0\xff", 2);
  assert_string_equal(o->content_type, "text/plain");
  assert_string_equal(o->service, "blink");
  assert_string_equal(o->comment, "a test");
  assert_int_equal(o->expire_s, 0);
  assert_false(o->is_forced);
  assert_false(o->change.is_told);
  order_free_list(o);
}

static void orders_come_in_the_order_in_which_they_were_given(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_null(read_given(f));
  give(f, "verb, command_id", "'cancel', 7");
  give(f, "verb, rule, until_at", "'silence', 'overheat', 1700000060.5");
  struct order *o = read_given(f);
  assert_int_equal(o->verb, ORDER_CANCEL);
  assert_int_equal(o->command_id, 7);
  assert_int_equal(o->expire_s, ORDER_EXPIRE_DEFAULT);
  assert_int_equal(o->next->verb, ORDER_SILENCE);
  assert_string_equal(o->next->rule_name, "overheat");
  assert_int_equal(o->next->wall_until_ms, INT64_C(1700000060500));
  assert_null(o->next->next);
  order_free_list(o);
}

/* With a piece of memory more each time, until that is enough. What is left
 * behind the sanitizers see. */
static void orders_without_memory_are_read_later(void **state) {
  struct fixture *f = *state;
  struct order *list = NULL;
  int status = -ENOMEM;
  open_fresh(f);
  give(f, "verb, command_id", "'cancel', 7");
  give(f, "verb, device, body", "'send', 'fan', 'on'");
  for (long pieces = 0; status != 0; pieces++) {
    assert_null(list);
    scarce_memory_begin(pieces);
    status = ledger_read_orders(f->ledger, FIXTURE_NOW, &list);
    scarce_memory_end();
    assert_true(status == 0 || status == -ENOMEM);
  }
  assert_int_equal(list->next->verb, ORDER_SEND);
  assert_string_equal(ledger_error(f->ledger), "");
  order_free_list(list);
}

static void of_many_orders_the_oldest_hundred_are_read(void **state) {
  struct fixture *f = *state;
  size_t count = 0;
  open_fresh(f);
  fixture_sql(f,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
              " WHERE i < 130) INSERT INTO orders (given_at, verb, uid,"
              " forced, state) SELECT 0, 'cancel', 0, 0, 'given' FROM n");
  struct order *list = read_given(f);
  for (const struct order *o = list; o != NULL; o = o->next)
    assert_int_equal(o->id, ++count);
  assert_int_equal(count, 100);
  order_free_list(list);
}

static void a_verb_that_is_not_known_is_refused(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  give(f, "verb", "'explode'");
  struct order *o = read_given(f);
  assert_int_equal(o->state, ORDER_REFUSED);
  assert_string_equal(o->why, "the verb \"explode\" is not known");
  put(f, o, FIXTURE_NOW);
  assert_string_equal(
      fixture_sql(f, "SELECT verb, state, ended_at, why"
                     " FROM orders"),
      "explode|refused|1700000000.0|the verb \"explode\" is not "
      "known");
  order_free_list(o);
}

static void an_order_to_retry_brings_its_command(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  put_finished(f, 3, OUTCOME_UNKNOWN, FIXTURE_NOW);
  fixture_sql(f, "UPDATE commands SET service = 'blink'");
  fixture_put(f, fixture_command(f, 4), FIXTURE_NOW);
  give(f, "verb, command_id", "'retry', 3");
  give(f, "verb, command_id", "'retry', 4");
  give(f, "verb, command_id", "'retry', 5");
  give(f, "verb, command_id", "'cancel', 3");
  struct order *list = read_given(f), *o = list;
  assert_int_equal(o->was, OUTCOME_UNKNOWN);
  assert_string_equal(o->rule_name, "overheat");
  assert_string_equal(o->device_name, "fan");
  assert_string_equal(o->content_type, "application/json");
  assert_string_equal(o->service, "blink");
  assert_non_null(o->body);
  o = o->next;
  assert_int_equal(o->was, OUTCOME_COUNT); /* pending */
  assert_non_null(o->body);
  o = o->next;
  assert_int_equal(o->was, OUTCOME_COUNT);
  assert_null(o->rule_name);
  assert_null(o->body);
  assert_null(o->next->body);
  order_free_list(list);
}

/* ---- what comes of them ---- */

static void
what_came_of_an_order_is_put_and_what_it_asked_for_stays(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  give(f, "verb, device, body, comment", "'send', 'FAN', 'on', 'why not'");
  struct order *o = read_given(f);
  o->result_id = 17;
  order_obey(o, fixture_later(1500));
  put(f, o, fixture_later(2000));
  assert_string_equal(
      fixture_sql(f, "SELECT id, given_at, verb, uid, device, command_id, body,"
                     " expire_s, until_at, comment, state, ended_at, why,"
                     " result_id, count FROM orders"),
      "1|1700000000.0|send|1000|FAN|NULL|on|NULL|NULL|why not|obeyed|"
      "1700000001.5|NULL|17|NULL");
  assert_null(read_given(f));
  order_free_list(o);
}

/* The ledger that it came from was set aside. */
static void an_order_whose_row_is_gone_is_put_whole(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  give(f, "verb, rule, until_at", "'silence', 'overheat', 1700000060.5");
  struct order *o = read_given(f);
  fixture_sql(f, "DELETE FROM orders");
  o->count = 2;
  order_obey(o, FIXTURE_NOW);
  put(f, o, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT id, verb, rule, until_at, state,"
                                     " count FROM orders"),
                      "1|silence|overheat|1700000060.5|obeyed|2");
  order_free_list(o);
}

static void an_order_outlasts_the_history_that_has_no_room(void **state) {
  struct fixture *f = *state;
  struct ledger_batch rows, kept;
  open_fresh(f);
  give(f, "verb, command_id", "'cancel', 7");
  struct order *o = read_given(f);
  order_refuse(o, FIXTURE_NOW, "no such command");
  ledger_batch_init(&rows);
  ledger_batch_init(&kept);
  ledger_batch_add(&rows, &o->change, FIXTURE_NOW);
  for (int id = 1; id <= 3; id++) {
    struct command *c = fixture_command(f, id);
    fixture_finish(c, OUTCOME_ACCEPTED, FIXTURE_NOW);
    ledger_batch_add(&rows, &c->change, FIXTURE_NOW);
    command_free(c);
  }
  ledger_batch_keep_history(&kept, &rows, 2, 1 << 20);
  assert_int_equal(kept.count, 2);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_put_batch(f->ledger, &kept);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT state, why FROM orders"),
                      "refused|no such command");
  assert_string_equal(fixture_sql(f, "SELECT id FROM commands"), "3");
  ledger_batch_keep_history(&rows, &kept, 0, 0);
  assert_int_equal(rows.count, 1);
  ledger_batch_free(&rows);
  order_free_list(o);
}

/* ---- whether somebody has written ---- */

static void only_what_others_write_touches_the_ledger(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  assert_true(ledger_was_touched(f->ledger)); /* since it was opened */
  assert_false(ledger_was_touched(f->ledger));
  put_finished(f, 1, OUTCOME_ACCEPTED, FIXTURE_NOW);
  fixture_sql(f, "SELECT * FROM commands");
  assert_false(ledger_was_touched(f->ledger));
  give(f, "verb, command_id", "'cancel', 7");
  assert_true(ledger_was_touched(f->ledger));
  assert_false(ledger_was_touched(f->ledger));
}

/* ---- silences in force ---- */

static void silence(const struct fixture *f, const char *device,
                    const char *rule, const char *state, int64_t until_s) {
  char sql[512];
  snprintf(sql, sizeof sql,
           "INSERT INTO orders (given_at, verb, uid, device, rule, forced,"
           " until_at, state, ended_at) VALUES (1699999990, 'silence', 0, %s,"
           " %s, 0, %lld, '%s', 1699999991)",
           device, rule, (long long)until_s, state);
  fixture_sql(f, sql);
}

#define SOON_S INT64_C(1700003600)
#define OVER_S INT64_C(1699999999)

static void silences_in_force_are_restored(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  silence(f, "'FAN'", "NULL", "obeyed", SOON_S);
  silence(f, "NULL", "'overheat'", "obeyed", SOON_S);
  silence(f, "'pump'", "NULL", "refused", SOON_S);
  silence(f, "NULL", "'setpoint'", "obeyed", OVER_S);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->silence_count, 2);
  const struct order *o = f->silences[0];
  assert_ptr_equal(o->device, f->devices[FAN]);
  assert_null(o->policy);
  assert_int_equal(o->state, ORDER_OBEYED);
  assert_int_equal(o->wall_until_ms, SOON_S * 1000);
  assert_int_equal(o->ended.ms, FIXTURE_NOW.ms - 9000);
  assert_true(o->change.is_told);
  assert_ptr_equal(f->silences[1]->policy, &f->policies[OVERHEAT]);
}

static void of_each_rule_and_device_the_last_silence_counts(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  silence(f, "'fan'", "NULL", "obeyed", SOON_S);
  silence(f, "'pump'", "NULL", "obeyed", SOON_S);
  silence(f, "'FAN'", "NULL", "obeyed", OVER_S); /* it ended the first */
  silence(f, "'pump'", "NULL", "obeyed", SOON_S + 5);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->silence_count, 1);
  assert_int_equal(f->silences[0]->id, 4);
}

static void a_silence_of_what_is_gone_is_left_out(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  silence(f, "'lamp'", "NULL", "obeyed", SOON_S);
  silence(f, "NULL", "'overheat'", "obeyed", SOON_S);
  f->rule_is_gone[OVERHEAT] = true;
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->silence_count, 0);
  assert_string_equal(fixture_sql(f, "SELECT count(*) FROM orders"), "2");
}

/* The agent ran when the silence of the fan ended, and the clock has gone back
 * since, as at a boot in 1970. */
static void
a_silence_that_was_over_stays_so_under_a_clock_that_is_behind(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  silence(f, "'fan'", "NULL", "obeyed", SOON_S);
  silence(f, "'pump'", "NULL", "obeyed", SOON_S + 5);
  fixture_sql(f, "INSERT INTO agent VALUES ('agent', '', 1, 0, 1700003600, 0,"
                 " 0, 0)");
  fixture_restart(f, (struct moment){.ms = 1000, .wall_ms = 60000});
  assert_int_equal(f->silence_count, 1);
  assert_int_equal(f->silences[0]->id, 2);
}

/* A directory in the place of the lock keeps the file from being written. */
static void a_silence_in_a_ledger_that_can_not_be_written_holds(void **state) {
  struct fixture *f = *state;
  char lock[1024];
  open_fresh(f);
  silence(f, "'fan'", "NULL", "obeyed", SOON_S);
  give(f, "verb, command_id", "'cancel', 7");
  fixture_close(f);
  snprintf(lock, sizeof lock, "%s.lock", f->path);
  assert_int_equal(remove(lock), 0);
  assert_int_equal(mkdir(lock, 0700), 0);
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->silence_count, 1);
  assert_int_equal(rmdir(lock), 0);
  assert_true(ledger_begin(f->ledger, FIXTURE_NOW) < 0);
  assert_int_equal(fixture_put_state(f, 1, FIXTURE_NOW), 0);
  assert_string_equal(fixture_sql(f, "SELECT id, state FROM orders"),
                      "1|obeyed\n2|given");
}

/* ---- what goes ---- */

static void old_orders_go_with_the_history(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  silence(f, "'fan'", "NULL", "obeyed", SOON_S + 90 * 86400);
  silence(f, "'pump'", "NULL", "obeyed", OVER_S);
  give(f, "verb, command_id", "'cancel', 7");
  silence(f, "'pump'", "NULL", "refused", OVER_S);
  const struct moment later = fixture_later(31 * DAY_MS);
  assert_int_equal(ledger_begin(f->ledger, later), 0);
  ledger_trim(f->ledger, later);
  assert_int_equal(ledger_commit(f->ledger), 0);
  /* One in force, one that is given, and the last one. */
  assert_string_equal(fixture_sql(f, "SELECT id FROM orders"), "1\n3\n4");
}

static void more_orders_than_history_max_are_not_kept(void **state) {
  struct fixture *f = *state;
  f->history_max = 3;
  open_fresh(f);
  for (int i = 0; i < 6; i++)
    silence(f, "'fan'", "NULL", "refused", OVER_S - 60 * 86400);
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  ledger_trim(f->ledger, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
  assert_string_equal(fixture_sql(f, "SELECT id FROM orders"), "4\n5\n6");
}

/* ---- who may give orders ---- */

/* Opens the ledger with that group, and closes it. */
static void open_for(struct fixture *f, const gid_t *group) {
  const struct ledger_options options = {
      .path = f->path, .group = group, .history_days = 30, .history_max = 10};
  assert_int_equal(
      ledger_open(&options, FIXTURE_NOW, &f->ledger, f->why, sizeof f->why), 0);
  fixture_close(f);
}

/* All four files have that mode. */
static void assert_modes(const struct fixture *f, mode_t mode) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
  char path[1024];
  struct stat about;
  for (size_t i = 0; i < COUNT(suffixes); i++) {
    snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, mode);
    assert_int_equal(about.st_gid, getegid());
  }
}

static void
a_group_may_write_the_ledger_as_long_as_it_is_configured(void **state) {
  struct fixture *f = *state;
  const gid_t group = getegid();
  open_for(f, NULL);
  assert_modes(f, 0640);
  open_for(f, &group);
  assert_modes(f, 0660);
  open_for(f, NULL);
  assert_modes(f, 0640);
}

static void a_fresh_ledger_belongs_to_the_group_too(void **state) {
  struct fixture *f = *state;
  const gid_t group = getegid();
  write_file(f->path, BYTES("this is no ledger, and is set aside"));
  open_for(f, &group);
  assert_int_equal(fixture_count_files(f, ".corrupt-"), 1);
  assert_modes(f, 0660);
}

static void
a_group_that_can_not_be_given_the_ledger_is_told_once(void **state) {
  struct fixture *f = *state;
  const gid_t group = getegid() + 1;
  chown_errno = EPERM;
  open_for(f, &group);
  chown_errno = 0;
  assert_int_equal(
      fixture_count_log(f, "can not be given to the group of LedgerGroup: "
                           "Operation not permitted: run collectd as root, or "
                           "as a member of the group"),
      1);
  assert_int_equal(fixture_count_log(f, "go on from memory"), 0);
  assert_modes(f, 0640);
}

/* ---- commands by hand ---- */

static void
a_command_by_hand_is_restored_with_its_content_type_and_service(void **state) {
  struct fixture *f = *state;
  f->hand = f->policies[OVERHEAT];
  f->hand.rule = ORDER_RULE;
  f->hand.content_type = "text/plain";
  f->hand.service = "blink";
  open_fresh(f);
  struct command *c = fixture_command(f, 1);
  c->policy = &f->hand;
  fixture_put(f, c, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT rule, content_type, service"
                                     " FROM commands"),
                      "onenetctl|text/plain|blink");
  fixture_restart(f, FIXTURE_NOW);
  assert_int_equal(f->command_count, 1);
  assert_ptr_equal(f->commands[0]->policy, &f->hand);
}

/* ---- what is told of the agent ---- */

static void put_agent(struct fixture *f, const struct ledger_agent *agent,
                      const struct ledger_endpoint *endpoint,
                      struct moment now) {
  struct ledger_batch batch;
  ledger_batch_init(&batch);
  ledger_batch_add_agent(&batch, agent, now);
  ledger_batch_add_endpoint(&batch, endpoint, now);
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  ledger_put_batch(f->ledger, &batch);
  assert_int_equal(ledger_commit(f->ledger), 0);
  ledger_batch_free(&batch);
}

static void the_agent_and_its_endpoints_have_one_row_each(void **state) {
  struct fixture *f = *state;
  struct ledger_agent agent = {
      .version = "1.2", .pid = 7, .started_ms = FIXTURE_NOW.ms - 500};
  struct ledger_endpoint cloud = {.endpoint = f->devices[FAN]->endpoint};
  directory_find_endpoint(f->directory, "cloud")->url =
      strdup("http://there?key=secret");
  open_fresh(f);
  put_agent(f, &agent, &cloud, FIXTURE_NOW);
  agent.waiting = 3;
  agent.inbox = 4;
  agent.ledger_errors = 5;
  cloud.is_open = true;
  cloud.in_flight = 1;
  cloud.waiting = 2;
  cloud.requests = 9;
  strcpy(cloud.last_error, "no answer");
  cloud.last_error_ms = FIXTURE_NOW.ms + 250;
  put_agent(f, &agent, &cloud, fixture_later(1000));
  assert_string_equal(fixture_sql(f, "SELECT * FROM agent"),
                      "agent|1.2|7|1699999999.5|1700000001.0|5|3|4");
  assert_string_equal(
      fixture_sql(
          f, "SELECT endpoint, url, api, circuit, in_flight, waiting, requests,"
             " last_error, last_error_at, told_at FROM endpoints"),
      "cloud|http://there|cmds|open|1|2|9|no "
      "answer|1700000000.25|1700000001.0");
}

static void what_was_told_of_an_endpoint_that_is_gone_goes(void **state) {
  struct fixture *f = *state;
  open_fresh(f);
  fixture_sql(f, "INSERT INTO endpoints VALUES ('Cloud', '', '', 'open', 0, 0,"
                 " 0, NULL, NULL, 0), ('old', '', '', 'open', 0, 0, 0, NULL,"
                 " NULL, 0)");
  fixture_restart(f, FIXTURE_NOW);
  assert_string_equal(fixture_sql(f, "SELECT endpoint FROM endpoints"),
                      "Cloud");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(an_order_comes_as_it_was_given),
      SITUATION(orders_come_in_the_order_in_which_they_were_given),
      SITUATION(orders_without_memory_are_read_later),
      SITUATION(of_many_orders_the_oldest_hundred_are_read),
      SITUATION(a_verb_that_is_not_known_is_refused),
      SITUATION(an_order_to_retry_brings_its_command),
      SITUATION(what_came_of_an_order_is_put_and_what_it_asked_for_stays),
      SITUATION(an_order_whose_row_is_gone_is_put_whole),
      SITUATION(an_order_outlasts_the_history_that_has_no_room),
      SITUATION(only_what_others_write_touches_the_ledger),
      SITUATION(silences_in_force_are_restored),
      SITUATION(of_each_rule_and_device_the_last_silence_counts),
      SITUATION(a_silence_of_what_is_gone_is_left_out),
      SITUATION(a_silence_that_was_over_stays_so_under_a_clock_that_is_behind),
      SITUATION(a_silence_in_a_ledger_that_can_not_be_written_holds),
      SITUATION(old_orders_go_with_the_history),
      SITUATION(more_orders_than_history_max_are_not_kept),
      SITUATION(a_group_may_write_the_ledger_as_long_as_it_is_configured),
      SITUATION(a_fresh_ledger_belongs_to_the_group_too),
      SITUATION(a_group_that_can_not_be_given_the_ledger_is_told_once),
      SITUATION(
          a_command_by_hand_is_restored_with_its_content_type_and_service),
      SITUATION(the_agent_and_its_endpoints_have_one_row_each),
      SITUATION(what_was_told_of_an_endpoint_that_is_gone_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
