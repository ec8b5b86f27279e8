/* SPDX-License-Identifier: MIT
 *
 * notices owns what collectd is told of single commands: a value of how long
 * each took, and a notification of its outcome or end where one is wanted. It
 * remembers what was told last of each pair of device and rule.
 *
 * One thread at a time uses it, never the I/O thread: a notification waits for
 * every notification plugin.
 */
#ifndef ONENET_NOTICES_H
#define ONENET_NOTICES_H

#include "agent/outbox.h"
#include "config/options.h"

/* collectd's headers redefine PACKAGE_NAME and its like. */
#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/plugin.h"

#include <stdbool.h>

struct notices;

/* Returns notices that remember no pair yet, owned by the caller. NULL without
 * memory. */
struct notices *notices_new(enum notify_outcomes wanted);
void notices_free(struct notices *n);

/* Notes that the pair was failing before the start, unless news of it has come
 * since. Without memory a later acceptance of such a pair is no news. */
void notices_note_earlier(struct notices *n, const struct earlier *earlier);

/* Sends the value of a command that has an outcome. Its time is that of the
 * outcome, later than that of the value before. Returns whether it was sent. */
bool notices_send_duration(struct notices *n, const struct news *one);

/* Sends a notification if one is wanted of this news, and it is not later than
 * `until`. Returns false if one that is wanted could not be sent: no memory, or
 * no time. */
bool notices_send_notification(struct notices *n, const struct news *one,
                               cdtime_t until);

/* Sends a FAILURE that says how many commands can not be restored, unless no
 * notification is wanted. */
void notices_send_loss(const struct notices *n, const struct ledger_loss *loss);

#endif
