/* SPDX-License-Identifier: MIT
 *
 * sim_auth: both kinds of credentials of the API.
 *
 * Owns copies of the keys it was given. Knows no clock: the time is told.
 * Keys are compared in constant time (their length is not a secret here) and
 * never printed. A zeroed struct knows no key and refuses everybody.
 */
#ifndef SIM_AUTH_H
#define SIM_AUTH_H

#include "sim_errno.h"
#include "sim_exchange.h"

#define SIM_AUTH_KEYS_MAX 16

struct sim_auth {
  char *api_keys[SIM_AUTH_KEYS_MAX];
  size_t api_key_count;
  struct sim_buf access_keys[SIM_AUTH_KEYS_MAX]; /* decoded */
  size_t access_key_count;
};

/* Adds a master key: visible ASCII, 1 to 256 characters.
 * Returns 0, -EINVAL or -ENOSPC; nothing was added then. */
int sim_auth_add_api_key(struct sim_auth *auth, const char *key);

/* Adds an access key in base64.
 * Returns 0, -EINVAL or -ENOSPC; nothing was added then. */
int sim_auth_add_access_key(struct sim_auth *auth, const char *base64);

/* Judges a request by its headers. `api-key` goes before `Authorization`.
 * Returns SIM_SUCC, SIM_KEY_REQUIRED if there are no credentials, else
 * SIM_AUTH_FAILED with *ret_detail a constant text, or NULL. */
enum sim_errno sim_auth_check(const struct sim_auth *auth,
                              const struct sim_pairs *headers, int64_t wall_s,
                              const char **ret_detail);

/* Judges a request to the current platform, which takes tokens only, for that
 * product. Returns whether it is good; else adds the reason, as the platform
 * words it. */
bool sim_auth_check_platform(const struct sim_auth *auth,
                             const struct sim_pairs *headers, int64_t wall_s,
                             const char *product, struct sim_buf *ret_reason);

void sim_auth_free(struct sim_auth *auth);

#endif
