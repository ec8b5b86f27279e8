/* SPDX-License-Identifier: MIT */
#include "cloud/answer.h"

#include "base/one_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WHY_BYTES 96

/* ---- texts from outside ---- */

void answer_keep_line(char *ret_line, size_t line_bytes, const void *text,
                      size_t size) {
  struct buf valid;
  buf_init(&valid, 3 * size); /* U+FFFD has three bytes */
  buf_append_utf8(&valid, text, size);
  const size_t kept =
      one_line_cut(buf_text(&valid), valid.size, line_bytes - 1);
  memcpy(ret_line, buf_text(&valid), kept);
  ret_line[kept] = '\0';
  one_line_blank(ret_line, kept);
  buf_free(&valid);
}

bool answer_uuid_is_valid(const char *uuid, size_t size) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789._-";
  if (size == 0 || size >= VERDICT_UUID_BYTES)
    return false;
  bool only_dots = true;
  for (size_t i = 0; i < size; i++) {
    if (memchr(allowed, uuid[i], sizeof(allowed) - 1) == NULL)
      return false;
    only_dots = only_dots && uuid[i] == '.';
  }
  /* In a path "." and ".." name another resource. */
  return !only_dots || size > 2;
}

void answer_keep_uuid(char *ret_uuid, const struct json_member *m) {
  if (!answer_uuid_is_valid(m->text, m->size))
    return;
  memcpy(ret_uuid, m->text, m->size);
  ret_uuid[m->size] = '\0';
}

/* ---- judging ---- */

bool answer_is_class(int http_code, int hundred) {
  return http_code / 100 == hundred;
}

static enum verdict_class class_of_status(int http_code, bool has_retry_after) {
  switch (http_code) {
  case 401:
  case 403:
    return VERDICT_CREDENTIALS;
  case 408:
    return VERDICT_DOUBTFUL;
  case 425:
  case 429:
    return VERDICT_NOT_EXECUTED;
  case 503:
    return has_retry_after ? VERDICT_NOT_EXECUTED : VERDICT_DOUBTFUL;
  default:
    return answer_is_class(http_code, 3) || answer_is_class(http_code, 4)
               ? VERDICT_REFUSED
               : VERDICT_DOUBTFUL;
  }
}

void answer_set_cause(struct verdict *v, const char *decider, int32_t number) {
  snprintf(v->cause, sizeof(v->cause), "%s_%" PRId32, decider, number);
}

bool answer_is_believed(const struct http_reply *reply, struct verdict *v) {
  if (answer_is_class(reply->http_code, 2) && reply->sent)
    return true;
  /* The answer is contradicted, by the HTTP status or by the fact that nobody
   * can have seen the command. */
  v->class = VERDICT_DOUBTFUL;
  answer_set_cause(v, "http", reply->http_code);
  return false;
}

static void judge_transfer(const struct http_reply *reply, struct verdict *v) {
  v->class = VERDICT_DOUBTFUL;
  answer_set_cause(v, "curl", reply->curl_code);
  answer_keep_line(v->error, sizeof(v->error), reply->curl_error,
                   strnlen(reply->curl_error, sizeof(reply->curl_error)));
}

static void set_unreadable(const char *why, struct verdict *v) {
  snprintf(v->cause, sizeof(v->cause), "unreadable");
  snprintf(v->error, sizeof(v->error), "%s", why);
}

static void judge_status(const struct http_reply *reply, const char *why,
                         struct verdict *v) {
  v->class = class_of_status(reply->http_code, reply->has_retry_after);
  if (!answer_is_class(reply->http_code, 2)) {
    answer_set_cause(v, "http", reply->http_code);
    return;
  }
  set_unreadable(why, v);
}

/* Judges an answer that may say anything, since there is no memory to read
 * it. */
static void judge_unread(const char *why, struct verdict *v) {
  v->class = VERDICT_DOUBTFUL;
  set_unreadable(why, v);
}

static void judge_text(const struct http_reply *reply,
                       const struct answer_way *way, void *context,
                       struct verdict *v) {
  char unreadable[WHY_BYTES] = "";
  const char *why = unreadable;
  int status = 0;
  if (reply->answer_too_large || reply->answer_size > ANSWER_MAX_BYTES)
    why = "an answer of more than 64 KiB";
  else if ((status = json_read(reply->answer, reply->answer_size,
                               ANSWER_MAX_DEPTH, way->keep, context, unreadable,
                               sizeof(unreadable))) == 0)
    why = way->decide(context, reply, v);
  if (status == -ENOMEM)
    judge_unread(why, v);
  else if (why != NULL)
    judge_status(reply, why, v);
}

void answer_judge(const struct http_reply *reply, const struct answer_way *way,
                  void *context, struct verdict *ret_verdict) {
  struct verdict v = {.http_code = reply->http_code,
                      .retry_after_ms = reply->retry_after_ms,
                      .is_early = reply->is_early};
  /* A 3xx is a definite no, even if the rest of the answer was lost. Any other
   * answer that was cut off proves nothing, whatever its HTTP status: the rest
   * may have said that the command was executed. There are two exceptions,
   * where the HTTP status decides: an answer that we ourselves cut off because
   * it is too large, and an early answer, which can not say that the command
   * was executed. */
  bool is_cut = reply->curl_code != 0;
  bool status_decides = reply->answer_too_large || reply->is_early;
  if (answer_is_class(reply->http_code, 3))
    judge_status(reply, "", &v);
  else if (is_cut && (reply->http_code == 0 || !status_decides))
    judge_transfer(reply, &v);
  else
    judge_text(reply, way, context, &v);
  if (v.class == VERDICT_DOUBTFUL && !reply->sent)
    v.class = VERDICT_NOT_SENT; /* a body that never left leaves no doubt */
  *ret_verdict = v;
}

void answer_judge_unsent(enum verdict_class class, const char *why,
                         struct verdict *ret_verdict) {
  *ret_verdict = (struct verdict){.class = class, .cause = "local"};
  answer_keep_line(ret_verdict->error, sizeof(ret_verdict->error), why,
                   strlen(why));
}
