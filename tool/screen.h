/* SPDX-License-Identifier: MIT
 *
 * screen owns the terminal while a page on it is refreshed: q and Ctrl-C end
 * that, and the terminal is left as it was. Where the output is no terminal,
 * nothing is cleared: one page follows the other, with an empty line between
 * them.
 */
#ifndef ONENET_SCREEN_H
#define ONENET_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Begins: keys come one by one, and SIGINT and SIGTERM no longer end the
 * process. */
void screen_begin(void);

/* Makes room for the next page. */
void screen_clear(void);

/* Waits that long, or until somebody wants the end. Returns whether to go on.
 */
bool screen_wait(int64_t wait_ms);

/* Leaves the terminal as screen_begin has found it. */
void screen_end(void);

#endif
