/* SPDX-License-Identifier: MIT
 *
 * book owns the tool's way into the ledger: a second connection to the SQLite
 * file that the agent writes. It never waits for longer than BOOK_WAIT_MS,
 * never changes the file but to give an order, and says in words what is in the
 * way: no such file, no right (which one, whose), damaged, locked, of another
 * version, in memory.
 *
 * The file is opened for reading alone, unless an order is given. One that no
 * agent has open, and whose folder may not be written, is read as it lies
 * there. No file is made that the agent could not open.
 */
#ifndef ONENET_BOOK_H
#define ONENET_BOOK_H

#include "words/order.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite3;
struct book;

#define BOOK_WAIT_MS 5000

enum book_purpose { BOOK_TO_READ, BOOK_TO_ORDER };

/* Opens the ledger at that path. Returns 0 and a book for book_close; or a
 * negative errno, after it has written to stderr what is wrong and what to do.
 */
int book_open(const char *path, enum book_purpose purpose,
              struct book **ret_book);
void book_close(struct book *b);

/* Returns the connection, for reading; borrowed. */
struct sqlite3 *book_connection(struct book *b);

/* Returns the size of the file and its -wal in bytes. */
int64_t book_bytes(const struct book *b);

/* Turns what SQLite has just returned into 0 (also for a row, and for the end
 * of rows) or a negative errno, after it has written to stderr what is wrong
 * and what to do. */
int book_judge(struct book *b, int code);

/* Returns the process that holds the ledger's lock: the agent; 0 if none does.
 */
pid_t book_agent(const char *path);

/* Writes the order as a row: given now, by the user who runs this. Returns 0
 * and its id; or a negative errno, after it has written to stderr what is wrong
 * and what to do. */
int book_give(struct book *b, const struct order *order, int64_t *ret_id);

/* Waits until the agent has looked at the order, BOOK_WAIT_MS at most, and no
 * longer than there is an agent. Returns 0 and the order as it ended (what came
 * of it, not what was asked for), for order_free; -ETIMEDOUT; or another
 * negative errno, after it has written to stderr what is wrong. */
int book_await(struct book *b, int64_t id, struct order **ret_order);

#endif
