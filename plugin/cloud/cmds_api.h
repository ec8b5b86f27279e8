/* SPDX-License-Identifier: MIT
 *
 * cmds_api owns OneNET's older interface, /cmds, one of those of api, and how a
 * command that it accepted is followed. No state: any thread.
 */
#ifndef ONENET_CMDS_API_H
#define ONENET_CMDS_API_H

#include "base/buf.h"
#include "cloud/http.h"
#include "words/tracked.h"

/* Append the URL of a command's status (base/UUID) or of its device's answer
 * (base/UUID/resp); the query of the base goes behind that path. Return -EINVAL
 * if answer_uuid_is_valid does not hold; otherwise as buf_append. */
int cmds_api_append_status_url(struct buf *out, const char *base,
                               const char *cmd_uuid);
int cmds_api_append_answer_url(struct buf *out, const char *base,
                               const char *cmd_uuid);

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

#endif
