/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_clockjoin_np */
#include "agent/worker.h"

#include "agent/bulletin.h"
#include "agent/clock.h"
#include "agent/inbox.h"
#include "agent/lines.h"
#include "agent/orders.h"
#include "agent/recorder.h"
#include "agent/sender.h"
#include "agent/teller.h"
#include "agent/tide.h"
#include "base/log.h"
#include "base/systime.h"
#include "base/thread.h"
#include "delivery/lanes.h"
#include "delivery/tracker.h"
#include "words/journal.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_SLEEP_MS 1000

/* Firings taken at a time: nobody who puts has to wait for longer. */
#define TAKE_MAX 50

/* Firings taken in a turn: in a burst, what was decided is recorded and sent
 * meanwhile. */
#define TURN_FIRINGS_MAX 250

#define NO_MEMORY "out of memory"

/* Waits after the end of ShutdownTimeout, in ms: for the last commit at least,
 * and then for both threads. collectd has ended within one second after
 * ShutdownTimeout. */
#define LAST_COMMIT_MS 400
#define LEAVE_MS 300
_Static_assert(LEAVE_MS > LEDGER_BUSY_TIMEOUT_MS,
               "a thread that waits for another process is not taken for one "
               "that hangs");

/* Commands of one device that never came to be, by the reason. */
struct losses {
  _Atomic uint64_t no_room;
  _Atomic uint64_t no_memory;
};

struct worker {
  const struct options *options;
  bool is_test;
  bool is_dry; /* decides, but sends nothing; the ledger is in memory */
  struct stats *stats;
  struct outbox *outbox;

  struct inbox *inbox;
  struct firing *postponed; /* list of firings for which there was no memory:
                               they are taken first, in the next turn */
  struct losses *losses;    /* by device.index */
  _Atomic bool has_losses;
  int64_t end_ms;          /* of ShutdownTimeout; set before is_stopping */
  _Atomic bool is_flushed; /* orders are to be looked for at once */
  _Atomic bool is_stopping;
  _Atomic bool is_running; /* sender_wake may be called */
  pthread_t thread;

  /* Members below belong to the I/O thread; any thread may call sender_wake. */
  struct journal journal;
  struct lanes *lanes;
  struct tracker *tracker;
  struct recorder *recorder;
  struct teller *teller;
  struct sender *sender;
  struct orders *orders;
  struct bulletin *bulletin;
  struct tide tide;
};

/* ---- chance ---- */

static uint64_t random_number(void *context, uint64_t max_inclusive) {
  uint64_t number = 0;
  (void)context;
  if (getentropy(&number, sizeof number) < 0)
    number = (uint64_t)clock_now().ms * 2654435761U;
  return max_inclusive == UINT64_MAX ? number : number % (max_inclusive + 1);
}

/* ---- life ---- */

struct worker *worker_new(const struct options *options, struct stats *stats,
                          struct outbox *outbox, bool is_test) {
  size_t devices = directory_device_count(options->directory);
  struct worker *w = calloc(1, sizeof *w);
  if (w == NULL)
    return NULL;
  w->options = options;
  w->is_test = is_test;
  w->is_dry = is_test || options->dry_run;
  w->stats = stats;
  w->outbox = outbox;
  journal_init(&w->journal);
  w->losses = calloc(devices + 1, sizeof *w->losses);
  w->inbox = inbox_new(devices, options->queue_limit, options->queue_bytes);
  w->teller = teller_new(options, stats, outbox, w->is_dry);
  w->sender = sender_new(options, stats, w->is_dry);
  w->orders = orders_new(options);
  w->bulletin = bulletin_new(options, stats, clock_now());
  if (w->losses != NULL && w->inbox != NULL && w->teller != NULL &&
      w->sender != NULL && w->orders != NULL && w->bulletin != NULL)
    return w;
  worker_free(w);
  return NULL;
}

void worker_free(struct worker *w) {
  if (w == NULL)
    return;
  sender_free(w->sender);
  teller_free(w->teller);
  orders_free(w->orders);
  bulletin_free(w->bulletin);
  free(w->losses);
  inbox_free(w->inbox);
  free(w);
}

static int make_deciders(struct worker *w) {
  const struct options *o = w->options;
  const struct lanes_options options = {
      .directory = o->directory,
      .journal = &w->journal,
      .queue_limit = o->queue_limit,
      .queue_bytes = o->queue_bytes,
      .series_max = o->series_max,
      .first_okay_send = strcmp(o->ledger_path, LEDGER_IN_MEMORY) == 0,
      .random = random_number};
  w->lanes = lanes_new(&options);
  w->tracker = tracker_new(directory_endpoint_count(o->directory), TRACKER_MAX,
                           &w->journal);
  return w->lanes != NULL && w->tracker != NULL ? 0 : -ENOMEM;
}

