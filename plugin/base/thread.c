/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SCHED_BATCH */
#include "base/thread.h"

#include <sched.h>
#include <signal.h>

int thread_start(pthread_t *ret_thread, void *(*run)(void *context),
                 void *context) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = pthread_create(ret_thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -status;
}

/* A thread that is woken takes the core of whoever wakes it, which is a thread
 * of collectd's in the middle of a callback, unless it is a batch thread. */
static void be_patient(pthread_t thread) {
  struct sched_param parameters;
  int policy;
  if (pthread_getschedparam(thread, &policy, &parameters) == 0 &&
      policy == SCHED_OTHER)
    pthread_setschedparam(thread, SCHED_BATCH, &parameters);
}

int thread_start_patient(pthread_t *ret_thread, void *(*run)(void *context),
                         void *context) {
  int status = thread_start(ret_thread, run, context);
  if (status == 0)
    be_patient(*ret_thread);
  return status;
}

void thread_init_locks(pthread_mutex_t *ret_mutex,
                       pthread_cond_t *ret_changed) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(ret_changed, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(ret_mutex, NULL);
}
