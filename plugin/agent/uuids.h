/* SPDX-License-Identifier: MIT
 *
 * uuids owns the statuses of accepted commands by their cmd_uuid, each of which
 * is a series of its own for a while after its last change; if there are too
 * many, the one that began first gives way. It has no clock: the caller tells
 * the time. One thread at a time uses it.
 */
#ifndef ONENET_UUIDS_H
#define ONENET_UUIDS_H

#include "agent/outbox.h"

#include <stddef.h>
#include <stdint.h>

#define UUIDS_MAX 1000
#define UUIDS_KEPT_MS 300000 /* time of a series after its last change */

struct uuids;

/* Returns uuids without a series, owned by the caller. NULL without memory. */
struct uuids *uuids_new(void);
void uuids_free(struct uuids *u);

/* Begins a series with the outcome of a command, and changes it with a status.
 * A status begins one, too, if the series was left out by now or its outcome
 * was before a restart. News of a command that was not accepted, or has no
 * cmd_uuid, changes nothing. */
void uuids_note(struct uuids *u, const struct news *one, int64_t now_ms);

/* Returns how many series there are at most: some may be over. */
size_t uuids_count(const struct uuids *u);

/* Visits the series that are not over, in the order in which they began. */
typedef void uuids_visit_fn(void *context, const struct device *device,
                            const char *cmd_uuid, enum tracked_status status);
void uuids_each(struct uuids *u, int64_t now_ms, uuids_visit_fn *visit,
                void *context);

#endif
