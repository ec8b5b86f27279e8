/* SPDX-License-Identifier: MIT
 *
 * token owns OneNET's Authorization token, which is computed from an access
 * key. No state: any thread. Source: OneNET's documentation of the signatures
 * of 2018-10-31 and 2022-05-01, which differ in the name of the version alone.
 */
#ifndef ONENET_TOKEN_H
#define ONENET_TOKEN_H

#include "base/buf.h"
#include "words/device.h"

#include <stdint.h>

#define TOKEN_ACCESS_KEY_MAX_CHARS 4096

/* Appends the value of an Authorization header that is valid until wall_until_s
 * (Unix seconds): version=..&res=..&et=..&method=..&sign=.., each value
 * percent-encoded. access_key is base64; white space around it is ignored.
 * Returns 0; -EINVAL if the access key is not base64, empty or too long;
 * -ENOTSUP if libcrypto does not offer the method (MD5 in FIPS mode); otherwise
 * as buf_append. Wipes what it derived from the key. */
int token_append(struct buf *out, const char *access_key, const char *resource,
                 enum token_method method, enum token_version version,
                 int64_t wall_until_s);

#endif
