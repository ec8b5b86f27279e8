/* SPDX-License-Identifier: MIT */
#include "agent/recorder.h"

#include "agent/clock.h"
#include "agent/lines.h"
#include "agent/unrecorded.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/systime.h"
#include "base/thread.h"
#include "ledger/ledger_batch.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define RETRY_MS 1000
#define FINISH_RETRY_MS 20
/* Wait at the end for a batch that only tells of the agent. */
#define LAST_WORD_MS 100
#define TRIM_PERIOD_MS 60000
#define CLOCK_JUMP_MS 2000
#define MUCH_BYTES (8 << 20)
#define UNRECORDED_BYTES 700 /* of a line of the log */
#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define ORDERS_OUT UINT64_MAX

/* Phases of the ledger, as the threads know of them. What is handed over is
 * committed while it works, and given up in every other phase. */
enum phase {
  WORKING,
  HANGING, /* a commit has not ended in time */
  FAILING, /* tried again every RETRY_MS */
  WANTING, /* works again: the whole state is to be handed over */
  UNREAD,  /* to be read, which could not be done at the start: tried every
              RETRY_MS */
  FOUND    /* read: the I/O thread has the ledger, and restores */
};

/* Batches on their way into the ledger. */
struct work {
  struct ledger_batch rows;
  struct ledger_batch kept; /* history from the time when the ledger failed */
  uint64_t upto;            /* the number of the last batch in it */
  bool is_whole;            /* it has the whole state */
};

struct recorder {
  const struct options *options;
  struct recorder_state state;

  bool keeps_nothing; /* the ledger is in memory: there is no thread */

  /* The I/O thread's alone. */
  int64_t next_trim_ms;
  int64_t clock_offset_ms; /* wall minus monotonic */
  bool has_taken_orders;   /* what came of them is in the journal */
  bool has_news; /* the batch has more in it than what is told of the agent */

  /* The recorder's thread's alone, once it has started, but in FOUND. */
  struct ledger *ledger;
  int64_t next_history_trim_ms;
  bool must_read_orders; /* though nobody has written to the ledger since */

  pthread_t thread;
  bool has_thread;
  recorder_wake_fn *wake;
  void *wake_context;
  _Atomic int64_t file_bytes;

  pthread_mutex_t mutex; /* guards all below */
  pthread_cond_t changed;
  struct work next;        /* handed over, and not taken by the thread */
  struct work *committing; /* taken by the thread from `next`, or NULL */
  bool is_busy;            /* the thread uses the ledger */
  bool is_locked;          /* by another process, when it was last used */
  uint64_t handed;         /* the number of the last batch, */
  uint64_t handed_news;    /* and of the last one that has more in it than what
                              is told of the agent */
  uint64_t committed;
  uint64_t settled; /* committed, or given up */
  int64_t unsettled_since_ms;
  struct ledger_batch kept;
  struct unrecorded unrecorded; /* what `committed` does not reach */
  enum phase phase;
  bool has_lost; /* rows were given up since the whole state was handed over */
  bool is_told_hanging; /* the log has said that it hangs, and not yet that it
                           answers */
  int64_t retry_ms;
  int64_t next_look_ms;  /* for orders */
  struct order *orders;  /* read, and not taken by the I/O thread */
  uint64_t orders_batch; /* the number of the batch that has what came of the
                            last ones; ORDERS_OUT: it is not handed over yet */
  uint64_t errors;       /* not counted yet */
  bool is_finishing;
  bool is_ending;
  bool has_ended;
  bool is_left_behind;
};

/* ---- life ---- */

static void work_init(struct work *w) {
  *w = (struct work){0};
  ledger_batch_init(&w->rows);
  ledger_batch_init(&w->kept);
}

static void work_free(struct work *w) {
  ledger_batch_free(&w->rows);
  ledger_batch_free(&w->kept);
}

static void free_all(struct recorder *r) {
  order_free_list(r->orders);
  work_free(&r->next);
  ledger_batch_free(&r->kept);
  unrecorded_free(&r->unrecorded);
  ledger_close(r->ledger); /* NULL where the thread has closed it */
  pthread_cond_destroy(&r->changed);
  pthread_mutex_destroy(&r->mutex);
  free(r);
}

