/* SPDX-License-Identifier: MIT
 *
 * sim_uuid: version-5 UUIDs (RFC 4122 section 4.3), as the service gives them.
 * No global state, no ownership.
 */
#ifndef SIM_UUID_H
#define SIM_UUID_H

#include "sim_execlog.h"

struct sim_uuid_source {
  unsigned char name_space[16]; /* random: no two processes share one */
  uint64_t counter;             /* the names are 1, 2, 3 ... */
};

/* Draws the name space. */
void sim_uuid_init(struct sim_uuid_source *source);

/* Writes the next UUID in lower case. */
void sim_uuid_next(struct sim_uuid_source *source,
                   char ret_uuid[static SIM_UUID_SIZE]);

#endif
