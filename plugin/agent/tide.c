/* SPDX-License-Identifier: MIT */
#include "agent/tide.h"

#include <string.h>

void tide_note(struct tide *t, const size_t now[static TIDE_PLACES]) {
  for (int i = 0; i < TIDE_PLACES; i++)
    if (t->high[i] < now[i])
      t->high[i] = now[i];
}

static bool has_ebbed(size_t high, size_t now) {
  return high >= now + TIDE_LEAST && now <= high / 4;
}

bool tide_is_out(struct tide *t, const size_t now[static TIDE_PLACES],
                 int64_t now_ms) {
  bool is_out = false;
  for (int i = 0; i < TIDE_PLACES; i++)
    is_out = is_out || has_ebbed(t->high[i], now[i]);
  if (!is_out || now_ms < t->next_ms)
    return false;
  memcpy(t->high, now, sizeof t->high);
  t->next_ms = now_ms + TIDE_PAUSE_MS;
  return true;
}