int recorder_open(const struct options *options, bool is_in_memory,
                  struct moment now, struct recorder **ret_recorder,
                  char *ret_why, size_t why_bytes) {
  const struct ledger_options ledger = {
      .path = is_in_memory ? LEDGER_IN_MEMORY : options->ledger_path,
      .sync = options->ledger_sync,
      .group = options->has_ledger_group ? &options->ledger_group : NULL,
      .history_days = options->history_days,
      .history_max = options->history_max};
  struct recorder *r = calloc(1, sizeof *r);
  if (r == NULL)
    return -ENOMEM;
  r->options = options;
  r->keeps_nothing = strcmp(ledger.path, LEDGER_IN_MEMORY) == 0;
  r->next_trim_ms = r->next_history_trim_ms = now.ms;
  r->clock_offset_ms = now.wall_ms - now.ms;
  thread_init_locks(&r->mutex, &r->changed);
  work_init(&r->next);
  ledger_batch_init(&r->kept);
  int status = ledger_open(&ledger, now, &r->ledger, ret_why, why_bytes);
  if (status < 0)
    free_all(r);
  else
    *ret_recorder = r;
  return status;
}

bool recorder_knows_all(const struct recorder *r) {
  return ledger_knows_all(r->ledger);
}

int64_t recorder_file_bytes(const struct recorder *r) {
  return atomic_load(&r->file_bytes);
}

/* ---- restoring ---- */

static void tell_loss(const struct recorder *r,
                      const struct ledger_loss *loss) {
  lines_write_loss(loss);
  outbox_put_loss(r->state.outbox, loss);
}

/* Tells which commands the ledger has lost since the last call. */
static void take_loss(const struct recorder *r) {
  struct ledger_loss loss;
  if (ledger_take_loss(r->ledger, &loss))
    tell_loss(r, &loss);
}

static enum phase first_phase(const struct ledger *l) {
  if (ledger_is_unread(l))
    return UNREAD;
  return ledger_error(l)[0] != '\0' ? FAILING : WORKING;
}

int recorder_restore(struct recorder *r, const struct recorder_state *state,
                     struct moment now) {
  r->state = *state;
  int status = restore_at_start(r->ledger, r->options, &r->state, now);
  if (status < 0)
    return status;
  take_loss(r);
  r->phase = first_phase(r->ledger);
  r->has_lost = r->phase != WORKING;
  atomic_store(&r->file_bytes, ledger_file_bytes(r->ledger));
  return 0;
}

/* ---- committing: without the mutex ---- */

static void trim_history(struct recorder *r, struct moment now) {
  if (now.ms >= r->next_history_trim_ms && !ledger_trim(r->ledger, now))
    r->next_history_trim_ms = now.ms + TRIM_PERIOD_MS;
}

/* Returns the status of the commit; counts what was set aside in ret_errors. */
static int commit(struct recorder *r, const struct work *w,
                  uint64_t *ret_errors) {
  struct moment now = clock_now();
  int status = ledger_begin(r->ledger, now);
  *ret_errors = ledger_take_set_aside_count(r->ledger) > 0 ? 1 : 0;
  if (status < 0)
    return status;
  if (w->is_whole)
    ledger_clear_state(r->ledger);
  ledger_put_batch(r->ledger, &w->kept);
  ledger_put_batch(r->ledger, &w->rows);
  trim_history(r, now);
  status = ledger_commit(r->ledger);
  atomic_store(&r->file_bytes, ledger_file_bytes(r->ledger));
  return status;
}

/* ---- the thread's work: with the mutex, but while it commits ---- */

/* Returns whether there is something to commit, if only to see it fail: rows
 * for which there was no memory. */
static bool has_rows(const struct work *w) {
  return w->rows.count > 0 || w->rows.error < 0 || w->is_whole;
}

static void take_work(struct recorder *r, struct work *ret_work) {
  *ret_work = r->next;
  ledger_batch_move(&ret_work->rows, &r->next.rows);
  ledger_batch_init(&ret_work->kept);
  if (ret_work->is_whole)
    ledger_batch_move(&ret_work->kept, &r->kept);
  work_init(&r->next);
  r->committing = ret_work;
}

