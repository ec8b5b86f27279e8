/* SPDX-License-Identifier: MIT
 *
 * What a restart decides of rows: the store is a list, and keeps in words what
 * is to be changed.
 */
#include "ledger/ledger_restore.h"
#include "ledger/ledger_row.h"
#include "ledger_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 8
#define FAN_KEY "overheat/fan"

/* ---- a store that is a list ---- */

struct list {
  struct ledger_store store; /* first */
  struct {
    enum ledger_selection selection;
    struct ledger_row row;
  } rows[ROWS_MAX];
  size_t count;
  int put_status;  /* what each put returns */
  int read_status; /* what each read returns */
  char said[8192];
};

static void say(struct list *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct list *l, const char *format, ...) {
  size_t used = strlen(l->said);
  va_list list;
  va_start(list, format);
  vsnprintf(l->said + used, sizeof l->said - used, format, list);
  va_end(list);
}

static void say_value(struct list *l, const struct ledger_value *v) {
  if (v->kind == LEDGER_VALUE_INTEGER)
    say(l, "%lld", (long long)v->integer);
  else if (v->kind == LEDGER_VALUE_REAL)
    say(l, "%.0f", v->real);
  else if (v->kind == LEDGER_VALUE_NULL)
    say(l, "NULL");
  else
    say(l, "%.*s", (int)v->size, v->data);
}

static void say_row(struct list *l, const char *verb,
                    const struct ledger_row *row) {
  const struct ledger_form *form = &ledger_forms[row->table];
  say(l, "%s %s", verb, form->name);
  for (size_t i = 0; i < form->column_count; i++)
    if ((row->columns >> i & 1) != 0) {
      say(l, " %s=", form->columns[i].name);
      say_value(l, &row->values[i]);
    }
  say(l, "\n");
}

static int list_put(struct ledger_store *s, const struct ledger_row *row) {
  struct list *l = (struct list *)s;
  say_row(l, "put", row);
  return l->put_status;
}

static int list_remove(struct ledger_store *s, const struct ledger_row *like) {
  say_row((struct list *)s, "remove", like);
  return 0;
}

static int list_read(struct ledger_store *s, enum ledger_selection selection,
                     ledger_visit_fn *visit, void *context) {
  struct list *l = (struct list *)s;
  int status = l->read_status;
  for (size_t i = 0; i < l->count && status == 0; i++)
    if (l->rows[i].selection == selection)
      status = visit(context, &l->rows[i].row);
  return status;
}

static const struct ledger_store_type list_type = {
    .put = list_put, .remove = list_remove, .read = list_read};

static struct list list;

static struct ledger_row *add_row(enum ledger_selection selection) {
  assert_true(list.count < ROWS_MAX);
  list.rows[list.count].selection = selection;
  return &list.rows[list.count++].row;
}

/* ---- what is in it ---- */

static struct command *command;
static struct slot *slot;

/* Begins with an empty list, and what rows are made of. */
static struct fixture *begin_list(void **state) {
  struct fixture *f = *state;
  list = (struct list){.store = {.type = &list_type}};
  command = fixture_command(f, 7);
  command->doubtful = false;
  slot = fixture_slot(f, OVERHEAT, FAN, FAN_KEY);
  assert_non_null(slot_add_series(slot, FIXTURE_CORE));
  return f;
}

static void end_list(void) {
  command_free(command);
  slot_free(slot);
}

static struct ledger_row *add_command(enum ledger_selection selection) {
  struct ledger_row *row = add_row(selection);
  ledger_row_of_command(command, FIXTURE_NOW, row);
  return row;
}

static struct ledger_row *add_pending(void) {
  return add_command(LEDGER_PENDING_COMMANDS);
}

static struct ledger_row *add_slot(void) {
  struct ledger_row *row = add_row(LEDGER_ALL_SLOTS);
  ledger_row_of_slot(slot, FIXTURE_NOW, row);
  return row;
}

static struct ledger_row *add_series(void) {
  struct ledger_row *row = add_row(LEDGER_ALL_SERIES);
  ledger_row_of_series(slot_find_series(slot, FIXTURE_CORE), FIXTURE_NOW, row);
  return row;
}

