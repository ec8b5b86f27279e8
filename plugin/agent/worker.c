/* SPDX-License-Identifier: MIT */
#include "agent/worker.h"

#include "agent/inbox.h"
#include "agent/poller.h"
#include "agent/troubles.h"
#include "agent/worker_log.h"
#include "base/log.h"
#include "cloud/cmds_api.h"
#include "cloud/credential.h"
#include "cloud/http.h"
#include "cloud/request.h"
#include "delivery/lanes.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_SLEEP_MS 1000
#define LEDGER_RETRY_MS 1000
#define TRIM_PERIOD_MS 60000
#define CLOCK_JUMP_MS 2000
#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* So many events may be on their way beyond the queue's limits: whether one
 * takes the place of another is only known once it is taken. */
#define INBOX_EXTRA_FIRINGS 10000
#define INBOX_EXTRA_BYTES (16 * 1024 * 1024)

/* Finished commands that are kept for the history while the ledger fails, and
 * as many that were tracked. */
#define UNRECORDED_MAX 10000

/* What is known of an endpoint's credentials. */
struct key {
  unsigned long generation; /* of the header that was sent last */
  int64_t changed_ms;       /* since when that is so */
};

struct worker {
  const struct options *options;
  const struct directory *directory;
  bool is_test;
  bool is_dry; /* decides, but sends nothing; the ledger is in memory */
  struct stats *stats;
  struct finished *finished;

  struct inbox *inbox;
  _Atomic uint64_t *overflow; /* by device.index: firings for which there was no
                                 room */
  _Atomic bool overflowed;
  _Atomic bool stopping;
  struct http *http; /* http_wake: any thread; the rest: the I/O thread */

  pthread_t thread;
  _Atomic bool is_running; /* may be woken */

  /* Below: the I/O thread's alone. */
  struct lanes *lanes;
  struct tracker *tracker;
  struct poller poller;
  struct ledger *ledger;
  struct credential **credentials; /* by endpoint.index */
  struct key *keys;                /* likewise */
  bool *circuit_open;              /* likewise: what was said */
  struct troubles *troubles;       /* what was said of them */
  struct command **begun; /* attempts of this turn, to be sent once recorded */
  size_t begun_max;
  bool ledger_failing;
  int64_t ledger_retry_ms;
  int64_t next_trim_ms;
  int64_t clock_offset_ms; /* wall minus monotonic */
};

/* ---- time and chance ---- */

