/* SPDX-License-Identifier: MIT
 *
 * probe owns the test of the way to OneNET, step by step: the key, the name of
 * the host, the connection, TLS, the answer to a call without effect, and what
 * that says of a device. Each step that is wrong says what to do. The way ends
 * at the first step that is wrong; but a wrong key is left out on the way.
 *
 * http_global_init must have been called. One thread.
 */
#ifndef ONENET_PROBE_H
#define ONENET_PROBE_H

#include "words/command.h"
#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>

#define PROBE_STEPS_MAX 8
#define PROBE_TEXT_BYTES 768

enum probe_result {
  PROBE_OK,
  PROBE_NOTE, /* no fault, but good to know */
  PROBE_WRONG
};

struct probe_step {
  const char *name; /* "key", "name", "connection", "TLS", "answer", "device" */
  enum probe_result result;
  char what[PROBE_TEXT_BYTES];
  char advice[PROBE_TEXT_BYTES]; /* what to do; "": nothing */
};

struct probe {
  struct probe_step steps[PROBE_STEPS_MAX];
  size_t count;
};

/* Returns "ok", "note" or "wrong". */
const char *probe_result_name(enum probe_result result);

/* Goes the way to the endpoint, and asks for the device; NULL: for none. Takes
 * as long as the endpoint's time-outs allow. Returns 0 or -ENOMEM. */
int probe_run(const struct endpoint *e, const struct device *device,
              struct probe *ret_probe);

/* Returns whether no step is wrong. */
bool probe_is_right(const struct probe *p);

#endif
