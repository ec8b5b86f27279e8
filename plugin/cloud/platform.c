/* SPDX-License-Identifier: MIT */
#include "cloud/platform.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/url.h"
#include "cloud/answer.h"
#include "cloud/api.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MSG_BYTES 512
#define DEVICE_IS_GOOD 200 /* data.code of a device that did it */
#define HTTP_TOO_MANY 429

/* ---- codes ---- */

/* The texts that can decide about the class of an answer, as bits. */
enum decider {
  BY_CODE = 0,   /* none: the code itself does */
  BY_REASON = 1, /* the one behind the first colon: the code, and the text
                    before that, name the operation alone */
  BY_TEXT = 2,   /* any part of it */
  BY_LIMIT = 4   /* a word about a limit */
};

static const struct code {
  int32_t code;
  enum decider decider;
  enum verdict_class class; /* if no text decides */
  const char *text;
} codes[] = {
    {0, BY_CODE, VERDICT_ACCEPTED, "succ"},
    {500, BY_LIMIT, VERDICT_DOUBTFUL, "other failure"},
    {10001, BY_CODE, VERDICT_REFUSED, "parameter error"},
    {10403, BY_CODE, VERDICT_CREDENTIALS, "authentication failed"},
    {10407, BY_LIMIT, VERDICT_REFUSED, "user operation error"},
    {10408, BY_CODE, VERDICT_REFUSED, "no such product"},
    {10409, BY_CODE, VERDICT_REFUSED, "the product has no device"},
    {10410, BY_CODE, VERDICT_REFUSED, "no such device"},
    {10411, BY_REASON, VERDICT_DOUBTFUL, "set property failed"},
    {10412, BY_CODE, VERDICT_REFUSED, "set desired property failed"},
    {10413, BY_LIMIT, VERDICT_DOUBTFUL, "query of desired property failed"},
    {10415, BY_REASON, VERDICT_DOUBTFUL, "call service failed"},
    {10416, BY_LIMIT, VERDICT_DOUBTFUL, "delete of desired property failed"},
    {10417, BY_LIMIT, VERDICT_DOUBTFUL, "query of latest data failed"},
    {10421, BY_CODE, VERDICT_OFFLINE, "device not online"},
    {10500, BY_TEXT, VERDICT_DOUBTFUL, "internal error"},
};

static const struct code *find_code(int32_t code) {
  static const struct code unknown = {.decider = BY_LIMIT,
                                      .class = VERDICT_DOUBTFUL};
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
    if (codes[i].code == code)
      return &codes[i];
  return &unknown;
}

const char *platform_code_text(int32_t code) { return find_code(code)->text; }

/* ---- texts ---- */

#define DEVICE_NOT_ONLINE                                                      \
  "\xe8\xae\xbe\xe5\xa4\x87\xe4\xb8\x8d\xe5\x9c\xa8\xe7\xba\xbf"
#define DEVICE_TIMED_OUT                                                       \
  "\xe8\xae\xbe\xe5\xa4\x87\xe5\x93\x8d\xe5\xba\x94\xe8\xb6\x85\xe6\x97\xb6"
#define FLOW_LIMIT "\xe9\x99\x90\xe6\xb5\x81"

/* The words in the text of a failure, in small letters, with the class that
 * follows and the kinds of codes of which they decide. The first one that is
 * found does: a text may hold several. Behind the colon may stand words of the
 * device, as about the limit of a value. */
static const struct word {
  const char *word;
  enum verdict_class class;
  unsigned deciders;
} words[] = {
    {"error:", VERDICT_REFUSED, BY_REASON},
    {"required value", VERDICT_REFUSED, BY_REASON},
    {"not subscribed", VERDICT_REFUSED, BY_TEXT},
    {DEVICE_NOT_ONLINE, VERDICT_OFFLINE, BY_REASON | BY_TEXT},
    {"not online", VERDICT_OFFLINE, BY_REASON | BY_TEXT},
    {"offline", VERDICT_OFFLINE, BY_REASON},
    {DEVICE_TIMED_OUT, VERDICT_DOUBTFUL, BY_REASON | BY_TEXT | BY_LIMIT},
    {"timeout", VERDICT_DOUBTFUL, BY_REASON | BY_TEXT | BY_LIMIT},
    {"limit", VERDICT_NOT_EXECUTED, BY_TEXT | BY_LIMIT},
    {FLOW_LIMIT, VERDICT_NOT_EXECUTED, BY_REASON | BY_TEXT | BY_LIMIT},
};

static bool starts_with(const char *text, const char *word) {
  while (*word != '\0' && tolower((unsigned char)*text) == (unsigned char)*word)
    text++, word++;
  return *word == '\0';
}

static bool contains(const char *text, const char *word) {
  for (; *text != '\0'; text++)
    if (starts_with(text, word))
      return true;
  return false;
}

/* Returns what stands behind the first colon, be it ASCII or full-width; the
 * whole text if there is none. */
