/* SPDX-License-Identifier: MIT
 *
 * answer owns how the answer to an attempt is judged, as far as all generations
 * of OneNET's interface agree: answers that were cut off, HTTP statuses, texts
 * from outside, and a `cmd_uuid`. The interface itself says what decides in an
 * answer that can be read. No state: any thread.
 */
#ifndef ONENET_ANSWER_H
#define ONENET_ANSWER_H

#include "base/buf.h"
#include "base/json.h"
#include "cloud/http.h"
#include "words/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_MAX_BYTES 65536 /* 64 KiB: a longer answer is unreadable */
#define ANSWER_MAX_DEPTH 16    /* levels of its JSON */

/* The way in which one interface reads an answer. */
struct answer_way {
  /* Keeps what it needs of a member in the context, which is all zero before
   * the first one. */
  json_visit_fn *keep;
  /* Judges what was kept: writes class, errno, texts and cause to the verdict,
   * and returns NULL; or returns why nothing in the answer decides, a constant
   * text, and writes nothing. */
  const char *(*decide)(void *context, const struct http_reply *reply,
                        struct verdict *v);
};

/* Judges how an attempt ended, by the rules of collectd-onenet(5), OUTCOMES.
 * Writes the whole of ret_verdict; keeps nothing of the reply. */
void answer_judge(const struct http_reply *reply, const struct answer_way *way,
                  void *context, struct verdict *ret_verdict);

/* Writes the verdict of an attempt that could not even be tried: the class, the
 * cause "local", and `why` as its error. */
void answer_judge_unsent(enum verdict_class class, const char *why,
                         struct verdict *ret_verdict);

/* Returns whether an answer that says that all went well is believed: it came
 * with HTTP 2xx, and the command has left. If not, that decides: writes it to
 * the verdict. */
bool answer_is_believed(const struct http_reply *reply, struct verdict *v);

/* Returns whether the HTTP status is of that hundred: 2 for 2xx. */
bool answer_is_class(int http_code, int hundred);

/* Writes DECIDER_NUMBER as the cause. */
void answer_set_cause(struct verdict *v, const char *decider, int32_t number);

/* Writes text as one line of valid UTF-8. Control characters, and those that
 * break a line or turn the direction of writing, become spaces; a
 * text that is too long is cut between two characters. */
void answer_keep_line(char *ret_line, size_t line_bytes, const void *text,
                      size_t size);

/* Returns whether a cmd_uuid may be kept and put into a URL: 1 to 64 characters
 * of [A-Za-z0-9._-], but not "." or "..", which name another resource in a
 * path. */
bool answer_uuid_is_valid(const char *uuid, size_t size);

/* Writes the text of the member to ret_uuid, of VERDICT_UUID_BYTES, if it may
 * be kept. */
void answer_keep_uuid(char *ret_uuid, const struct json_member *m);

#endif