static int64_t clock_ms(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct moment worker_now(void) {
  return (struct moment){.ms = clock_ms(CLOCK_MONOTONIC),
                         .wall_ms = clock_ms(CLOCK_REALTIME)};
}

static uint64_t random_number(void *context, uint64_t max_inclusive) {
  uint64_t number = 0;
  (void)context;
  if (getentropy(&number, sizeof number) < 0)
    number = (uint64_t)clock_ms(CLOCK_MONOTONIC) * 2654435761U;
  return max_inclusive == UINT64_MAX ? number : number % (max_inclusive + 1);
}

/* ---- life ---- */

static int new_connections(struct worker *w) {
  size_t count = directory_endpoint_count(w->directory);
  w->credentials = calloc(count + 1, sizeof(struct credential *));
  w->keys = calloc(count + 1, sizeof *w->keys);
  w->circuit_open = calloc(count + 1, sizeof *w->circuit_open);
  w->troubles = troubles_new(count, directory_device_count(w->directory));
  if (w->credentials == NULL || w->keys == NULL || w->circuit_open == NULL ||
      w->troubles == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    const struct endpoint *e = directory_endpoint(w->directory, i);
    w->credentials[i] = credential_new(&e->credential);
    w->begun_max += (size_t)e->max_in_flight;
    if (w->credentials[i] == NULL)
      return -ENOMEM;
  }
  w->begun = calloc(w->begun_max + 1, sizeof(struct command *));
  w->http = http_new(w->begun_max);
  return w->begun != NULL && w->http != NULL ? 0 : -ENOMEM;
}

struct worker *worker_new(const struct options *options, struct stats *stats,
                          struct finished *finished, bool is_test) {
  struct worker *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  w->options = options;
  w->directory = options->directory;
  w->is_test = is_test;
  w->is_dry = is_test || options->dry_run;
  w->stats = stats;
  w->finished = finished;
  w->overflow =
      calloc(directory_device_count(w->directory) + 1, sizeof *w->overflow);
  w->inbox = inbox_new(options->queue_limit + INBOX_EXTRA_FIRINGS,
                       options->queue_bytes + INBOX_EXTRA_BYTES);
  if (w->overflow == NULL || w->inbox == NULL || new_connections(w) < 0) {
    worker_free(w);
    return NULL;
  }
  return w;
}

void worker_free(struct worker *w) {
  if (w == NULL)
    return;
  worker_stop(w);
  http_free(w->http);
  for (size_t i = 0;
       w->credentials != NULL && i < directory_endpoint_count(w->directory);
       i++)
    credential_free(w->credentials[i]);
  free(w->credentials);
  free(w->keys);
  free(w->circuit_open);
  troubles_free(w->troubles);
  free(w->begun);
  free(w->overflow);
  inbox_free(w->inbox);
  free(w);
}

/* ---- restoring ---- */

static const struct policy *find_policy(void *context, const char *name) {
  const struct worker *w = context;
  struct rule *r = rule_book_find(w->options->rules, name);
  return r != NULL ? rule_policy(r) : NULL;
}

static int restore_account(void *context, const struct device *device,
                           const struct account *account) {
  lanes_restore_account(((struct worker *)context)->lanes, device, account);
  return 0;
}

static struct slot *restore_slot(void *context, const struct policy *policy,
                                 const struct device *device, const char *key) {
  return lanes_restore_slot(((struct worker *)context)->lanes, policy, device,
                            key);
}

static int restore_series(void *context, struct series *series) {
  return lanes_restore_series(((struct worker *)context)->lanes, series);
}

static int restore_command(void *context, struct command *command) {
  return lanes_restore_command(((struct worker *)context)->lanes, command,
                               worker_now());
}

static int restore_tracked(void *context, struct tracked *tracked) {
  return poller_restore(&((struct worker *)context)->poller, tracked,
                        worker_now());
}

static int restore_failing(void *context, const struct policy *policy,
                           const struct device *device, enum outcome outcome) {
  const struct worker *w = context;
  finished_put(w->finished,
               &(const struct finished_command){.news = FINISHED_EARLIER,
                                                .policy = policy,
                                                .device = device,
                                                .outcome = outcome});
  return 0;
}

static int restore(struct worker *w) {
  const struct ledger_sink sink = {.context = w,
                                   .find_policy = find_policy,
                                   .account = restore_account,
                                   .slot = restore_slot,
                                   .series = restore_series,
                                   .command = restore_command,
                                   .tracked = restore_tracked,
                                   .failing = restore_failing};
  int64_t next_id = 1;
  int status =
      ledger_load(w->ledger, w->directory, &sink, worker_now(), &next_id);
  if (status == 0)
    lanes_set_next_id(w->lanes, next_id);
  return status;
}

static int open_ledger(struct worker *w, bool *ret_was_set_aside, char *ret_why,
                       size_t why_bytes) {
  const struct options *o = w->options;
  const struct ledger_options options = {.path = w->is_dry ? LEDGER_IN_MEMORY
                                                           : o->ledger_path,
                                         .sync = o->ledger_sync,
                                         .history_days = o->history_days,
                                         .history_max = o->history_max};
  return ledger_open(&options, worker_now(), &w->ledger, ret_was_set_aside,
                     ret_why, why_bytes);
}

static struct lanes *new_lanes(struct worker *w, bool nothing_is_known) {
  const struct lanes_options options = {.directory = w->directory,
                                        .queue_limit = w->options->queue_limit,
                                        .queue_bytes = w->options->queue_bytes,
                                        .first_okay_send = nothing_is_known,
                                        .random = random_number};
  return lanes_new(&options);
}

static void init_poller(struct worker *w) {
  w->poller = (struct poller){.directory = w->directory,
                              .credentials = w->credentials,
                              .http = w->http,
                              .lanes = w->lanes,
                              .tracker = w->tracker,
                              .stats = w->stats,
                              .finished = w->finished,
                              .tells_statuses = w->options->command_series};
}

static void know_nothing(struct worker *w) {
  lanes_send_first_okay(w->lanes);
  log_warning("nothing is known of the devices' states in this run: the first "
              "OKAY of each slot is sent, too");
}

static int prepare(struct worker *w, char *ret_why, size_t why_bytes) {
  bool was_set_aside = false;
  int status = open_ledger(w, &was_set_aside, ret_why, why_bytes);
  if (status < 0)
    return status;
  w->lanes =
      new_lanes(w, strcmp(w->options->ledger_path, LEDGER_IN_MEMORY) == 0);
  w->tracker = tracker_new(directory_endpoint_count(w->directory), TRACKER_MAX);
  if (w->lanes == NULL || w->tracker == NULL) {
    snprintf(ret_why, why_bytes, "out of memory");
    return -ENOMEM;
  }
  init_poller(w);
  status = restore(w);
  if (status < 0)
    snprintf(ret_why, why_bytes, "the ledger can not be restored: %s",
             strerror(-status));
  else if (was_set_aside || ledger_error(w->ledger)[0] != '\0')
    know_nothing(w);
  return status;
}

static void release(struct worker *w) {
  lanes_free(w->lanes);
  tracker_free(w->tracker);
  ledger_close(w->ledger);
  w->lanes = NULL;
  w->tracker = NULL;
  w->ledger = NULL;
}

/* ---- what arrived ---- */

void worker_put(struct worker *w, struct firing *f) {
  bool was_empty = false;
  int status = inbox_put(w->inbox, f, &was_empty);
  if (status == 0) {
    if (was_empty)
      worker_wake(w);
    return;
  }
  if (status == -ENOBUFS) {
    atomic_fetch_add(&w->overflow[f->device->index], 1);
    atomic_store(&w->overflowed, true);
  } else {
    log_warning("an event for device \"%s\" came after the end: it is ignored",
                f->device->name);
  }
  firing_free(f);
}

size_t worker_inbox_count(struct worker *w) { return inbox_count(w->inbox); }

static void count_ignored(struct worker *w, const struct policy *policy,
                          const struct device *device, enum ignored reason) {
  stats_count_ignored(w->stats, device, reason);
  if (w->is_dry)
    worker_log_dry_ignored(policy->rule, device, ignored_name(reason));
}

static void count_lost(struct worker *w, const struct device *device) {
  stats_count_created(w->stats, device, 1);
  stats_count_outcome(w->stats, device, OUTCOME_DROPPED, 1);
  log_error("out of memory: a command for device \"%s\" was dropped",
            device->name);
}

static void take_firing(struct worker *w, struct firing *f, struct moment now) {
  const struct policy *policy = f->policy;
  const struct device *device = f->device;
  enum ignored ignored = IGNORED_NOT;
  if (lanes_take(w->lanes, f, now, &ignored) < 0)
    count_lost(w, device);
  if (ignored != IGNORED_NOT)
    count_ignored(w, policy, device, ignored);
}

static void take_firings(struct worker *w, struct moment now) {
  for (struct firing *f = inbox_take_all(w->inbox), *next; f != NULL;
       f = next) {
    next = f->next;
    take_firing(w, f, now);
  }
}

static void take_overflow(struct worker *w) {
  if (!atomic_exchange(&w->overflowed, false))
    return;
  for (size_t i = 0; i < directory_device_count(w->directory); i++) {
    const struct device *device = directory_device(w->directory, i);
    uint64_t count = atomic_exchange(&w->overflow[i], 0);
    if (count == 0)
      continue;
    lanes_drop(w->lanes, device, count);
    stats_count_created(w->stats, device, count);
    stats_count_outcome(w->stats, device, OUTCOME_DROPPED, count);
    stats_count_unreported(w->stats, count);
    log_error("the queue is full: commands for device \"%s\" were dropped",
              device->name);
  }
}

/* ---- what was answered ---- */

/* Where the circuit was open, that it closes is the word of the recovery. */
static void tell_troubles(struct worker *w, const struct command *c,
                          const struct verdict *v, struct moment now) {
  const struct endpoint *e = c->device->endpoint;
  struct troubles_news news = troubles_take(w->troubles, c->device, v);
  if (news.endpoint_recovered && !w->circuit_open[e->index])
    worker_log_endpoint_recovery(e);
  if (news.device_recovered)
    worker_log_device_recovery(c->device);
  if (news.began != TROUBLE_NONE)
    worker_log_trouble(c, v, news.began, now);
}

static void end_attempt(struct worker *w, struct command *c,
                        const struct verdict *v, struct moment now) {
  const struct endpoint *e = c->device->endpoint;
  stats_count_failure(w->stats, c->device, v->cause);
  lanes_end(w->lanes, c, v, now);
  tell_troubles(w, c, v, now);
  /* If another attempt has read a new key since this one began, it is tried
   * with that at once. */
  if (v->class == VERDICT_CREDENTIALS &&
      w->keys[e->index].changed_ms > c->sent.ms)
    lanes_retry_credentials(w->lanes, e, now);
}

static void take_reply(struct worker *w, const struct http_reply *reply,
                       struct moment now) {
  struct command *c = reply->tag;
  struct verdict v;
  cmds_api_judge(reply, &v);
  stats_count_http_code(w->stats, c->device->endpoint, reply->http_code);
  end_attempt(w, c, &v, now);
  poller_follow(&w->poller, c, now);
}

static void take_replies(struct worker *w, struct moment now) {
  struct http_reply reply;
  while (http_next_reply(w->http, &reply)) {
    if (reply.is_post)
      take_reply(w, &reply, now);
    else
      poller_take_reply(&w->poller, &reply, now);
  }
}

static size_t commands_in_flight(const struct worker *w) {
  return http_in_flight(w->http) - tracker_in_flight(w->tracker);
}

static void watch_credentials(struct worker *w, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(w->directory); i++) {
    const struct endpoint *e = directory_endpoint(w->directory, i);
    if (!lanes_wait_for_credentials(w->lanes, e) ||
        !credential_has_changed(w->credentials[i]))
      continue;
    troubles_forget_credentials(w->troubles, e);
    lanes_retry_credentials(w->lanes, e, now);
  }
}

