/* SPDX-License-Identifier: MIT */
#include "cloud/cmds_api.h"

#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WHY_BYTES 96

/* ---- reading an answer ---- */

/* reading: the members that are looked for in an answer. */
struct reading {
  int errno_members;
  bool has_errno;
  int32_t errno_value;
  char error[VERDICT_ERROR_BYTES];
  char cmd_uuid[VERDICT_UUID_BYTES];
  int status_members;
  bool has_status;
  int32_t status;
  char why[WHY_BYTES]; /* the reason why errno does not decide */
};

/* Returns the size in bytes of the control character (C0, DEL or C1) at `at`; 0
 * if there is none. */
static size_t control_size(const char *at) {
  const unsigned char *c = (const unsigned char *)at;
  if (c[0] == 0xc2 && c[1] < 0xa0)
    return 2;
  return c[0] < 0x20 || c[0] == 0x7f ? 1 : 0;
}

/* Writes text as one line of valid UTF-8. Control characters become spaces; a
 * text that is too long is cut between two characters. */
static void keep_line(char *ret_line, size_t line_bytes, const void *text,
                      size_t size) {
  struct buf valid;
  buf_init(&valid, 3 * size); /* U+FFFD has three bytes */
  buf_append_utf8(&valid, text, size);
  const char *from = buf_text(&valid);
  size_t kept = valid.size;
  if (kept >= line_bytes) {
    kept = line_bytes - 1;
    while ((from[kept] & 0xc0) == 0x80)
      kept--;
  }
  for (const char *end = from + kept; from < end; ret_line++) {
    const size_t control = control_size(from);
    *ret_line = control > 0 ? ' ' : *from;
    from += control > 0 ? control : 1;
  }
  *ret_line = '\0';
  buf_free(&valid);
}

static void keep_uuid(struct reading *r, const struct json_member *m) {
  if (!cmds_api_uuid_is_valid(m->text, m->size))
    return;
  memcpy(r->cmd_uuid, m->text, m->size);
  r->cmd_uuid[m->size] = '\0';
}

static void take_member(void *context, const struct json_member *m) {
  struct reading *r = context;
  bool is_string = m->type == JSON_STRING;
  if (json_member_is(m, NULL, "errno")) {
    r->errno_members++;
    r->has_errno = json_member_int32(m, &r->errno_value);
  } else if (json_member_is(m, "data", "status")) {
    r->status_members++;
    r->has_status = json_member_int32(m, &r->status);
  } else if (is_string && json_member_is(m, NULL, "error")) {
    keep_line(r->error, sizeof(r->error), m->text, m->size);
  } else if (is_string && json_member_is(m, "data", "cmd_uuid")) {
    keep_uuid(r, m);
  }
}

/* Returns whether the answer's errno decides. If not, r->why tells the reason.
 */
static bool read_answer(struct reading *r, const struct http_reply *reply) {
  *r = (struct reading){.why = "an answer of more than 64 KiB"};
  if (reply->answer_too_large || reply->answer_size > CMDS_API_ANSWER_MAX_BYTES)
    return false;
  if (json_read(reply->answer, reply->answer_size, CMDS_API_ANSWER_MAX_DEPTH,
                take_member, r, r->why, sizeof(r->why)) != 0)
    return false;
  if (r->errno_members == 1 && r->has_errno)
    return true;
  snprintf(r->why, sizeof(r->why), "an answer without one integer errno");
  return false;
}

/* ---- judging ---- */

static bool is_class(int http_code, int hundred) {
  return http_code / 100 == hundred;
}

static enum verdict_class class_of_errno(int32_t errno_value) {
  switch (errno_value) {
  case 0:
    return VERDICT_ACCEPTED;
  case 10:
    return VERDICT_OFFLINE;
  case 15:
    return VERDICT_NOT_EXECUTED;
  case 2:
  case 3:
    return VERDICT_CREDENTIALS;
  case 1:
  case 14:
  case 16:
  case 17:
  case 18:
    return VERDICT_DOUBTFUL;
  default:
    return VERDICT_REFUSED;
  }
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
    return is_class(http_code, 3) || is_class(http_code, 4) ? VERDICT_REFUSED
                                                            : VERDICT_DOUBTFUL;
  }
}