static const char *reason_of(const char *msg) {
  static const char wide[] = "\xef\xbc\x9a";
  for (const char *at = msg; *at != '\0'; at++) {
    if (*at == ':')
      return at + 1;
    if (starts_with(at, wide))
      return at + sizeof(wide) - 1;
  }
  return msg;
}

/* Returns the class of an answer whose code is not 0. */
static enum verdict_class class_of(int32_t code, const char *msg,
                                   int http_code) {
  const struct code *known = find_code(code);
  const char *text = known->decider == BY_REASON ? reason_of(msg) : msg;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if ((words[i].deciders & known->decider) != 0 &&
        contains(text, words[i].word))
      return words[i].class;
  return known->decider != BY_CODE && http_code == HTTP_TOO_MANY
             ? VERDICT_NOT_EXECUTED
             : known->class;
}

/* ---- judging ---- */

/* The members that are looked for in an answer. */
struct reading {
  enum platform_data data;
  struct buf *out; /* receives the device's reply */
  int code_members;
  bool has_code;
  int32_t code;
  char msg[MSG_BYTES];
  char request_id[VERDICT_UUID_BYTES];
  char cmd_uuid[VERDICT_UUID_BYTES];
  int device_code_members;
  int device_integers; /* of those members */
  int32_t device_code;
  char device_msg[VERDICT_ERROR_BYTES];
};

/* Appends a text from outside as one line, cut to what there is room for. */
static void append_reply(struct buf *out, const void *text, size_t size) {
  char line[API_REPLY_MAX_BYTES + 1];
  answer_keep_line(line, sizeof(line), text, size);
  buf_append_text(out, line);
}

static void keep_response(struct reading *r, const struct json_member *m) {
  struct buf bytes;
  buf_init(&bytes, m->size);
  if (base64_append(&bytes, m->text, m->size) == 0)
    append_reply(r->out, buf_text(&bytes), bytes.size);
  else
    append_reply(r->out, m->text, m->size);
  buf_free(&bytes);
}

static void keep_of_data(struct reading *r, const struct json_member *m) {
  bool is_string = m->type == JSON_STRING;
  if (json_member_is(m, "data", "code")) {
    r->device_code_members += m->type != JSON_NULL;
    if (json_member_int32(m, &r->device_code))
      r->device_integers++;
  } else if (is_string && json_member_is(m, "data", "msg")) {
    answer_keep_line(r->device_msg, sizeof(r->device_msg), m->text, m->size);
  } else if (is_string && json_member_is(m, "data", "cmd_uuid")) {
    answer_keep_uuid(r->cmd_uuid, m);
  } else if (is_string && json_member_is(m, "data", "cmd_resp") &&
             r->data == PLATFORM_RESPONSE && r->out->size == 0) {
    keep_response(r, m);
  }
}

static void keep_member(void *context, const struct json_member *m) {
  struct reading *r = context;
  bool is_string = m->type == JSON_STRING;
  if (m->is_nested) {
    keep_of_data(r, m);
  } else if (json_member_is(m, NULL, "code")) {
    r->code_members++;
    r->has_code = json_member_int32(m, &r->code);
  } else if (is_string && json_member_is(m, NULL, "msg")) {
    answer_keep_line(r->msg, sizeof(r->msg), m->text, m->size);
  } else if (is_string && json_member_is(m, NULL, "request_id")) {
    answer_keep_uuid(r->request_id, m);
  }
}

/* Returns whether `data` is the device's reply with a code of its own. An
 * output of a service may have that name, too. */
static bool has_device_reply(const struct reading *r) {
  return r->data == PLATFORM_ECHO && r->device_code_members > 0;
}

static void refuse(const struct reading *r, struct verdict *v) {
  v->class = VERDICT_REFUSED;
  v->is_of_device = true;
  answer_set_cause(v, "reply", r->device_code);
  memcpy(v->error, r->device_msg, sizeof(v->error));
}

/* The device has replied, but with what can not be understood. */
static void doubt(struct verdict *v) {
  v->class = VERDICT_DOUBTFUL;
  v->is_of_device = true;
  snprintf(v->cause, sizeof(v->cause), "reply_unreadable");
  snprintf(v->error, sizeof(v->error), "data.code is not one integer");
}

static void judge_reply(const struct reading *r, struct verdict *v) {
  const char *uuid = r->cmd_uuid[0] != '\0' ? r->cmd_uuid : r->request_id;
  memcpy(v->cmd_uuid, uuid, sizeof(v->cmd_uuid));
  if (!has_device_reply(r))
    v->class = VERDICT_ACCEPTED;
  else if (r->device_code_members > 1 || r->device_integers != 1)
    doubt(v);
  else if (r->device_code == DEVICE_IS_GOOD)
    v->class = VERDICT_ACCEPTED;
  else
    refuse(r, v);
}

/* Returns whether an answer that leaves doubt tells of the device: many devices
 * that are silent do not make the endpoint a bad one. */
static bool is_of_device(const struct reading *r, enum verdict_class class) {
  enum decider decider = find_code(r->code)->decider;
  return class == VERDICT_DOUBTFUL &&
         (decider == BY_REASON || contains(r->msg, DEVICE_TIMED_OUT) ||
          (decider == BY_TEXT && contains(r->msg, "timeout")));
}

