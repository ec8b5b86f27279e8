/* SPDX-License-Identifier: MIT */
#include "delivery/lanes_state.h"

void lanes_obey(struct lanes *l, struct order *o, struct moment now) {
  order_refuse(o, now, "not yet");
  journal_note_last(l->options.journal, &o->change);
}

int lanes_restore_silence(struct lanes *l, struct order *silence,
                          struct moment now) {
  (void)l;
  (void)now;
  order_free(silence);
  return 0;
}
