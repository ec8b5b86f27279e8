/* SPDX-License-Identifier: MIT
 *
 * sim_journal: every call of /cmds as it arrived, and what came of it.
 *
 * Owns copies, at most `keep` of them, the oldest go first. Credentials are
 * masked on the way in. A zeroed struct needs sim_journal_init. One thread.
 */
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include "sim_exchange.h"

#include <sys/queue.h>

struct sim_journal_entry;
TAILQ_HEAD(sim_journal_list, sim_journal_entry);

struct sim_journal {
  struct sim_journal_list entries;
  size_t count;
  size_t keep;
  uint64_t total; /* calls since the start */
};

void sim_journal_init(struct sim_journal *journal, size_t keep);

/* Remembers a call and the reply it is about to get. */
void sim_journal_add(struct sim_journal *journal,
                     const struct sim_request *request,
                     const struct sim_reply *reply, bool executed,
                     int64_t wall_ms);

/* Adds the entries as a JSON array, oldest first. */
void sim_journal_add_json(const struct sim_journal *journal,
                          struct sim_buf *buf);

/* Forgets the entries; the total stays. */
void sim_journal_clear(struct sim_journal *journal);

#endif
