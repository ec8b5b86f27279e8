/* SPDX-License-Identifier: MIT
 *
 * roster decides which devices are reported one by one: first those of a
 * <Device> block, then those of a DeviceFile while they are active. It has no
 * clock: the caller tells the time, which is monotonic. One thread at a time
 * uses a roster.
 *
 * A device that is reported has one of a limited number of places, and keeps it
 * as long as it is active. A place that becomes free goes to the device that
 * has been active for the longest time without one. If there are more <Device>
 * blocks than places, the first blocks have them for good.
 */
#ifndef ONENET_ROSTER_H
#define ONENET_ROSTER_H

#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_ACTIVE_MS 3600000 /* time of activity after an event */

struct roster;

/* Returns a roster for all devices of the directory, which is borrowed, with
 * places for max of them; the caller owns it. NULL without memory. */
struct roster *roster_new(const struct directory *directory, size_t max);
void roster_free(struct roster *r);

/* Notes that something happened with the device: it is active, and gets a place
 * if one is free. */
void roster_note_active(struct roster *r, const struct device *d,
                        int64_t now_ms);

/* Takes the places of devices that have been silent for more than
 * ROSTER_ACTIVE_MS, except those of <Device> blocks, and gives them to active
 * devices without one. Its cost grows only with the number of devices that
 * leave or come. */
void roster_turn(struct roster *r, int64_t now_ms);

/* Returns whether the device has a place. */
bool roster_has(const struct roster *r, const struct device *d);

/* Return the devices that have a place, <Device> blocks first, then in the
 * order in which they got it: the first one; and the one after d, which must
 * have a place. NULL if there is none. */
const struct device *roster_first(const struct roster *r);
const struct device *roster_next(const struct roster *r,
                                 const struct device *d);

/* Return how many devices have a place, and how many are active without one. */
size_t roster_reported(const struct roster *r);
size_t roster_unreported(const struct roster *r);

#endif