static void put_back(struct recorder *r, struct work *w) {
  ledger_batch_append(&w->rows, &r->next.rows);
  ledger_batch_move(&r->next.rows, &w->rows);
  ledger_batch_append(&w->kept, &r->kept);
  ledger_batch_move(&r->kept, &w->kept);
  r->next.is_whole = r->next.is_whole || w->is_whole;
  if (r->next.upto < w->upto)
    r->next.upto = w->upto;
}

static void settle(struct recorder *r, uint64_t upto) {
  if (r->settled < upto)
    r->settled = upto;
  r->unsettled_since_ms = clock_now().ms;
}

static void note_success(struct recorder *r, const struct work *w) {
  if (r->committed < w->upto)
    r->committed = w->upto;
  unrecorded_settle(&r->unrecorded, w->upto);
  settle(r, w->upto);
  r->phase = r->has_lost ? WANTING : WORKING;
  if (r->has_lost)
    return;
  if (r->is_told_hanging)
    log_info("the ledger answers again");
  r->is_told_hanging = false;
}

static void retry_later(struct recorder *r) {
  r->retry_ms = clock_now().ms + (r->is_finishing ? FINISH_RETRY_MS : RETRY_MS);
}

/* Adds the history among these rows to what is kept. */
static void keep_history(struct recorder *r, struct ledger_batch *rows) {
  ledger_batch_keep_history(&r->kept, rows, RECORDER_KEPT_MAX,
                            RECORDER_KEPT_BYTES);
}

/* Gives up the rows that failed, and those handed over meanwhile, too: without
 * the former the latter would make a state that never was. */
static void note_failure(struct recorder *r, struct work *w) {
  ledger_batch_append(&w->kept, &w->rows);
  ledger_batch_append(&w->kept, &r->next.rows);
  ledger_batch_append(&w->kept, &r->kept);
  keep_history(r, &w->kept);
  work_free(&r->next);
  work_init(&r->next);
  settle(r, r->handed);
  r->phase = FAILING;
  r->has_lost = true;
  retry_later(r);
  r->errors++;
}

/* Begin and end a use of the ledger, for which the mutex is released. */
static void begin_use(struct recorder *r) {
  r->is_busy = true;
  pthread_mutex_unlock(&r->mutex);
}

static void end_use(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  r->is_busy = false;
  if (!r->is_left_behind)
    take_loss(r);
}

/* Commits, and counts what was set aside meanwhile. */
static int commit_unlocked(struct recorder *r, const struct work *w) {
  uint64_t errors = 0;
  begin_use(r);
  int status = commit(r, w, &errors);
  end_use(r);
  r->errors += errors;
  r->is_locked = status == -EBUSY;
  return status;
}

/* Waits for a change, until clock_now() reaches at_ms at the latest. pthread
 * knows no clock that counts the time of a suspend. */
static void wait_until(struct recorder *r, int64_t at_ms) {
  int64_t left_ms = at_ms - clock_now().ms;
  if (left_ms <= 0)
    return;
  struct timespec at = systime_deadline(left_ms);
  pthread_cond_timedwait(&r->changed, &r->mutex, &at);
}

/* Frees the work; what was much goes back to the system. Both take a while. */
static void free_unlocked(struct recorder *r, struct work *w) {
  size_t bytes = w->rows.bytes + w->kept.bytes;
  pthread_mutex_unlock(&r->mutex);
  work_free(w);
  if (bytes >= MUCH_BYTES)
    malloc_trim(0);
  pthread_mutex_lock(&r->mutex);
}

/* Commits what was handed over. Where another process writes, it is tried again
 * as it is. After any other failure it would go alone into a fresh file, if the
 * ledger was removed or is damaged: then the whole state is wanted. */
static void do_work(struct recorder *r) {
  struct work work;
  take_work(r, &work);
  int status = commit_unlocked(r, &work);
  r->committing = NULL;
  if (status == 0) {
    note_success(r, &work);
  } else if (status == -EBUSY) {
    put_back(r, &work);
    if (r->has_thread)
      wait_until(r, clock_now().ms + FINISH_RETRY_MS);
  } else {
    note_failure(r, &work);
  }
  free_unlocked(r, &work);
}

