/* SPDX-License-Identifier: MIT
 *
 * clock owns the time that the agent goes by. No state: any thread.
 */
#ifndef ONENET_CLOCK_H
#define ONENET_CLOCK_H

#include "words/command.h"

/* Returns now, by the monotonic and by the wall clock. */
struct moment clock_now(void);

#endif
