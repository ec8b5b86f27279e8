/* SPDX-License-Identifier: MIT
 *
 * sim_errno: the error numbers of the API and their documented texts.
 */
#ifndef SIM_ERRNO_H
#define SIM_ERRNO_H

enum sim_errno {
  SIM_SUCC = 0,
  SIM_KEY_REQUIRED = 2,
  SIM_AUTH_FAILED = 3,
  SIM_TOO_LARGE = 5,
  SIM_INVALID_PARAMETER = 6,
  SIM_PARAMETER_REQUIRED = 7,
  SIM_NOT_FOUND = 8,
  SIM_DATA_REQUIRED = 9,
  SIM_DEVICE_NOT_ONLINE = 10,
  SIM_SYSTEM_LIMIT = 13,
  SIM_FREQ_OUT_OF_LIMIT = 15,
  SIM_ERRNO_COUNT = 24,
};

/* Returns the documented text, a constant. */
const char *sim_errno_text(enum sim_errno code);

#endif
