/* SPDX-License-Identifier: MIT
 *
 * journal owns the list of what has changed in a turn of the I/O thread:
 * commands, slots, series, accounts and tracked commands, each once, in the
 * order in which they changed first. What decides writes it; then it is
 * recorded, told, and cleared.
 *
 * A thing that is over is noted for the last time: from then on the journal
 * owns it, and frees it when it is cleared. One thread.
 */
#ifndef ONENET_JOURNAL_H
#define ONENET_JOURNAL_H

#include "words/change.h"
#include "words/command.h"
#include "words/slot.h"
#include "words/tracked.h"

struct journal {
  struct change *first; /* the others follow by `next` */
  struct change **end;
};

/* Makes an empty journal. */
void journal_init(struct journal *j);

/* Notes that the thing has changed; it stays where it is until the journal is
 * cleared. */
void journal_note(struct journal *j, struct change *change);

/* Notes it for the last time: takes the thing, a command that is finished, a
 * tracked one that is concluded, or a slot that is removed with its series. */
void journal_note_last(struct journal *j, struct change *change);

/* Empties the journal and frees what is over. The others count as told, with
 * all that was new of them. */
void journal_clear(struct journal *j);

/* Return the thing that has changed if it is of that kind, else NULL. */
struct command *journal_command(struct change *change);
struct slot *journal_slot(struct change *change);
struct series *journal_series(struct change *change);
struct account *journal_account(struct change *change);
struct tracked *journal_tracked(struct change *change);

#endif
