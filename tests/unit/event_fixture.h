/* SPDX-License-Identifier: MIT
 *
 * event_fixture owns the one event that tests are about, in its three kinds: a
 * thermometer in rack1 that is too hot, its value, and its silence. A test
 * changes what it is about.
 */
#ifndef ONENET_TESTS_EVENT_FIXTURE_H
#define ONENET_TESTS_EVENT_FIXTURE_H

#include "words/event.h"

#define EVENT_SERIES "rack1/sensors-cpu/temperature-core0"

/* Returns threshold's FAILURE of 91.5 degrees. It has no meta data. */
struct event an_event(void);
/* Returns the same with meta data: whatever its name, it is that text, which is
 * borrowed; but "absent" is not there (-ENOENT), and "no memory" is -ENOMEM. */
struct event an_event_with_meta(const char *text);
/* Returns the same as one value of a value list. */
struct event a_value(void);
/* Returns threshold's notification that the series has fallen silent. */
struct event a_missing_value(void);

#endif
