/* SPDX-License-Identifier: MIT
 *
 * unrecorded owns the list of the commands whose latest change is not in the
 * ledger, for the one line that names them at the end. It has no clock, no
 * thread and no I/O. One thread at a time.
 */
#ifndef ONENET_UNRECORDED_H
#define ONENET_UNRECORDED_H

#include "base/buf.h"
#include "words/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes that are remembered one by one. */
#define UNRECORDED_MAX 10000

struct unrecorded_change;

/* All zero: nothing was noted yet. */
struct unrecorded {
  struct unrecorded_change *changes; /* the earliest first */
  size_t count;
  size_t room;
  uint64_t
      forgotten_upto; /* batch of the latest change that is forgotten, since
                         there was no room or no memory; 0: none is */
};

/* Notes that the command has changed, and goes into that batch: batches are
 * numbered from 1 in the order of time. */
void unrecorded_note(struct unrecorded *u, const struct command *c,
                     uint64_t batch);

/* Takes all changes up to that batch out: they are committed. */
void unrecorded_settle(struct unrecorded *u, uint64_t upto);

/* Appends how many commands there are, and, as far as out has room, the id of
 * each and what became of it: "3 commands (17 accepted, 18 waiting, and 1
 * more)". Appends nothing if there are none. To be called last: only
 * unrecorded_free may follow. */
void unrecorded_append(struct unrecorded *u, struct buf *out);

/* Frees what u owns. */
void unrecorded_free(struct unrecorded *u);

#endif
