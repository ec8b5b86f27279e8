/* SPDX-License-Identifier: MIT
 *
 * door owns the count of the callers who are inside: collectd may call a
 * callback on a thread of its own until the process is gone, so that what a
 * callback reads may only be freed once the door is closed and nobody is inside
 * any more.
 *
 * A door lives as long as the process, since a late caller still looks at it:
 * it is a static variable, all zero, and is never freed. Any thread may enter
 * and leave, and waits for nothing; one closes.
 */
#ifndef ONENET_DOOR_H
#define ONENET_DOOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct door {
  _Atomic bool is_closed;
  _Atomic uint64_t inside;
};

/* Enters: until door_leave, nothing that is behind the door is freed. Returns
 * false if it is closed: the caller is turned away, and must not leave. One
 * thread may enter several times. */
bool door_enter(struct door *d);

/* Leaves, once for each time it was entered. */
void door_leave(struct door *d);

/* Closes it for good, and waits until nobody is inside, for max_wait_ms at
 * most. Returns whether nobody is. May be called again, to go on waiting. */
bool door_close(struct door *d, int64_t max_wait_ms);

#endif
