/* SPDX-License-Identifier: MIT
 *
 * ledger_words owns the words in which tests of the ledger tell a situation, on
 * top of ledger_fixture.
 */
#ifndef ONENET_TESTS_LEDGER_WORDS_H
#define ONENET_TESTS_LEDGER_WORDS_H

#include "basics.h"
#include "ledger_fixture.h"

/* A test with a fixture of its own. */
#define SITUATION(name)                                                        \
  cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#define PATIENCE_MS 20000 /* for the look beside the work */

/* SQL for the balance of each device. */
#define BALANCE                                                                \
  "SELECT device, created, ended, pending, difference FROM balance"

/* Opens the ledger; nothing may be wrong with the file. */
void open_fresh(struct fixture *f);

/* Takes away the mark of the closed ledger that it was closed in order, as if
 * the process had been killed. */
void forget_clean_end(const struct fixture *f);

/* Waits until the look beside the work has ended. */
void wait_for_look(void);

/* Does so, and returns whether it has found damage: then the turn after it has
 * failed, and the next begins anew. */
bool finds_damage(struct fixture *f);

/* Puts a command of that id that ended at that moment. */
void put_finished(struct fixture *f, int64_t id, enum outcome outcome,
                  struct moment at);

/* Puts a command of that id with a body of these bytes. */
void put_body(struct fixture *f, int64_t id, const char *bytes, size_t size);

/* Puts the slot with its series, in a turn of its own. */
void put_slot(struct fixture *f, struct slot *s);

#endif
