/* SPDX-License-Identifier: MIT
 *
 * sim_execlog: what devices received. A command counts as executed exactly
 * when it is recorded here: this is the oracle of crash tests.
 *
 * Owns the records, at most `keep` of them in memory (the oldest go first),
 * and the optional file, which is only ever appended to. One thread.
 */
#ifndef SIM_EXECLOG_H
#define SIM_EXECLOG_H

#include "sim_buf.h"

#include <stdint.h>

#define SIM_UUID_SIZE 37 /* with the NUL */

/* A command as its device sees it; never changed once made. Shared between
 * the command and its records by counting references. */
struct sim_message {
  unsigned references;
  char uuid[SIM_UUID_SIZE];
  char *device_id;
  char *content_type; /* NULL if the request had none */
  struct sim_buf body;
  int qos;
  int64_t timeout_s;
};

/* Takes one reference more, or gives one back; the last one frees. */
struct sim_message *sim_message_hold(struct sim_message *message);
void sim_message_drop(struct sim_message *message);

struct sim_execlog;

/* Makes an empty log; path may be NULL, else it is created or appended to.
 * Returns 0 and the log in *ret_log, which the caller frees, or the negative
 * errno of open(2). */
int sim_execlog_new(size_t keep, const char *path,
                    struct sim_execlog **ret_log);

/* Records that the device received the message at wall_ms. Holds the message.
 * When this returns, the line is in the file: write(2) has taken all of it. A
 * file that cannot be written ends the process: an oracle must not forget. */
void sim_execlog_record(struct sim_execlog *log, struct sim_message *message,
                        int64_t wall_ms);

/* Adds the remembered records as a JSON array, oldest first; those of one
 * device, or of all if device_id is NULL. */
void sim_execlog_add_json(const struct sim_execlog *log, const char *device_id,
                          struct sim_buf *buf);

/* Forgets all records in memory. The file and the total stay. */
void sim_execlog_clear(struct sim_execlog *log);

/* Returns how often a device received a command since the start. */
uint64_t sim_execlog_total(const struct sim_execlog *log);

void sim_execlog_free(struct sim_execlog *log);

#endif