static void set_cause(struct verdict *v, const char *decider, int32_t number) {
  snprintf(v->cause, sizeof(v->cause), "%s_%" PRId32, decider, number);
}

static void judge_transfer(const struct http_reply *reply, struct verdict *v) {
  v->class = VERDICT_DOUBTFUL;
  set_cause(v, "curl", reply->curl_code);
  keep_line(v->error, sizeof(v->error), reply->curl_error,
            strnlen(reply->curl_error, sizeof(reply->curl_error)));
}

static void judge_status(const struct http_reply *reply, const char *why,
                         struct verdict *v) {
  v->class = class_of_status(reply->http_code, reply->has_retry_after);
  if (!is_class(reply->http_code, 2)) {
    set_cause(v, "http", reply->http_code);
    return;
  }
  snprintf(v->cause, sizeof(v->cause), "unreadable");
  snprintf(v->error, sizeof(v->error), "%s", why);
}

static void judge_errno(const struct http_reply *reply,
                        const struct reading *answer, struct verdict *v) {
  v->class = class_of_errno(answer->errno_value);
  v->has_errno = true;
  v->errno_value = answer->errno_value;
  memcpy(v->error, answer->error, sizeof(v->error));
  if (v->class != VERDICT_ACCEPTED) {
    set_cause(v, "errno", v->errno_value);
  } else if (is_class(reply->http_code, 2) && reply->sent) {
    memcpy(v->cmd_uuid, answer->cmd_uuid, sizeof(v->cmd_uuid));
  } else {
    /* errno 0 is contradicted, by the HTTP status or by the fact that nobody
     * can have seen the command: that decides, not errno. */
    v->class = VERDICT_DOUBTFUL;
    set_cause(v, "http", reply->http_code);
  }
}

/* Judges a reply as cmds_api_judge does. ret_answer is written only where the
 * answer was read, which it always is for VERDICT_ACCEPTED. */
static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct reading *ret_answer) {
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
  if (is_class(reply->http_code, 3))
    judge_status(reply, "", &v);
  else if (is_cut && (reply->http_code == 0 || !status_decides))
    judge_transfer(reply, &v);
  else if (read_answer(ret_answer, reply))
    judge_errno(reply, ret_answer, &v);
  else
    judge_status(reply, ret_answer->why, &v);
  if (v.class == VERDICT_DOUBTFUL && !reply->sent)
    v.class = VERDICT_NOT_SENT; /* a body that never left leaves no doubt */
  *ret_verdict = v;
}

void cmds_api_judge(const struct http_reply *reply,
                    struct verdict *ret_verdict) {
  struct reading answer;
  judge(reply, ret_verdict, &answer);
}

/* Writes that the poll brought nothing. Another one may, unless the answer was
 * a definite no. */
static void set_unknown(struct poll *p, const struct verdict *v) {
  p->class = v->class == VERDICT_REFUSED ? POLL_NEVER : POLL_AGAIN;
  p->retry_after_ms = v->retry_after_ms;
  memcpy(p->cause, v->cause, sizeof(p->cause));
}

void cmds_api_judge_status(const struct http_reply *reply,
                           struct poll *ret_poll) {
  struct poll p = {.class = POLL_STATUS};
  struct verdict v;
  struct reading answer;
  judge(reply, &v, &answer);
  if (v.class != VERDICT_ACCEPTED) {
    set_unknown(&p, &v);
  } else if (answer.status_members == 1 && answer.has_status &&
             answer.status >= 0 && answer.status < TRACKED_STATUSES) {
    p.status = (enum tracked_status)answer.status;
  } else {
    p.class = POLL_AGAIN;
    snprintf(p.cause, sizeof(p.cause), "unreadable");
  }
  *ret_poll = p;
}

