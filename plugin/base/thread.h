/* SPDX-License-Identifier: MIT
 *
 * thread owns the start of a thread of our own, and the making of what such
 * threads wait with. No state: any thread.
 */
#ifndef ONENET_THREAD_H
#define ONENET_THREAD_H

#include <pthread.h>

/* Starts a thread with all signals blocked: they are for collectd's own.
 * Returns 0, and the caller joins or detaches *ret_thread; or a negative errno.
 */
int thread_start(pthread_t *ret_thread, void *(*run)(void *context),
                 void *context);

/* Does the same with a thread that collectd's threads wake. It is scheduled as
 * a batch, unless collectd itself runs under another policy than the usual one:
 * when it wakes up it never takes the core from a thread that runs. */
int thread_start_patient(pthread_t *ret_thread, void *(*run)(void *context),
                         void *context);

/* Makes a mutex, and a condition variable whose waits end by CLOCK_MONOTONIC;
 * see systime_deadline. The caller destroys both. */
void thread_init_locks(pthread_mutex_t *ret_mutex, pthread_cond_t *ret_changed);

#endif