static const char *decide(void *context, const struct http_reply *reply,
                          struct verdict *v) {
  const struct reading *r = context;
  if (r->code_members != 1 || !r->has_code)
    return "an answer without one integer code";
  v->has_errno = true;
  v->errno_value = r->code;
  answer_keep_line(v->error, sizeof(v->error), r->msg, strlen(r->msg));
  if (r->code != 0) {
    v->class = class_of(r->code, r->msg, reply->http_code);
    v->is_of_device = is_of_device(r, v->class);
    answer_set_cause(v, "errno", r->code);
  } else if (answer_is_believed(reply, v)) {
    judge_reply(r, v);
  }
  return NULL;
}

/* Appends `data` as it is written, unless that is null. */
static void append_data(const struct http_reply *reply, struct buf *out) {
  const char *value = NULL;
  size_t size = 0;
  if (json_find_value(reply->answer, reply->answer_size, "data", &value,
                      &size) &&
      strncmp(value, "null", 4) != 0)
    append_reply(out, value, size);
}

/* Returns whether the device itself has replied. */
static bool has_replied(const struct verdict *v) {
  return v->class == VERDICT_ACCEPTED || strncmp(v->cause, "reply_", 6) == 0;
}

void platform_judge(const struct http_reply *reply, enum platform_data data,
                    struct verdict *ret_verdict, struct buf *out) {
  static const struct answer_way way = {.keep = keep_member, .decide = decide};
  struct reading r = {.data = data, .out = out};
  answer_judge(reply, &way, &r, ret_verdict);
  if (!has_replied(ret_verdict))
    buf_clear(out);
  else if (data != PLATFORM_RESPONSE)
    append_data(reply, out);
}

/* ---- the request ---- */

int platform_append_url(struct buf *out, const struct command *c,
                        int64_t now_ms) {
  (void)now_ms;
  return buf_append_text(out, c->device->endpoint->url);
}

static int append_member(struct buf *out, const char *name, const char *value) {
  buf_append_format(out, "\"%s\":\"", name);
  buf_append_json(out, value, strlen(value));
  return buf_append_byte(out, '"');
}

int platform_append_target(struct buf *out, const struct device *d) {
  append_member(out, "product_id", d->endpoint->product_id);
  buf_append_byte(out, ',');
  return append_member(out, "device_name", d->device_id);
}

/* ---- the call without effect ---- */

#define NO_SUCH_DEVICE 10410
#define NO_DEVICE "onenetctl" /* name of no device */

enum device_status { DEVICE_IS_OFFLINE, DEVICE_IS_ONLINE, DEVICE_IS_NEW };

static int append_detail_url(struct buf *out, const struct endpoint *e,
                             const char *device_id) {
  struct buf base;
  buf_init(&base, out->max);
  int status = url_append_beside(&base, e->url, e->api->path, "/device/detail");
  if (status == 0)
    status = url_append_for_query(out, buf_text(&base));
  buf_free(&base);
  buf_append_text(out, "product_id=");
  buf_append_percent(out, e->product_id);
  buf_append_text(out, "&device_name=");
  int appended =
      buf_append_percent(out, device_id != NULL ? device_id : NO_DEVICE);
  return status < 0 ? status : appended;
}

static void keep_status(void *context, const struct json_member *m) {
  struct api_finding *f = context;
  int32_t status;
  if (!json_member_is(m, "data", "status") || !json_member_int32(m, &status))
    return;
  if (status == DEVICE_IS_ONLINE)
    f->device = API_DEVICE_ONLINE;
  else if (status == DEVICE_IS_OFFLINE || status == DEVICE_IS_NEW)
    f->device = API_DEVICE_OFFLINE;
}

static void judge_detail(const struct http_reply *reply,
                         struct api_finding *ret_finding) {
  char why[64];
  struct buf ignored;
  struct api_finding f = {.device = API_DEVICE_UNTOLD};
  buf_init(&ignored, API_REPLY_MAX_BYTES);
  platform_judge(reply, PLATFORM_OUTPUTS, &f.verdict, &ignored);
  buf_free(&ignored);
  const struct verdict *v = &f.verdict;
  if (v->class == VERDICT_ACCEPTED) {
    f.device = API_DEVICE_KNOWN;
    json_read(reply->answer, reply->answer_size, ANSWER_MAX_DEPTH, keep_status,
              &f, why, sizeof why);
  } else if (v->class == VERDICT_OFFLINE) {
    f.device = API_DEVICE_OFFLINE;
  } else if (v->has_errno && v->errno_value == NO_SUCH_DEVICE) {
    f.device = API_DEVICE_UNKNOWN;
  }
  f.is_right = f.device != API_DEVICE_UNTOLD;
  *ret_finding = f;
}

const struct api_probe platform_probe = {.what = "the device's detail",
                                         .append_url = append_detail_url,
                                         .judge = judge_detail};
