/* SPDX-License-Identifier: MIT
 *
 * bench_load: a plugin of collectd for a benchmark alone. It dispatches
 * notifications within the daemon, as threshold does, and takes the time of
 * each call of plugin_dispatch_notification: what a thread of collectd loses to
 * the plugins that listen.
 *
 *   LoadPlugin bench_load
 *   <Plugin bench_load>
 *     Board "/path/of/the/file"   # of board.h: orders, and what is told
 *     Log "/path/of/a/log"        # it is collectd's log, too, if this is given
 *   </Plugin>
 *
 * Event number n is about device n % LOAD_DEVICES, host "d000123", and fires
 * rule n % LOAD_RULES, plugin_instance "r123"; one of these two must divide the
 * other. The events of a rule and a device are FAILURE and OKAY in turn, so
 * that each of them asks for something new. Its CurrentValue is n.
 */
#include "board.h"

#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/plugin.h"
#include "collectd/core/utils/common/common.h"

#include <pthread.h>

#define NAME "bench_load"
#define LOOK_US 200      /* how often a dispatcher asks the board for room */
#define DIRECTOR_US 5000 /* how often the director asks it for a burst */
#define THREADS_MAX 16

/* dispatcher: one thread of a burst. */
struct dispatcher {
  pthread_t thread;
  uint64_t first; /* it takes every LOAD_THREADS-th event from here on */
  uint64_t events;
  uint64_t *calls_ns; /* durations of the calls */
  uint64_t *accepts_ns;
  uint64_t wait_cpu_ns; /* CPU time between the calls */
};

static board_number *board;
static char *board_path;
static FILE *log_file;
static pthread_t director;
static bool is_ending;
static uint64_t answered_before; /* answers that came before the burst */
static struct dispatcher dispatchers[THREADS_MAX];

/* The time of the last line that says "accepted". */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t was_accepted = PTHREAD_COND_INITIALIZER;
static uint64_t accepted_ns;

static uint64_t now_ns(void) { return board_clock_ns(CLOCK_MONOTONIC); }

/* ---- an event ---- */

/* What threshold says of a value that crossed FailureMax. */
static void add_meta(notification_meta_t meta[static 4], uint64_t number) {
  meta[0] = (notification_meta_t){.name = "DataSource",
                                  .type = NM_TYPE_STRING,
                                  .nm_value.nm_string = "value",
                                  .next = &meta[1]};
  meta[1] = (notification_meta_t){.name = "CurrentValue",
                                  .type = NM_TYPE_DOUBLE,
                                  .nm_value.nm_double = (double)number,
                                  .next = &meta[2]};
  meta[2] = (notification_meta_t){.name = "WarningMax",
                                  .type = NM_TYPE_DOUBLE,
                                  .nm_value.nm_double = NAN,
                                  .next = &meta[3]};
  meta[3] = (notification_meta_t){
      .name = "FailureMax", .type = NM_TYPE_DOUBLE, .nm_value.nm_double = 30};
}

static void make_event(notification_t *n, uint64_t number) {
  uint64_t devices = board[LOAD_DEVICES], rules = board[LOAD_RULES];
  bool is_okay = number / (devices > rules ? devices : rules) % 2 == 1;
  n->severity = is_okay ? NOTIF_OKAY : NOTIF_FAILURE;
  n->time = cdtime();
  snprintf(n->host, sizeof n->host, "d%06" PRIu64, number % devices);
  snprintf(n->plugin_instance, sizeof n->plugin_instance, "r%" PRIu64,
           number % rules);
  snprintf(n->message, sizeof n->message,
           "Host %s, plugin bench type gauge: Data source \"value\" is "
           "currently %" PRIu64 ".",
           n->host, number);
}

static uint64_t dispatch(uint64_t number) {
  notification_meta_t meta[4];
  notification_t n = {.plugin = "bench", .type = "gauge", .meta = meta};
  add_meta(meta, number);
  make_event(&n, number);
  uint64_t begun_ns = now_ns();
  plugin_dispatch_notification(&n);
  return now_ns() - begun_ns;
}

/* ---- when the next one is dispatched ---- */

static uint64_t thread_cpu_ns(void) {
  return board_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static bool has_room(uint64_t number, uint64_t slack) {
  uint64_t window = board[LOAD_WINDOW];
  uint64_t dispatched = number - board[LOAD_FIRST];
  uint64_t answered = board[FAR_ANSWERED] - answered_before;
  return window == 0 || dispatched + slack < answered + window;
}

/* Waits until a quarter of the window is answered once it is full, so that the
 * thread is awake only now and then. */
static void wait_for_room(struct dispatcher *d, uint64_t number) {
  if (has_room(number, 0))
    return;
  uint64_t cpu_ns = thread_cpu_ns();
  while (!is_ending && !has_room(number, board[LOAD_WINDOW] / 4))
    usleep(LOOK_US);
  d->wait_cpu_ns += thread_cpu_ns() - cpu_ns;
}

static void wait_for_time(struct dispatcher *d, uint64_t at_ns) {
  struct timespec at = {.tv_sec = (time_t)(at_ns / 1000000000),
                        .tv_nsec = (long)(at_ns % 1000000000)};
  uint64_t cpu_ns = thread_cpu_ns();
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
  d->wait_cpu_ns += thread_cpu_ns() - cpu_ns;
}

/* Returns the time of the acceptance, 0 if it does not come. */
static uint64_t wait_for_acceptance(void) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 5;
  int status = 0;
  pthread_mutex_lock(&mutex);
  while (accepted_ns == 0 && status == 0)
    status = pthread_cond_timedwait(&was_accepted, &mutex, &end);
  uint64_t at_ns = accepted_ns;
  accepted_ns = 0;
  pthread_mutex_unlock(&mutex);
  return at_ns;
}