static int restore(struct worker *w, char *ret_why, size_t why_bytes) {
  const struct recorder_state state = {.journal = &w->journal,
                                       .lanes = w->lanes,
                                       .tracker = w->tracker,
                                       .stats = w->stats,
                                       .outbox = w->outbox,
                                       .orders = w->orders,
                                       .bulletin = w->bulletin};
  int status = recorder_restore(w->recorder, &state, clock_now());
  if (status < 0) {
    snprintf(ret_why, why_bytes, "the ledger can not be restored: %s",
             strerror(-status));
  } else if (!recorder_knows_all(w->recorder)) {
    lanes_set_first_okay_send(w->lanes, true);
    log_warning("not all is known of the devices' states: the first OKAY of "
                "each slot is sent, too");
  }
  return status;
}

static int prepare(struct worker *w, char *ret_why, size_t why_bytes) {
  snprintf(ret_why, why_bytes, NO_MEMORY); /* unless something else is wrong */
  int status = recorder_open(w->options, w->is_dry, clock_now(), &w->recorder,
                             ret_why, why_bytes);
  if (status < 0)
    return status;
  status = make_deciders(w);
  if (status < 0)
    return status;
  sender_serve(w->sender, w->lanes, w->tracker);
  return restore(w, ret_why, why_bytes);
}

/* Returns whether nothing was left behind. */
static bool release(struct worker *w, int64_t wait_ms) {
  journal_clear(&w->journal);
  lanes_free(w->lanes);
  tracker_free(w->tracker);
  bool is_closed = recorder_close(w->recorder, wait_ms);
  w->lanes = NULL;
  w->tracker = NULL;
  w->recorder = NULL;
  return is_closed;
}

/* ---- take ---- */

/* Returns false if there is no memory for the firing. */
static bool take_firing(struct worker *w, struct firing *f, struct moment now) {
  const struct policy *policy = f->policy;
  const struct device *device = f->device;
  uint64_t replaced = f->replaced;
  enum ignored ignored = IGNORED_NOT;
  int status = lanes_take(w->lanes, f, now, &ignored);
  if (status == -EAGAIN)
    return false;
  if (status < 0)
    teller_tell_lost(w->teller, device, 1, NO_MEMORY);
  if (ignored != IGNORED_NOT)
    teller_tell_ignored(w->teller, policy, device, ignored, replaced + 1);
  else
    stats_count_unreported(w->stats, replaced);
  return true;
}

/* Postpones the rest of the list if there is no memory for one of them. Reads
 * the clock here, so that no firing comes from the future. */
static void take_list(struct worker *w, struct firing *f) {
  struct moment now = clock_now();
  for (struct firing *next; f != NULL; f = next) {
    next = f->next;
    if (!take_firing(w, f, now))
      break;
  }
  w->postponed = f;
}

/* Returns whether there are firings to be taken now. While the recorder is
 * behind they stay in the inbox as long as it has room: there the devices take
 * turns, but once decided each waits for the record of all before it. */
static bool has_firings(const struct worker *w) {
  return w->postponed == NULL && inbox_count(w->inbox) > 0 &&
         (!recorder_is_behind(w->recorder) || inbox_is_nearly_full(w->inbox));
}

static void take_firings(struct worker *w) {
  struct firing *some = w->postponed;
  size_t taken = 0;
  if (some != NULL)
    take_list(w, some);
  while (w->postponed == NULL && taken < TURN_FIRINGS_MAX &&
         (some = inbox_take(w->inbox, TAKE_MAX)) != NULL) {
    take_list(w, some);
    taken += TAKE_MAX;
  }
}

static void drop_postponed(struct worker *w) {
  for (struct firing *f = w->postponed, *next; f != NULL; f = next) {
    next = f->next;
    lanes_drop(w->lanes, f->device, 1 + f->replaced);
    teller_tell_lost(w->teller, f->device, 1 + f->replaced, NO_MEMORY);
    firing_free(f);
  }
  w->postponed = NULL;
}

static void take_loss(struct worker *w, const struct device *device,
                      _Atomic uint64_t *counter, const char *why) {
  uint64_t count = atomic_exchange(counter, 0);
  if (count == 0)
    return;
  lanes_drop(w->lanes, device, count);
  teller_tell_lost(w->teller, device, count, why);
}

static void take_losses(struct worker *w) {
  const struct directory *directory = w->options->directory;
  if (!atomic_exchange(&w->has_losses, false))
    return;
  for (size_t i = 0; i < directory_device_count(directory); i++) {
    const struct device *device = directory_device(directory, i);
    take_loss(w, device, &w->losses[i].no_room, "the queue is full");
    take_loss(w, device, &w->losses[i].no_memory, NO_MEMORY);
  }
}

