/* SPDX-License-Identifier: MIT
 *
 * thread owns the start of a thread of our own. No state: any thread.
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

#endif