/* A ledger that is locked by another process is no failing one. */
static bool is_failure(int status) { return status < 0 && status != -EBUSY; }

/* Asks the I/O thread for the whole state if the ledger works again. */
static void try_again(struct recorder *r) {
  struct work nothing;
  work_init(&nothing);
  int status = commit_unlocked(r, &nothing);
  r->errors += is_failure(status);
  r->phase = status == 0 ? WANTING : FAILING;
  retry_later(r);
}

/* Reads what could not be read at the start. Where the file is given up, a
 * fresh one is begun at once. */
static void read_late(struct recorder *r) {
  begin_use(r);
  int status = restore_read_late(r->ledger, r->options, &r->state, clock_now());
  bool is_unread = ledger_is_unread(r->ledger);
  end_use(r);
  r->errors += is_failure(status);
  r->is_locked = status == -EBUSY;
  if (status == 0)
    r->phase = FOUND;
  else if (!is_unread)
    r->phase = FAILING;
  else
    retry_later(r);
}

static void trim(struct recorder *r) {
  struct work nothing;
  work_init(&nothing);
  int status = commit_unlocked(r, &nothing);
  if (is_failure(status))
    note_failure(r, &nothing);
}

static void rest(struct recorder *r) {
  begin_use(r);
  ledger_rest(r->ledger, clock_now());
  end_use(r);
}

static bool is_to_be_retried(const struct recorder *r) {
  return r->phase == FAILING || r->phase == UNREAD;
}

static bool may_commit(const struct recorder *r) {
  return r->phase != UNREAD && r->phase != FOUND && has_rows(&r->next);
}

/* Returns whether the I/O thread may want to know of it. */
static bool step(struct recorder *r) {
  int64_t now_ms = clock_now().ms;
  if (may_commit(r))
    do_work(r);
  else if (is_to_be_retried(r) && now_ms >= r->retry_ms)
    r->phase == UNREAD ? read_late(r) : try_again(r);
  else if (r->phase == WORKING && now_ms >= r->next_history_trim_ms)
    trim(r);
  else
    return false;
  return true;
}

/* ---- orders: the thread's work, too ---- */

static bool may_look(const struct recorder *r) {
  return r->phase == WORKING && !r->is_finishing &&
         r->orders_batch <= r->committed;
}

/* Reads the orders that are given, if somebody has written to the ledger since
 * the last look, or there may be more of them. Returns 0 or a negative errno.
 */
static int read_orders(struct recorder *r) {
  struct order *list = NULL;
  int status = 0;
  begin_use(r);
  if (ledger_was_touched(r->ledger) || r->must_read_orders)
    status = ledger_read_orders(r->ledger, clock_now(), &list);
  r->must_read_orders = status < 0 || list != NULL;
  end_use(r);
  r->orders = list;
  if (list != NULL)
    r->orders_batch = ORDERS_OUT;
  return status;
}

/* Returns whether the I/O thread may want to know of it: there are orders, or
 * the ledger fails. */
static bool look_for_orders(struct recorder *r) {
  struct work nothing;
  int64_t now_ms = clock_now().ms;
  if (!may_look(r) || now_ms < r->next_look_ms)
    return false;
  work_init(&nothing);
  r->next_look_ms = now_ms + RECORDER_LOOK_MS;
  if (is_failure(read_orders(r)))
    note_failure(r, &nothing);
  return r->orders != NULL || r->phase != WORKING;
}

/* ---- when there is work ---- */

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t next_step_ms(const struct recorder *r) {
  if (may_commit(r))
    return 0;
  int64_t look_ms = may_look(r) ? r->next_look_ms : INT64_MAX;
  if (r->phase == WORKING)
    return earlier(r->next_history_trim_ms, look_ms);
  return is_to_be_retried(r) ? r->retry_ms : INT64_MAX;
}

static void tell_io_thread(const struct recorder *r) {
  if (r->wake != NULL && !r->is_left_behind)
    r->wake(r->wake_context);
}