/* Obeys what operators have ordered by hand. */
static void take_orders(struct worker *w, struct moment now) {
  if (atomic_exchange(&w->is_flushed, false))
    recorder_look_now(w->recorder);
  orders_obey(w->orders, recorder_take_orders(w->recorder), w->lanes,
              &w->journal, now);
}

/* Returns the time at which the rest of the turn happens. At the end all is
 * taken, so that it is recorded or told; but orders stay in the ledger. */
static struct moment take(struct worker *w, bool is_end) {
  if (is_end || w->postponed != NULL || has_firings(w))
    take_firings(w);
  if (is_end)
    drop_postponed(w);
  struct moment now = clock_now();
  take_losses(w);
  sender_take(w->sender, now);
  if (!is_end)
    take_orders(w, now);
  return now;
}

/* ---- decide ---- */

static void watch_keys(struct worker *w, struct moment now) {
  const struct directory *directory = w->options->directory;
  for (size_t i = 0; i < directory_endpoint_count(directory); i++) {
    const struct endpoint *e = directory_endpoint(directory, i);
    if (!lanes_has_credentials_wait(w->lanes, e) ||
        !sender_has_new_key(w->sender, e))
      continue;
    teller_forget_credentials(w->teller, e);
    lanes_retry_credentials(w->lanes, e, now);
  }
}

/* Makes slots forget what was not delivered, since the device does not have it.
 * Changes that lanes notes meanwhile are appended to the journal. */
static void forget_undelivered(struct worker *w) {
  for (struct change *c = w->journal.first; c != NULL; c = c->next) {
    const struct tracked *one = journal_tracked(c);
    if (one != NULL && one->concluded &&
        tracked_end_of(one) == TRACKED_END_UNDELIVERED)
      lanes_forget(w->lanes, one->slot_key);
  }
}

static void decide(struct worker *w, bool may_begin, struct moment now) {
  watch_keys(w, now);
  forget_undelivered(w);
  if (may_begin)
    sender_begin(w->sender, now);
  else
    lanes_expire(w->lanes, now);
}

/* ---- tell ---- */

static void tell(struct worker *w, struct moment now) {
  teller_tell_changes(w->teller, &w->journal, now);
  teller_tell_endpoints(w->teller, w->lanes, now);
  stats_set_agent(w->stats,
                  lanes_waiting(w->lanes) + sender_in_flight(w->sender),
                  recorder_file_bytes(w->recorder));
  inbox_set_waiting(w->inbox, lanes_waiting(w->lanes),
                    lanes_waiting_bytes(w->lanes));
  stats_set_series(w->stats, lanes_series_count(w->lanes),
                   lanes_series_forgotten(w->lanes));
  journal_clear(&w->journal);
}

/* ---- the loop ---- */

static void run_turn(struct worker *w, bool may_begin) {
  struct moment now = take(w, !may_begin);
  decide(w, may_begin, now);
  bulletin_note(w->bulletin, &w->journal, w->lanes, inbox_count(w->inbox), now);
  sender_note_batch(w->sender, recorder_record(w->recorder, now));
  tell(w, now);
  sender_send(w->sender, recorder_settled(w->recorder, now), now);
  if (may_begin)
    sender_poll(w->sender, now);
}

/* libcurl waits by a clock that stands still while the machine is suspended:
 * what is due by then is seen MAX_SLEEP_MS later at most. */
static int64_t sleep_ms(const struct worker *w) {
  struct moment now = clock_now();
  if (has_firings(w))
    return 0;
  int64_t wait_ms = lanes_wait_ms(w->lanes, now);
  /* An attempt that could not even be sent is recorded and told at once. */
  if (w->journal.first != NULL)
    return 0;
  int64_t poll_ms = sender_wait_ms(w->sender, now);
  if (poll_ms < wait_ms)
    wait_ms = poll_ms;
  return wait_ms < MAX_SLEEP_MS ? wait_ms : MAX_SLEEP_MS;
}

/* Returns how long to wait for answers at the end. What has arrived is taken
 * first, however long that takes. */
static int64_t wait_at_end_ms(const struct worker *w) {
  int64_t left_ms = w->end_ms - clock_now().ms;
  if (inbox_count(w->inbox) > 0 || sender_in_flight(w->sender) == 0 ||
      left_ms <= 0)
    return 0;
  return left_ms < MAX_SLEEP_MS ? left_ms : MAX_SLEEP_MS;
}

/* Waits for the attempts in flight. One that is not answered in time stays in
 * the ledger as in flight, and is doubtful at the next start. */
static void await_answers(struct worker *w) {
  int64_t wait_ms;
  do {
    run_turn(w, false);
    wait_ms = wait_at_end_ms(w);
    sender_wait(w->sender, wait_ms);
  } while (wait_ms > 0 || inbox_count(w->inbox) > 0);
}

