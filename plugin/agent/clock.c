/* SPDX-License-Identifier: MIT */
#include "agent/clock.h"

#include "base/systime.h"

struct moment clock_now(void) {
  return (struct moment){.ms = systime_ms(CLOCK_BOOTTIME),
                         .wall_ms = systime_ms(CLOCK_REALTIME)};
}
