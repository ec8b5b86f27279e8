/* SPDX-License-Identifier: MIT */
#include "ledger_fixture.h"

#include "base/log.h"
#include "base/shared_text.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

const char *fixture_place;

/* The callbacks of the log has no context. */
static struct fixture *logged;

static void keep_line(enum log_level level, const char *line) {
  size_t used = strlen(logged->log);
  (void)level;
  logged->log_count++;
  snprintf(logged->log + used, sizeof logged->log - used, "%s\n", line);
}

static void add_endpoint(struct fixture *f, const char *name,
                         struct endpoint **ret_endpoint) {
  assert_int_equal(directory_add_endpoint(f->directory, name, ret_endpoint), 0);
}

static void add_device(struct fixture *f, int index, const char *name,
                       const char *id, struct endpoint *endpoint) {
  assert_int_equal(directory_add_device(f->directory, name, &f->devices[index]),
                   0);
  assert_int_equal(device_set_id(f->devices[index], id), 0);
  f->devices[index]->endpoint = endpoint;
}

static void configure(struct fixture *f) {
  struct endpoint *cloud, *edge;
  f->directory = directory_new();
  assert_non_null(f->directory);
  add_endpoint(f, "cloud", &cloud);
  add_endpoint(f, "edge", &edge);
  add_device(f, FAN, "fan", "8029377", cloud);
  add_device(f, PUMP, "pump", "8029378", edge);
  f->devices[PUMP]->qos = 1;
  f->policies[OVERHEAT] = (struct policy){.rule = "overheat",
                                          .content_type = "application/json",
                                          .supersede = true,
                                          .timeout_s = POLICY_DEFAULT,
                                          .expire_s = POLICY_DEFAULT,
                                          .repeat_s = POLICY_DEFAULT,
                                          .cooldown_s = 30};
  f->policies[SETPOINT] = f->policies[OVERHEAT];
  f->policies[SETPOINT].rule = "setpoint";
  f->policies[SETPOINT].index = 1;
  f->policies[SETPOINT].per_series = true;
}

static const char *place(void) {
  const char *of_environment = getenv("TMPDIR");
  if (fixture_place != NULL)
    return fixture_place;
  return of_environment != NULL ? of_environment : "/tmp";
}

int fixture_setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  snprintf(f->directory_path, sizeof f->directory_path, "%s/test_ledger.XXXXXX",
           place());
  assert_non_null(mkdtemp(f->directory_path));
  snprintf(f->path, sizeof f->path, "%s/onenet.db", f->directory_path);
  f->sync = LEDGER_SYNC_NORMAL;
  f->history_max = 100000;
  configure(f);
  logged = f;
  log_install(keep_line, NULL);
  *state = f;
  return 0;
}

