/* SPDX-License-Identifier: MIT
 *
 * cmds_api owns OneNET's /cmds interface: its URLs, and what its answers mean.
 * No state: any thread.
 */
#ifndef ONENET_CMDS_API_H
#define ONENET_CMDS_API_H

#include "base/buf.h"
#include "cloud/http.h"
#include "words/command.h"
#include "words/tracked.h"

#include <stddef.h>
#include <stdint.h>

#define CMDS_API_ANSWER_MAX_BYTES                                              \
  65536 /* 64 KiB: a longer answer is unreadable */
#define CMDS_API_ANSWER_MAX_DEPTH 16

/* Appends the URL of a command: base?device_id=ID, then &timeout=S if timeout_s
 * is above 0, then &qos=Q if qos is not negative. If the base has a query
 * already, continues it with &. Returns as buf_append. */
int cmds_api_append_url(struct buf *out, const char *base,
                        const char *device_id, int timeout_s, int qos);

/* Append the URL of a command's status (base/UUID) or of its device's answer
 * (base/UUID/resp); the query of the base goes behind that path. Return -EINVAL
 * if cmds_api_uuid_is_valid does not hold; otherwise as buf_append. */
int cmds_api_append_status_url(struct buf *out, const char *base,
                               const char *cmd_uuid);
int cmds_api_append_answer_url(struct buf *out, const char *base,
                               const char *cmd_uuid);

/* Judges how an attempt ended, by the rules of collectd-onenet(5), OUTCOMES.
 * Writes the whole of ret_verdict; keeps nothing of the reply. */
void cmds_api_judge(const struct http_reply *reply,
                    struct verdict *ret_verdict);

/* Writes the verdict of an attempt that could not even be tried: the class (not
 * sent, or credentials), the cause "local", and `why` as its error. */
void cmds_api_judge_unsent(enum verdict_class class, const char *why,
                           struct verdict *ret_verdict);

/* Judges a poll for the status. The status is known from errno 0 with HTTP 2xx
 * and one integer status in 0..6. An answer that would refuse a command is a
 * definite no. After any other answer the poll has to be repeated. Writes the
 * whole of ret_poll. */
void cmds_api_judge_status(const struct http_reply *reply,
                           struct poll *ret_poll);

/* Judges a poll for the device's answer. The answer is whatever came with HTTP
 * 2xx, unless that is an error of OneNET: an errno that is not 0, with a text.
 * ret_poll borrows the answer from the reply, cut at TRACKED_ANSWER_MAX_BYTES.
 */
void cmds_api_judge_answer(const struct http_reply *reply,
                           struct poll *ret_poll);

/* Returns OneNET's own words for an errno, or NULL if it is not documented. */
const char *cmds_api_errno_text(int32_t errno_value);

/* Returns whether a cmd_uuid may be kept and put into a URL: 1 to 64 characters
 * of [A-Za-z0-9._-], but not "." or "..", which name another resource in a
 * path. */
bool cmds_api_uuid_is_valid(const char *uuid, size_t size);

#endif
