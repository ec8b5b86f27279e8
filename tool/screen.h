/* SPDX-License-Identifier: MIT
 *
 * screen owns the terminal while a page on it is refreshed: q and Ctrl-C end
 * that, and the terminal is left as it was. Where the output is no terminal,
 * nothing is cleared: one page follows the other, with an empty line between
 * them.
 */
#ifndef ONENET_SCREEN_H
#define ONENET_SCREEN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Begins: from the first page on keys come one by one, and SIGINT and SIGTERM
 * no longer end the process. */
void screen_begin(void);

/* Makes room for the next page, or for what is said instead of it. */
void screen_clear(void);

/* Cuts the page to what the terminal has lines for, so that its beginning is
 * seen, and says so at its end. */
void screen_fit(struct buf *page);

/* Waits that long, or until somebody wants the end. Returns whether to go on.
 */
bool screen_wait(int64_t wait_ms);

/* Leaves the terminal as screen_begin has found it. */
void screen_end(void);

#endif
