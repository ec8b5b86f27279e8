/* SPDX-License-Identifier: MIT
 *
 * ledger_agent owns what the agent tells of itself and of its endpoints to who
 * looks into the ledger, as plain data.
 */
#ifndef ONENET_LEDGER_AGENT_H
#define ONENET_LEDGER_AGENT_H

#include "words/device.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_LAST_ERROR_BYTES 256

struct ledger_agent {
  const char *version; /* borrowed */
  int64_t pid;
  int64_t started_ms;
  uint64_t ledger_errors; /* since then */
  uint64_t waiting;       /* commands that wait */
  uint64_t inbox;         /* firings that are not taken yet */
};

struct ledger_endpoint {
  const struct endpoint *endpoint; /* borrowed */
  bool is_open;                    /* its circuit */
  uint64_t in_flight;              /* requests, polls included */
  uint64_t waiting;                /* commands that wait */
  uint64_t requests;               /* attempts since the agent has started */
  char last_error[LEDGER_LAST_ERROR_BYTES]; /* of the last attempt that failed,
                                               in words; "": none has */
  int64_t last_error_ms;
};

#endif