/* ---- recording ---- */

static void touch_all(struct worker *w) {
  lanes_touch_all(w->lanes);
  tracker_touch_all(w->tracker);
}

/* The ledger holds wall times, which a jump of the clock makes wrong. */
static void watch_clock(struct worker *w, struct moment now) {
  int64_t offset_ms = now.wall_ms - now.ms;
  int64_t jump_ms = offset_ms - w->clock_offset_ms;
  if (jump_ms > CLOCK_JUMP_MS || jump_ms < -CLOCK_JUMP_MS)
    touch_all(w);
  w->clock_offset_ms = offset_ms;
}

static void remove_slot(void *context, const char *slot_key) {
  ledger_remove_slot(context, slot_key);
}

static void trim(struct worker *w, struct moment now) {
  if (now.ms < w->next_trim_ms)
    return;
  lanes_trim(w->lanes, w->options->history_days * DAY_MS, now, remove_slot,
             w->ledger);
  if (!ledger_trim(w->ledger, now))
    w->next_trim_ms = now.ms + TRIM_PERIOD_MS;
}

static bool has_changes(const struct worker *w) {
  return lanes_changed_commands(w->lanes) != NULL ||
         lanes_changed_slots(w->lanes) != NULL ||
         lanes_changed_accounts(w->lanes) != NULL ||
         tracker_changed(w->tracker) != NULL;
}