static struct ledger_row *add_totals(const struct fixture *f, int64_t created) {
  const struct account a = {.device = f->devices[FAN],
                            .created = (uint64_t)created};
  struct ledger_row *row = add_row(LEDGER_ALL_TOTALS);
  ledger_row_of_account(&a, row);
  return row;
}

/* ---- settling ---- */

static const struct policy *find_policy(void *context, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  (void)content_type, (void)service;
  const struct fixture *f = context;
  for (int i = 0; i < RULES; i++)
    if (!f->rule_is_gone[i] && strcmp(f->policies[i].rule, rule) == 0)
      return &f->policies[i];
  return NULL;
}

static int try_to_settle(struct fixture *f, struct ledger_settled *settled) {
  const struct ledger_callbacks callbacks = {.context = f,
                                             .find_policy = find_policy};
  const struct ledger_restore r = {.store = &list.store,
                                   .directory = f->directory,
                                   .callbacks = &callbacks,
                                   .now = FIXTURE_NOW};
  return ledger_restore_settle(&r, settled);
}

static void assert_settles(struct fixture *f, const char *said) {
  struct ledger_settled settled;
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_string_equal(list.said, said);
  end_list();
}

static void what_is_still_asked_for_is_left_alone(void **state) {
  struct fixture *f = begin_list(state);
  add_pending();
  add_slot();
  add_series();
  add_totals(f, 7);
  assert_settles(f, "");
  assert_int_equal(f->log_count, 0);
}

#define ENDED(outcome, error)                                                  \
  "put commands id=7 state=finished outcome=" outcome " error=" error          \
  " finished_at=1700000000\n"

static void a_command_of_a_rule_that_is_gone_is_cancelled(void **state) {
  struct fixture *f = begin_list(state);
  f->rule_is_gone[OVERHEAT] = true;
  add_pending();
  assert_settles(f, ENDED("cancelled", "the rule is no longer configured"));
  assert_string_equal(f->log,
                      "command 7 of rule \"overheat\" for device \"fan\": "
                      "cancelled: the rule is no longer configured\n");
}

static void a_command_of_a_device_that_is_gone_is_cancelled(void **state) {
  struct fixture *f = begin_list(state);
  ledger_row_set_text(add_pending(), commands_device, "ghost");
  assert_settles(f, ENDED("cancelled", "the device is no longer configured"));
}

#define FORGOTTEN "put slots key=" FAN_KEY " body=NULL\n"
#define UNKNOWN                                                                \
  ENDED("unknown", "the rule is no longer configured")                         \
  "put failing rule=overheat device=fan outcome=unknown\n"

static void one_that_may_have_been_executed_is_unknown(void **state) {
  struct fixture *f = begin_list(state);
  f->rule_is_gone[OVERHEAT] = true;
  ledger_row_set_integer(add_pending(), commands_doubtful, 1);
  ledger_row_set_text(add_pending(), commands_state, "in_flight");
  ledger_row_set_text(add_pending(), commands_state, "lost");
  assert_settles(f, UNKNOWN FORGOTTEN UNKNOWN FORGOTTEN UNKNOWN);
}

static void what_was_in_flight_voids_what_its_device_accepted(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  ledger_row_set_text(add_pending(), commands_state, "in_flight");
  add_pending();
  ledger_row_set_integer(add_totals(f, 7), totals_epoch, 12);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_string_equal(list.said,
                      FORGOTTEN "put totals device=fan unknown=0 cancelled=0"
                                " epoch=13\n");
  end_list();
}

static void names_are_compared_without_regard_to_case(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_row *row = add_pending();
  ledger_row_set_text(row, commands_device, "FAN");
  ledger_row_set_text(row, commands_endpoint, "CLOUD");
  assert_settles(f, "");
}

static void a_record_that_lacks_something_is_cancelled(void **state) {
  struct fixture *f = begin_list(state);
  ledger_row_set_null(add_pending(), commands_body);
  ledger_row_set_text(add_pending(), commands_body, "");
  ledger_row_set_text(add_pending(), commands_severity, "");
  assert_settles(f, ENDED("cancelled", "its record can not be read")
                        ENDED("cancelled", "its record can not be read")
                            ENDED("cancelled", "its record can not be read"));
}