/* ---- a burst ---- */

static void dispatch_one(struct dispatcher *d, uint64_t i) {
  uint64_t number = d->first + i * board[LOAD_THREADS];
  wait_for_room(d, number);
  uint64_t begun_ns = now_ns();
  d->calls_ns[i] = dispatch(number);
  if (board[LOAD_AWAIT] != 0)
    d->accepts_ns[i] = wait_for_acceptance() - begun_ns;
}

static void *run_dispatcher(void *context) {
  struct dispatcher *d = context;
  uint64_t gap_ns = board[LOAD_GAP_NS], next_ns = now_ns();
  for (uint64_t i = 0; i < d->events && !is_ending; i++) {
    if (gap_ns > 0)
      wait_for_time(d, next_ns = next_ns + gap_ns);
    dispatch_one(d, i);
  }
  return NULL;
}

static void start_dispatcher(struct dispatcher *d, uint64_t index) {
  uint64_t threads = board[LOAD_THREADS];
  d->first = board[LOAD_FIRST] + index;
  d->events = (board[LOAD_COUNT] + threads - 1 - index) / threads;
  d->calls_ns = calloc(d->events + 1, sizeof *d->calls_ns);
  d->accepts_ns = calloc(d->events + 1, sizeof *d->accepts_ns);
  d->wait_cpu_ns = 0;
  plugin_thread_create(&d->thread, run_dispatcher, d, NAME);
}

static void tell_calls(const uint64_t *sorted, uint64_t count) {
  board[LOAD_CALL_P50_NS] = board_percentile(sorted, count, 50);
  board[LOAD_CALL_P99_NS] = board_percentile(sorted, count, 99);
}

/* Copies the times of all dispatchers, and frees theirs. */
static void gather(uint64_t *calls_ns, uint64_t *accepts_ns, uint64_t *used) {
  for (uint64_t i = 0; i < board[LOAD_THREADS]; i++) {
    struct dispatcher *d = &dispatchers[i];
    memcpy(calls_ns + *used, d->calls_ns, d->events * sizeof *calls_ns);
    memcpy(accepts_ns + *used, d->accepts_ns, d->events * sizeof *accepts_ns);
    *used += d->events;
    free(d->calls_ns);
    free(d->accepts_ns);
    board[LOAD_WAIT_CPU_NS] += d->wait_cpu_ns;
  }
}

static void tell_times(void) {
  uint64_t used = 0;
  uint64_t *calls_ns = calloc(board[LOAD_COUNT] + 1, sizeof *calls_ns);
  uint64_t *accepts_ns = calloc(board[LOAD_COUNT] + 1, sizeof *accepts_ns);
  board[LOAD_WAIT_CPU_NS] = 0;
  gather(calls_ns, accepts_ns, &used);
  board_sort(calls_ns, used);
  tell_calls(calls_ns, used);
  board_sort(accepts_ns, used);
  board[LOAD_ACCEPT_P50_NS] = board_percentile(accepts_ns, used, 50);
  free(calls_ns);
  free(accepts_ns);
}

static void run_burst(void) {
  uint64_t threads = board[LOAD_THREADS];
  answered_before = board[FAR_ANSWERED];
  for (uint64_t i = 0; i < threads && i < THREADS_MAX; i++)
    start_dispatcher(&dispatchers[i], i);
  for (uint64_t i = 0; i < threads && i < THREADS_MAX; i++)
    pthread_join(dispatchers[i].thread, NULL);
  tell_times();
}

static void *direct(void *context) {
  (void)context;
  while (!is_ending) {
    if (board[LOAD_GO] != board[LOAD_DONE]) {
      run_burst();
      board[LOAD_DONE] = (uint64_t)board[LOAD_GO];
    }
    usleep(DIRECTOR_US);
  }
  return NULL;
}

/* ---- collectd's log ---- */

static void note_acceptance(void) {
  pthread_mutex_lock(&mutex);
  accepted_ns = now_ns();
  pthread_cond_signal(&was_accepted);
  pthread_mutex_unlock(&mutex);
}

static void watch_log(int severity, const char *line, user_data_t *user_data) {
  (void)severity;
  (void)user_data;
  if (strstr(line, ": accepted, errno 0,") != NULL)
    note_acceptance();
  if (log_file != NULL)
    fprintf(log_file, "%s\n", line);
}

/* ---- collectd's callbacks ---- */

static int load_config(oconfig_item_t *block) {
  char *log_path = NULL;
  for (int i = 0; i < block->children_num; i++) {
    oconfig_item_t *option = &block->children[i];
    if (strcasecmp(option->key, "Board") == 0)
      cf_util_get_string(option, &board_path);
    else if (strcasecmp(option->key, "Log") == 0)
      cf_util_get_string(option, &log_path);
  }
  if (log_path != NULL && (log_file = fopen(log_path, "a")) != NULL) {
    setlinebuf(log_file);
    plugin_register_log(NAME, watch_log, NULL);
  }
  free(log_path);
  return 0;
}

static int load_init(void) {
  board = board_path != NULL ? board_open(board_path) : NULL;
  if (board == NULL)
    return -1;
  board[LOAD_READY_NS] = now_ns();
  return plugin_thread_create(&director, direct, NULL, NAME);
}

static int load_shutdown(void) {
  is_ending = true;
  pthread_join(director, NULL);
  return 0;
}

void module_register(void) {
  plugin_register_complex_config(NAME, load_config);
  plugin_register_init(NAME, load_init);
  plugin_register_shutdown(NAME, load_shutdown);
}
