/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SCHED_BATCH, SCHED_IDLE */
#include "base/thread.h"

#include "basics.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>

typedef int start_fn(pthread_t *ret_thread, void *(*run)(void *context),
                     void *context);

/* Findings about a thread that was started, and has ended. */
struct guest {
  start_fn *start;
  int status; /* of its start */
  int policy; /* while it lived */
  sigset_t blocked;
  sem_t leave;
};

static void *wait_for_leave(void *context) {
  struct guest *g = context;
  pthread_sigmask(SIG_SETMASK, NULL, &g->blocked);
  sem_wait(&g->leave);
  return NULL;
}

static int policy_of(pthread_t thread) {
  struct sched_param parameters;
  int policy = -1;
  pthread_getschedparam(thread, &policy, &parameters);
  return policy;
}

static void *invite(void *context) {
  struct guest *g = context;
  pthread_t thread;
  sem_init(&g->leave, 0, 0);
  g->status = g->start(&thread, wait_for_leave, g);
  if (g->status < 0)
    return NULL;
  g->policy = policy_of(thread);
  sem_post(&g->leave);
  pthread_join(thread, NULL);
  sem_destroy(&g->leave);
  return NULL;
}

static void
a_patient_thread_does_not_take_the_core_from_one_that_runs(void **state) {
  (void)state;
  struct guest g = {.start = thread_start_patient};
  invite(&g);
  assert_int_equal(g.status, 0);
  assert_int_equal(g.policy, SCHED_BATCH);
  assert_int_equal(policy_of(pthread_self()), SCHED_OTHER);
}

static void any_other_thread_is_scheduled_as_who_starts_it(void **state) {
  (void)state;
  struct guest g = {.start = thread_start};
  invite(&g);
  assert_int_equal(g.status, 0);
  assert_int_equal(g.policy, SCHED_OTHER);
}

/* Invites as a collectd does that runs with SCHED_IDLE. */
static void *invite_idly(void *context) {
  const struct sched_param parameters = {0};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters);
  return invite(context);
}

static void the_policy_that_collectd_was_given_is_kept(void **state) {
  (void)state;
  struct guest g = {.start = thread_start_patient};
  pthread_t idle;
  assert_int_equal(pthread_create(&idle, NULL, invite_idly, &g), 0);
  assert_int_equal(pthread_join(idle, NULL), 0);
  assert_int_equal(g.status, 0);
  assert_int_equal(g.policy, SCHED_IDLE);
}

static void
a_thread_hears_no_signals_and_who_starts_it_goes_on_to(void **state) {
  (void)state;
  struct guest g = {.start = thread_start};
  sigset_t own;
  invite(&g);
  assert_int_equal(g.status, 0);
  assert_true(sigismember(&g.blocked, SIGTERM));
  pthread_sigmask(SIG_SETMASK, NULL, &own);
  assert_false(sigismember(&own, SIGTERM));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(
          a_patient_thread_does_not_take_the_core_from_one_that_runs),
      cmocka_unit_test(any_other_thread_is_scheduled_as_who_starts_it),
      cmocka_unit_test(the_policy_that_collectd_was_given_is_kept),
      cmocka_unit_test(a_thread_hears_no_signals_and_who_starts_it_goes_on_to),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