static void what_is_ended_is_counted_once_in_the_totals(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  f->rule_is_gone[OVERHEAT] = true;
  add_pending();
  ledger_row_set_text(add_pending(), commands_device, "FAN");
  ledger_row_set_text(add_pending(), commands_state, "in_flight");
  struct ledger_row *totals = add_totals(f, 12);
  ledger_row_set_integer(totals, totals_unknown, 4);
  ledger_row_set_integer(totals, totals_cancelled, 5);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_non_null(strstr(
      list.said, "\nput totals device=fan unknown=5 cancelled=7 epoch=1\n"));
  assert_int_equal(settled.ended, 3);
  assert_int_equal(settled.next_id, 13);
  end_list();
}

static void a_command_moves_to_the_slot_that_its_rule_has_now(void **state) {
  struct fixture *f = begin_list(state);
  f->policies[OVERHEAT].per_series = true;
  add_pending();
  assert_settles(f, "put commands id=7 slot=" FAN_KEY "/" FIXTURE_CORE "\n");
}

static void a_series_moves_and_what_its_slot_remembers_does_not(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  f->policies[OVERHEAT].per_series = true;
  add_slot();
  add_series();
  assert_int_equal(try_to_settle(f, &settled), 0);
  static const char expected[] =
      "remove series slot=" FAN_KEY " name=" FIXTURE_CORE "\n"
      "put series slot=" FAN_KEY "/" FIXTURE_CORE " name=" FIXTURE_CORE
      " rule=overheat device=fan severity=okay body=NULL";
  assert_memory_equal(list.said, expected, sizeof expected - 1);
  assert_non_null(strstr(list.said, "\nremove slots key=" FAN_KEY "\n"));
  end_list();
}

static void a_series_of_a_rule_that_is_gone_is_removed(void **state) {
  struct fixture *f = begin_list(state);
  f->rule_is_gone[OVERHEAT] = true;
  add_slot();
  add_series();
  assert_settles(f, "remove series slot=" FAN_KEY " name=" FIXTURE_CORE "\n"
                    "remove slots key=" FAN_KEY "\n");
}

static void a_slot_without_a_series_is_removed(void **state) {
  struct fixture *f = begin_list(state);
  add_slot();
  assert_settles(f, "remove slots key=" FAN_KEY "\n");
}

static void what_fails_of_what_is_gone_is_removed(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_row finished;
  fixture_finish(command, OUTCOME_REFUSED, FIXTURE_NOW);
  ledger_row_of_command(command, FIXTURE_NOW, &finished);
  assert_true(ledger_row_of_failing(&finished, add_row(LEDGER_ALL_FAILING)));
  ledger_row_set_text(&finished, commands_device, "ghost");
  assert_true(ledger_row_of_failing(&finished, add_row(LEDGER_ALL_FAILING)));
  ledger_row_set_text(&finished, commands_rule, "setpoint");
  ledger_row_set_text(&finished, commands_device, "fan");
  assert_true(ledger_row_of_failing(&finished, add_row(LEDGER_ALL_FAILING)));
  f->rule_is_gone[SETPOINT] = true;
  assert_settles(f, "remove failing rule=overheat device=ghost\n"
                    "remove failing rule=setpoint device=fan\n");
}

static void what_is_no_longer_tracked_is_concluded(void **state) {
  struct fixture *f = begin_list(state);
  fixture_finish(command, OUTCOME_ACCEPTED, FIXTURE_NOW);
  add_command(LEDGER_TRACKED_COMMANDS);
  assert_settles(f, "put commands id=7 track_until=NULL\n");
}

static void what_is_still_tracked_is_left_alone(void **state) {
  struct fixture *f = begin_list(state);
  f->policies[OVERHEAT].track = true;
  fixture_finish(command, OUTCOME_ACCEPTED, FIXTURE_NOW);
  add_command(LEDGER_TRACKED_COMMANDS);
  assert_settles(f, "");
}

static void the_next_id_is_greater_than_any_of_a_row(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  add_command(LEDGER_LAST_COMMAND);
  add_totals(f, 3);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_int_equal(settled.next_id, 8);
  assert_int_equal(settled.ended, 0);
  end_list();
}

