/* SPDX-License-Identifier: MIT
 *
 * cmds_api owns what OneNET's /cmds interface looks like: the URL, the headers,
 * and what an answer means. No state: any thread.
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

/* Appends the URL of a command: base?device_id=ID, &timeout=S if timeout_s is
 * above 0, &qos=Q if qos is not negative. A base that has a query already is
 * continued with &. Returns as buf_append. */
int cmds_api_append_url(struct buf *out, const char *base,
                        const char *device_id, int timeout_s, int qos);

/* Append the URL that tells the status of the command of that cmd_uuid, or what
 * its device answered: base/UUID, base/UUID/resp, with the query of the base
 * behind it. Return -EINVAL if cmds_api_uuid_is_valid does not hold; else as
 * buf_append. */
int cmds_api_append_status_url(struct buf *out, const char *base,
                               const char *cmd_uuid);
int cmds_api_append_answer_url(struct buf *out, const char *base,
                               const char *cmd_uuid);

/* Judges the end of an attempt by the table of the design's section 3. Reads
 * only the reply; the whole of ret_verdict is written. */
void cmds_api_judge(const struct http_reply *reply,
                    struct verdict *ret_verdict);

/* Writes the verdict of an attempt that could not even be made: class not sent,
 * or credentials, with cause "local" and `why`. */
void cmds_api_judge_unsent(enum verdict_class class, const char *why,
                           struct verdict *ret_verdict);

/* Judges a poll of the status: it is known from errno 0 with HTTP 2xx and one
 * integer status in 0..6; what would refuse a command is a definite no; all
 * else is to be asked again. The whole of ret_poll is written. */
void cmds_api_judge_status(const struct http_reply *reply,
                           struct poll *ret_poll);

/* Judges a poll of the device's answer, which is whatever comes with HTTP 2xx
 * but an error of OneNET: an errno that is not 0, with its text. It is cut at
 * TRACKED_ANSWER_MAX_BYTES, and borrowed from the reply. */
void cmds_api_judge_answer(const struct http_reply *reply,
                           struct poll *ret_poll);

/* Returns OneNET's own words for an errno, or NULL if it is not documented. */
const char *cmds_api_errno_text(int32_t errno_value);

/* Whether uuid may be kept and put into a URL: 1 to 64 of [A-Za-z0-9._-], but
 * not
 * "." or "..", which would leave their place in the path. */
bool cmds_api_uuid_is_valid(const char *uuid, size_t size);

#endif