static void put_changes(struct worker *w, struct moment now) {
  for (const struct command *c = lanes_changed_commands(w->lanes); c != NULL;
       c = c->next_changed)
    ledger_put_command(w->ledger, c, now);
  for (const struct tracked *t = tracker_changed(w->tracker); t != NULL;
       t = t->next_changed)
    ledger_put_tracked(w->ledger, t, now);
  for (const struct slot *s = lanes_changed_slots(w->lanes); s != NULL;
       s = s->next_changed)
    ledger_put_slot(w->ledger, s, now);
  for (const struct series *s = lanes_changed_series(w->lanes); s != NULL;
       s = s->next_changed)
    ledger_put_series(w->ledger, s, now);
  for (const struct account *a = lanes_changed_accounts(w->lanes); a != NULL;
       a = a->next_changed)
    ledger_put_account(w->ledger, a);
}

static int commit(struct worker *w, struct moment now) {
  int status = ledger_begin(w->ledger, now);
  if (ledger_take_set_aside_count(w->ledger) > 0)
    stats_count_ledger_error(w->stats);
  if (status < 0)
    return status;
  if (w->ledger_failing) {
    ledger_clear_state(w->ledger);
    touch_all(w);
  }
  put_changes(w, now);
  trim(w, now);
  return ledger_commit(w->ledger);
}

