/* SPDX-License-Identifier: MIT */
#include "cloud/cmds_api.h"

#include "base/json.h"
#include "base/url.h"
#include "cloud/answer.h"
#include "cloud/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- judging ---- */

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
  bool has_online;
  bool is_online;
};

static void keep_member(void *context, const struct json_member *m) {
  struct reading *r = context;
  bool is_string = m->type == JSON_STRING;
  if (json_member_is(m, NULL, "errno")) {
    r->errno_members++;
    r->has_errno = json_member_int32(m, &r->errno_value);
  } else if (json_member_is(m, "data", "status")) {
    r->status_members++;
    r->has_status = json_member_int32(m, &r->status);
  } else if (json_member_is(m, "data", "online")) {
    r->has_online = m->type == JSON_BOOLEAN;
    r->is_online = r->has_online && m->size == strlen("true");
  } else if (is_string && json_member_is(m, NULL, "error")) {
    answer_keep_line(r->error, sizeof(r->error), m->text, m->size);
  } else if (is_string && json_member_is(m, "data", "cmd_uuid")) {
    answer_keep_uuid(r->cmd_uuid, m);
  }
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

static const char *decide(void *context, const struct http_reply *reply,
                          struct verdict *v) {
  const struct reading *answer = context;
  if (answer->errno_members != 1 || !answer->has_errno)
    return "an answer without one integer errno";
  v->class = class_of_errno(answer->errno_value);
  v->has_errno = true;
  v->errno_value = answer->errno_value;
  memcpy(v->error, answer->error, sizeof(v->error));
  if (v->class != VERDICT_ACCEPTED)
    answer_set_cause(v, "errno", v->errno_value);
  else if (answer_is_believed(reply, v))
    memcpy(v->cmd_uuid, answer->cmd_uuid, sizeof(v->cmd_uuid));
  return NULL;
}

/* Judges a reply as cmds_api.judge does. What is kept of the answer is whole
 * for VERDICT_ACCEPTED. */
static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct reading *ret_answer) {
  static const struct answer_way way = {.keep = keep_member, .decide = decide};
  *ret_answer = (struct reading){.errno_members = 0};
  answer_judge(reply, &way, ret_answer, ret_verdict);
}

static void judge_attempt(const struct http_reply *reply,
                          struct verdict *ret_verdict, struct buf *out) {
  struct reading answer;
  (void)out; /* what the device says is asked for later: Track */
  judge(reply, ret_verdict, &answer);
}

/* ---- polls ---- */

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
  if (answer_is_class(reply->http_code, 2) && is_whole(reply) && !is_error) {
    p.answer = reply->answer;
    p.answer_size = reply->answer_size < TRACKED_ANSWER_MAX_BYTES
                        ? reply->answer_size
                        : TRACKED_ANSWER_MAX_BYTES;
  } else {
    set_unknown(&p, &v);
  }
  *ret_poll = p;
}

/* ---- words ---- */

static const char *errno_text(int32_t errno_value) {
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

/* ---- the request ---- */

/* Appends the URL of the endpoint with ?device_id=ID, then &timeout=S if the
 * command has a validity, then &qos=Q if the device has one. */
static int append_url(struct buf *out, const struct command *c,
                      int64_t now_ms) {
  const struct device *d = c->device;
  int timeout_s = command_remaining_timeout_s(c, now_ms);
  url_append_for_query(out, d->endpoint->url);
  buf_append_text(out, "device_id=");
  int status = buf_append_percent(out, d->device_id);
  if (timeout_s > 0)
    status = buf_append_format(out, "&timeout=%d", timeout_s);
  if (d->qos >= 0)
    status = buf_append_format(out, "&qos=%d", d->qos);
  return status;
}

static int append_follow_url(struct buf *out, const char *base,
                             const char *cmd_uuid, const char *what) {
  const size_t path_size = strcspn(base, "?");
  if (!answer_uuid_is_valid(cmd_uuid, strlen(cmd_uuid)))
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

/* ---- calls without effect ---- */

#define NO_COMMAND "00000000-0000-0000-0000-000000000000"

static int append_no_status_url(struct buf *out, const struct endpoint *e,
                                const char *device_id) {
  (void)device_id;
  return cmds_api_append_status_url(out, e->url, NO_COMMAND);
}

/* Returns whether OneNET itself has answered, and has nothing against the key:
 * it may say that there is no such thing. */
static bool has_let_in(const struct verdict *v) {
  return v->class == VERDICT_ACCEPTED ||
         (v->class == VERDICT_REFUSED && v->has_errno);
}

static void judge_no_status(const struct http_reply *reply,
                            struct api_finding *ret_finding) {
  struct reading answer;
  *ret_finding = (struct api_finding){.device = API_DEVICE_UNTOLD};
  judge(reply, &ret_finding->verdict, &answer);
  ret_finding->is_right = has_let_in(&ret_finding->verdict);
}

static int append_device_url(struct buf *out, const struct endpoint *e,
                             const char *device_id) {
  char path[sizeof "/devices/" + 3 * DEVICE_ID_BYTES];
  struct buf id;
  buf_init(&id, 3 * DEVICE_ID_BYTES);
  buf_append_percent(&id, device_id != NULL ? device_id : "");
  snprintf(path, sizeof path, "/devices/%s", buf_text(&id));
  buf_free(&id);
  return url_append_beside(out, e->url, e->api->path, path);
}

static enum api_device device_of(const struct verdict *v,
                                 const struct reading *answer) {
  if (v->class == VERDICT_OFFLINE)
    return API_DEVICE_OFFLINE;
  if (v->class != VERDICT_ACCEPTED)
    return API_DEVICE_UNKNOWN;
  if (!answer->has_online)
    return API_DEVICE_KNOWN;
  return answer->is_online ? API_DEVICE_ONLINE : API_DEVICE_OFFLINE;
}

/* OneNET has one errno for a wrong key and for a device of another product; the
 * key was found good by the first call. */
static void judge_device(const struct http_reply *reply,
                         struct api_finding *ret_finding) {
  struct reading answer;
  struct verdict *v = &ret_finding->verdict;
  *ret_finding = (struct api_finding){.device = API_DEVICE_UNTOLD};
  judge(reply, v, &answer);
  ret_finding->is_right = has_let_in(v) || v->class == VERDICT_OFFLINE ||
                          (v->class == VERDICT_CREDENTIALS && v->has_errno);
  if (ret_finding->is_right)
    ret_finding->device = device_of(v, &answer);
}

static const struct api_probe status_probe = {
    .what = "the status of a command that does not exist",
    .append_url = append_no_status_url,
    .judge = judge_no_status};
static const struct api_probe device_probe = {.what = "the device's detail",
                                              .append_url = append_device_url,
                                              .judge = judge_device};

/* ---- the interface ---- */

static const char *const own_parameters[] = {"device_id", "timeout", "qos",
                                             NULL};

const struct api cmds_api = {.name = "cmds",
                             .path = "/cmds",
                             .own_parameters = own_parameters,
                             .body_max_bytes = COMMAND_BODY_MAX_BYTES,
                             .takes_key = true,
                             .takes_qos = true,
                             .keeps_commands = true,
                             .token_version = TOKEN_2018_10_31,
                             .request_timeout_s = 10,
                             .append_url = append_url,
                             .judge = judge_attempt,
                             .probe = &status_probe,
                             .device_probe = &device_probe,
                             .errno_text = errno_text};
