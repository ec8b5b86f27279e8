/* SPDX-License-Identifier: MIT
 *
 * sim_cloud: all that the pretended cloud is made of, as one struct; the older
 * service (/cmds), that of the current platform, and the control interface
 * (/sim/) are three views of it.
 *
 * Owns its parts. One thread at a time; reads no clock: the real time is told,
 * and the cloud adds its own offset.
 */
#ifndef SIM_CLOUD_H
#define SIM_CLOUD_H

#include "sim_auth.h"
#include "sim_faults.h"
#include "sim_journal.h"
#include "sim_store.h"

struct sim_cloud_config {
  unsigned auth_status;  /* HTTP status of errno 2 and 3 */
  bool documented_order; /* errno, error, data instead of errno, data, error */
  int64_t rate_per_s;    /* calls; 0: no limit */
  const char *product;   /* id of the one product of the current platform */
  bool is_stream;        /* it has data streams, not a thing model */
};

enum sim_data { SIM_DATA_THERE, SIM_DATA_NULL, SIM_DATA_ABSENT };

struct sim_envelope { /* how the current platform wraps its answers */
  bool code_last;     /* data, msg, code instead of code, msg, data */
  bool no_request_id;
  enum sim_data data; /* of a success */
};

struct sim_rate { /* calls in the second that began at from_wall_ms */
  int64_t from_wall_ms;
  int64_t calls;
};

struct sim_cloud {
  struct sim_cloud_config config;
  struct sim_auth auth;
  struct sim_execlog *execlog;
  struct sim_store *store;
  struct sim_faults faults;
  struct sim_journal journal;
  struct sim_rate rate;
  struct sim_envelope envelope;
  int64_t clock_offset_ms; /* the cloud's wall clock minus the real one */
  uint64_t connections;    /* accepted since the start */
  uint64_t follow_ups;     /* GET /cmds/... */
  uint64_t answers[SIM_ERRNO_COUNT]; /* by errno, of calls that got so far */
};

/* Frees all parts. */
void sim_cloud_free(struct sim_cloud *cloud);

/* sim_cmds.c, the older service: serves every path but /sim/, those of the
 * current platform by way of sim_platform_serve. */
void sim_cmds_serve(struct sim_cloud *cloud, const struct sim_request *request,
                    int64_t wall_ms, struct sim_reply *reply);

/* sim_platform.c, the calls of the current platform. Returns whether the path
 * is one of them; nothing was done if not. */
bool sim_platform_serve(struct sim_cloud *cloud,
                        const struct sim_request *request, int64_t wall_ms,
                        struct sim_reply *reply);

/* sim_control.c, the control interface. All of them borrow the request, fill a
 * fresh reply and are told the cloud's wall clock. */
void sim_control_serve(struct sim_cloud *cloud,
                       const struct sim_request *request, int64_t wall_ms,
                       struct sim_reply *reply);

#endif
