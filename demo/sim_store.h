/* SPDX-License-Identifier: MIT
 *
 * sim_store: devices and commands; who receives what, and when.
 *
 * Owns the devices and the commands, and borrows the execution log. It has no
 * clock: every function that needs the time is told the wall-clock time in
 * milliseconds since 1970, and what follows from the mere passing of time (a
 * kept command that ran out, an answer that did not come) is worked out when
 * somebody asks. At most `keep` commands that are done with are remembered,
 * and at most `keep` are waiting. One thread; nothing blocks, except that a
 * delivery is written to the execution log.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "sim_errno.h"
#include "sim_execlog.h"

/* More than this from a device is "Command Response Too Large". */
#define SIM_ANSWER_MAX ((size_t)65535)

enum sim_status { /* numbers of the API */
                  SIM_STATUS_NOT_ONLINE = 0,
                  SIM_STATUS_CREATED = 1,
                  SIM_STATUS_SENT = 2,
                  SIM_STATUS_FAILED = 3,
                  SIM_STATUS_ANSWERED = 4,
                  SIM_STATUS_ANSWER_TIMEOUT = 5,
                  SIM_STATUS_ANSWER_TOO_LARGE = 6,
};

/* Returns the documented text of a status, a constant. */
const char *sim_status_text(enum sim_status status);

struct sim_store;

struct sim_store_config {
  size_t keep;
  int64_t answer_timeout_s; /* 0: a device may answer as late as it likes */
  bool auto_create;         /* an unknown device appears, online */
};

struct sim_draft { /* a command on its way in; all borrowed */
  const char *device_id;
  const char *content_type; /* may be NULL */
  const char *body;
  size_t body_bytes;
  int qos;
  int64_t timeout_s;
};

struct sim_device_change {
  bool set_online;
  bool online;
  const char *answer; /* NULL: leave it; "": no answer by itself; borrowed */
  bool set_silent;
  bool silent;
  int64_t reply_code;  /* -1: leave it */
  int64_t wait_ms;     /* -1: leave it */
  const char *failure; /* NULL: leave it; "": none; borrowed */
};

/* How a device takes part in a call that waits for it. */
struct sim_manner {
  bool online;
  bool silent;         /* it does what it is told, and does not reply */
  int64_t reply_code;  /* 0: that of success */
  int64_t wait_ms;     /* until its reply, or until nobody waits any more */
  const char *answer;  /* borrowed until the store changes; NULL: none */
  const char *failure; /* why the call fails before it, likewise */
};

/* Returns an empty store, which the caller frees before the log. */
struct sim_store *sim_store_new(const struct sim_store_config *config,
                                struct sim_execlog *execlog);

/* Adds the device (online, if nothing else is said) or alters it. A device
 * that comes online receives what waits for it and has not run out, oldest
 * first. Returns whether it is new. */
bool sim_store_put_device(struct sim_store *store, const char *id,
                          const struct sim_device_change *change,
                          int64_t wall_ms);

/* Removes a device; what waited for it has failed. Returns 0 or -ENOENT. */
int sim_store_remove_device(struct sim_store *store, const char *id,
                            int64_t wall_ms);

/* Writes the manner of a device. Returns whether there is such a device. */
bool sim_store_read_manner(struct sim_store *store, const char *id,
                           struct sim_manner *ret_manner);

/* Makes a uuid of no command. */
void sim_store_make_uuid(struct sim_store *store,
                         char ret_uuid[static SIM_UUID_SIZE]);

bool sim_store_has_device(const struct sim_store *store, const char *id);

/* Takes a command in. An online device has received it when this returns.
 * Returns SIM_SUCC, with the new command's uuid and whether the device has
 * received it; SIM_NOT_FOUND for an unknown device, SIM_DEVICE_NOT_ONLINE for
 * an offline one with timeout_s 0, SIM_SYSTEM_LIMIT when too many wait. */
enum sim_errno sim_store_send(struct sim_store *store,
                              const struct sim_draft *draft, int64_t wall_ms,
                              char ret_uuid[static SIM_UUID_SIZE],
                              bool *ret_received);

/* Looks a command up. Returns 0 with its status and, at
 * SIM_STATUS_ANSWERED only, its answer (borrowed until the next call that
 * changes the store; else NULL), or -ENOENT. */
int sim_store_find_command(struct sim_store *store, const char *uuid,
                           int64_t wall_ms, enum sim_status *ret_status,
                           const struct sim_buf **ret_answer);

/* The device answers a command with these bytes (borrowed). Returns 0;
 * -ENOENT if this device has no such command; -EINVAL if the command does not
 * wait for an answer (any more). */
int sim_store_answer(struct sim_store *store, const char *device_id,
                     const char *uuid, const char *bytes, size_t length,
                     int64_t wall_ms);

/* Adds one device as a JSON object, or all of them as an array. The device
 * must exist. */
void sim_store_add_device_json(const struct sim_store *store, const char *id,
                               int64_t wall_ms, struct sim_buf *buf);
void sim_store_add_devices_json(const struct sim_store *store, int64_t wall_ms,
                                struct sim_buf *buf);

/* Returns how many devices there are. */
size_t sim_store_count_devices(const struct sim_store *store);

void sim_store_free(struct sim_store *store);

#endif