/* Returns whether all of the answer came, or as much as is taken of any. */
static bool is_whole(const struct http_reply *reply) {
  return reply->curl_code == 0 || reply->answer_too_large;
}

void cmds_api_judge_answer(const struct http_reply *reply,
                           struct poll *ret_poll) {
  struct poll p = {.class = POLL_ANSWER};
  struct verdict v;
  struct reading answer;
  judge(reply, &v, &answer);
  bool is_error = v.has_errno && v.errno_value != 0 && v.error[0] != '\0';
  if (is_class(reply->http_code, 2) && is_whole(reply) && !is_error) {
    p.answer = reply->answer;
    p.answer_size = reply->answer_size < TRACKED_ANSWER_MAX_BYTES
                        ? reply->answer_size
                        : TRACKED_ANSWER_MAX_BYTES;
  } else {
    set_unknown(&p, &v);
  }
  *ret_poll = p;
}

void cmds_api_judge_unsent(enum verdict_class class, const char *why,
                           struct verdict *ret_verdict) {
  *ret_verdict = (struct verdict){.class = class, .cause = "local"};
  keep_line(ret_verdict->error, sizeof(ret_verdict->error), why, strlen(why));
}

/* ---- words ---- */

const char *cmds_api_errno_text(int32_t errno_value) {
  static const char *const texts[] = {
      "succ",
      "internal server error",
      "api-key required",
      "auth failed",
      "invalid JSON",
      "request entity too large",
      "invalid parameter",
      "parameter required",
      "not found",
      "entity data required",
      "device not online",
      "datastream already exists",
      "already exists",
      "system limit",
      "network latency",
      "api freq out of limit",
      "unsuccess",
      "nbiot server error",
      "hs server error",
      "device count limit by account policy",
      "max device count limit is 1000 for one time",
      "device field constraint violation",
      "invalid protocol",
      "contain sensitive words",
  };
  const size_t count = sizeof(texts) / sizeof(texts[0]);
  if ((size_t)errno_value >= count)
    return NULL;
  return texts[errno_value];
}

bool cmds_api_uuid_is_valid(const char *uuid, size_t size) {
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

/* ---- the request ---- */

/* Returns the text between a URL, which may have a query already, and the next
 * parameter. */
static const char *separator(const char *base) {
  if (strchr(base, '?') == NULL)
    return "?";
  const char last = base[strlen(base) - 1];
  return last == '?' || last == '&' ? "" : "&";
}

int cmds_api_append_url(struct buf *out, const char *base,
                        const char *device_id, int timeout_s, int qos) {
  buf_append_format(out, "%s%sdevice_id=", base, separator(base));
  int status = buf_append_percent(out, device_id);
  if (timeout_s > 0)
    status = buf_append_format(out, "&timeout=%d", timeout_s);
  if (qos >= 0)
    status = buf_append_format(out, "&qos=%d", qos);
  return status;
}

static int append_follow_url(struct buf *out, const char *base,
                             const char *cmd_uuid, const char *what) {
  const size_t path_size = strcspn(base, "?");
  if (!cmds_api_uuid_is_valid(cmd_uuid, strlen(cmd_uuid)))
    return -EINVAL;
  const bool has_slash = path_size > 0 && base[path_size - 1] == '/';
  return buf_append_format(out, "%.*s%s%s%s%s", (int)path_size, base,
                           has_slash ? "" : "/", cmd_uuid, what,
                           base + path_size);
}

int cmds_api_append_status_url(struct buf *out, const char *base,
                               const char *cmd_uuid) {
  return append_follow_url(out, base, cmd_uuid, "");
}

int cmds_api_append_answer_url(struct buf *out, const char *base,
                               const char *cmd_uuid) {
  return append_follow_url(out, base, cmd_uuid, "/resp");
}
