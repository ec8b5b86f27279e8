/* SPDX-License-Identifier: MIT */
#include "cmds_api.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define CHECK_MAX_DEPTH 64
#define NUMBER_BYTES 12 /* "-2147483648" and its NUL */
#define WHY_BYTES 96

/* ---- memory for yajl ---- */

/* yajl looks at no result of malloc. It gets its memory from one block that is
 * allocated beforehand, and when that is used up, parsing ends by a jump: out
 * of memory costs one answer, not the daemon. Nothing is freed but the block.
 */
struct arena {
  jmp_buf exhausted;
  char *next;
  size_t left_bytes;
};

static void *arena_alloc(void *context, size_t size) {
  struct arena *a = context;
  const size_t align = alignof(max_align_t);
  const size_t taken = (size + align - 1) / align * align;
  if (taken > a->left_bytes)
    longjmp(a->exhausted, 1);
  char *block = a->next;
  a->next += taken;
  a->left_bytes -= taken;
  return block;
}

/* The old size is not known, but no block reaches beyond the one after it. */
static void *arena_realloc(void *context, void *old, size_t size) {
  char *block = arena_alloc(context, size);
  if (old == NULL)
    return block;
  const size_t old_size = (size_t)(block - (char *)old);
  return memcpy(block, old, old_size < size ? old_size : size);
}

static void arena_free(void *context, void *block) {
  (void)context;
  (void)block;
}

/* Enough for the parser and its two text buffers, which grow by doubling. */
static size_t arena_bytes(size_t text_size) { return 8 * text_size + 16384; }

/* ---- reading JSON ---- */

enum field {
  FIELD_OTHER,
  FIELD_ERRNO,
  FIELD_ERROR,
  FIELD_DATA,
  FIELD_UUID,
  FIELD_STATUS
};

/* What is wanted from a text, filled in while yajl walks through it. */
struct reading {
  struct arena arena;
  int depth;
  int max_depth;
  enum field field; /* that the next value belongs to */
  bool in_data;
  int errno_keys;
  bool has_errno;
  int32_t errno_value;
  char error[COMMAND_ERROR_BYTES];
  char cmd_uuid[COMMAND_UUID_BYTES];
  int status_keys;
  bool has_status;
  int32_t status;
  char why[WHY_BYTES]; /* why reading stopped */
};

/* Returns the bytes of the control character at `at`, of C0, DEL or C1; 0 if it
 * is none. */
static size_t control_size(const char *at) {
  const unsigned char *c = (const unsigned char *)at;
  if (c[0] == 0xc2 && c[1] < 0xa0)
    return 2;
  return c[0] < 0x20 || c[0] == 0x7f ? 1 : 0;
}

/* Writes text as one line of valid UTF-8, cut where a character ends. */
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

static bool key_is(const char *name, const unsigned char *key, size_t size) {
  return size == strlen(name) && memcmp(key, name, size) == 0;
}

static int on_map_key(void *context, const unsigned char *key, size_t size) {
  struct reading *r = context;
  r->field = FIELD_OTHER;
  if (r->depth == 2 && r->in_data && key_is("cmd_uuid", key, size))
    r->field = FIELD_UUID;
  if (r->depth == 2 && r->in_data && key_is("status", key, size)) {
    r->field = FIELD_STATUS;
    r->status_keys++;
  }
  if (r->depth != 1)
    return 1;
  if (key_is("errno", key, size)) {
    r->field = FIELD_ERRNO;
    r->errno_keys++;
  } else if (key_is("error", key, size)) {
    r->field = FIELD_ERROR;
  } else if (key_is("data", key, size)) {
    r->field = FIELD_DATA;
  }
  return 1;
}

static int on_enter(void *context) {
  struct reading *r = context;
  if (r->depth == 1)
    r->in_data = r->field == FIELD_DATA;
  r->field = FIELD_OTHER;
  return ++r->depth <= r->max_depth;
}

static int on_leave(void *context) {
  struct reading *r = context;
  r->depth--;
  return 1;
}

/* JSON has kept away signs, leading zeros and the like. A fraction or an
 * exponent is no integer even if its value is one, and -0 is not what OneNET
 * sends. */
static bool parse_integer(const char *text, size_t size, int32_t *ret_value) {
  char digits[NUMBER_BYTES];
  if (size >= sizeof(digits))
    return false;
  memcpy(digits, text, size);
  digits[size] = '\0';
  char *end = NULL;
  const long long value = strtoll(digits, &end, 10);
  if (*end != '\0' || strcmp(digits, "-0") == 0 || value < INT32_MIN ||
      value > INT32_MAX)
    return false;
  *ret_value = (int32_t)value;
  return true;
}

static int on_number(void *context, const char *text, size_t size) {
  struct reading *r = context;
  if (r->field == FIELD_ERRNO)
    r->has_errno = parse_integer(text, size, &r->errno_value);
  if (r->field == FIELD_STATUS)
    r->has_status = parse_integer(text, size, &r->status);
  return 1;
}

static int on_string(void *context, const unsigned char *text, size_t size) {
  struct reading *r = context;
  if (r->field == FIELD_ERROR)
    keep_line(r->error, sizeof(r->error), text, size);
  if (r->field == FIELD_UUID &&
      cmds_api_uuid_is_valid((const char *)text, size)) {
    memcpy(r->cmd_uuid, text, size);
    r->cmd_uuid[size] = '\0';
  }
  return 1;
}

static const yajl_callbacks reading_callbacks = {.yajl_number = on_number,
                                                 .yajl_string = on_string,
                                                 .yajl_start_map = on_enter,
                                                 .yajl_map_key = on_map_key,
                                                 .yajl_end_map = on_leave,
                                                 .yajl_start_array = on_enter,
                                                 .yajl_end_array = on_leave};