/* Returns whether all that changed is in the ledger now. */
static bool record(struct worker *w, struct moment now) {
  if (w->ledger_failing && now.ms < w->ledger_retry_ms)
    return false;
  if (!w->ledger_failing && !has_changes(w) && now.ms < w->next_trim_ms)
    return true;
  bool failed = commit(w, now) < 0;
  if (failed) {
    stats_count_ledger_error(w->stats);
    w->ledger_retry_ms = now.ms + LEDGER_RETRY_MS;
  }
  w->ledger_failing = failed;
  return !failed;
}

/* ---- telling ---- */

static void report_finished(struct worker *w, const struct command *c) {
  struct finished_command one = {.policy = c->policy,
                                 .device = c->device,
                                 .outcome = c->outcome,
                                 .verdict = *command_verdict(c),
                                 .attempts = c->attempts,
                                 .wall_created_ms = c->created.wall_ms,
                                 .wall_finished_ms = c->finished.wall_ms,
                                 .duration_ms = c->finished.ms - c->created.ms};
  snprintf(one.verdict.error, sizeof one.verdict.error, "%s", command_why(c));
  if (finished_put(w->finished, &one))
    stats_count_unreported(w->stats, 1);
}

static void tell_end(struct worker *w, const struct command *c) {
  stats_count_outcome(w->stats, c->device, c->outcome, 1);
  if (c->outcome == OUTCOME_ACCEPTED)
    stats_count_latency(w->stats, c->device, c->finished.ms - c->created.ms);
  report_finished(w, c);
  worker_log_finished(c);
}

/* Returns how many of the commands that changed are finished. */
static size_t tell_changes(struct worker *w) {
  size_t finished = 0;
  for (struct command *c = lanes_changed_commands(w->lanes); c != NULL;
       c = c->next_changed) {
    if (!c->creation_told)
      stats_count_created(w->stats, c->device, 1);
    if (w->is_dry && !c->creation_told && c->state == COMMAND_WAITING)
      worker_log_dry_wait(c);
    c->creation_told = true;
    if (c->state != COMMAND_FINISHED)
      continue;
    finished++;
    if (!c->end_told)
      tell_end(w, c);
    c->end_told = true;
  }
  return finished;
}