static void an_id_beyond_2_to_the_53_ends_and_is_no_last_id(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  add_pending();
  ledger_row_set_integer(add_pending(), commands_id, (INT64_C(1) << 53) + 1);
  ledger_row_set_integer(add_pending(), commands_id, -1);
  ledger_row_set_integer(add_command(LEDGER_LAST_COMMAND), commands_id,
                         INT64_MAX);
  add_totals(f, 20);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_int_equal(settled.ended, 2);
  assert_int_equal(settled.next_id, 21);
  assert_non_null(strstr(list.said, "put commands id=9007199254740993 state="));
  end_list();
}

static void the_greatest_id_is_the_last_one(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  ledger_row_set_integer(add_command(LEDGER_LAST_COMMAND), commands_id,
                         INT64_C(1) << 53);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_int_equal(settled.next_id, (INT64_C(1) << 53) + 1);
  end_list();
}

static void totals_begin_anew(void **state, int column, int64_t number) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  add_pending();
  ledger_row_set_text(add_pending(), commands_severity, "banana");
  ledger_row_set_integer(add_totals(f, 20), column, number);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_non_null(strstr(
      list.said, "put totals device=fan created=2 accepted=0 refused=0"
                 " unknown=0 expired=0 superseded=0 unchanged=0 dropped=0"
                 " cancelled=1 epoch=0\n"));
  assert_int_equal(fixture_count_log(f, "the totals of device \"fan\""), 1);
  assert_int_equal(settled.next_id, 1);
  end_list();
  fixture_forget_log(f);
}

static void totals_beyond_reason_begin_anew_with_what_is_pending(void **state) {
  totals_begin_anew(state, totals_created, (INT64_C(1) << 53) + 1);
  totals_begin_anew(state, totals_accepted, INT64_MAX);
  totals_begin_anew(state, totals_epoch, INT64_MIN);
  totals_begin_anew(state, totals_created, -1);
}

static void totals_whose_sum_is_beyond_reason_do_no_harm(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  add_totals(f, INT64_C(1) << 53);
  add_totals(f, INT64_C(1) << 53);
  assert_int_equal(try_to_settle(f, &settled), 0);
  assert_int_equal(settled.next_id, (INT64_C(1) << 53) + 1);
  end_list();
}

static void a_change_that_fails_ends_it_and_nothing_is_logged(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  f->rule_is_gone[OVERHEAT] = true;
  list.put_status = -ENOSPC;
  add_pending();
  add_pending();
  assert_int_equal(try_to_settle(f, &settled), -ENOSPC);
  assert_string_equal(list.said,
                      ENDED("cancelled", "the rule is no longer configured"));
  assert_int_equal(f->log_count, 0);
  end_list();
}

static void a_read_that_fails_ends_it(void **state) {
  struct fixture *f = begin_list(state);
  struct ledger_settled settled;
  list.read_status = -EILSEQ;
  assert_int_equal(try_to_settle(f, &settled), -EILSEQ);
  end_list();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SITUATION(what_is_still_asked_for_is_left_alone),
      SITUATION(a_command_of_a_rule_that_is_gone_is_cancelled),
      SITUATION(a_command_of_a_device_that_is_gone_is_cancelled),
      SITUATION(one_that_may_have_been_executed_is_unknown),
      SITUATION(what_was_in_flight_voids_what_its_device_accepted),
      SITUATION(names_are_compared_without_regard_to_case),
      SITUATION(a_record_that_lacks_something_is_cancelled),
      SITUATION(what_is_ended_is_counted_once_in_the_totals),
      SITUATION(a_command_moves_to_the_slot_that_its_rule_has_now),
      SITUATION(a_series_moves_and_what_its_slot_remembers_does_not),
      SITUATION(a_series_of_a_rule_that_is_gone_is_removed),
      SITUATION(a_slot_without_a_series_is_removed),
      SITUATION(what_fails_of_what_is_gone_is_removed),
      SITUATION(what_is_no_longer_tracked_is_concluded),
      SITUATION(what_is_still_tracked_is_left_alone),
      SITUATION(the_next_id_is_greater_than_any_of_a_row),
      SITUATION(an_id_beyond_2_to_the_53_ends_and_is_no_last_id),
      SITUATION(the_greatest_id_is_the_last_one),
      SITUATION(totals_beyond_reason_begin_anew_with_what_is_pending),
      SITUATION(totals_whose_sum_is_beyond_reason_do_no_harm),
      SITUATION(a_change_that_fails_ends_it_and_nothing_is_logged),
      SITUATION(a_read_that_fails_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
