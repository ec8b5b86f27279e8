/* SPDX-License-Identifier: MIT
 *
 * sim_faults: what the next calls of POST /cmds shall suffer.
 *
 * Owns the faults, in the order in which they were asked for; the first that
 * fits a call is used up by one. A zeroed struct needs sim_faults_init. One
 * thread.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim_exchange.h"

#include <sys/queue.h>

enum sim_fault_close { SIM_CLOSE_NOT, SIM_CLOSE_BEFORE, SIM_CLOSE_AFTER };

struct sim_fault {
  TAILQ_ENTRY(sim_fault) link;
  int64_t count;   /* calls left; -1: until cleared */
  char *device_id; /* NULL: any call */
  unsigned status; /* 0: not given */
  struct sim_pairs headers;
  struct sim_buf body; /* empty: not given */
  int64_t delay_ms;
  enum sim_fault_close close;
  bool execute; /* although the answer says otherwise */
  bool hang;
};

TAILQ_HEAD(sim_fault_list, sim_fault);

struct sim_faults {
  struct sim_fault_list list;
  uint64_t applied; /* calls that suffered one */
};

void sim_faults_init(struct sim_faults *faults);

/* Takes a fault from sim_buf_alloc. */
void sim_faults_add(struct sim_faults *faults, struct sim_fault *fault);

/* Uses up one call of the first fault that fits a call for this device (NULL:
 * the call names none). Returns it, borrowed until the next call of a function
 * of this file, or NULL. */
const struct sim_fault *sim_faults_take(struct sim_faults *faults,
                                        const char *device_id);

/* Returns whether a call with this fault still reaches the service. */
bool sim_fault_executes(const struct sim_fault *fault);

/* Alters the reply as the fault asks. */
void sim_fault_apply(const struct sim_fault *fault, struct sim_reply *reply);

/* Adds the faults with calls left as a JSON array. */
void sim_faults_add_json(struct sim_faults *faults, struct sim_buf *buf);

/* Forgets all faults. */
void sim_faults_clear(struct sim_faults *faults);

/* Frees one fault that is in no list. */
void sim_fault_free(struct sim_fault *fault);

#endif
