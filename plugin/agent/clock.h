/* SPDX-License-Identifier: MIT
 *
 * clock owns the time that the agent goes by. No state: any thread.
 */
#ifndef ONENET_CLOCK_H
#define ONENET_CLOCK_H

#include "words/command.h"

/* Returns the present instant; see struct moment. It must not be compared with
 * CLOCK_MONOTONIC, which the time-outs of libcurl and pthread go by. */
struct moment clock_now(void);

#endif
