/* SPDX-License-Identifier: MIT
 *
 * ledger_loss is the number of pending commands that can not be restored, as
 * plain data.
 */
#ifndef ONENET_LEDGER_LOSS_H
#define ONENET_LEDGER_LOSS_H

#include <stdint.h>

struct ledger_loss {
  uint64_t commands;  /* those that could be counted */
  uint64_t uncounted; /* times that some may be lost, and none can say how many
                       */
};

#endif
