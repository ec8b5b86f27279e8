/* SPDX-License-Identifier: MIT */
#include "sim_errno.h"

const char *sim_errno_text(enum sim_errno code) {
  switch (code) {
  case SIM_SUCC:
    return "succ";
  case SIM_KEY_REQUIRED:
    return "api-key required";
  case SIM_AUTH_FAILED:
    return "auth failed";
  case SIM_TOO_LARGE:
    return "request entity too large";
  case SIM_INVALID_PARAMETER:
    return "invalid parameter";
  case SIM_PARAMETER_REQUIRED:
    return "parameter required";
  case SIM_NOT_FOUND:
    return "not found";
  case SIM_DATA_REQUIRED:
    return "entity data required";
  case SIM_DEVICE_NOT_ONLINE:
    return "device not online";
  case SIM_SYSTEM_LIMIT:
    return "system limit";
  case SIM_FREQ_OUT_OF_LIMIT:
    return "api freq out of limit";
  case SIM_ERRNO_COUNT:
    break;
  }
  return "internal server error";
}
