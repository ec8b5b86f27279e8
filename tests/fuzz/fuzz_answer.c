/* SPDX-License-Identifier: MIT
 *
 * fuzz_answer owns the fuzz target of the answers of every interface. Whatever
 * the answer: nothing is accepted but a whole JSON object with the number 0,
 * given once, under the name of the interface's code; that is never taken for a
 * command that was surely not executed; and what is kept of the answer is text
 * of one line.
 *
 * The first byte chooses the interface, the second one what HTTP says; the rest
 * is the answer.
 */
#include "base/buf.h"
#include "cloud/answer.h"
#include "cloud/api.h"
#include "cloud/cmds_api.h"
#include "fuzz.h"
#include "strict_json.h"

#include <stdlib.h>
#include <string.h>

/* What the oracle says. */
struct opinion {
  bool is_code;    /* the answer has one code */
  bool is_yes;     /* and that is 0 */
  bool is_trusted; /* HTTP says nothing against it */
};

static struct opinion judge(const struct api *api,
                            const struct http_reply *reply) {
  const char *name = api == &cmds_api ? "errno" : "code";
  struct strict_json j =
      strict_json_read(reply->answer, reply->answer_size, name);
  bool is_code = j.is_valid && j.is_object && j.members == 1 &&
                 j.depth <= ANSWER_MAX_DEPTH;
  return (struct opinion){.is_code = is_code,
                          .is_yes = is_code && j.is_zero,
                          .is_trusted = reply->sent && reply->curl_code == 0 &&
                                        reply->http_code >= 200 &&
                                        reply->http_code < 300};
}

/* ---- the answer ---- */

static void take_http(struct http_reply *reply, uint8_t choice) {
  static const int codes[] = {200, 201, 100, 301, 401, 404, 408, 429,
                              500, 503, 0,   200, 200, 200, 200, 200};
  reply->http_code = codes[choice & 15];
  reply->sent = (choice & 16) == 0;
  reply->is_early = !reply->sent && (choice & 32) != 0;
  reply->curl_code = (choice & 64) != 0 ? 18 : 0;
  reply->has_retry_after = (choice & 128) != 0;
  reply->retry_after_ms = reply->has_retry_after ? 2000 : 0;
  reply->is_post = true;
}

/* ---- what must hold ---- */

static void check_line(const char *text, size_t bytes) {
  size_t size = strnlen(text, bytes);
  must(size < bytes && buf_is_utf8(text, size));
  for (size_t i = 0; i < size; i++)
    must((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

static void check_verdict(const struct verdict *v, const struct opinion *o) {
  bool is_accepted = v->class == VERDICT_ACCEPTED;
  must(!is_accepted || (o->is_yes && o->is_trusted));
  must(!(o->is_yes && o->is_trusted) || !verdict_surely_unexecuted(v));
  must(is_accepted == (v->cause[0] == '\0'));
  check_line(v->error, sizeof v->error);
  check_line(v->cause, sizeof v->cause);
  must(v->cmd_uuid[0] == '\0' ||
       answer_uuid_is_valid(v->cmd_uuid, strlen(v->cmd_uuid)));
}

static void check_attempt(const struct api *api,
                          const struct http_reply *reply) {
  struct verdict v;
  struct buf said;
  struct opinion o = judge(api, reply);
  buf_init(&said, API_REPLY_MAX_BYTES);
  api->judge(reply, &v, &said);
  check_verdict(&v, &o);
  /* A device's own no is the one thing that stands against a yes. */
  if (o.is_yes && o.is_trusted && api != &property_api)
    must(v.class == VERDICT_ACCEPTED);
  must(said.size == 0 || (o.is_yes && o.is_trusted));
  must(said.size <= API_REPLY_MAX_BYTES);
  check_line(buf_text(&said), API_REPLY_MAX_BYTES + 1);
  buf_free(&said);
}

static void check_probe(const struct api *api, const struct api_probe *probe,
                        const struct http_reply *reply) {
  struct api_finding found;
  struct opinion o = judge(api, reply);
  probe->judge(reply, &found);
  check_verdict(&found.verdict, &o);
  must(!found.is_right || o.is_code);
  must(found.is_right || found.device == API_DEVICE_UNTOLD);
}

static void check_polls(const struct http_reply *reply) {
  struct poll p;
  struct opinion o = judge(&cmds_api, reply);
  cmds_api_judge_status(reply, &p);
  must(p.class != POLL_STATUS || (o.is_yes && o.is_trusted));
  must(p.class != POLL_ANSWER);
  cmds_api_judge_answer(reply, &p);
  must(p.class != POLL_STATUS);
  must(p.class != POLL_ANSWER ||
       (p.answer == reply->answer && p.answer_size <= reply->answer_size &&
        p.answer_size <= TRACKED_ANSWER_MAX_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct http_reply reply = {.curl_error = ""};
  if (size < 2)
    return 0;
  const struct api *api = api_at(data[0] & 3);
  char *answer = malloc(size - 1);
  if (answer == NULL)
    return 0;
  memcpy(answer, data + 2, size - 2);
  answer[size - 2] = '\0';
  take_http(&reply, data[1]);
  reply.answer = answer;
  reply.answer_size = size - 2;
  check_attempt(api, &reply);
  check_probe(api, api->probe, &reply);
  if (api->device_probe != NULL)
    check_probe(api, api->device_probe, &reply);
  if (api == &cmds_api)
    check_polls(&reply);
  free(answer);
  return 0;
}
