/* SPDX-License-Identifier: MIT */
#include "words/verdict.h"

#include <errno.h>
#include <string.h>

static const struct verdict_meaning meanings[VERDICT_CLASSES] = {
    [VERDICT_ACCEPTED] = {"accepted", false, RETRY_NEVER, WAIT_BACKOFF,
                          CIRCUIT_CLOSES, TROUBLE_NONE},
    [VERDICT_OFFLINE] = {"offline", true, RETRY_IF_OFFLINE, WAIT_BACKOFF,
                         CIRCUIT_CLOSES, TROUBLE_DEVICE},
    [VERDICT_NOT_EXECUTED] = {"not_executed", true, RETRY_ALWAYS, WAIT_BACKOFF,
                              CIRCUIT_STAYS, TROUBLE_BUSY},
    [VERDICT_NOT_SENT] = {"not_sent", true, RETRY_ALWAYS, WAIT_BACKOFF,
                          CIRCUIT_COUNTS, TROUBLE_NO_ANSWER},
    [VERDICT_CREDENTIALS] = {"credentials", true, RETRY_ALWAYS, WAIT_FOR_KEY,
                             CIRCUIT_CLOSES, TROUBLE_CREDENTIALS},
    [VERDICT_REFUSED] = {"refused", true, RETRY_NEVER, WAIT_BACKOFF,
                         CIRCUIT_CLOSES, TROUBLE_DEVICE},
    [VERDICT_DOUBTFUL] = {"doubtful", false, RETRY_IF_UNKNOWN, WAIT_BACKOFF,
                          CIRCUIT_COUNTS, TROUBLE_NO_ANSWER},
};

const struct verdict_meaning *verdict_meaning(enum verdict_class class) {
  return &meanings[class];
}

int verdict_parse_class(const char *name, enum verdict_class *ret_class) {
  for (int i = 0; i < VERDICT_CLASSES; i++) {
    if (strcmp(name, meanings[i].name) == 0) {
      *ret_class = (enum verdict_class)i;
      return 0;
    }
  }
  return -EINVAL;
}

bool verdict_surely_unexecuted(const struct verdict *v) {
  return meanings[v->class].surely_unexecuted && !v->is_of_device;
}

enum verdict_circuit verdict_circuit(const struct verdict *v) {
  bool tells_nothing = v->is_early || strcmp(v->cause, "local") == 0;
  if (tells_nothing)
    return CIRCUIT_STAYS;
  return v->is_of_device ? CIRCUIT_CLOSES : meanings[v->class].circuit;
}

enum verdict_trouble verdict_trouble(const struct verdict *v) {
  return v->is_of_device ? TROUBLE_DEVICE : meanings[v->class].trouble;
}
