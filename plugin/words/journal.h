/* SPDX-License-Identifier: MIT
 *
 * journal owns the list of things that have changed in one turn of the I/O
 * thread: commands, slots, series, accounts, tracked commands and orders, each
 * once, in the order of their first change. `lanes` and `tracker` write the
 * journal; the recorder records it, the teller tells it, and then it is
 * cleared.
 *
 * The last change of a thing hands the thing over to the journal, which frees
 * it when it is cleared. One thread.
 */
#ifndef ONENET_JOURNAL_H
#define ONENET_JOURNAL_H

#include "words/change.h"
#include "words/command.h"
#include "words/order.h"
#include "words/slot.h"
#include "words/tracked.h"

struct journal {
  struct change *first; /* the others follow by `next` */
  struct change **end;
};

/* Makes an empty journal. */
void journal_init(struct journal *j);

/* Notes that a thing has changed. The thing must stay where it is until the
 * journal is cleared. */
void journal_note(struct journal *j, struct change *change);

/* Notes the change for the last time, and takes the thing: a command that is
 * finished, a tracked one that is concluded, a series that was taken out of its
 * slot, a slot that is removed, or an order that was obeyed or refused. */
void journal_note_last(struct journal *j, struct change *change);

/* Empties the journal. Frees each thing whose last change was in it; marks the
 * other things, and all that was new in them, as told. */
void journal_clear(struct journal *j);

/* Return the thing that has changed if it is of that kind, else NULL. */
struct command *journal_command(struct change *change);
struct slot *journal_slot(struct change *change);
struct series *journal_series(struct change *change);
struct account *journal_account(struct change *change);
struct tracked *journal_tracked(struct change *change);
struct order *journal_order(struct change *change);

#endif