static void sleep_until_needed(struct recorder *r) {
  int64_t at_ms = next_step_ms(r);
  int64_t now_ms = clock_now().ms;
  if (at_ms > now_ms)
    wait_until(r, earlier(at_ms, now_ms + LEDGER_REST_MS));
}

static void work_until_the_end(struct recorder *r) {
  while (!r->is_ending) {
    bool has_news = look_for_orders(r);
    has_news = step(r) || has_news;
    if (!has_news && r->phase == WORKING)
      rest(r);
    if (has_news)
      tell_io_thread(r);
    pthread_cond_broadcast(&r->changed);
    if (!r->is_ending)
      sleep_until_needed(r);
  }
}

/* Closes the ledger here, since that waits for the disk: recorder_close has a
 * bound for the thread alone. */
static void *run(void *context) {
  struct recorder *r = context;
  prctl(PR_SET_NAME, "onenet-ledger");
  pthread_mutex_lock(&r->mutex);
  work_until_the_end(r);
  pthread_mutex_unlock(&r->mutex);
  ledger_close(r->ledger);
  pthread_mutex_lock(&r->mutex);
  r->ledger = NULL;
  r->has_ended = true;
  pthread_cond_broadcast(&r->changed);
  pthread_mutex_unlock(&r->mutex);
  return NULL;
}

int recorder_start(struct recorder *r, recorder_wake_fn *wake, void *context) {
  if (r->keeps_nothing)
    return 0;
  r->wake = wake;
  r->wake_context = context;
  r->has_thread = true;
  int status = thread_start(&r->thread, run, r);
  r->has_thread = status == 0;
  return status;
}

/* ---- what the I/O thread calls ---- */

static void note_all(const struct recorder *r) {
  lanes_note_all(r->state.lanes);
  tracker_note_all(r->state.tracker);
}

/* Returns by how much the wall clock was set since the last call; 0: not worth
 * it. The ledger holds wall times, which that makes wrong. */
static int64_t take_jump_ms(struct recorder *r, struct moment now) {
  int64_t offset_ms = now.wall_ms - now.ms;
  int64_t jump_ms = offset_ms - r->clock_offset_ms;
  r->clock_offset_ms = offset_ms;
  return jump_ms > CLOCK_JUMP_MS || jump_ms < -CLOCK_JUMP_MS ? jump_ms : 0;
}

static void trim_slots(struct recorder *r, struct moment now) {
  if (now.ms < r->next_trim_ms)
    return;
  lanes_trim(r->state.lanes, r->options->history_days * DAY_MS, now);
  r->next_trim_ms = now.ms + TRIM_PERIOD_MS;
}

/* Notes the commands that have changed, before the rest of the state joins
 * them. */
static void note_news(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  for (struct change *c = r->state.journal->first; c != NULL; c = c->next) {
    const struct command *command = journal_command(c);
    if (command != NULL && !command_is_fleeting(command))
      unrecorded_note(&r->unrecorded, command, r->handed + 1);
  }
  pthread_mutex_unlock(&r->mutex);
}

/* tells: what is told of the agent goes along. */
static void make_batch(struct recorder *r, struct moment now, int64_t jump_ms,
                       bool tells, struct ledger_batch *ret_batch) {
  ledger_batch_init(ret_batch);
  if (jump_ms != 0)
    ledger_batch_add_jump(ret_batch, jump_ms);
  for (struct change *c = r->state.journal->first; c != NULL; c = c->next)
    ledger_batch_add(ret_batch, c, now);
  r->has_news = ret_batch->count > 0 || ret_batch->error < 0;
  if (tells)
    bulletin_add(r->state.bulletin, r->state.lanes, ret_batch, now);
}

static void give_up(struct recorder *r, struct ledger_batch *batch) {
  keep_history(r, batch);
  r->has_lost = true;
  r->settled = r->handed;
}

/* At the end the whole state may be handed over while what came before is
 * unread still: it stays where it is, and is told as not recorded. */