static void tell_circuit(struct worker *w, const struct endpoint *e,
                         bool is_open, struct moment now) {
  if (is_open)
    worker_log_circuit_open(e, troubles_last(w->troubles, e),
                            lanes_circuit_wait_ms(w->lanes, e, now));
  else
    worker_log_circuit_closed(e);
  w->circuit_open[e->index] = is_open;
}

static void tell_endpoints(struct worker *w, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(w->directory); i++) {
    const struct endpoint *e = directory_endpoint(w->directory, i);
    bool is_open = lanes_circuit_is_open(w->lanes, e);
    if (is_open != w->circuit_open[i])
      tell_circuit(w, e, is_open, now);
    stats_set_endpoint(w->stats, e, lanes_in_flight(w->lanes, e), is_open);
  }
}

/* ---- sending ---- */

static int build(struct worker *w, const struct command *c, struct moment now,
                 struct request *r, struct verdict *ret_verdict) {
  const struct endpoint *e = r->endpoint;
  char why[VERDICT_ERROR_BYTES];
  int status = cmds_api_append_url(&r->url, e->url, c->device->device_id,
                                   command_remaining_timeout_s(c, now.ms),
                                   c->device->qos);
  if (status < 0) {
    cmds_api_judge_unsent(VERDICT_NOT_SENT, strerror(-status), ret_verdict);
    return status;
  }
  status = request_add_headers(r, w->credentials[e->index],
                               c->policy->content_type, now, why, sizeof why);
  if (status < 0) {
    cmds_api_judge_unsent(VERDICT_CREDENTIALS, why, ret_verdict);
    ret_verdict->local_errno = -status;
  }
  return status;
}

static int start(struct worker *w, struct command *c, const struct request *r,
                 struct verdict *ret_verdict) {
  int status = request_post(r, w->http, c, c->body);
  if (status < 0)
    cmds_api_judge_unsent(VERDICT_NOT_SENT, strerror(-status), ret_verdict);
  else
    stats_count_request(w->stats, r->endpoint);
  return status;
}

static void send_one(struct worker *w, struct command *c, struct moment now) {
  struct request r;
  struct verdict unsent;
  request_init(&r, c->device->endpoint);
  int status = build(w, c, now, &r, &unsent);
  if (status == 0)
    status = start(w, c, &r, &unsent);
  if (status < 0)
    end_attempt(w, c, &unsent, now);
  request_free(&r);
}

/* Said instead of done. */
static void send_dry(struct worker *w, struct command *c, struct moment now) {
  struct request r;
  struct verdict unsent;
  request_init(&r, c->device->endpoint);
  if (build(w, c, now, &r, &unsent) == 0)
    worker_log_dry_request(c, &r);
  else
    worker_log_dry_failure(c, unsent.error);
  request_free(&r);
  lanes_end_dry(w->lanes, c, now);
}

/* ---- the loop ---- */

static size_t begin_attempts(struct worker *w, struct moment now) {
  size_t count = 0;
  while (count < w->begun_max) {
    struct command *c = lanes_begin(w->lanes, now);
    if (c == NULL)
      break;
    if (w->is_dry)
      send_dry(w, c, now);
    else
      w->begun[count++] = c;
  }
  return count;
}

/* The header of an endpoint is made anew when the key file has changed. */
static void note_keys(struct worker *w, struct moment now) {
  for (size_t i = 0; i < directory_endpoint_count(w->directory); i++) {
    unsigned long generation = credential_generation(w->credentials[i]);
    if (generation == w->keys[i].generation)
      continue;
    w->keys[i].generation = generation;
    w->keys[i].changed_ms = now.ms;
  }
}