static int stop(struct reading *r, size_t offset, const char *why) {
  snprintf(r->why, sizeof(r->why), "not JSON at byte %zu: %.*s", offset,
           (int)strcspn(why, "\n"), why);
  return -EINVAL;
}

/* yajl lets pass overlong UTF-8, surrogates, and \v and \f as white space. */
static int check_characters(struct reading *r, const char *text, size_t size) {
  struct buf valid;
  buf_init(&valid, 3 * size);
  int status = buf_append_utf8(&valid, text, size);
  const char *valid_text = buf_text(&valid);
  const char *blank = strpbrk(valid_text, "\v\f");
  size_t same = 0;
  while (status == 0 && same < size && valid_text[same] == text[same])
    same++;
  if (status == 0 && (same < size || valid.size != size))
    status = stop(r, same, "invalid UTF-8");
  else if (status == 0 && blank != NULL)
    status = stop(r, (size_t)(blank - valid_text), "a control character");
  buf_free(&valid);
  return status;
}

static int feed(struct reading *r, yajl_handle handle, const char *text,
                size_t size) {
  const unsigned char *bytes = (const unsigned char *)text;
  switch (yajl_parse(handle, bytes, size)) {
  case yajl_status_ok:
    return 0;
  case yajl_status_client_canceled:
    return stop(r, yajl_get_bytes_consumed(handle), "nested too deeply");
  default:
    return stop(r, yajl_get_bytes_consumed(handle),
                (const char *)yajl_get_error(handle, 0, bytes, size));
  }
}

static int walk(struct reading *r, const char *text, size_t size) {
  if (setjmp(r->arena.exhausted) != 0)
    return -ENOMEM;
  yajl_alloc_funcs funcs = {arena_alloc, arena_realloc, arena_free, &r->arena};
  const yajl_handle handle = yajl_alloc(&reading_callbacks, &funcs, r);
  int status = feed(r, handle, text, size);
  /* An unfinished string behind the value is no error to yajl, until a line end
   * comes that may not be in a string. */
  if (status == 0 && (feed(r, handle, "\n", 1) != 0 ||
                      yajl_complete_parse(handle) != yajl_status_ok))
    status = stop(r, size, "unfinished");
  return status;
}

/* Reads text as one JSON value. Returns 0, or -EINVAL or -ENOMEM and r->why. */
static int read_json(struct reading *r, int max_depth, const char *text,
                     size_t size) {
  *r = (struct reading){.max_depth = max_depth};
  int status = check_characters(r, text, size);
  if (status == 0) {
    r->arena.left_bytes = arena_bytes(size);
    char *block = malloc(r->arena.left_bytes);
    r->arena.next = block;
    status = block == NULL ? -ENOMEM : walk(r, text, size);
    free(block);
  }
  if (status == -ENOMEM)
    snprintf(r->why, sizeof(r->why), "out of memory");
  return status;
}

/* Returns whether the answer's errno decides; if not, r->why says why. */
static bool read_answer(struct reading *r, const struct http_reply *reply) {
  if (reply->answer_too_large ||
      reply->answer_size > CMDS_API_ANSWER_MAX_BYTES) {
    *r = (struct reading){.why = "an answer of more than 64 KiB"};
    return false;
  }
  if (read_json(r, CMDS_API_ANSWER_MAX_DEPTH, reply->answer,
                reply->answer_size) != 0)
    return false;
  if (r->errno_keys == 1 && r->has_errno)
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
    /* What contradicts errno 0 decides: the status, or that nobody can have
     * seen the command. */
    v->class = VERDICT_DOUBTFUL;
    set_cause(v, "http", reply->http_code);
  }
}

/* ret_answer: what was read of the answer, where that decided. */
static void judge(const struct http_reply *reply, struct verdict *ret_verdict,
                  struct reading *ret_answer) {
  struct verdict v = {.http_code = reply->http_code,
                      .retry_after_ms = reply->retry_after_ms,
                      .is_early = reply->is_early};
  /* A 3xx is a no from its first line on, even if the rest was lost. Any other
   * transfer that broke proves nothing, whatever its status was: the answer may
   * have gone on to say that the command was executed. Where we ourselves cut
   * off an answer that is too large, nothing broke: its status decides; and an
   * early one can not go on to say yes. */
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

/* Nothing is known; who asks again may learn more unless the answer was no. */
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
  } else if (answer.status_keys == 1 && answer.has_status &&
             answer.status >= 0 && answer.status < TRACKED_STATUSES) {
    p.status = (enum tracked_status)answer.status;
  } else {
    p.class = POLL_AGAIN;
    snprintf(p.cause, sizeof(p.cause), "unreadable");
  }
  *ret_poll = p;
}

/* Whether all of it came, or as much as is taken of any answer. */
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
  if (size == 0 || size >= COMMAND_UUID_BYTES)
    return false;
  bool only_dots = true;
  for (size_t i = 0; i < size; i++) {
    if (memchr(allowed, uuid[i], sizeof(allowed) - 1) == NULL)
      return false;
    only_dots = only_dots && uuid[i] == '.';
  }
  /* As parts of a path "." and ".." mean another resource. */
  return !only_dots || size > 2;
}

/* ---- the request ---- */

/* What joins a parameter to a URL that may have some already. */
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

int cmds_api_check_json(const char *text, size_t size, char *ret_why,
                        size_t why_bytes) {
  struct reading r;
  const int status = read_json(&r, CHECK_MAX_DEPTH, text, size);
  if (status != 0)
    snprintf(ret_why, why_bytes, "%s", r.why);
  return status;
}