static void finish(struct worker *w) {
  inbox_close(w->inbox);
  await_answers(w);
  sender_give_back(w->sender, clock_now());
  run_turn(w, false);
  int64_t last_ms = clock_now().ms + LAST_COMMIT_MS;
  recorder_finish(w->recorder, w->end_ms > last_ms ? w->end_ms : last_ms);
  tell(w, clock_now()); /* a ledger that was read at last may have ended some */
  log_info(
      "stopped: %zu commands wait and %zu were abandoned in flight; what is "
      "in the ledger goes on at the next start",
      lanes_waiting(w->lanes), sender_in_flight(w->sender));
}

/* Returns freed memory to the system once a large queue has emptied, if nothing
 * else is to be done: it takes some ms. */
static void return_memory(struct worker *w, bool is_idle) {
  const size_t now[TIDE_PLACES] = {[TIDE_INBOX] = inbox_count(w->inbox),
                                   [TIDE_LANES] = lanes_waiting(w->lanes) +
                                                  sender_in_flight(w->sender)};
  tide_note(&w->tide, now);
  if (is_idle && tide_is_out(&w->tide, now, clock_now().ms))
    malloc_trim(0);
}

static void *run(void *context) {
  struct worker *w = context;
  prctl(PR_SET_NAME, "onenet");
  while (!atomic_load(&w->is_stopping)) {
    run_turn(w, true);
    int64_t wait_ms = sleep_ms(w);
    return_memory(w, wait_ms > 0);
    sender_wait(w->sender, wait_ms);
  }
  finish(w);
  log_flush();
  return NULL;
}

static void wake_sender(void *context) { sender_wake(context); }

static int start_threads(struct worker *w) {
  int status = recorder_start(w->recorder, wake_sender, w->sender);
  return status < 0 ? status : thread_start_patient(&w->thread, run, w);
}

/* ---- public functions ---- */

static void wake_worker(struct worker *w) {
  if (atomic_load(&w->is_running))
    sender_wake(w->sender);
}

int worker_start(struct worker *w, char *ret_why, size_t why_bytes) {
  int status = prepare(w, ret_why, why_bytes);
  if (status == 0) {
    lines_write_start(w->options, w->is_dry, lanes_waiting(w->lanes));
    status = w->is_test ? 0 : start_threads(w);
    if (status < 0)
      snprintf(ret_why, why_bytes, "no thread: %s", strerror(-status));
  }
  if (status < 0)
    release(w, LEAVE_MS);
  atomic_store(&w->is_running, status == 0);
  return status;
}

static void count_loss(struct worker *w, _Atomic uint64_t *counter) {
  atomic_fetch_add(counter, 1);
  atomic_store(&w->has_losses, true);
}

void worker_lose(struct worker *w, const struct device *device) {
  count_loss(w, &w->losses[device->index].no_memory);
  wake_worker(w);
}

void worker_put(struct worker *w, struct firing *f) {
  bool was_empty = false;
  int status = inbox_put(w->inbox, f, &was_empty);
  if (status == 0) {
    if (was_empty)
      wake_worker(w);
    return;
  }
  if (status == -ENOBUFS) {
    count_loss(w, &w->losses[f->device->index].no_room);
  } else {
    log_warning("an event for device \"%s\" came after the end: it is ignored",
                f->device->name);
  }
  firing_free(f);
}

size_t worker_inbox_count(struct worker *w) { return inbox_count(w->inbox); }

void worker_flush(struct worker *w) {
  atomic_store(&w->is_flushed, true);
  wake_worker(w);
}

void worker_rehearse(struct worker *w) {
  do
    run_turn(w, true);
  while (inbox_count(w->inbox) > 0);
}

/* Returns how long to wait for a thread, so that all of them have had their
 * time at once. */
static int64_t left_to_leave_ms(const struct worker *w) {
  int64_t left_ms = w->end_ms + LAST_COMMIT_MS + LEAVE_MS - clock_now().ms;
  return left_ms > 0 ? left_ms : 0;
}

/* Returns whether the thread has ended. It hangs if the log is written to a
 * disk that hangs. */
static bool join_thread(struct worker *w) {
  struct timespec end = systime_deadline(left_to_leave_ms(w));
  return pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &end) == 0;
}

bool worker_stop(struct worker *w, int64_t end_ms) {
  if (!atomic_load(&w->is_running))
    return true;
  w->end_ms = end_ms;
  atomic_store(&w->is_stopping, true);
  wake_worker(w);
  if (!w->is_test && !join_thread(w)) {
    log_error("the I/O thread hangs: it is left behind");
    return false;
  }
  /* A late notification may still call wake_worker: the sender lives until
   * worker_free. */
  atomic_store(&w->is_running, false);
  return release(w, left_to_leave_ms(w));
}