static void hand_over(struct recorder *r, struct ledger_batch *batch,
                      bool is_whole, struct moment now) {
  if (r->settled == r->handed)
    r->unsettled_since_ms = now.ms;
  r->handed++;
  if (is_whole || r->has_news)
    r->handed_news = r->handed;
  if (r->has_taken_orders)
    r->orders_batch = r->handed;
  r->has_taken_orders = false;
  if (r->phase != WORKING && !is_whole) {
    give_up(r, batch);
    return;
  }
  if (is_whole && r->phase != UNREAD && r->phase != FOUND) {
    r->phase = WORKING;
    r->has_lost = false;
  }
  ledger_batch_append(&r->next.rows, batch);
  r->next.upto = r->handed;
  r->next.is_whole = r->next.is_whole || is_whole;
  if (r->has_thread)
    pthread_cond_broadcast(&r->changed);
  else
    step(r);
}

/* Returns the phase, and counts the errors since the last call. */
static enum phase look(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  enum phase phase = r->phase;
  uint64_t errors = r->errors;
  r->errors = 0;
  pthread_mutex_unlock(&r->mutex);
  for (; errors > 0; errors--)
    stats_count_ledger_error(r->state.stats);
  return phase;
}

/* Restores what was read late. From then on the thread has the ledger again. */
static void restore_found(struct recorder *r, struct moment now) {
  if (restore_late(r->ledger, r->options, &r->state, now) < 0)
    tell_loss(r, &(struct ledger_loss){.uncounted = 1});
  pthread_mutex_lock(&r->mutex);
  r->phase = WANTING;
  pthread_mutex_unlock(&r->mutex);
}

uint64_t recorder_record(struct recorder *r, struct moment now) {
  struct ledger_batch batch;
  trim_slots(r, now);
  if (r->keeps_nothing)
    return r->handed;
  int64_t jump_ms = take_jump_ms(r, now);
  note_news(r);
  enum phase phase = look(r);
  if (phase == FOUND)
    restore_found(r, now);
  bool is_whole = phase == WANTING || phase == FOUND;
  if (is_whole)
    note_all(r);
  bool tells = is_whole || bulletin_is_due(r->state.bulletin, now);
  if (r->state.journal->first == NULL && !tells && jump_ms == 0)
    return r->handed;
  make_batch(r, now, jump_ms, tells, &batch);
  pthread_mutex_lock(&r->mutex);
  hand_over(r, &batch, is_whole, now);
  pthread_mutex_unlock(&r->mutex);
  return r->handed;
}

struct order *recorder_take_orders(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  struct order *list = r->orders;
  r->orders = NULL;
  pthread_mutex_unlock(&r->mutex);
  r->has_taken_orders = r->has_taken_orders || list != NULL;
  return list;
}

void recorder_look_now(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  r->next_look_ms = 0;
  pthread_cond_broadcast(&r->changed);
  pthread_mutex_unlock(&r->mutex);
}

/* Ends the wait for a commit that takes too long. All that it holds is in
 * memory, too. */
static void judge_patience(struct recorder *r, struct moment now) {
  if (r->settled == r->handed ||
      now.ms - r->unsettled_since_ms < RECORDER_PATIENCE_MS)
    return;
  if (!r->is_told_hanging)
    log_error("the ledger has not answered for %d s: commands go on from "
              "memory",
              RECORDER_PATIENCE_MS / 1000);
  r->is_told_hanging = true;
  r->phase = HANGING;
  r->settled = r->handed;
  r->errors++;
}

uint64_t recorder_settled(struct recorder *r, struct moment now) {
  pthread_mutex_lock(&r->mutex);
  judge_patience(r, now);
  uint64_t settled = r->settled;
  pthread_mutex_unlock(&r->mutex);
  return settled;
}

static size_t unsettled_bytes(const struct recorder *r) {
  if (r->settled == r->handed)
    return 0;
  return r->next.rows.bytes +
         (r->committing != NULL ? r->committing->rows.bytes : 0);
}

bool recorder_is_behind(struct recorder *r) {
  pthread_mutex_lock(&r->mutex);
  bool is_behind = unsettled_bytes(r) >= RECORDER_ENOUGH_BYTES;
  pthread_mutex_unlock(&r->mutex);
  return is_behind;
}

/* ---- the end ---- */

static bool is_all_committed(const struct recorder *r) {
  return !r->has_lost && !has_rows(&r->next) && r->committing == NULL &&
         r->committed == r->handed;
}