static void run_turn(struct worker *w, bool may_begin) {
  struct moment now = worker_now();
  take_firings(w, now);
  take_overflow(w);
  take_replies(w, now);
  watch_credentials(w, now);
  watch_clock(w, now);
  size_t begun = may_begin ? begin_attempts(w, now) : 0;
  if (!may_begin)
    lanes_expire(w->lanes, now);
  size_t concluded = poller_tell(&w->poller);
  bool is_recorded = record(w, now);
  size_t finished = tell_changes(w);
  tell_endpoints(w, now);
  stats_set_agent(w->stats, lanes_waiting(w->lanes) + commands_in_flight(w),
                  ledger_file_bytes(w->ledger));
  if (is_recorded || finished > UNRECORDED_MAX)
    lanes_recorded(w->lanes);
  if (is_recorded || concluded > UNRECORDED_MAX)
    tracker_recorded(w->tracker);
  for (size_t i = 0; i < begun; i++)
    send_one(w, w->begun[i], now);
  if (may_begin)
    poller_begin(&w->poller, now);
  note_keys(w, now);
}

static int64_t sleep_ms(const struct worker *w) {
  struct moment now = worker_now();
  int64_t wait_ms = lanes_wait_ms(w->lanes, now);
  int64_t poll_ms = poller_wait_ms(&w->poller, now);
  if (poll_ms < wait_ms)
    wait_ms = poll_ms;
  return wait_ms < MAX_SLEEP_MS ? wait_ms : MAX_SLEEP_MS;
}

/* Waits for what is in flight; what is not answered in time stays in the ledger
 * as in flight, and is doubtful at the next start. */
static void finish(struct worker *w) {
  int64_t end_ms =
      worker_now().ms + (int64_t)w->options->shutdown_timeout_s * 1000;
  for (;;) {
    run_turn(w, false);
    int64_t left_ms = end_ms - worker_now().ms;
    if (commands_in_flight(w) == 0 || left_ms <= 0)
      break;
    http_wait(w->http, left_ms < MAX_SLEEP_MS ? left_ms : MAX_SLEEP_MS);
  }
  inbox_close(w->inbox);
  run_turn(w, false);
  log_info(
      "stopped: %zu commands wait and %zu were abandoned in flight; what is "
      "in the ledger goes on at the next start",
      lanes_waiting(w->lanes), commands_in_flight(w));
}

static void *run(void *context) {
  struct worker *w = context;
  prctl(PR_SET_NAME, "onenet");
  while (!atomic_load(&w->stopping)) {
    run_turn(w, true);
    http_wait(w->http, sleep_ms(w));
  }
  finish(w);
  log_flush();
  return NULL;
}

static int start_thread(struct worker *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = pthread_create(&w->thread, NULL, run, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -status;
}

int worker_start(struct worker *w, char *ret_why, size_t why_bytes) {
  int status = prepare(w, ret_why, why_bytes);
  if (status == 0) {
    struct moment now = worker_now();
    w->clock_offset_ms = now.wall_ms - now.ms;
    w->next_trim_ms = now.ms;
    worker_log_start(w->options, w->is_dry, lanes_waiting(w->lanes));
    status = w->is_test ? 0 : start_thread(w);
    if (status < 0)
      snprintf(ret_why, why_bytes, "no thread: %s", strerror(-status));
  }
  if (status < 0)
    release(w);
  atomic_store(&w->is_running, status == 0);
  return status;
}

void worker_wake(struct worker *w) {
  if (atomic_load(&w->is_running))
    http_wake(w->http);
}

void worker_stop(struct worker *w) {
  if (!atomic_load(&w->is_running))
    return;
  atomic_store(&w->stopping, true);
  worker_wake(w);
  if (w->is_test)
    run_turn(w, true);
  else
    pthread_join(w->thread, NULL);
  /* A late notification may still wake: http lives until worker_free. */
  atomic_store(&w->is_running, false);
  release(w);
}