static void remove_directory(const char *path) {
  DIR *directory = opendir(path);
  const struct dirent *entry;
  char name[512];
  while (directory != NULL && (entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (unlink(name) < 0)
      remove_directory(name);
  }
  if (directory != NULL)
    closedir(directory);
  rmdir(path);
}

int fixture_teardown(void **state) {
  struct fixture *f = *state;
  fixture_close(f);
  log_install(NULL, NULL);
  remove_directory(f->directory_path);
  directory_free(f->directory);
  free(f);
  return 0;
}

struct moment fixture_later(int64_t ms) {
  return (struct moment){.ms = FIXTURE_NOW.ms + ms,
                         .wall_ms = FIXTURE_NOW.wall_ms + ms};
}

/* ---- the callbacks ---- */

static const struct policy *find_policy(void *context, const char *rule,
                                        const char *content_type,
                                        const char *service) {
  const struct fixture *f = context;
  if (f->hand.rule != NULL && strcmp(f->hand.rule, rule) == 0 &&
      strcmp(f->hand.content_type, content_type) == 0 &&
      strcmp(f->hand.service, service) == 0)
    return &f->hand;
  for (int i = 0; i < RULES; i++)
    if (!f->rule_is_gone[i] && strcmp(f->policies[i].rule, rule) == 0)
      return &f->policies[i];
  return NULL;
}

static bool has_newer(void *context, const char *slot_key, const char *name) {
  const struct fixture *f = context;
  return f->newer != NULL && strcmp(slot_key, f->newer) == 0 &&
         (name == NULL || strcmp(name, f->newer_series) == 0);
}

static int keep_account(void *context, const struct device *device,
                        const struct account *account) {
  struct fixture *f = context;
  assert_ptr_equal(device, account->device);
  assert_true(f->account_count < FIXTURE_MAX);
  f->accounts[f->account_count++] = *account;
  return 0;
}

static struct slot *keep_slot(void *context, const struct policy *policy,
                              const struct device *device, const char *key) {
  struct fixture *f = context;
  for (size_t i = 0; i < f->slot_count; i++)
    if (strcmp(f->slots[i]->key, key) == 0)
      return f->slots[i];
  assert_true(f->slot_count < FIXTURE_MAX);
  struct slot *s = slot_new(policy, device, key);
  if (s != NULL)
    f->slots[f->slot_count++] = s;
  return s;
}

static int keep_series(void *context, struct series *series) {
  struct fixture *f = context;
  assert_true(f->series_count < FIXTURE_MAX);
  slot_place_series(series);
  f->series[f->series_count++] = series;
  return 0;
}

static int keep_command(void *context, struct command *command) {
  struct fixture *f = context;
  if (f->callback_status < 0)
    return f->callback_status;
  assert_true(f->command_count < FIXTURE_MAX);
  f->commands[f->command_count++] = command;
  return 0;
}

static int keep_tracked(void *context, struct tracked *tracked) {
  struct fixture *f = context;
  assert_true(f->tracked_count < FIXTURE_MAX);
  f->tracked[f->tracked_count++] = tracked;
  return 0;
}

static int keep_failing(void *context, const struct policy *policy,
                        const struct device *device, enum outcome outcome) {
  struct fixture *f = context;
  size_t used = strlen(f->failing);
  snprintf(f->failing + used, sizeof f->failing - used, "%s %s %s;",
           policy->rule, device->name, outcome_name(outcome));
  return 0;
}

static int keep_silence(void *context, struct order *order) {
  struct fixture *f = context;
  assert_true(f->silence_count < FIXTURE_MAX);
  f->silences[f->silence_count++] = order;
  return 0;
}

/* ---- life ---- */

static void forget_restored(struct fixture *f) {
  f->failing[0] = '\0';
  for (size_t i = 0; i < f->slot_count; i++)
    slot_free(f->slots[i]);
  for (size_t i = 0; i < f->command_count; i++)
    command_free(f->commands[i]);
  for (size_t i = 0; i < f->tracked_count; i++)
    tracked_free(f->tracked[i]);
  for (size_t i = 0; i < f->silence_count; i++)
    order_free(f->silences[i]);
  f->silence_count = 0;
  f->tracked_count = 0;
  f->account_count = 0;
  f->slot_count = 0;
  f->series_count = 0;
  f->command_count = 0;
}

void fixture_close(struct fixture *f) {
  ledger_close(f->ledger);
  f->ledger = NULL;
  forget_restored(f);
}

int fixture_open(struct fixture *f, struct moment now) {
  const struct ledger_options options = {.path = f->path,
                                         .sync = f->sync,
                                         .history_days = 30,
                                         .history_max = f->history_max};
  int status = ledger_open(&options, now, &f->ledger, f->why, sizeof f->why);
  f->was_set_aside = status == 0 && ledger_was_set_aside(f->ledger);
  return status;
}

static struct ledger_callbacks callbacks_of(struct fixture *f) {
  return (struct ledger_callbacks){.context = f,
                                   .find_policy = find_policy,
                                   .has_newer = has_newer,
                                   .account = keep_account,
                                   .slot = keep_slot,
                                   .series = keep_series,
                                   .command = keep_command,
                                   .tracked = keep_tracked,
                                   .failing = keep_failing,
                                   .silence = keep_silence};
}

int fixture_try_load(struct fixture *f, struct moment now) {
  const struct ledger_callbacks callbacks = callbacks_of(f);
  return ledger_load(f->ledger, f->directory, &callbacks, now, &f->next_id);
}

int fixture_read_late(struct fixture *f, struct moment now) {
  const struct ledger_callbacks callbacks = callbacks_of(f);
  int status = ledger_read_late(f->ledger, f->directory, &callbacks, now);
  return status < 0 ? status
                    : ledger_restore_late(f->ledger, f->directory, &callbacks,
                                          now, &f->next_id);
}

int fixture_peek(struct fixture *f, struct moment now) {
  const struct ledger_callbacks callbacks = callbacks_of(f);
  forget_restored(f);
  return ledger_peek(f->path, f->directory, &callbacks, now, &f->next_id,
                     f->why, sizeof f->why);
}

void fixture_load(struct fixture *f, struct moment now) {
  assert_int_equal(fixture_try_load(f, now), f->load_status);
  f->was_set_aside = ledger_was_set_aside(f->ledger);
}

void fixture_restart(struct fixture *f, struct moment now) {
  fixture_close(f);
  assert_int_equal(fixture_open(f, now), 0);
  fixture_load(f, now);
}

/* ---- what is put ---- */

struct body *fixture_body(const char *text) {
  struct body *body = body_new(text, strlen(text));
  assert_non_null(body);
  return body;
}

struct command *fixture_command(struct fixture *f, int64_t id) {
  struct command *c = command_new();
  assert_non_null(c);
  *c = (struct command){.id = id,
                        .policy = &f->policies[OVERHEAT],
                        .device = f->devices[FAN],
                        .slot_key = shared_text_new("overheat/fan"),
                        .series = shared_text_new(FIXTURE_CORE),
                        .severity = SEVERITY_FAILURE,
                        .body = fixture_body("{\"fan\":\"on\"}"),
                        .has_value = true,
                        .value = 81.25,
                        .timeout_s = 600,
                        .created = fixture_later(-7001),
                        .valid_from_ms = FIXTURE_NOW.ms - 5003,
                        .deadline_ms = FIXTURE_NOW.ms + 594997,
                        .not_before_ms = FIXTURE_NOW.ms + 1007,
                        .waits_for_credentials = true,
                        .doubtful = true,
                        .attempts = 3};
  assert_int_equal(command_make_attempt(c), 0);
  c->attempt->sent = fixture_later(-2011);
  c->attempt->verdict = (struct verdict){.class = VERDICT_CREDENTIALS,
                                         .cause = "errno_3",
                                         .has_errno = true,
                                         .errno_value = 3,
                                         .http_code = 401,
                                         .error = "auth failed",
                                         .cmd_uuid = "81572aae-fc34"};
  return c;
}

struct slot *fixture_slot(struct fixture *f, int rule, int device,
                          const char *key) {
  struct slot *s = slot_new(&f->policies[rule], f->devices[device], key);
  assert_non_null(s);
  s->accepted = (struct accepted){.body = fixture_body("{\"fan\":\"off\"}"),
                                  .has_value = true,
                                  .value = -0.5,
                                  .accepted_ms = FIXTURE_NOW.ms - 40013,
                                  .attempts_begun = 12};
  s->owes = true;
  s->cooldown_until_ms = FIXTURE_NOW.ms + 20017;
  return s;
}

void fixture_finish(struct command *c, enum outcome outcome,
                    struct moment now) {
  c->state = COMMAND_FINISHED;
  c->outcome = outcome;
  c->finished = now;
}

void fixture_put_change(struct fixture *f, struct change *change,
                        struct moment now) {
  struct ledger_batch batch;
  ledger_batch_init(&batch);
  ledger_batch_add(&batch, change, now);
  ledger_put_batch(f->ledger, &batch);
  ledger_batch_free(&batch);
}

void fixture_put_counts(struct fixture *f, const struct account *counts) {
  struct account a = *counts;
  a.change.kind = CHANGE_ACCOUNT;
  fixture_put_change(f, &a.change, FIXTURE_NOW);
}

void fixture_put(struct fixture *f, struct command *c, struct moment now) {
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  fixture_put_change(f, &c->change, now);
  assert_int_equal(ledger_commit(f->ledger), 0);
  command_free(c);
}

void fixture_put_account(struct fixture *f, int device, uint64_t created,
                         uint64_t accepted, struct moment now) {
  struct account a = {.device = f->devices[device], .created = created};
  a.by_outcome[OUTCOME_ACCEPTED] = accepted;
  assert_int_equal(ledger_begin(f->ledger, now), 0);
  fixture_put_counts(f, &a);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

static void put_slot(struct fixture *f, struct moment now) {
  struct slot *s = fixture_slot(f, OVERHEAT, FAN, "overheat/fan");
  struct series *series = slot_add_series(s, FIXTURE_CORE);
  assert_non_null(series);
  series->severity = SEVERITY_FAILURE;
  series->body = fixture_body("{\"fan\":\"on\"}");
  fixture_put_change(f, &s->change, now);
  fixture_put_change(f, &series->change, now);
  slot_free(s);
}

int fixture_put_state(struct fixture *f, int count, struct moment now) {
  const struct account a = {.device = f->devices[FAN],
                            .created = (uint64_t)count};
  int status = ledger_begin(f->ledger, now);
  if (status < 0)
    return status;
  ledger_clear_state(f->ledger);
  put_slot(f, now);
  for (int id = 1; id <= count; id++) {
    struct command *c = fixture_command(f, id);
    fixture_put_change(f, &c->change, now);
    command_free(c);
  }
  fixture_put_counts(f, &a);
  return ledger_commit(f->ledger);
}

/* ---- what is seen ---- */

static void append_row(sqlite3_stmt *row, char *text, size_t bytes) {
  for (int i = 0; i < sqlite3_column_count(row); i++) {
    size_t used = strlen(text);
    const unsigned char *column = sqlite3_column_text(row, i);
    const char *before = i > 0 ? "|" : used > 0 ? "\n" : "";
    snprintf(text + used, bytes - used, "%s%s", before,
             column != NULL ? (const char *)column : "NULL");
  }
}

const char *fixture_sql(const struct fixture *f, const char *sql) {
  static char text[65536];
  sqlite3 *db = NULL;
  sqlite3_stmt *row = NULL;
  int code;
  text[0] = '\0';
  assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL),
                   SQLITE_OK);
  sqlite3_busy_timeout(db, 20000); /* who closes the ledger locks it */
  code = sqlite3_prepare_v2(db, sql, -1, &row, NULL);
  if (code != SQLITE_OK)
    print_error("%s: %s\n", sql, sqlite3_errmsg(db));
  assert_int_equal(code, SQLITE_OK);
  while ((code = sqlite3_step(row)) == SQLITE_ROW)
    append_row(row, text, sizeof text);
  assert_int_equal(code, SQLITE_DONE);
  sqlite3_finalize(row);
  sqlite3_close(db);
  return text;
}

size_t fixture_count_files(const struct fixture *f, const char *part) {
  DIR *directory = opendir(f->directory_path);
  const struct dirent *entry;
  size_t count = 0;
  assert_non_null(directory);
  while ((entry = readdir(directory)) != NULL)
    count += strstr(entry->d_name, part) != NULL ? 1 : 0;
  closedir(directory);
  return count;
}

void fixture_forget_log(struct fixture *f) {
  f->log[0] = '\0';
  f->log_count = 0;
  log_install(keep_line, NULL);
}

size_t fixture_count_log(const struct fixture *f, const char *text) {
  size_t count = 0;
  for (const char *at = f->log; (at = strstr(at, text)) != NULL; at++)
    count++;
  return count;
}