/* Returns whether all has been committed that somebody may miss. */
static bool is_news_committed(const struct recorder *r) {
  return !r->has_lost && r->committed >= r->handed_news;
}

static const char *why_unrecorded(const struct recorder *r) {
  if (r->is_locked)
    return "another process writes to it";
  return r->is_busy ? "it does not answer" : ledger_error(r->ledger);
}

static void tell_unrecorded(struct recorder *r) {
  struct buf line;
  buf_init(&line, UNRECORDED_BYTES);
  unrecorded_append(&r->unrecorded, &line);
  log_error("at the end the ledger could not be written: %s: what is in it is "
            "older than what happened%s%s",
            why_unrecorded(r), line.size > 0 ? "; not recorded: " : "",
            buf_text(&line));
  buf_free(&line);
}

/* Begins the end: what failed is tried again at once. Waits until what came
 * before is read, end_ms at the latest, and restores it. */
static void await_restore(struct recorder *r, int64_t end_ms) {
  pthread_mutex_lock(&r->mutex);
  r->is_finishing = true;
  r->retry_ms = 0;
  pthread_cond_broadcast(&r->changed);
  while (r->has_thread && r->phase == UNREAD && clock_now().ms < end_ms)
    wait_until(r, end_ms);
  bool is_found = r->phase == FOUND;
  pthread_mutex_unlock(&r->mutex);
  if (is_found)
    restore_found(r, clock_now());
}

/* Hands over what is not recorded: the whole state if rows were given up. */
static void hand_over_rest(struct recorder *r) {
  struct ledger_batch batch;
  struct moment now = clock_now();
  pthread_mutex_lock(&r->mutex);
  bool is_whole = r->has_lost;
  pthread_mutex_unlock(&r->mutex);
  if (is_whole)
    note_all(r);
  make_batch(r, now, take_jump_ms(r, now), true, &batch);
  pthread_mutex_lock(&r->mutex);
  hand_over(r, &batch, is_whole, now);
  pthread_mutex_unlock(&r->mutex);
}

/* Waits until all is committed, end_ms at the latest. Returns false then; true
 * if the whole state is wanted before, since rows were given up meanwhile. */
static bool await_commits(struct recorder *r, int64_t end_ms) {
  pthread_mutex_lock(&r->mutex);
  if (is_news_committed(r))
    end_ms = earlier(end_ms, clock_now().ms + LAST_WORD_MS);
  while (r->has_thread && r->phase != WANTING && !is_all_committed(r) &&
         clock_now().ms < end_ms)
    wait_until(r, end_ms);
  bool is_wanted = r->phase == WANTING && clock_now().ms < end_ms;
  if (!is_wanted && !is_news_committed(r))
    tell_unrecorded(r);
  pthread_mutex_unlock(&r->mutex);
  return is_wanted;
}

void recorder_finish(struct recorder *r, int64_t end_ms) {
  if (r->keeps_nothing)
    return;
  note_news(r);
  await_restore(r, end_ms);
  do
    hand_over_rest(r);
  while (await_commits(r, end_ms));
}

/* Ends the thread. Returns whether it has ended, or there was none. */
static bool end_thread(struct recorder *r, int64_t wait_ms) {
  if (!r->has_thread)
    return true;
  int64_t end_ms = clock_now().ms + wait_ms;
  pthread_mutex_lock(&r->mutex);
  r->is_ending = true;
  pthread_cond_broadcast(&r->changed);
  while (!r->has_ended && clock_now().ms < end_ms)
    wait_until(r, end_ms);
  bool has_ended = r->has_ended;
  r->is_left_behind = !has_ended;
  pthread_mutex_unlock(&r->mutex);
  if (has_ended)
    pthread_join(r->thread, NULL);
  else
    pthread_detach(r->thread);
  return has_ended;
}

bool recorder_close(struct recorder *r, int64_t wait_ms) {
  if (r == NULL)
    return true;
  if (!end_thread(r, wait_ms)) {
    log_error("the disk of the ledger hangs: its thread is left behind");
    return false;
  }
  free_all(r);
  return true;
}
